"""Leanto as a subject: a program that has sent functions and calls them.

leanto_client.py PROJECT        then takes orders as harness/orders.py says
"""

import asyncio
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import orders

sys.path.insert(0, sys.argv[1])
import leanto as lt


class Client:
    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.cluster = lt.here
        self.sent = None  # the local function
        self.remote = None
        self.array = self.copies = None

    def use(self, host, python):
        """Send to that host from now on, a cluster of the same name."""
        self.cluster = lt.cluster(name=host, host=host, python=python)

    def zygotes(self):
        """Return the state of the zygotes where functions are sent to."""
        return self.cluster.status()["nodes"][0].get("zygotes", [])

    def send(self, module, function):
        self.sent = getattr(__import__(module), function)
        self.remote = lt.function(self.sent).to(self.cluster)

    def call(self, x):
        return self.remote(x)

    def rate(self, in_flight, waves):
        return self.loop.run_until_complete(self.waves(in_flight, waves))

    def map_rate(self, in_flight, waves):
        arguments = list(range(in_flight)) * waves
        start = time.perf_counter()
        if list(self.remote.map(arguments, concurrency=in_flight)) != arguments:
            raise RuntimeError("values were lost or mixed up")
        return len(arguments) / (time.perf_counter() - start)

    async def waves(self, in_flight, waves):
        remote, arguments = self.remote, list(range(in_flight))
        start = time.perf_counter()
        for _ in range(waves):
            if await asyncio.gather(*(remote.aio(x) for x in arguments)) != arguments:
                raise RuntimeError("values were lost or mixed up")
        return in_flight * waves / (time.perf_counter() - start)

    def resend(self):
        """Return the milliseconds of a `.to()`."""
        start = time.perf_counter()
        self.remote = lt.function(self.sent).to(self.cluster)
        return (time.perf_counter() - start) * 1000

    def edit(self, path, text, expected):
        """Return the milliseconds from saving a file to the result of the new code."""
        start = time.perf_counter()
        with open(path, "w") as file:
            file.write(text)
        saved = time.perf_counter()
        remote = lt.function(self.sent).to(self.cluster)
        sent = time.perf_counter()
        value = remote(0)
        done = time.perf_counter()
        if value != expected:
            raise RuntimeError(f"the edit did not travel: {value}, not {expected}")
        self.remote = remote
        return {
            "all": (done - start) * 1000,
            "to": (sent - saved) * 1000,
            "call": (done - sent) * 1000,
        }

    def argument_time(self, size):
        """Return the milliseconds of a call with an array of so many bytes."""
        import numpy

        if self.array is None:
            self.array = numpy.ones(size, numpy.uint8)
        start = time.perf_counter()
        length = self.remote(self.array)
        took = (time.perf_counter() - start) * 1000
        if length != size:
            raise RuntimeError("the array did not arrive")
        return took

    def result_time(self, size):
        """Return the milliseconds of a call that returns an array of so many bytes."""
        start = time.perf_counter()
        array = self.remote(size)
        took = (time.perf_counter() - start) * 1000
        if array.nbytes != size or not array[0]:
            raise RuntimeError("the array did not arrive")
        return took

    def copy_time(self, size):
        """Return the milliseconds of one copy of so many bytes, between warm arrays."""
        import numpy

        if self.copies is None:
            self.copies = numpy.ones(size, numpy.uint8), numpy.ones(size, numpy.uint8)
        start = time.perf_counter()
        numpy.copyto(*self.copies)
        return (time.perf_counter() - start) * 1000

    def submit_and_wait(self, count, threads):
        """Return the milliseconds of `count` runs from so many threads, until the last has ended."""
        import concurrent.futures

        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            runs = list(pool.map(self.remote.submit, range(count)))
            concurrent.futures.wait(runs)
            took = (time.perf_counter() - start) * 1000
        if any(run.status != "succeeded" for run in runs):
            raise RuntimeError("a run did not succeed")
        return took


def fsyncs(directory, count, size):
    """Append and sync `count` times; the median of one in microseconds, all in milliseconds."""
    with tempfile.TemporaryFile(dir=directory) as file:
        data = os.urandom(size)

        def append(_):
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

        start = time.perf_counter()
        times = orders.latencies(append, count)
        return {"p50": times["p50"], "all": (time.perf_counter() - start) * 1000}


def main():
    client = Client()
    orders.obey(
        {
            "use": client.use,
            "zygotes": client.zygotes,
            "send": client.send,
            "call": client.call,
            "latencies": lambda calls: orders.latencies(client.remote, calls),
            "rate": client.rate,
            "map_rate": client.map_rate,
            "argument_time": client.argument_time,
            "result_time": client.result_time,
            "copy_time": client.copy_time,
            "resend": client.resend,
            "edit": client.edit,
            "submit_latencies": lambda count: orders.latencies(client.remote.submit, count),
            "submit_and_wait": client.submit_and_wait,
            "fsyncs": fsyncs,
        }
    )


if __name__ == "__main__":
    main()
