"""Functions whose attempts differ by the machine that they are made on."""

import os
import signal

import flaky


def home():
    return os.environ["HOME"]


def say_home():
    print("at", home(), flush=True)
    return home()


def die_in(*homes):
    """Its process dies on these machines."""
    print("at", home(), flush=True)
    if home() in homes:
        os.kill(os.getpid(), signal.SIGKILL)
    return home()


def fail_in(*homes):
    if home() in homes:
        raise flaky.Flaky(home())
    return home()


def wait_in(where, path):
    """On that machine, say so and wait for a file, which counts how often it came to that."""
    print("at", home(), flush=True)
    if home() == where:
        flaky.count(path + ".begun")
        while not os.path.exists(path):
            signal.sigtimedwait([], 0.02)
        print("on", flush=True)
    return home()


def fill_in(where, megabytes):
    """More memory than it has on that machine."""
    held = bytearray(os.urandom(1 << 20) * megabytes) if home() == where else b""
    return home(), len(held)


def fill(megabytes):
    return home(), len(bytearray(os.urandom(1 << 20) * megabytes))
