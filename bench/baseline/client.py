"""The bare client: pickles ((x,), {}) into a Unix socket and unpickles what comes back.

client.py SOCKET        then takes orders as harness/orders.py says
"""

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
        }
    )


if __name__ == "__main__":
    main()
