"""The bare client: pickles ((x,), {}) into a Unix socket and unpickles what comes back.

client.py SOCKET        then takes orders as harness/orders.py says
"""

import asyncio
import collections
import os
import socket
import sys
import time
from pickle import dumps, loads

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import orders

CHUNK = 64 << 10  # recv of more than 128 KiB has malloc map fresh pages for each message
BATCH = 100  # messages sent at a time, so that the worker begins while the rest is being pickled


class Client:
    """One connection. `call` waits for each value; `pipeline` has all its calls outstanding at
    once."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)

    def call(self, x):
        sock = self.sock
        data = dumps(((x,), {}), 5)
        sock.sendall(len(data).to_bytes(4, "little") + data)
        data = sock.recv(CHUNK)
        size = 4 + int.from_bytes(data[:4], "little")
        while len(data) < size:
            data += sock.recv(CHUNK)
        return loads(data[4:])

    def pipeline(self, arguments):
        sock = self.sock
        for first in range(0, len(arguments), BATCH):
            pieces = []
            for x in arguments[first : first + BATCH]:
                data = dumps(((x,), {}), 5)
                pieces += len(data).to_bytes(4, "little"), data
            sock.sendall(b"".join(pieces))
        return self.receive_values(len(arguments))

    def receive_values(self, count):
        values = []
        data = b""
        while len(values) < count:
            data += self.sock.recv(CHUNK)
            at, end = 0, len(data)
            while end - at >= 4:
                start = at + 4
                stop = start + int.from_bytes(data[at:start], "little")
                if stop > end:
                    break
                values.append(loads(data[start:stop]))
                at = stop
            data = data[at:]
        return values


class AsyncClient:
    """The same connection for an event loop: `call` returns a future, as asyncio programs need."""

    def __init__(self, loop, sock):
        self.loop = loop
        self.sock = sock
        self.waiting = collections.deque()  # the worker answers in order
        self.pieces = []
        self.data = b""
        loop.add_reader(sock, self.receive)

    def call(self, x):
        data = dumps(((x,), {}), 5)
        if not self.pieces:
            self.loop.call_soon(self.send)
        self.pieces += len(data).to_bytes(4, "little"), data
        if len(self.pieces) >= 2 * BATCH:
            self.send()
        future = self.loop.create_future()
        self.waiting.append(future)
        return future

    def send(self):
        if self.pieces:
            self.sock.sendall(b"".join(self.pieces))
            self.pieces = []

    def receive(self):
        data = self.data + self.sock.recv(CHUNK)
        at, end = 0, len(data)
        while end - at >= 4:
            start = at + 4
            stop = start + int.from_bytes(data[at:start], "little")
            if stop > end:
                break
            self.waiting.popleft().set_result(loads(data[start:stop]))
            at = stop
        self.data = data[at:]


async def gather_rate(sock, in_flight, waves):
    client = AsyncClient(asyncio.get_running_loop(), sock)
    arguments = list(range(in_flight))
    start = time.perf_counter()
    for _ in range(waves):
        if await asyncio.gather(*(client.call(x) for x in arguments)) != arguments:
            raise RuntimeError("the bare path lost or mixed up values")
    return in_flight * waves / (time.perf_counter() - start)


def rate(client, in_flight, waves):
    arguments = list(range(in_flight))
    start = time.perf_counter()
    for _ in range(waves):
        if client.pipeline(arguments) != arguments:
            raise RuntimeError("the bare path lost or mixed up values")
    return in_flight * waves / (time.perf_counter() - start)


def main():
    client = Client(sys.argv[1])
    orders.obey(
        {
            "latencies": lambda calls: orders.latencies(client.call, calls),
            "rate": lambda in_flight, waves: rate(client, in_flight, waves),
            "gather_rate": lambda in_flight, waves: asyncio.run(
                gather_rate(client.sock, in_flight, waves)
            ),
        }
    )


if __name__ == "__main__":
    main()
