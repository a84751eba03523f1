"""A project for tests of resources: code that takes memory, looks at its GPUs, and holds what it has."""

import os
import subprocess
import sys
import time

IMPORTED_WITH = os.environ.get("CUDA_VISIBLE_DEVICES")

MEGABYTE = 1_000_000
held = []


def take(megabytes):
    """Take so much memory at once; return how much was taken."""
    print(f"taking {megabytes} MB", flush=True)
    held.append(bytearray(os.urandom(MEGABYTE)) * megabytes)
    return len(held[-1])


def let_go():
    held.clear()


def take_in_child(megabytes):
    """Have a child process take so much memory, and survive whatever becomes of it."""
    code = f"print(len(bytearray(b'x' * {MEGABYTE}) * {megabytes}))"
    print("my child takes it", flush=True)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True)
    time.sleep(60)
    return done.returncode


def raise_memory_error():
    raise MemoryError("no room for an array")


class OutOfMemoryError(RuntimeError):
    """As a GPU's library has it."""


OutOfMemoryError.__module__ = "torch.cuda"


def raise_gpu_memory_error():
    raise OutOfMemoryError("CUDA out of memory")


def devices():
    """Return what CUDA would see: when the module was imported, and now."""
    return IMPORTED_WITH, os.environ.get("CUDA_VISIBLE_DEVICES")


def hold(started, released):
    """Say that it runs, and wait until it may end; return the process and its GPUs."""
    with open(started, "w") as file:
        file.write(str(os.getpid()))
    while not os.path.exists(released):
        time.sleep(0.005)
    return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")


def pid():
    return os.getpid()


class Model:
    """Something that lives on a GPU."""

    def __init__(self):
        self.devices = os.environ.get("CUDA_VISIBLE_DEVICES")

    def where(self):
        return self.devices

    def take(self, megabytes):
        return take(megabytes)


warmed_up = []


def warm_up():
    print("warming up", flush=True)
    warmed_up.append(os.getpid())


def fail_to_warm_up():
    raise RuntimeError("the weights are not there")


async def warm_up_later():
    pass


def warmth():
    """Return for whom this worker has warmed up, and who it is."""
    return warmed_up, os.getpid()


class Warm:
    """Something that warms up."""

    of_class = []

    def __init__(self):
        self.steps = ["made"]

    def load(self):
        self.steps.append("loaded")

    def fail(self):
        raise RuntimeError("the weights are not there")

    @classmethod
    def load_all(cls):
        cls.of_class.append(os.getpid())

    @classmethod
    def loaded_for(cls):
        return cls.of_class, os.getpid()


def items(count):
    yield os.getpid()
    yield from range(count)
