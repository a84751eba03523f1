"""The `sys.stdin`, `sys.stdout` and `sys.stderr` of a worker; output.py says what for."""

from __future__ import annotations

import io
import sys

from leanto.worker.output import STDERR, STDOUT, current_call, lines_of, process


def replace_streams():
    """Puts them into `sys`; what logging handlers take from there later stays good after a fork."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    sys.stdin = sys.__stdin__ = NoInput()
    sys.stdout = sys.__stdout__ = TextStream(STDOUT, "<stdout>")
    sys.stderr = sys.__stderr__ = TextStream(STDERR, "<stderr>")


class ByteStream(io.BufferedIOBase):
    """The `.buffer` of a TextStream: bytes go the same way as text."""

    mode = "wb"

    def __init__(self, stream, name):
        self.stream = stream
        self.name = name

    @property
    def raw(self):
        return self

    def write(self, data):
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        data = bytes(data)
        lines_of(current_call.get()).put(self.stream, data)
        return len(data)

    def flush(self):
        lines = (current_call.get() or process.service).lines
        if lines is not None:
            lines.flush(self.stream)

    def close(self):
        self.flush()

    def fileno(self):
        return self.stream

    def writable(self):
        return True


class TextStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a worker."""

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"
    line_buffering = True
    write_through = False

    def __init__(self, stream, name):
        self.stream = stream
        self.name = name
        self.buffer = ByteStream(stream, name)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        lines_of(current_call.get()).put(self.stream, text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self):
        self.buffer.flush()

    def close(self):
        self.flush()

    def detach(self):
        """The bytes below, for code that wraps them anew; this stream goes on working."""
        self.flush()
        return self.buffer

    def reconfigure(
        self, *, encoding=None, errors=None, newline=None, line_buffering=None, write_through=None
    ):
        """Accepted and without effect, since other calls share the stream."""
        self.flush()

    def fileno(self):
        return self.stream

    def writable(self):
        return True


class NoInput(io.TextIOBase):
    """`sys.stdin` of a worker: reading says why it can't work. Its `.buffer` is itself."""

    name = "<stdin>"
    mode = "r"
    encoding = "utf-8"
    errors = "strict"

    @property
    def buffer(self):
        return self

    def read(self, *_size):
        raise EOFError(
            "input() and sys.stdin aren't available in a remote call; pass the value as an argument"
        )

    readline = readlines = read1 = readinto = peek = __next__ = read

    def close(self):
        pass

    def fileno(self):
        return 0

    def readable(self):
        return True
