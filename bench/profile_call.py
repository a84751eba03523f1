#!/usr/bin/env python3
"""Where the time of one synchronous call goes: process by process, and piece by piece on the
Python side.

    bench/profile_call.py [--calls N]

Environment as for run.py. All processes share one core, so that what they take adds up to the time
of the call; the
rest of it are switches between them. The pieces are timed in loops of their own, with sockets that
cost nothing.
"""

import argparse
import os
import socket
import sys
import timeit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import processes, projects
from harness.context import SMOKE, Context
from harness.machine import find_programs
from harness.measure import Summary, interleave

REPEATS = 60
NUMBER = 1000
ROUNDS = 7


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=5000, help="a round")
    calls = parser.parse_args().calls
    binary, relay = find_programs()
    with Context(binary, relay, SMOKE) as context:
        print_table(
            f"µs a call, one core, {ROUNDS} rounds of {calls}", process_rows(context, calls)
        )
    print_table(
        "µs, the client's pieces", [(name, f"{cost:.2f}") for name, cost in client_pieces()]
    )
    print_table(
        "µs, the worker's pieces", [(name, f"{cost:.2f}") for name, cost in worker_pieces()]
    )


def print_table(title, rows):
    print(f"\n{title}")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


# --- process by process ---


def process_rows(context, calls):
    """Return the rows (process, processor time, switches) of leanto and of the bare path, and
    their totals."""
    project = os.path.join(context.directory, "profile")
    projects.write_small(project)
    core = {max(context.cores)}
    with (
        context.home() as home,
        context.bare_path("empty") as bare,
        context.leanto_client(home, project) as client,
    ):
        client.order("send", module="service", function="empty")
        client.order("latencies", calls=calls)
        home.wait_until_warm()
        status = home.status()
        ours = {"client": client.pid, "node": status["pid"], "worker": status["workers"][0]["pid"]}
        base = dict(zip(("relay", "worker", "client"), bare.pids))
        processes.pin([*home.pids(), client.pid, *bare.pids], core)
        results = interleave(
            ROUNDS,
            lambda: _one_round(client, ours, calls),
            lambda: _one_round(bare.client, base, calls),
        )
    return [("", "processor", "switches"), *_rows("leanto", results[0]), *_rows("bare", results[1])]


def _one_round(client, pids, calls):
    before = {name: _used(pid) for name, pid in pids.items()}
    latency = client.order("latencies", calls=calls)["p50"]
    after = {name: _used(pid) for name, pid in pids.items()}
    used = {name: [(b - a) / calls for a, b in zip(before[name], after[name])] for name in pids}
    return latency, used


def _used(pid):
    return processes.cpu_seconds(pid) * 1e6, processes.switches(pid)


def _rows(side, results):
    total = 0.0
    for name in results[0][1]:
        processor = Summary(used[name][0] for _, used in results).median
        switches = Summary(used[name][1] for _, used in results).median
        total += processor
        yield f"{side}: {name}", f"{processor:.1f}", f"{switches:.2f}"
    latency = Summary(latency for latency, _ in results).median
    yield f"{side}: all together; p50 of the call", f"{total:.1f}", f"{latency:.1f}"


# --- piece by piece ---


def cost(work):
    """Return the microseconds of `work()`, the least of several loops, without those of an empty
    call."""
    return max(0.0, _loop(work) - _loop(lambda: None))


def _loop(work):
    timer = timeit.Timer(work)
    return min(timer.repeat(REPEATS, NUMBER)) / NUMBER * 1e6


class FreeSocket:
    """Takes what is sent and gives back the same bytes for each recv."""

    def __init__(self, answer):
        self.answer = answer

    def sendall(self, data):
        pass

    def recv(self, size):
        return self.answer


def client_pieces():
    """Return (name, microseconds) of what a client does for one call."""
    from leanto import _calls, _connection, _frames, _nodes, _values

    head = _calls.encode_target(_nodes.here, {"v": "0" * 32}, {})
    data, _ = _values.pack(((1,), {}))
    none, _ = _values.pack(None)
    answer = _frames.frame(_frames.RESULT, 1, b"", none)
    reader = _frames.FrameReader(FreeSocket(answer))
    connection = object.__new__(_connection.Connection)
    connection.node = _nodes.here
    connection.is_refused = False
    connection._sock = FreeSocket(answer)
    connection._reader = _frames.FrameReader(connection._sock)
    remote = _calls.Callable(_nodes.here, {"v": "0" * 32}, "function", {})

    def whole():
        connection._stream = 0  # so that the answer is for this call
        remote(1)

    def whole_with_idle_connection():
        _nodes.here._idle.append(connection)
        try:
            whole()
        finally:
            _nodes.here._idle.clear()

    return [
        ("pickle the arguments", cost(lambda: _values.pack(((1,), {})))),
        (
            "make the frame",
            cost(lambda: _frames.header(_frames.CALL, 1, len(head), len(data)) + head + data),
        ),
        ("take the answer apart", cost(reader.read)),
        ("unpickle the value", cost(lambda: _values.loads(none))),
        ("the whole call but for the kernel", cost(whole_with_idle_connection)),
    ]


def worker_pieces():
    """Return (name, microseconds) of what a worker does for one call."""
    from leanto import _frames, _values
    from leanto.worker import calls, serve

    class Service:
        instance = None
        invocations = {b"head": (lambda x: None, None, False, None, True)}

    data, _ = _values.pack(((1,), {}))
    reader = _frames.FrameReader(FreeSocket(_frames.frame(_frames.CALL, 1, b"head", data)))
    ends = socket.socketpair()
    worker = serve.Worker(ends[0].detach(), ends[1].detach(), -1, -1, [])
    worker._sock = FreeSocket(b"")
    worker.service = Service

    def run():
        calls.run(worker, 1, b"head", data)
        worker._out.clear()

    def send():
        worker.send(_frames.RESULT, 1, b"", data)
        worker.flush()

    return [
        ("take the frame apart", cost(reader.read)),
        ("unpickle the arguments", cost(lambda: _values.loads(data))),
        ("run the call and queue the answer (with unpickling)", cost(run)),
        ("pickle the value", cost(lambda: _values.pack(None))),
        ("make and send the answer", cost(send)),
    ]


if __name__ == "__main__":
    main()
