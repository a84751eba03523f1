"""What the callers submit: tasks, each a key and a kind of run, made from a seed."""

from __future__ import annotations

import dataclasses
import random

LARGE = 200_000  # bytes, over what is kept in the database itself
RETRIES = 8


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of run: the function of tests/projects/chaotic, how often it is made, and what may come of it.

    `ends` has the outcomes that need nobody's help: the status, or the name of the exception that is raised.
    """

    name: str
    share: float
    function: str
    arguments: tuple = ()
    options: tuple = ()  # of (name, value)
    ends: tuple = ("succeeded",)
    retries: bool = False  # after errors and dead workers
    retries_loss: bool = False
    cancel: bool = False  # some of them


def _options(**options) -> tuple:
    return tuple(options.items())


MANY = _options(concurrency=8, workers=2)
ALONE = _options(concurrency=1, workers=3)

KINDS = {
    kind.name: kind
    for kind in (
        Kind("quick", 30, "quick", options=MANY),
        Kind("slow", 14, "slow", (0.02,), _options(concurrency=4, workers=2, cpus=1)),
        Kind("talk", 10, "talk", (50,), MANY),
        Kind("large", 5, "large", (LARGE,), MANY),
        Kind("fail", 6, "fail", options=MANY, ends=("ValueError",)),
        Kind("flaky", 8, "flaky", (2,), MANY, retries=True),
        Kind("die", 4, "die", (1,), ALONE, retries=True),
        Kind("child", 2, "leave_child", options=_options(concurrency=2, workers=2, cpus=0.5)),
        Kind("again", 8, "slow", (0.05,), _options(concurrency=3), retries_loss=True),
        Kind("held", 6, "slow", (0.4,), MANY, ("succeeded", "cancelled"), cancel=True),
        Kind("late", 3, "slow", (5,), _options(concurrency=8, timeout=0.3), ("TimeoutError",)),
        Kind("stubborn", 2, "stubborn", (0.6,), (*ALONE, ("grace", 0.05)),
             ("succeeded", "cancelled"), cancel=True),
        Kind("deaf", 0.2, "deaf", (8,), (*ALONE, ("grace", 0.05)),
             ("succeeded", "cancelled"), cancel=True),
    )
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Task:
    key: str
    kind: str
    cancel_after: float | None = None  # seconds after it was submitted
    ask_conflict: bool = False  # with the same key, other arguments are submitted, too

    def to_json(self) -> dict:
        return dataclasses.asdict(self)


def make_tasks(count: int, name: int | str) -> list[Task]:
    """Return so many tasks, of all kinds. `name`, the seed or what it's followed by, is in their keys."""
    chance = random.Random(f"tasks {name}")
    kinds = list(KINDS.values())
    shares = [kind.share for kind in kinds]
    tasks = []
    for number in range(count):
        kind = chance.choices(kinds, shares)[0]
        cancelled = kind.cancel and chance.random() < 0.8
        tasks.append(
            Task(
                f"{kind.name}-{name}-{number}",
                kind.name,
                chance.uniform(0, 0.4) if cancelled else None,
                kind.name == "quick" and chance.random() < 0.1,
            )
        )
    return tasks


def share_out(tasks: list[Task], callers: int, seed: int) -> list[list[Task]]:
    """Return the tasks of each caller; one in five is somebody else's, too."""
    chance = random.Random(f"callers {seed}")
    shares: list[list[Task]] = [[] for _ in range(callers)]
    for task in tasks:
        first = chance.randrange(callers)
        shares[first].append(task)
        if chance.random() < 0.2:
            shares[(first + 1) % callers].append(task)
    return shares
