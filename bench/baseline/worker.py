"""The bare worker: unpickles ((x,), {}), calls, pickles the value, and back. What came together is
answered together.

worker.py SOCKET FUNCTION
"""

import socket
import sys
import time
from pickle import dumps, loads

CHUNK = 64 << 10  # recv of more than 128 KiB has malloc map fresh pages for each message


def empty(x):
    pass


def echo(x):
    return x


def length(array):
    return array.nbytes


def ones(size):
    import numpy

    return numpy.ones(size, numpy.uint8)


def nap(seconds):
    if seconds:
        time.sleep(seconds)
    return seconds


FUNCTIONS = {function.__name__: function for function in (empty, echo, length, ones, nap)}


def serve(sock, function):
    """Answer what comes until the other side closes. A message is 4 bytes of length and a
    pickle."""
    recv, sendall = sock.recv, sock.sendall
    data = b""
    while True:
        piece = recv(CHUNK)
        if not piece:
            return
        data = data + piece if data else piece
        at, end = 0, len(data)
        answers = []
        while end - at >= 4:
            start = at + 4
            stop = start + int.from_bytes(data[at:start], "little")
            if stop > end:
                break
            args, kwargs = loads(data[start:stop])
            value = dumps(function(*args, **kwargs), 5)
            answers += len(value).to_bytes(4, "little"), value
            at = stop
        data = data[at:]
        sendall(b"".join(answers))


def main():
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(sys.argv[1])
    serve(sock, FUNCTIONS[sys.argv[2]])


if __name__ == "__main__":
    main()
