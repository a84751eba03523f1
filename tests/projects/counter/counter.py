"""What the tests of HTTP and of `leanto call` send: functions whose hints say something."""

import asyncio
import dataclasses
import datetime
import enum
import os
import sys
import time
import typing
import uuid


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    """A place."""

    x: float
    y: float = 0.0
    colour: Colour = Colour.RED


def add(a: int, b: int = 2) -> int:
    """Add two numbers.

    Nothing else.
    """
    return a + b


def echo(value=None):
    return value


def everything(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}


def move(point: Point, by: list[float], when: typing.Optional[datetime.datetime] = None):
    assert isinstance(point, Point), point
    assert isinstance(point.colour, Colour), point
    assert when is None or when.tzinfo is not None
    moved = dataclasses.replace(point, x=point.x + by[0], y=point.y + by[1])
    return {"point": moved, "when": when, "id": uuid.UUID(int=1), "places": {3}}


def typed(
    count: int,
    name: typing.Optional[str] = None,
    kind: typing.Literal["a", "b"] = "a",
    points: typing.Sequence[Point] = (),
    scores: typing.Optional[dict[str, float]] = None,
) -> list[Point]:
    return list(points)


def shout(text):
    print(text)
    print("to stderr", file=sys.stderr)
    return text.upper()


def fail(text="it broke"):
    raise ValueError(text)


def type_error():
    return 1 + "1"


def unsayable():
    return {"ok": 1, "models": [1, object()]}


def not_a_number():
    return float("nan")


def arrays():
    import numpy

    return {"a": numpy.arange(3), "s": numpy.float32(0.5), "n": numpy.int64(7)}


def count_up(n: int) -> typing.Iterator[int]:
    """Count from zero."""
    for i in range(n):
        print(f"at {i}")
        yield i


def count_and_fail(n):
    yield from range(n)
    raise ValueError("no more")


async def count_slowly(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


async def add_async(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


def count_for_ever(path):
    """Count, and leave a file when nobody wants more."""
    try:
        i = 0
        while True:
            yield i
            i += 1
            time.sleep(0.001)
    finally:
        with open(path, "w") as file:
            file.write("closed")


def wait_for(path, then=None):
    """Say that it runs by a file, end when the file is gone."""
    with open(path, "w") as file:
        file.write("running")
    while os.path.exists(path):
        time.sleep(0.005)
    if then is not None:
        with open(then, "w") as file:
            file.write("ended")
    return "waited"


def die():
    os._exit(3)


def large(size):
    return "x" * size


class Counter:
    """Counts."""

    limit = 1000

    def __init__(self, start=0):
        self.value = start

    def add(self, n: int = 1) -> int:
        """Count on by `n`."""
        self.value += n
        return self.value

    def me(self):
        return self

    def each(self):
        yield from range(self.value)

    @property
    def doubled(self):
        return 2 * self.value

    @classmethod
    def highest(cls) -> int:
        return cls.limit

    @staticmethod
    def twice(n: int) -> int:
        return 2 * n

    def __call__(self, n: int) -> int:
        return self.value * n

    def _secret(self):
        return "hidden"
