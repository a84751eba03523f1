"""FastAPI under uvicorn, called with httpx: a server process for each object; arrays as bytes."""

import asyncio
import os
import sys

import httpx
import numpy
import peer
import work
from fastapi import Body, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

app = FastAPI()
service = work.Service()


@app.post("/empty")
def empty(x: int = Body()):
    return service.empty(x)


@app.post("/echo")
def echo(x: int = Body()):
    return service.echo(x)


@app.post("/length")
async def length(request: Request):
    return service.length(numpy.frombuffer(await request.body(), numpy.uint8))


@app.post("/ones")
def ones(x: int = Body()):
    return Response(service.ones(x).tobytes(), media_type="application/octet-stream")


@app.post("/nap")
async def nap(x: float = Body()):
    return await work.AsyncService().nap(x)


@app.post("/count")
def count(x: int = Body()):
    return StreamingResponse(f"{item}\n" for item in service.count(x))


@app.post("/pid")
def pid():
    return service.pid()


@app.post("/sleep")
def sleep(x: float = Body()):
    return service.sleep(x)


class FastApi(peer.Peer):
    serves_by_itself = False
    absent = {
        "killed_task": "it has no workers that functions are sent to",
        "out_of_memory": "no limit exists",
    }

    def _start(self, workers, memory_mib):
        self._servers = []
        return ""

    def _join(self, address):
        pass

    def _stop(self):
        for server in self._servers:
            peer.end(server)

    def _make(self, name, kind):
        port = peer.free_port()
        here = os.path.dirname(os.path.abspath(__file__))
        command = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--port", port]
        self._servers.append(peer.spawn(*command, "--app-dir", here))
        peer.wait_for_port(port, self._servers[-1])
        return f"http://127.0.0.1:{port}"

    def _find(self, reference):
        return httpx.Client(base_url=reference, timeout=120)

    def _method(self, found, name):
        if name == "length":
            return lambda array: found.post("/length", content=array.tobytes()).json()
        if name == "ones":
            return lambda size: numpy.frombuffer(
                found.post("/ones", json=size).content, numpy.uint8
            )
        return lambda *arguments: found.post(f"/{name}", json=(arguments or (0,))[0]).json()

    def _together(self, found, name, arguments):
        async def gather():
            async with httpx.AsyncClient(base_url=found.base_url, timeout=120) as client:
                return await asyncio.gather(*(client.post(f"/{name}", json=x) for x in arguments))

        return [response.json() for response in asyncio.run(gather())]

    def _stream(self, found, items):
        with found.stream("POST", "/count", json=items) as response:
            yield from response.iter_lines()


if __name__ == "__main__":
    peer.main(FastApi)
