"""What the tasks of the tests do: ordinary functions, which know neither Airflow nor Leanto."""

import os
import time

MEGABYTE = 1_000_000


def double(x):
    print(f"doubling {x}")
    return 2 * x


def add(*numbers):
    return sum(numbers)


def nothing():
    return None


def note_and_hold(directory, text):
    """Note that it was called, say line after line until it's released, and return the text."""
    with open(os.path.join(directory, "notes"), "a") as file:
        file.write(f"{text} {os.getpid()}\n")
    print(f"holding {text}", flush=True)
    while not os.path.exists(os.path.join(directory, "released")):
        time.sleep(0.02)
    print(f"released {text}", flush=True)
    return text


def die_once(directory):
    """Die in the middle the first time; return how often it was called."""
    path = os.path.join(directory, "calls")
    with open(path, "a") as file:
        file.write("x")
    calls = os.path.getsize(path)
    if calls == 1:
        print("about to die", flush=True)
        os._exit(3)
    return calls


def take(megabytes):
    return len(bytearray(os.urandom(MEGABYTE)) * megabytes)


def fail(text):
    price = {"apple": 1}
    return price[text]
