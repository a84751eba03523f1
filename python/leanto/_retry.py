"""When a run is tried again: after errors (`Retry`), and with more memory after an out-of-memory (`bigger`).

The node that has the run decides and does it, so it goes on when the program that asked has ended.
"""

from __future__ import annotations

from collections.abc import Iterable

from leanto import _options, errors
from leanto.errors import InvalidRequestError

_FACTORS = {"exponential": 2.0, "constant": 1.0}


class Retry:
    """Try a run again after errors, at most `attempts` attempts in all: for ``.options(retries=...)``.

    `on` has the exceptions that count, with their subclasses: classes, or names like ``"shop.StockError"``. Without it each
    exception of the code counts, and a worker that died. NodeLostError counts only if it's named, because after it nobody
    knows what the code has done; being cancelled and the run's own timeout never count.

    The first wait is `delay` (seconds, or text like ``"30s"``); the next ones grow twofold with ``backoff="exponential"``
    up to `max_delay`, or stay with ``"constant"``, or grow by a factor that's given as a number. `jitter` is the part of a
    wait by which it varies at random. No attempt begins later than `limit` after the submission.

    `elsewhere` has other clusters, whose turn comes after the function's own, in order and from the beginning again: the code
    is sent there, too, and the node on this machine makes the attempts. One that never began, because its host is down or has
    no room, goes on at the next cluster whatever `on` says. Arguments are values then, and not handles.

    Raises InvalidRequestError for a value that makes no sense.

    >>> import tempfile
    >>> path = tempfile.mktemp()
    >>> f = lt.function(fail_at_first).options(retries=lt.Retry(3, on=ConnectionError, delay=0.01)).to(lt.here)
    >>> run = f.submit(path)
    >>> run.result()
    'at last'
    >>> run.record()["attempt"]
    2
    """

    __slots__ = ("_words", "attempts", "elsewhere", "on")

    def __init__(
        self,
        attempts: int,
        *,
        on: object = None,
        backoff: str | float = "exponential",
        delay: float | str = 1.0,
        max_delay: float | str = 60.0,
        jitter: float = 0.25,
        limit: float | str | None = None,
        elsewhere: object = (),
    ) -> None:
        if type(attempts) is not int or not 1 <= attempts <= 1000:
            raise InvalidRequestError(
                f"Retry({attempts!r}) makes no sense; give how many attempts in all, from 1 to 1,000"
            )
        factor = _FACTORS.get(backoff, backoff) if isinstance(backoff, str) else backoff
        if not _options.is_number(factor) or not 1 <= factor <= 1000:
            raise InvalidRequestError(
                f"backoff={backoff!r} makes no sense; 'exponential', 'constant', or a factor from 1 on"
            )
        if not _options.is_number(jitter) or not 0 <= jitter <= 1:
            raise InvalidRequestError(f"jitter={jitter!r} makes no sense; give a part from 0 to 1")
        self.attempts = attempts
        self.on = (Exception,) if on is None else _as_tuple(on)
        self.elsewhere = _clusters(elsewhere)
        kinds, types = _names(self.on)
        self._words = {
            "attempts": attempts,
            "kinds": kinds,
            "types": types,
            "delay": _wait("delay", delay),
            "factor": float(factor),
            "max_delay": _wait("max_delay", max_delay),
            "jitter": float(jitter),
        }
        if limit is not None:
            self._words["limit"] = _wait("limit", limit)

    def words(self) -> dict:
        """Return what a submission says of it."""
        return self._words

    def __repr__(self) -> str:
        return f"leanto.Retry({self.attempts}, on={self.on!r})"


class MoreMemory:
    """What to do about an out-of-memory, as `leanto.bigger` says it; for ``.options(on_oom=...)``.

    >>> lt.bigger(memory=2.0)
    <leanto more memory {'factor': 2.0}>
    """

    __slots__ = ("_words",)

    def __init__(self, words: dict) -> None:
        self._words = words

    def words(self) -> dict:
        """Return what a submission says of it."""
        return self._words

    def sizes(self, own: int) -> list[int]:
        """Return the sizes, in bytes, that follow on `own`, if there is one that is the last."""
        if "max" not in self._words:
            return []
        most, sizes = _options.byte_size(self._words["max"]), [own]
        while sizes[-1] < most:
            sizes.append(min(int(sizes[-1] * self._words["factor"]), most))
        return sizes[1:]

    def __repr__(self) -> str:
        return f"<leanto more memory {self._words!r}>"


def bigger(*, memory: float = 2.0, max_memory: str | int | None = None) -> MoreMemory:
    """After an out-of-memory, try again with `memory` times as much, up to `max_memory`: for ``.options(on_oom=...)``.

    The function needs ``memory=`` to begin with. If `max_memory` is more than its machine has, such an attempt goes to the
    cheapest of the clusters that are known and have so much (`leanto.offers`); the code is sent there with the function.

    Instead of this, ``on_oom=["8GB", "32GB"]`` says the sizes one by one, and ``on_oom=["8GB", big, ("64GB", bigger)]`` the
    clusters, too: one alone stands for what it was asked to have, or else all the memory of its first node. Such an attempt
    counts as no retry. Raises InvalidRequestError for a value that makes no sense.

    >>> f = lt.function(fill).options(memory="150MB", on_oom=lt.bigger(memory=4.0, max_memory="2GB")).to(lt.here)
    >>> run = f.submit(300)
    >>> run.result()
    300000000
    >>> [attempt["memory_limit"] for attempt in run.record()["attempts"]]
    [150000000, 600000000]
    """
    if not _options.is_number(memory) or not 1.01 <= memory <= 1000:
        raise InvalidRequestError(
            f"bigger(memory={memory!r}) makes no sense; give how many times as much, like 2.0"
        )
    words: dict = {"factor": float(memory)}
    if max_memory is not None:
        words["max"] = max_memory
    return MoreMemory(words)


def words_of(options: dict) -> dict:
    """Return what the options say in a submission's head."""
    words = {}
    retries, on_oom = options.get("retries"), options.get("on_oom")
    if names_clusters(options):
        return words  # they go with what is sent there
    if retries is not None:
        words["retries"] = (Retry(retries) if type(retries) is int else retries).words()
    if on_oom is not None:
        words["on_oom"] = on_oom.words() if isinstance(on_oom, MoreMemory) else _sizes(on_oom)
    return words


def names_clusters(options: dict) -> bool:
    """Whether attempts may be made on other clusters than the function's own."""
    if getattr(options.get("retries"), "elsewhere", ()):
        return True
    on_oom = options.get("on_oom")
    return isinstance(on_oom, (list, tuple)) and any(step_of(step)[1] for step in on_oom)


def step_of(step: object) -> tuple:
    """Return (size or None, cluster or None) of one step of ``on_oom``."""
    from leanto._cluster import Cluster

    if isinstance(step, Cluster):
        return None, step
    if isinstance(step, (tuple, list)) and len(step) == 2 and isinstance(step[1], Cluster):
        return step[0], step[1]
    return step, None


def check(name: str, value: object) -> None:
    """Raise InvalidRequestError if an option's value makes no sense."""
    if name == "retries":
        if type(value) is int:
            Retry(value)
        elif not isinstance(value, Retry):
            raise InvalidRequestError(
                f"retries={value!r} makes no sense; give how many attempts in all, or lt.Retry(3, on=(ConnectionError,))"
            )
    elif not isinstance(value, MoreMemory):
        _sizes(value)


def _sizes(value: object) -> dict:
    if not isinstance(value, (list, tuple)) or not value:
        raise InvalidRequestError(
            f"on_oom={value!r} makes no sense; give lt.bigger(memory=2.0), or sizes like ['8GB', '32GB']"
        )
    for step in value:
        size, cluster = step_of(step)
        if not (isinstance(size, str) or type(size) is int or (size is None and cluster)):
            raise InvalidRequestError(
                f"on_oom has {step!r}, which makes no sense; a step is a size, a cluster, or both: ['8GB', big, ('64GB', big)]"
            )
    return {"sizes": list(value)}


def _clusters(named: object) -> tuple:
    from leanto._cluster import Cluster

    clusters = tuple(named) if isinstance(named, (list, tuple)) else (named,)
    for cluster in clusters:
        if not isinstance(cluster, Cluster):
            raise InvalidRequestError(
                f"elsewhere={named!r} makes no sense; give clusters, like elsewhere=[lt.cluster('spare')]"
            )
    return clusters


def _as_tuple(on: object) -> tuple:
    return tuple(on) if isinstance(on, Iterable) and not isinstance(on, str) else (on,)


def _names(on: tuple) -> tuple[list, list]:
    """Return the kinds of errors and the names of exceptions that are meant."""
    kinds: set = set()
    types = []
    for item in on:
        if isinstance(item, str):
            types.append(item)
        elif isinstance(item, type) and issubclass(item, BaseException):
            types.append(errors.type_name(item))
            kinds.update(_kinds(item))
        else:
            raise InvalidRequestError(
                f"on={item!r} makes no sense; give exception classes, or their names"
            )
    return sorted(kinds), types


def _kinds(cls: type) -> list:
    if cls is errors.NodeLostError:
        return ["node_lost"]
    if not issubclass(
        cls, errors.LeantoError
    ):  # a base of many: of ours only what the code's end may mean
        return [kind for kind in ("worker_died", "out_of_memory") if _is(kind, cls)]
    return [
        kind for kind in errors.BY_KIND if kind not in ("cancelled", "node_lost") and _is(kind, cls)
    ]


def _is(kind: str, cls: type) -> bool:
    return issubclass(errors.BY_KIND[kind], cls)


def _wait(name: str, value: float | str) -> float:
    seconds = _options.seconds(value)
    if not 0 <= seconds < 1e9:
        raise InvalidRequestError(f"{name}={value!r} makes no sense; give a number of seconds")
    return seconds
