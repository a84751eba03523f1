"""Functions that write, wait for each other, fail in odd ways and start processes."""

import ctypes
import logging
import os
import subprocess
import sys
import threading
import time
import types
import warnings


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.001)


def touch(path):
    with open(path, "w"):
        pass


def call(function, *args, **named):
    return function(*args, **named)


def hold(started, released):
    """Say by a file that it runs, and wait for another file."""
    touch(started)
    wait_for(released)
    return os.getpid()


def hold_stream(started, released):
    yield 1
    touch(started)
    wait_for(released)
    yield 2


async def hold_later(started, released):
    import asyncio

    touch(started)
    while not os.path.exists(released):
        await asyncio.sleep(0.001)
    return os.getpid()


def only_there():
    """Return an instance of a class that can be imported in this process only."""
    module = sys.modules.setdefault("ghost", types.ModuleType("ghost"))
    module.Ghost = type("Ghost", (), {"__module__": "ghost"})
    return module.Ghost()


def raise_only_there():
    class_ = type(only_there())
    error = type("GhostError", (ValueError,), {"__module__": "ghost"})
    sys.modules["ghost"].GhostError = error
    raise error(f"no {class_.__name__} here")


def raise_holding(size):
    """Raise an exception that holds an array of so many bytes."""
    import numpy

    raise ValueError("a bad batch", numpy.full(size, 7, numpy.uint8))


def raise_from_another():
    try:
        return {}["the key"]
    except KeyError as error:
        raise ValueError("the outer one") from error


def stream_then_lock():
    yield 1
    yield threading.Lock()


class NeverThere:
    """Pickles in one process and cannot be rebuilt in another."""

    def __init__(self):
        self.home = os.getpid()

    def __setstate__(self, state):
        if state["home"] != os.getpid():
            raise RuntimeError("this one does not travel")


# Writing


def talk(tag, n):
    """Write numbered lines from here, from a child and from a thread, on both streams."""
    for i in range(n):
        print(f"{tag} print {i}")
        print(f"{tag} error {i}", file=sys.stderr)
        subprocess.run(["echo", f"{tag} child {i}"], check=True)
        thread = threading.Thread(target=print, args=(f"{tag} thread {i}",))
        thread.start()
        thread.join()
    return os.getpid()


def talk_together(tag, mine, other, n):
    """The same, once another call of this worker has begun to, too."""
    touch(mine)
    wait_for(other)
    return talk(tag, n)


def talk_on_record(tag, n):
    return talk(tag, n)


async def talk_later(tag, n):
    import asyncio

    for i in range(n):
        print(f"{tag} {i}")
        await asyncio.sleep(0)


def burst(n):
    for i in range(n):
        print(f"line {i}")


def write_then_hold(text, released):
    sys.stdout.write(text)
    sys.stdout.flush()
    wait_for(released)


def write_both(released):
    print("to the one")
    print("to the other", file=sys.stderr)
    wait_for(released)


def log_and_warn():
    logging.getLogger("workshop").warning("logged")
    warnings.warn("warned", stacklevel=1)


def print_in_c(text):
    libc = ctypes.CDLL(None)
    libc.printf(b"%s\n", text.encode())


def print_in_c_and_here(n):
    libc = ctypes.CDLL(None)
    for i in range(n):
        libc.printf(b"c %d\n", i)
        print(f"python {i}")


def write_bytes():
    sys.stdout.buffer.write("grüße ☃\n".encode())
    sys.stdout.buffer.flush()
    os.write(1, b"not utf-8: \xff\n")


def print_and_yield(n):
    for i in range(n):
        print(f"before {i}")
        yield i


def print_then_die(n):
    for i in range(n):
        print(f"last words {i}")
    print("without an end", end="")
    sys.stdout.flush()
    os.abort()


def print_nested(text):
    import leanto as lt

    print("before")
    lt.function(name="workshop burst")(2)
    print(f"after {text}")


# Processes


def start_children():
    """Start a child, one in a session of its own, one whose parent has ended; return pids."""
    plain = subprocess.Popen(["sleep", "600"])
    session = subprocess.Popen(["sleep", "600"], start_new_session=True)
    shell = "setsid sleep 600 > /dev/null 2>&1 & echo $!"
    orphan = subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, check=True, text=True)
    return [plain.pid, session.pid, int(orphan.stdout)]


class Speaker:
    def __init__(self):
        print("made")

    def say(self, text):
        print(text)

    @property
    def word(self):
        print("read")
        return "word"


class Shelf:
    """Keeps a file open."""

    def __init__(self, path):
        self.file = open(path, "w+")
        self.threads = set()

    def add(self, line):
        self.threads.add(threading.get_ident())
        self.file.write(line + "\n")

    def add_slowly(self, line, started, released):
        self.add(line)
        hold(started, released)

    def read(self):
        self.file.seek(0)
        return self.file.read(), len(self.threads)


# For runs


def note(path, text):
    """Append a line to a file: how often did this happen?"""
    with open(path, "a") as file:
        file.write(f"{text}\n")
    return text


def note_and_hold(path, text, released):
    note(path, text)
    wait_for(released)
    return text


def ignore_interrupts(started, released):
    while True:
        try:
            touch(started)
            wait_for(released)
            return os.getpid()
        except KeyboardInterrupt:
            pass


def print_lines(texts):
    """Print each text, those that begin with "!" to stderr."""
    for text in texts:
        print(text, file=sys.stderr if text.startswith("!") else sys.stdout)


def print_when_told(directory, n):
    """Print line i when the file i is there."""
    for i in range(n):
        wait_for(os.path.join(directory, str(i)))
        print(f"line {i}")


def bytes_of(n):
    return os.urandom(1) * n


def submit_inside(function, *args):
    return function.submit(*args).result()


def hidden_generator(n):
    return (i for i in range(n))


def fail_when_told(path, text):
    wait_for(path)
    raise ValueError(text)


def bytes_when_told(path, size):
    wait_for(path)
    return b"x" * size


def print_variable_when_told(name, path):
    wait_for(path)
    print(os.environ[name])


def allocate_when_told(started, released, size):
    touch(started)
    wait_for(released)
    return len(b"x" * size)


def run_command(command):
    return subprocess.run(command).returncode


def fork_and_hold_on_to_everything(started):
    """Never end, whatever is raised here; nor does the child, whose pid is written."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    note(started, str(child))
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
