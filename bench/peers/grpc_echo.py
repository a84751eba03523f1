"""gRPC in Python: a server process for each object, threads for `def`, grpc.aio for `async def`.

The limit of 4 MB a message is lifted by its documented option, since arrays of 256 MiB are sent.
"""

import asyncio
import concurrent.futures
import os
import sys

import grpc
import numpy
import peer
import work

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
messages, services = grpc.protos_and_services("echo.proto")
Number, Array = messages.Number, messages.Array
LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Servicer(services.ServiceServicer):
    def __init__(self):
        self.service = work.Service()

    def Empty(self, request, context):
        return Number()

    def Echo(self, request, context):
        return Number(value=self.service.echo(request.value))

    def Length(self, request, context):
        return Number(value=self.service.length(numpy.frombuffer(request.data, numpy.uint8)))

    def Ones(self, request, context):
        return Array(data=self.service.ones(int(request.value)).tobytes())

    def Count(self, request, context):
        for item in self.service.count(int(request.value)):
            yield Number(value=item)

    def Pid(self, request, context):
        return Number(value=self.service.pid())

    def Sleep(self, request, context):
        self.service.sleep(request.value)
        return Number()


class AsyncServicer(services.ServiceServicer):
    async def Nap(self, request, context):
        return Number(value=await work.AsyncService().nap(request.value))


def serve(port):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=10), options=LARGE)
    services.add_ServiceServicer_to_server(Servicer(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


async def serve_async(port):
    server = grpc.aio.server()
    services.add_ServiceServicer_to_server(AsyncServicer(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


class Grpc(peer.Peer):
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
        self._servers.append(peer.spawn(sys.executable, __file__, "serve", port, kind))
        peer.wait_for_port(port, self._servers[-1])
        return port

    def _find(self, reference):
        self._target = f"127.0.0.1:{reference}"
        return services.ServiceStub(grpc.insecure_channel(self._target, options=LARGE))

    def _method(self, found, name):
        method = getattr(found, name.capitalize())
        if name == "length":
            return lambda array: method(Array(data=array.tobytes())).value
        if name == "ones":
            return lambda size: numpy.frombuffer(method(Number(value=size)).data, numpy.uint8)
        return lambda x=0: method(Number(value=x)).value

    def _together(self, found, name, arguments):
        if name == "nap":
            return asyncio.run(self._naps(arguments))
        method = getattr(found, name.capitalize())
        calls = [method.future(Number(value=x)) for x in arguments]
        return [call.result().value for call in calls]

    async def _naps(self, arguments):
        async with grpc.aio.insecure_channel(self._target) as channel:
            stub = services.ServiceStub(channel)
            return await asyncio.gather(*(stub.Nap(Number(value=x)) for x in arguments))

    def _stream(self, found, items):
        return found.Count(Number(value=items))


if __name__ == "__main__":
    if sys.argv[1] != "serve":
        peer.main(Grpc)
    elif sys.argv[3] == "AsyncService":
        asyncio.run(serve_async(sys.argv[2]))
    else:
        serve(sys.argv[2])
