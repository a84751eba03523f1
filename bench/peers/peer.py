"""What all peers have in common: the pieces of work and how each is timed.

A peer is a class with the few methods of `Peer` that raise NotImplementedError, and a line
`peer.main(ItsClass)`. Run as a program it

    PEER.py SETTINGS                     takes orders as harness/orders.py says
    PEER.py SETTINGS describe            says what it lacks
    PEER.py SETTINGS first               starts everything, calls once, prints when it has the result
    PEER.py SETTINGS other ADDRESS REF   finds an object of another process by name, and the same

SETTINGS is JSON: `relay` (the bare path's), `binary` (leanto's), `directory` (temporary).
This file needs nothing but the standard library, and numpy where arrays are passed.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import orders

KILL_AFTER = 0.5  # seconds into the call
READY_LIMIT = 60
NEXT_LIMIT = 10  # seconds for the call after one that failed


class Peer:
    """The work. Orders are methods without an underscore; each returns one number, or a dict."""

    absent = {}  # workload → why it doesn't exist here
    serves_by_itself = True  # something runs before there is an object
    client_serves = False  # the client's process is one of those that serve

    def __init__(self, settings):
        self._settings = settings
        self._objects = {}
        self._arrays = {}

    # What a peer has to say itself.

    def _start(self, workers, memory_mib):
        """Start what serves, and connect to it; return the address for other processes. `memory_mib` is
        a limit for each worker, for a peer that has one to be started with."""
        raise NotImplementedError

    def _start_first(self):
        """Start what serves as the first page of the documentation does, for one call."""
        self._start(2, None)

    def _join(self, address):
        """Connect to what another process has started."""
        raise NotImplementedError

    def _stop(self):
        """End what was started, as its documentation says; what stays is killed afterwards."""

    def _make(self, name, kind):
        """Make an object of work.Service or work.AsyncService under a name, in a process of its
        own where the peer has that; return what `_find` takes."""
        raise NotImplementedError

    def _find(self, reference):
        """Return the object, in any process."""
        raise NotImplementedError

    def _method(self, found, name):
        """Return a callable that calls a method and waits for its value."""
        raise NotImplementedError

    def _together(self, found, name, arguments):
        """Call a method with each argument, all in flight; return the values."""
        raise NotImplementedError

    def _stream(self, found, items):
        """Return an iterator over what the generator `count` yields."""
        raise NotImplementedError

    # Orders: starting and connecting.

    def describe(self):
        return {"absent": self.absent, "client_serves": self.client_serves}

    def start(self, workers=2, memory_mib=None):
        return self._start(workers, memory_mib)

    def be_idle(self):
        """Have running what always runs: for a server that is an object, one of those."""
        if not self.serves_by_itself:
            self.grow(1)

    def join(self, address):
        self._join(address)

    def stop(self):
        self._stop()

    def make(self, name, kind="Service"):
        reference = self._make(name, kind)
        self._objects[name] = self._find(reference)
        return reference

    def find(self, name, reference):
        self._objects[name] = self._find(reference)

    def grow(self, workers):
        """Have so many workers that have worked."""
        for number in range(workers):
            self.make(f"worker-{number}")
            self._method(self._objects[f"worker-{number}"], "empty")(0)

    # Orders: calls.

    def call(self, calls):
        """Return the median of a call in microseconds."""
        call = self._method(self._objects["main"], "empty")
        for x in range(min(calls, 50)):
            call(x)
        return orders.latencies(call, calls)["p50"]

    def in_flight(self, count, waves):
        """Return calls a second."""
        arguments = list(range(count))
        self._checked(arguments)  # warm
        start = time.perf_counter()
        for _ in range(waves):
            self._checked(arguments)
        return count * waves / (time.perf_counter() - start)

    def _checked(self, arguments):
        if list(self._together(self._objects["main"], "echo", arguments)) != arguments:
            raise RuntimeError("values were lost or mixed up")

    def span(self, name, calls):
        """Call one after the other; return when that began and when it ended."""
        call = self._method(self._objects[name], "empty")
        call(0)
        start = time.monotonic()
        for x in range(calls):
            call(x)
        return [start, time.monotonic()]

    def argument(self, size, repeats):
        """Return the median milliseconds of a call with an array of so many bytes."""
        import numpy

        array = numpy.ones(size, numpy.uint8)
        call = self._method(self._objects["main"], "length")
        return self._timed(lambda: call(array), repeats, lambda value: value == size)

    def result(self, size, repeats):
        """Return the median milliseconds of a call that returns an array of so many bytes."""
        call = self._method(self._objects["main"], "ones")
        return self._timed(lambda: call(size), repeats, lambda array: array.nbytes == size)

    def _timed(self, work, repeats, is_right):
        times = []
        for _ in range(repeats + 1):  # the first one warms up
            start = time.perf_counter()
            value = work()
            times.append((time.perf_counter() - start) * 1000)
            if not is_right(value):
                raise RuntimeError(f"the array did not arrive: {value!r}"[:200])
            del value
        return statistics.median(times[1:])

    def async_calls(self, count, seconds):
        """Return the milliseconds of so many naps at once."""
        self._together(self._objects["async"], "nap", [0] * count)
        start = time.perf_counter()
        self._together(self._objects["async"], "nap", [seconds] * count)
        return (time.perf_counter() - start) * 1000

    def generator(self, items):
        """Return items a second."""
        start = time.perf_counter()
        if sum(1 for _ in self._stream(self._objects["main"], items)) != items:
            raise RuntimeError("items were lost")
        return items / (time.perf_counter() - start)

    def by_name(self, reference, repeats):
        """Return the median microseconds of finding an object and calling it, once connected."""
        return orders.latencies(lambda x: self._method(self._find(reference), "empty")(x), repeats)[
            "p50"
        ]

    # Orders: failing.

    def killed_object(self, patience):
        """Kill the object's process in the middle of a call; `patience` seconds are waited for an error."""
        found = self._objects["main"]
        pid = int(self._method(found, "pid")())
        killed = kill_later(pid)
        call = self._method(found, "sleep")
        again = lambda: self._method(found, "empty")(0)  # noqa: E731
        return _failure(lambda: call(120), lambda: killed[0], again, KILL_AFTER + patience)

    def killed_task(self, patience):
        """Call a function that kills its process."""
        work, again = self._task("kill_itself"), self._task("empty", 0)
        start = time.monotonic()
        return _failure(work, lambda: start, again, patience)

    def out_of_memory(self, limit_mib, take_mib, patience):
        """Take more memory than a limit of the peer's own allows."""
        hold, again = self._limited(limit_mib)
        start = time.monotonic()
        return _failure(lambda: hold(take_mib), lambda: start, again, patience)

    def _task(self, name, *arguments):
        """Return what calls a function of work.py once, on any worker."""
        raise NotImplementedError

    def _limited(self, limit_mib):
        """Return what calls `hold` of an object with such a limit, and what tries the next call."""
        self.make("limited")
        found = self._objects["limited"]
        return self._method(found, "hold"), lambda: self._method(found, "empty")(0)

    # Orders: editing, fan-out.

    def open_project(self, path):
        """Be ready for edits of a project; its worker has run once."""
        raise NotImplementedError

    def _run_entry(self):
        """Bring the project's present code to a worker; return `entry.value(0)` from there."""
        raise NotImplementedError

    def edit(self, path, text, expected):
        """Return the milliseconds from saving a file to the result of the new code."""
        start = time.perf_counter()
        with open(path, "w") as file:
            file.write(text)
        value = self._run_entry()
        took = (time.perf_counter() - start) * 1000
        if value != expected:
            raise RuntimeError(f"the edit did not travel: {value}, not {expected}")
        return took

    def fan_out(self, tasks, seconds):
        """Return the microseconds a task beyond what its nap on two workers takes."""
        self._spread(100, 0)
        start = time.perf_counter()
        values = self._spread(tasks, seconds)
        took = time.perf_counter() - start
        if len(values) != tasks:
            raise RuntimeError("tasks were lost")
        return (took - tasks * seconds / 2) / tasks * 1e6

    def _spread(self, tasks, seconds):
        """Run work.nap(seconds) so many times on two workers, one task each at a time."""
        raise NotImplementedError


def kill_later(pid):
    """Kill a process in a moment; return a list that then has when that was."""
    killed = []

    def kill():
        killed.append(time.monotonic())
        os.kill(pid, 9)

    threading.Timer(KILL_AFTER, kill).start()
    return killed


def _failure(work, since, again, patience):
    """Return how long after `since()` a call failed, with what, and whether the next call works."""
    found = {}

    def call():
        try:
            found["says"] = f"no error; it returned {work()!r}"
        except BaseException as error:
            found["ms"] = (time.monotonic() - since()) * 1000
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            found.update(error=kind.replace("builtins.", ""), says=_first_lines(error))

    nothing = {"ms": None, "error": None, "says": f"no answer within {patience:g} s"}
    if not _ends(call, patience):
        return {**nothing, "next": _attempt(again)}
    return {**nothing, **found, "next": _attempt(again)}


def _attempt(work):
    found = []

    def call():
        found.append(_outcome(work))

    return found[0] if _ends(call, NEXT_LIMIT) else f"no answer within {NEXT_LIMIT} s"


def _ends(call, seconds):
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def _outcome(work):
    try:
        work()
    except BaseException as error:
        return f"{type(error).__qualname__}: {_first_lines(error)}"
    return "works"


def _first_lines(error):
    """Return the first two lines of what an error says; gRPC's first one says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(*argv):
    """Start a program that serves; what it prints goes to the log."""
    return subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=2)


def wait_for_port(port, process):
    """Wait until a program that was started listens."""
    deadline = time.monotonic() + READY_LIMIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args} does not listen on port {port}") from None
            time.sleep(0.002)


def end(process):
    """End a program that was started here."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(peer_class):
    settings, words = json.loads(sys.argv[1]), sys.argv[2:]
    peer = peer_class(settings)
    if not words:
        members = {name: getattr(peer, name) for name in dir(peer) if not name.startswith("_")}
        return orders.obey({name: order for name, order in members.items() if callable(order)})
    if words[0] == "describe":
        print(json.dumps(peer.describe()))
        return
    if words[0] == "first":
        peer._start_first()
        peer.make("main")
        found = peer._objects["main"]
    else:
        peer.join(words[1])
        found = peer._find(json.loads(words[2]))
    peer._method(found, "empty")(0)
    print(json.dumps(time.monotonic()), flush=True)
    if words[0] == "first":
        peer.stop()
