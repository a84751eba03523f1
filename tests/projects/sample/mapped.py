"""Functions that the tests map over items."""

import os
import time


def wait_for(path, value):
    """Return the value as soon as there is such a file."""
    while not os.path.exists(path):
        time.sleep(0.005)
    return value


def half(value):
    if value % 2:
        raise ValueError(f"{value} is odd")
    return value // 2


def shout(text):
    print(f"shouting {text}")
    return text.upper()


def begin_and_wait(directory):
    """Note that it has begun, wait until it's cancelled, and note that."""
    note(directory, "begun")
    try:
        while True:
            time.sleep(0.005)
    finally:
        note(directory, "ended")


def note(directory, what):
    with open(os.path.join(directory, what), "a") as file:
        file.write("x\n")


async def double_later(value):
    return 2 * value
