"""What the runs of the chaos suite do. Each says in a file, the history, that it starts and that it ends."""

import ctypes
import hashlib
import os
import signal
import subprocess
import time


class Flaky(Exception):
    pass


class Noted:
    """A line in the history for the start and one for the end, each with one write."""

    def __init__(self, history, key):
        self.history = history
        self.key = key
        self.token = os.urandom(4).hex()

    def __enter__(self):
        self.write("start")
        return self

    def __exit__(self, kind, error, trace):
        # An interrupted one goes on until here, so it counts as running until here.
        self.write("end" if kind is None else "left")

    def write(self, word):
        line = f"{word} {self.key} {self.token} {os.getpid()} {time.monotonic_ns()}\n"
        file = os.open(self.history, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)


def value_of(key):
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def count_starts(history, key):
    with open(history) as file:
        return sum(line.startswith(f"start {key} ") for line in file)


def quick(history, key):
    with Noted(history, key):
        return value_of(key)


def slow(history, key, seconds):
    with Noted(history, key):
        time.sleep(seconds)
        return value_of(key)


def talk(history, key, lines):
    with Noted(history, key) as noted:
        for number in range(lines):
            print(noted.token, number)
        return value_of(key)


def large(history, key, size):
    with Noted(history, key):
        return (value_of(key) * (size // 16)).encode()


def fail(history, key):
    with Noted(history, key):
        raise ValueError(key)


def flaky(history, key, times):
    with Noted(history, key):
        if count_starts(history, key) <= times:
            raise Flaky(key)
        return value_of(key)


def die(history, key, times):
    with Noted(history, key):
        if count_starts(history, key) <= times:
            os.kill(os.getpid(), signal.SIGKILL)
        return value_of(key)


def leave_child(history, key):
    """Leave a child in a session of its own."""
    with Noted(history, key):
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        return value_of(key)


def stubborn(history, key, seconds):
    """Go on when interrupted."""
    with Noted(history, key):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                time.sleep(0.01)
            except KeyboardInterrupt:
                pass
        return value_of(key)


def deaf(history, key, seconds):
    """Go on when interrupted and when terminated."""
    ctypes.CDLL(None).signal(int(signal.SIGTERM), ctypes.c_void_p(1))  # SIG_IGN, from any thread
    return stubborn(history, key, seconds)


def wide():
    """Take all slots of the node; returns when it has them."""
    return "all"
