"""Functions that fail at first; how often they were called is in a file."""

import os
import signal
import time


class Flaky(Exception):
    pass


class VeryFlaky(Flaky):
    pass


def count(path):
    with open(path, "a") as file:
        file.write("x")
    return os.path.getsize(path)


def fail_until(path, enough):
    """Raise until the call that is the `enough`th; return which one it was."""
    number = count(path)
    print("attempt", number)
    if number < enough:
        raise VeryFlaky(f"the attempt {number}")
    return number


def fail_with_key(path):
    count(path)
    raise KeyError("no such thing")


def die_until(path, enough):
    number = count(path)
    if number < enough:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def grow_until(path, size, enough):
    """Take `size` bytes in all calls but from the `enough`th on."""
    number = count(path)
    print("attempt", number, flush=True)
    if number < enough:
        held = []
        for _ in range(size >> 20):
            held.append(bytearray(os.urandom(1024) * 1024))
            time.sleep(0.002)
    return number


def burn(seconds):
    """Use so much processor time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def wait(path, seconds):
    count(path)
    time.sleep(seconds)
    return "done"


def submit_again(path, n):
    """Call itself as a run, and wait for it."""
    import leanto as lt

    if n == 0:
        return count(path)
    return lt.function(submit_again).to(lt.here).submit(path, n - 1).result(timeout=60)
