"""How durable runs outlive a daemon that is killed: a page of memory that a zygote shares with its workers, and the
way to the next daemon.

A worker counts in the page the runs whose outcome isn't on record yet. When the daemon is gone, its zygote ends all workers
but those that count some, and looks for the next daemon, which listens in the same directory. Once that has taken the zygote
back, the page says so, and each worker goes there by itself (`leanto.worker.rejoin`).

The directory has, beside that socket, a file for each zygote, on which it and its workers hold a lock: so the next daemon knows
whom to wait for. A worker whose zygote ends, however that happens, is killed by the kernel in the same moment: nobody could take
it back, or say when it has ended.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket

SOCKET = "rejoin.sock"
LIMIT = 60.0  # seconds that a worker with a durable run waits for the next daemon
PAUSE = 0.02  # seconds between two looks
MESSAGE_SIZE = 1 << 20

_SIZE = 1 << 16  # bytes of the page: two of the zygote's, and then one a worker
_NODES = 0  # how many daemons the zygote has had
_GONE = 1  # whether the last one is gone
_FIRST = 2


class Lifeline:
    """The page, as the zygote has it."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._page = mmap.mmap(-1, _SIZE)
        self._free = list(range(_SIZE - 1, _FIRST - 1, -1))
        self._lock_file = _hold_lock(directory)
        self._alive = (
            os.pipe()
        )  # nobody writes; the end for that is the zygote's only, and closes with it

    def take(self) -> int:
        """Return a worker's place in the page; 0, which keeps nothing alive, if there is none left."""
        place = self._free.pop() if self._free else 0
        if place:
            self._page[place] = 0
        return place

    def give_back(self, place: int) -> None:
        if place:
            self._free.append(place)

    def has_runs(self, place: int) -> bool:
        return place > 0 and self._page[place] > 0

    def say_node_is_gone(self) -> None:
        self._page[_GONE] = 1

    def say_node_is_there(self) -> None:
        self._page[_NODES] = (self._page[_NODES] + 1) % 256
        self._page[_GONE] = 0

    def worker(self, place: int) -> WorkerLifeline:
        """Return the worker's side, in the process that was forked."""
        read, write = self._alive
        os.close(write)
        _die_with_the_writer_of(read)
        return WorkerLifeline(self._page, place, self.directory, self._lock_file)

    def close(self) -> None:
        """The zygote ends."""
        try:
            os.unlink(_lock_path(self.directory))
        except OSError:
            pass


class WorkerLifeline:
    """The page, as a worker has it."""

    def __init__(self, page: mmap.mmap, place: int, directory: str, lock_file: int) -> None:
        self._page = page
        self._place = place
        self.directory = directory
        self._lock_file = (
            lock_file  # the zygote's lock is held for as long as this is open anywhere
        )
        self._nodes = page[_NODES]

    def count(self, runs: int) -> None:
        """Say how many runs this worker has whose outcome isn't on record."""
        if self._place:
            self._page[self._place] = min(runs, 255)

    def node_is_gone(self) -> bool:
        return self._page[_GONE] != 0

    def has_next_node(self) -> bool:
        """Whether there is a daemon that isn't the one which this worker was with."""
        return self._page[_NODES] != self._nodes and not self.node_is_gone()

    def join(self) -> None:
        """This worker is with the one that there is."""
        self._nodes = self._page[_NODES]

    def close_in_child(self) -> None:
        """In a process that user code has forked: nobody waits for it."""
        os.close(self._lock_file)


def connect(directory: str) -> socket.socket | None:
    """Return a connection to the daemon that listens in `directory`; None if there is none."""
    # By the directory's descriptor: an address has no room for a long path.
    try:
        at = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"/proc/self/fd/{at}/{SOCKET}")
    except OSError:
        connection.close()
        return None
    finally:
        os.close(at)
    return connection


def _die_with_the_writer_of(pipe: int) -> None:
    """Have the kernel kill this process as soon as the pipe `pipe` has no writer any more.

    (PR_SET_PDEATHSIG does the same, and would need ctypes, whose import takes as long as all of the zygote's own modules.)
    """
    import fcntl

    # Opened anew: who is told is a property of the open file, and each worker is to be told of its own.
    own = os.open(f"/proc/self/fd/{pipe}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.close(pipe)
    fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(own, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    if _has_no_writer(own):  # before the kernel was asked
        os._exit(1)


def _has_no_writer(pipe: int) -> bool:
    try:
        return os.read(pipe, 1) == b""
    except BlockingIOError:
        return False


def _lock_path(directory: str) -> str:
    return f"{directory}/{os.getpid()}"


def _hold_lock(directory: str) -> int:
    import fcntl

    descriptor = os.open(_lock_path(directory), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
