"""Functions and classes that the tests send: ordinary Python, which does not know Leanto."""

import asyncio
import ctypes
import os
import pickle
import subprocess
import sys
import threading
import time

import helpers


def nothing():
    pass


def add(a, b=0, *rest, **named):
    return a + b + sum(rest) + sum(named.values())


def keywords(**named):
    return named


def double(value):
    return helpers.twice(value)


def pid():
    return os.getpid()


def where():
    return {"cwd": os.getcwd(), "file": __file__, "path": sys.path[0], "pid": os.getpid()}


def environment(name):
    return os.environ.get(name)


def change(values):
    values.append("changed")
    return values


async def add_later(a, b):
    await asyncio.sleep(0.01)
    return a + b


def count(n):
    yield from range(n)


def count_and_note(n, path):
    for i in range(n):
        with open(path, "a") as file:
            file.write(f"{i}\n")
        yield i


def endless(path):
    try:
        i = 0
        while True:
            yield i
            i += 1
    finally:
        with open(path, "w") as file:
            file.write("closed")


def fail_after(n):
    yield from range(n)
    raise helpers.StockError("out of stock", 7)


async def count_later(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i


def make_generator(n):
    return (i * i for i in range(n))


def factorial(n):
    import leanto as lt

    if n <= 1:
        return 1
    return n * lt.function(name="factorial")(n - 1)


def call(function, *args):
    return function(*args)


def raise_stock_error():
    raise helpers.StockError("out of stock", 7)


def raise_local_error():
    class HiddenError(Exception):
        pass

    raise HiddenError("nobody can import me")


def raise_awkward_error():
    raise helpers.AwkwardError("one", "two")


def leave(code):
    sys.exit(code)


def interrupt():
    raise KeyboardInterrupt


def ask():
    return input("name? ")


def not_picklable():
    return threading.Lock()


def die(how):
    print("about to die")
    if how == "exit":
        sys.stdout.flush()
        os._exit(7)
    if how == "segfault":
        sys.stdout.flush()
        ctypes.string_at(0)
    sys.stdout.flush()
    os.kill(os.getpid(), int(how))


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return seconds


def say(*lines, end="\n"):
    for line in lines:
        print(line, end=end)


def say_everywhere(tag, n):
    """Print from here, from a child, from a thread, on both streams, `n` times."""
    for i in range(n):
        print(f"{tag} print {i}")
        print(f"{tag} error {i}", file=sys.stderr)
        subprocess.run(["echo", f"{tag} child {i}"], check=True)
    thread = threading.Thread(target=lambda: print(f"{tag} thread"))
    thread.start()
    thread.join()
    return tag


def printf(text):
    ctypes.CDLL(None).printf(b"%s\n", text.encode())


def say_then_wait(text, path):
    print(text)
    while not os.path.exists(path):
        time.sleep(0.001)


def start_child_that_stays():
    return subprocess.Popen(["sleep", "600"]).pid


class Counter:
    """A little of everything that a class can have."""

    unit = "apples"

    def __init__(self, start=0):
        self.value = start
        self.items = {"a": 1}
        self._price = 2.0

    def increase(self, by=1):
        self.value += by
        return self.value

    def itself(self):
        return self

    @property
    def price(self):
        return self._price

    @price.setter
    def price(self, value):
        if value < 0:
            raise ValueError("a price is not negative")
        self._price = value

    @classmethod
    def describe(cls):
        return f"{cls.__name__} of {cls.unit}"

    @staticmethod
    def multiply(a, b):
        return a * b

    async def increase_later(self, by):
        await asyncio.sleep(0.01)
        self.value += by
        return self.value

    def steps(self, n):
        for i in range(n):
            yield self.value + i

    async def steps_later(self, n):
        for i in range(n):
            await asyncio.sleep(0)
            yield self.value + i

    def wait_for(self, path):
        while not os.path.exists(path):
            time.sleep(0.001)
        return self.value

    def pid(self):
        return os.getpid()

    def die(self):
        os._exit(3)

    def __call__(self, x):
        return self.value * x

    def __len__(self):
        return len(self.items)

    def __getitem__(self, key):
        return self.items[key]

    def __setitem__(self, key, value):
        self.items[key] = value

    def __delitem__(self, key):
        del self.items[key]

    def __contains__(self, key):
        return key in self.items

    def __iter__(self):
        return iter(list(self.items))

    def __enter__(self):
        self.value += 100
        return self

    def __exit__(self, kind, error, traceback):
        self.value -= 100
        return kind is KeyError


class Serial:
    """Notes the order in which it is called, and whether two calls overlap."""

    def __init__(self):
        self.seen = []
        self.inside = 0
        self.overlapped = False

    def work(self, i, seconds=0.001):
        self.inside += 1
        self.overlapped = self.overlapped or self.inside > 1
        time.sleep(seconds)
        self.seen.append(i)
        self.inside -= 1

    def report(self):
        return self.seen, self.overlapped


class Plain:
    """Has no special methods."""


class Refuses:
    def __init__(self):
        raise helpers.StockError("cannot be made", 1)


def size(data):
    return len(data)


class Blob:
    """Bytes that travel beside the pickle, as an array's do."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        return Blob, (pickle.PickleBuffer(self.data),)


def look_at_blob(blob):
    """Change a byte of it; return its size, that byte, and whether it lies in a file of the node's."""
    view = memoryview(blob.data)
    view[0] += 1
    address = ctypes.addressof(ctypes.c_char.from_buffer(view))
    with open("/proc/self/maps") as file:
        for line in file:
            begin, end = (int(word, 16) for word in line.split()[0].split("-"))
            if begin <= address < end:
                return view.nbytes, view[0], "memfd:leanto-value" in line
