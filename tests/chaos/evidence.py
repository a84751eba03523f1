"""What is left of a run of the suite, as values: the histories, what callers saw, what was killed, what is on record.

Times are nanoseconds of the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import dataclasses
import json
import os


@dataclasses.dataclass(frozen=True)
class Start:
    """A user function began, or ended by itself ("end") or with an exception ("left")."""

    what: str  # "start", "end", "left"
    key: str
    token: str  # of this execution
    pid: int
    time: int


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a caller saw: "submitted", "outcome", "cancel", "conflict", "no conflict", "refused"."""

    what: str
    key: str
    time: int
    id: str = ""
    outcome: tuple = ()  # (status, value or error)
    text: str = ""
    accepted: bool = False


@dataclasses.dataclass(frozen=True)
class Killed:
    """A process that was killed: "daemon", "zygote", "worker", "caller"; or "stopped", a daemon that was asked to end."""

    what: str
    pid: int
    time: int
    how: str = ""  # the failpoint


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A run as the node has it at the end."""

    id: str
    key: str
    status: str
    attempts: tuple  # (number, outcome or None) of each
    outcome: tuple  # as in Seen
    log: tuple | None = None  # its lines, where they were asked for


@dataclasses.dataclass
class Evidence:
    """All of it."""

    tasks: dict  # key → Task
    history: list
    seen: list
    killed: list
    records: dict  # id → Recorded, when all was quiet
    again: dict  # the same after the daemon was killed once more
    faults: set = dataclasses.field(default_factory=set)  # "ENOSPC", "EIO", "clock", "full disk"
    processes: list = dataclasses.field(default_factory=list)  # left when the node had stopped
    busy: list = dataclasses.field(default_factory=list)  # what of the node's status was not idle
    unfinished: list = dataclasses.field(default_factory=list)  # keys that callers still waited for
    recorded_at: int = 0  # when `records` were read


def read_history(path: str) -> list[Start]:
    lines = []
    with open(path) as file:
        for line in file:
            what, key, token, pid, time = line.split()
            lines.append(Start(what, key, token, int(pid), int(time)))
    return lines


def read_seen(paths: list) -> list[Seen]:
    seen = []
    for path in paths:
        if not os.path.exists(path):
            continue
        with open(path) as file:
            for line in file:
                said = json.loads(line)
                said["outcome"] = tuple(said.get("outcome", ()))
                seen.append(Seen(**said))
    return sorted(seen, key=lambda one: one.time)


def read_failpoints(path: str) -> list[tuple]:
    """Return (time, pid, what, point, pass) of each line of the daemons' log of failpoints."""
    lines = []
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                time, pid, what, point, count = line.split()
                lines.append((int(time) * 1_000_000, int(pid), what, point, int(count)))
    return lines
