"""What a zygote does when its daemon is gone: ends what need not live on, and looks for the next daemon."""

from __future__ import annotations

import os
import select
import signal
import socket
import time

from leanto import _msgpack
from leanto.worker import lifeline as lifelines

_LOOK = 0.05  # seconds between two looks for the next daemon
_READ_LIMIT = 0.25  # seconds for what lies in a worker's socket
_KILL_ROUNDS = 100


def find_next_node(workers: dict, lifeline: lifelines.Lifeline | None) -> socket.socket:
    """Return the connection to the next daemon. `workers` (pid → Forked) are afterwards those that live on.

    Ends the process with all that was started from it if no worker has a durable run, or nobody comes in time.
    """
    if lifeline is None or not workers:
        end_everything(workers, lifeline)
    lifeline.say_node_is_gone()
    exits = _let_them_read(workers, lifeline)
    kept = {pid for pid, forked in workers.items() if lifeline.has_runs(forked.place)}
    _end_others(workers, kept)
    until = time.monotonic() + lifelines.LIMIT
    while time.monotonic() < until:
        exits += _reap(workers)
        if not workers:
            break
        connection = lifelines.connect(lifeline.directory)
        if connection is not None and _is_taken_back(connection, workers, exits, until):
            lifeline.say_node_is_there()
            return connection
        time.sleep(_LOOK)
    end_everything(workers, lifeline)
    raise AssertionError("unreachable")


def _let_them_read(workers: dict, lifeline: lifelines.Lifeline) -> list:
    """Have all workers take up what the daemon has sent them, which may be a durable run; those without one then end.

    Returns (pid, wait status) of those that have ended.
    """
    for forked in workers.values():
        forked.wake()
    exits = []
    until = time.monotonic() + _READ_LIMIT
    while time.monotonic() < until:
        exits += _reap(workers)
        if all(lifeline.has_runs(forked.place) for forked in workers.values()):
            break
        time.sleep(_READ_LIMIT / 50)
    return exits


def _is_taken_back(connection: socket.socket, workers: dict, exits: list, until: float) -> bool:
    """Introduce this zygote to the next daemon. False: that one is gone, too, or doesn't want it."""
    said = {"op": "zygote", "pid": os.getpid(), "workers": sorted(workers)}
    connection.settimeout(max(0.1, until - time.monotonic()))
    try:
        connection.sendall(_msgpack.encode(said))
        answer = connection.recv(lifelines.MESSAGE_SIZE)
        if not answer or _msgpack.decode(answer).get("op") != "welcome":
            connection.close()
            return False
        connection.settimeout(None)
        for pid, status in exits:
            connection.sendall(_msgpack.encode({"op": "exited", "pid": pid, "status": status}))
    except OSError:
        connection.close()
        return False
    return True


def _reap(workers: dict) -> list:
    """Return (pid, wait status) of the workers that have ended, which are then none any more."""
    exits = []
    for pid, status in reap(workers):
        if pid in workers:
            workers.pop(pid).close()
            exits.append((pid, status))
    return exits


def reap(workers: dict):
    """Yield (pid, wait status) of what has ended; of a worker's process group nothing stays behind."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        pid = ended.si_pid
        if pid in workers:
            kill_group(pid)  # before it's reaped, so that its number can't be somebody else's
        yield os.waitpid(pid, 0)


def _end_others(workers: dict, kept: set) -> None:
    """End the workers that have no durable run, and the orphans that are none of those others'."""
    for pid in [pid for pid in workers if pid not in kept]:
        kill_group(pid)
        workers.pop(pid).close()
    for _ in range(_KILL_ROUNDS):
        others = [
            pid for pid in children_of(os.getpid()) if pid not in kept and _session(pid) not in kept
        ]
        if not others:
            return
        for pid in others:
            _kill(pid)
        select.select([], [], [], 0.01)
        for pid in others:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def end_everything(workers: dict, lifeline: lifelines.Lifeline | None) -> None:
    """Kill the workers with their groups, and what they have left behind, and leave."""
    for pid in workers:
        kill_group(pid)
    for _ in range(_KILL_ROUNDS):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        for pid in children_of(os.getpid()):
            _kill(pid)
        select.select([], [], [], 0.01)
    if lifeline is not None:
        lifeline.close()
    os._exit(0)


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def children_of(parent: int) -> list[int]:
    """Return the pids of the processes whose parent is `parent`, from /proc."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(name))
    return found
