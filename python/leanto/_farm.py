"""Functions and classes on a cluster of several nodes: each call goes to one of them, and a live object lives on one.

Which one: the node with the fewest calls of this program under way. What has a key or a name goes to the node that its digest
says, so that the same key means the same run, and a name one object, whoever says it.
"""

from __future__ import annotations

import _thread
import hashlib
import time

from leanto._classes import RemoteClass
from leanto._functions import RemoteFunction
from leanto.errors import LeantoError

AVOIDED = 10.0  # seconds that a node which couldn't be reached gets no calls, if others can be


def home_of(key: str, nodes: list) -> int:
    """Return the place of the node that a key belongs to: when nodes come or go, few keys move (rendezvous hashing)."""

    def weight(place: int) -> bytes:
        return hashlib.sha256(f"{nodes[place].name}\0{key}".encode()).digest()

    return max(range(len(nodes)), key=weight)


class Balance:
    """How many calls each of several nodes has from here."""

    def __init__(self, count: int) -> None:
        self._under_way = [0] * count
        self._avoided_until = [0.0] * count
        self._turn = 0
        self._lock = _thread.allocate_lock()

    def take(self, tried: tuple | list = ()) -> int:
        """Return the place of the node that the next call goes to; say `give_back` when it has ended."""
        with self._lock:
            count = len(self._under_way)
            now = time.monotonic()
            self._turn += 1

            def weight(place: int) -> tuple:
                is_avoided = self._avoided_until[place] > now
                return is_avoided, self._under_way[place], (place - self._turn) % count

            place = min((place for place in range(count) if place not in tried), key=weight)
            self._under_way[place] += 1
            return place

    def give_back(self, place: int) -> None:
        with self._lock:
            self._under_way[place] -= 1

    def avoid(self, place: int) -> None:
        self._avoided_until[place] = time.monotonic() + AVOIDED


def on_one(balance: Balance, members: list, use: object) -> object:
    """Return `use(member)` of one of them; of another one if it couldn't be reached and so has heard nothing."""
    tried: list = []
    while True:
        place = balance.take(tried)
        try:
            return use(members[place])
        except LeantoError as error:
            tried.append(place)
            if not error.unheard or len(tried) == len(members):
                raise
            balance.avoid(place)
        finally:
            balance.give_back(place)


class FarmFunction(RemoteFunction):
    """A function on a cluster of several nodes, each of which has it."""

    __slots__ = ("_balance", "_members")

    def __init__(
        self, members: list[RemoteFunction], options: dict, sent: tuple | None = None
    ) -> None:
        first = members[0]
        super().__init__(first._service, first._target, options, sent)
        self._members = members
        self._balance = Balance(len(members))

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        return on_one(self._balance, self._members, lambda member: member(*args, **kwargs))

    def aio(self, /, *args: object, **kwargs: object) -> object:
        place = self._balance.take()
        try:
            future = self._members[place].aio(*args, **kwargs)
        except BaseException:
            self._balance.give_back(place)
            raise
        if hasattr(future, "add_done_callback"):
            future.add_done_callback(lambda _: self._balance.give_back(place))
        else:
            self._balance.give_back(place)
        return future

    def remote(self, /, *args: object, **kwargs: object) -> object:
        return on_one(self._balance, self._members, lambda member: member.remote(*args, **kwargs))

    def submit(self, /, *args: object, **kwargs: object) -> object:
        key = self._options.get("key")
        if key is not None:
            nodes = [member._node for member in self._members]
            return self._members[home_of(key, nodes)].submit(*args, **kwargs)
        return on_one(self._balance, self._members, lambda member: member.submit(*args, **kwargs))

    def options(self, **options: object) -> RemoteFunction:
        changed = super().options(**options)
        if isinstance(changed, FarmFunction):  # it was sent once more
            return changed
        members = [member.options(**options) for member in self._members]
        return FarmFunction(members, changed._options, self._sent)

    def save(self, name: str) -> RemoteFunction:
        for member in self._members:
            member.save(name)
        return self

    def __reduce__(self) -> tuple:
        return FarmFunction, (self._members, self._options)


class FarmClass(RemoteClass):
    """A class on a cluster of several nodes; each instance lives on one of them."""

    def __init__(
        self, members: list[RemoteClass], options: dict, sent: tuple | None = None
    ) -> None:
        first = members[0]._leanto
        super().__init__(first[0], first[1], options, sent)
        self._farm = (members, Balance(len(members)))

    def _pick(self) -> RemoteClass:
        members, balance = self._farm
        name = self._leanto[2].get("name")
        if name:
            return members[home_of(name, [member._leanto[0].node for member in members])]
        place = balance.take()  # and not given back: the object stays there
        return members[place]

    def _make(self, args: tuple, kwargs: dict) -> tuple:
        return self._pick()._make(args, kwargs)

    def aio(self, /, *args: object, **kwargs: object) -> object:
        return self._pick().aio(*args, **kwargs)

    def options(self, **options: object) -> RemoteClass:
        changed = super().options(**options)
        if isinstance(changed, FarmClass):
            return changed
        members = [member.options(**options) for member in self._farm[0]]
        return FarmClass(members, changed._leanto[2], self._leanto[3])

    def save(self, name: str) -> RemoteClass:
        for member in self._farm[0]:
            member.save(name)
        return self

    def __reduce__(self) -> tuple:
        return FarmClass, (self._farm[0], self._leanto[2])
