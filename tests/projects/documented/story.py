"""What the examples of the API reference send and call."""

import os
import sys
import time


def count_words(text):
    print("counting")
    return len(text.split())


def join(first, second):
    return f"{first} {second}"


def letters(text):
    yield from text


def halve(number):
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def rest(seconds):
    for _ in range(int(seconds * 100)):
        time.sleep(0.01)


def fill(megabytes):
    return len(bytearray(os.urandom(1_000_000)) * megabytes)


def leave(code):
    os._exit(code)


def give_up():
    sys.exit(2)


def fail_at_first(path):
    """Raise ConnectionError unless there is a file at `path`, which is made."""
    if not os.path.exists(path):
        open(path, "w").close()
        raise ConnectionError("not yet")
    return "at last"


class Counter:
    def __init__(self, start=0):
        self.value = start

    def add(self, n=1):
        self.value += n
        return self.value

    def __len__(self):
        return self.value
