"""What every peer runs: the same class and functions, in a directory of their own."""

import asyncio
import os
import signal
import time


class Service:
    """The stateful object."""

    def __init__(self):
        self.kept = None

    def empty(self, x):
        pass

    def echo(self, x):
        return x

    def length(self, array):
        return array.nbytes

    def ones(self, size):
        import numpy

        if self.kept is None or self.kept.nbytes != size:
            self.kept = numpy.ones(size, numpy.uint8)
        return self.kept

    def count(self, items):
        for item in range(items):  # noqa: UP028  Ray calls send() of it, and a range has none
            yield item

    def pid(self):
        return os.getpid()

    def sleep(self, seconds):
        time.sleep(seconds)

    def hold(self, mib):
        return hold(mib)


class AsyncService:
    """A class of its own: Ray runs every method of a class with an async method on an event loop."""

    async def nap(self, seconds):
        await asyncio.sleep(seconds)
        return seconds


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


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def hold(mib, step=64, pause=0.1):
    """Take `mib` MiB of memory, `step` at a time, so slowly that who watches sees it."""
    pieces = []
    for _ in range(0, mib, step):
        pieces.append(b"x" * (step << 20))
        time.sleep(pause)
    return len(pieces) * step
