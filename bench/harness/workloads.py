"""The pieces of work that all peers do, with how much of each, and how one is had done in a turn."""

import json
import os
import threading
import time

from harness import projects
from harness.measure import Summary

KIB, MIB = 1 << 10, 1 << 20
CLIENTS = 4
MANY_WORKERS = 8
LIBRARY = "sklearn"


class Workload:
    """`do` is the peer's order for it, or a function of (turn, arguments) where it takes more than one.

    `full` and `smoke` are the arguments; `limit` seconds are what a peer has for it. `better` is "lower"
    or "higher".
    """

    def __init__(self, name, title, unit, do, full=None, smoke=None, limit=60, better="lower"):
        self.name = name
        self.title = title
        self.unit = unit
        self.do = do
        self.full = full or {}
        self.smoke = {**self.full, **(smoke or {})}
        self.limit = limit
        self.better = better

    def run(self, turn, is_smoke):
        arguments = self.smoke if is_smoke else self.full
        if isinstance(self.do, str):
            return turn.order(self.do, self.limit, **arguments)
        return self.do(turn, self.limit, **arguments)


class Group:
    """Workloads that one start of a peer serves; `prepare` comes after the start, and `start` is what it
    is started with. A group of `fresh` ones starts it for each."""

    def __init__(self, name, title, workloads, prepare=None, fresh=False, most_rounds=99):
        self.name = name
        self.title = title
        self.workloads = workloads
        self.prepare = prepare
        self.fresh = fresh
        self.most_rounds = most_rounds


def _make_main(turn):
    turn.reference = turn.order("make", 60, name="main")


def _make_async(turn, limit, **arguments):
    turn.order("make", 60, name="async", kind="AsyncService")
    return turn.order("async_calls", limit, **arguments)


def _by_name(turn, limit, repeats):
    return turn.order("by_name", limit, reference=turn.reference, repeats=repeats)


def _other_process(turn, _limit):
    return turn.program("other", turn.address, json.dumps(turn.reference))


def _call_on_one_core(turn, limit, calls):
    """The same call, where no wake-up crosses cores: what these cost differs from start to start."""
    cores = os.sched_getaffinity(0)
    turn.pin({max(cores)})
    try:
        return turn.order("call", limit, calls=calls)
    finally:
        turn.pin(cores)


def _four_clients(turn, limit, calls):
    """Return calls a second of four programs, each with an object of its own."""
    clients = []
    for number in range(CLIENTS):
        name = f"object-{number}"
        reference = turn.order("make", 60, name=name)
        client = turn.subject()
        turn.ask(client, "join", 60, address=turn.address)
        turn.ask(client, "find", 60, name=name, reference=reference)
        clients.append((name, client))
    spans, errors = [], []

    def call(name, client):
        try:
            spans.append(turn.ask(client, "span", limit, name=name, calls=calls))
        except Exception as error:  # told by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=call, args=client) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    begin, end = min(span[0] for span in spans), max(span[1] for span in spans)
    return CLIENTS * calls / (end - begin)


def _first_result(turn, _limit):
    return turn.program("first")


def _memory_idle(turn, limit, settle):
    turn.start()
    turn.order("be_idle", limit)
    time.sleep(settle)
    return turn.memory_mib()


def _memory_many(turn, limit, settle):
    turn.start()
    turn.order("grow", limit, workers=MANY_WORKERS)
    time.sleep(settle)
    return turn.memory_mib()


def _killed_object(turn, limit, patience):
    turn.start()
    _make_main(turn)
    return turn.order("killed_object", limit, patience=patience)


def _killed_task(turn, limit, patience):
    turn.start()
    return turn.order("killed_task", limit, patience=patience)


def _out_of_memory(turn, limit, **arguments):
    turn.start(memory_mib=arguments["limit_mib"])
    return turn.order("out_of_memory", limit, **arguments)


def _edit(turn, limit, directories, edits, pause):
    """Return the median milliseconds of some edits of a large project, with pauses as a person has them."""
    path = os.path.join(turn.directory, "large")
    project = projects.LargeProject(path, directories, LIBRARY)
    turn.start()
    turn.order("open_project", limit, path=path)
    times = []
    for value in range(1, edits + 2):
        time.sleep(pause)
        arguments = {"path": project.edited, "text": project.edited_text(value)}
        times.append(turn.order("edit", limit, expected=value, **arguments))
    return Summary(times[1:]).median  # the first one takes what is read once


def _values(do, size, title, full, smoke):
    label = f"{size // KIB} KiB" if size < MIB else f"{size // MIB} MiB"
    return Workload(
        f"{do}_{label.replace(' ', '')}",
        f"{title} of {label}",
        "ms",
        do,
        {"size": size, "repeats": full},
        smoke,
        limit=120,
    )


def _tasks(milliseconds, limit):
    return Workload(
        f"fan_out_{milliseconds}ms",
        f"10,000 tasks of {milliseconds} ms on 2 workers, overhead",
        "µs a task",
        "fan_out",
        {"tasks": 10_000, "seconds": milliseconds / 1000},
        {"tasks": 200},
        limit,
    )


CALLS = (
    Workload("call", "synchronous call", "µs", "call", {"calls": 1000}, {"calls": 50}),
    Workload(
        "call_one_core",
        "the same, all processes on one core",
        "µs",
        _call_on_one_core,
        {"calls": 1000},
        {"calls": 50},
    ),
    Workload(
        "in_flight",
        "1,000 calls in flight",
        "calls/s",
        "in_flight",
        {"count": 1000, "waves": 3},
        {"count": 100, "waves": 1},
        limit=240,  # httpx takes long to hand out its connections
        better="higher",
    ),
    _values("argument", KIB, "argument", 200, {"repeats": 3}),
    _values("argument", MIB, "argument", 50, {"repeats": 3}),
    _values("argument", 256 * MIB, "argument", 3, {"size": 2 * MIB, "repeats": 1}),
    _values("result", KIB, "result", 200, {"repeats": 3}),
    _values("result", MIB, "result", 50, {"repeats": 3}),
    _values("result", 256 * MIB, "result", 3, {"size": 2 * MIB, "repeats": 1}),
    Workload(
        "async_calls",
        "1,000 async calls of 10 ms at once",
        "ms",
        _make_async,
        {"count": 1000, "seconds": 0.01},
        {"count": 50},
    ),
    Workload(
        "generator",
        "generator of 10,000 items",
        "items/s",
        "generator",
        {"items": 10_000},
        {"items": 100},
        better="higher",
    ),
    Workload(
        "by_name",
        "find an object by its name, and call",
        "µs",
        _by_name,
        {"repeats": 100},
        {"repeats": 5},
    ),
    Workload("other_process", "a new program: find by name, and call", "ms", _other_process),
    Workload(
        "four_clients",
        "4 clients, 4 objects",
        "calls/s",
        _four_clients,
        {"calls": 1000},
        {"calls": 50},
        better="higher",
    ),
)

SETTLE = ({"settle": 3}, {"settle": 0.1})  # seconds that a peer has to become idle

PATIENCE = {"patience": 30}  # seconds

GROUPS = (
    Group("calls", "Calls", CALLS, prepare=_make_main),
    Group(
        "starting",
        "Starting",
        (
            Workload("first_result", "from nothing to the first result", "ms", _first_result),
            Workload("memory_idle", "memory (PSS) when idle", "MiB", _memory_idle, *SETTLE),
            Workload("memory_many", "memory (PSS) with 8 workers", "MiB", _memory_many, *SETTLE),
        ),
        fresh=True,
    ),
    Group(
        "editing",
        "Editing",
        (
            Workload(
                "edit",
                "edit one line in 10,000 files, see the result",
                "ms",
                _edit,
                {"directories": 500, "edits": 3, "pause": 2},
                {"directories": 10, "edits": 1, "pause": 1.1},  # a .pyc knows whole seconds
            ),
        ),
        fresh=True,
        most_rounds=3,  # Ray and Dask take minutes for one
    ),
    Group(
        "failing",
        "Failing",
        (
            Workload(
                "killed_object", "an object is killed in a call", "ms", _killed_object, PATIENCE
            ),
            Workload(
                "killed_task",
                "a function kills its worker",
                "ms",
                _killed_task,
                PATIENCE,
                {"patience": 1},
            ),
            Workload(
                "out_of_memory",
                "an object takes 2 GiB under a limit of 1 GiB",
                "ms",
                _out_of_memory,
                {"limit_mib": 1024, "take_mib": 2048, **PATIENCE},
                {"limit_mib": 256, "take_mib": 512},
            ),
        ),
        fresh=True,
        most_rounds=3,
    ),
    Group(
        "fan_out",
        "Fan-out",
        (_tasks(0, 120), _tasks(1, 120), _tasks(10, 240)),
        most_rounds=3,
    ),
)

WORKLOADS = tuple(workload for group in GROUPS for workload in group.workloads)
