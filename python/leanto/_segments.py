"""Large values between processes of one machine: through shared memory, not through the sockets.

A *segment* is shared memory that the node owns. A process that sends a value with large buffers asks the node for one, copies
them in and says in the frame's head where they are; the reader maps it and builds the value on it, without another copy. When the
last part of the value is gone there, the segment is free again, and the sender uses it for its next value: then its pages are
warm on both sides, and a value costs one copy.

Both sides agree through words in the segment's first page (docs/wire.md, "Segments"), so nothing has to be said about it: the
sender writes to it while it's free, the reader while it's borrowed.
"""

from __future__ import annotations

import _thread
import mmap
import os
import time

LEAST = 1 << 20  # bytes of buffers in a value; less goes through the socket
DATA_OFFSET = 4096
ALIGNMENT = 64
KEEP_WARM = 512 << 20  # bytes of free segments that a process keeps for its next values
MAX_MAPPINGS = 64
LOST_AFTER = 600.0  # seconds; who has not taken a value by then won't

MAGIC = 0x534D544C
_STATE, _GENERATION, _CLOSED, _BORROWER = 1, 2, 3, 4  # words of the header; word 0 is the magic
FREE, LENT, BORROWED = 0, 1, 2

_POPULATE = getattr(mmap, "MAP_POPULATE", 0x8000)

_lock = _thread.allocate_lock()
_pool: list = []  # segments that this process sends with
_mappings: dict = {}  # inode → Mapping of a segment that this process reads from
_loans: set = set()
_usable = True


class Mapping:
    """A segment in this process's memory."""

    __slots__ = ("inode", "map", "path", "size", "words")

    def __init__(
        self, path: str, inode: int, size: int, how: int = mmap.MAP_SHARED | _POPULATE
    ) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if status.st_ino != inode or status.st_size < DATA_OFFSET + size:
                raise FileNotFoundError(f"{path} is another file")
            self.map = mmap.mmap(descriptor, DATA_OFFSET + size, flags=how)
        finally:
            os.close(descriptor)
        self.path = path
        self.inode = inode
        self.size = size
        self.words = memoryview(self.map)[:64].cast("I")
        if self.words[0] != MAGIC:
            raise FileNotFoundError(f"{path} is no segment")

    def is_open(self) -> bool:
        """Whether the node that owns it is still there."""
        try:
            return not self.words[_CLOSED] and os.stat(self.path).st_ino == self.inode
        except OSError:
            return False

    def close(self) -> None:
        """Unmap it, unless a value still lies in it: then that goes on holding it."""
        self.words.release()
        try:
            self.map.close()
        except BufferError:
            pass


# Sending


class Owned:
    """A segment that this process sends with."""

    __slots__ = ("id", "is_on_disk", "lent_at", "mapping")

    def __init__(self, id_: int, mapping: Mapping, is_on_disk: bool) -> None:
        self.id = id_
        self.mapping = mapping
        self.is_on_disk = is_on_disk  # because memory was short; then it's used once
        self.lent_at = 0.0

    def is_lost(self) -> bool:
        """Whether it can't be used again, because its node or the process that reads from it is gone."""
        words = self.mapping.words
        if words[_STATE] == BORROWED and not os.path.exists(f"/proc/{words[_BORROWER]}"):
            return True
        return not self.mapping.is_open()

    def is_used_up(self) -> bool:
        return self.is_on_disk and self.mapping.words[_STATE] == FREE

    def lend(self) -> bool:
        """Take it for a value, if it's free; a value that nobody came for is given up."""
        words = self.mapping.words
        state = words[_STATE]
        if state == BORROWED or (state == LENT and time.monotonic() - self.lent_at < LOST_AFTER):
            return False
        words[_GENERATION] = (words[_GENERATION] + 1) & 0xFFFFFFFF
        if words[_STATE] == BORROWED:  # somebody came in this very moment
            return False
        words[_STATE] = LENT
        self.lent_at = time.monotonic()
        return True


class Lent(tuple):
    """The buffers of a value that lie in a segment: none that the frame has to carry. `words` go into its head.

    If `settles`, the segment is free again when this object goes, unless a reader has taken the value.
    """

    words: dict
    owned: Owned
    settles = False

    def __del__(self) -> None:
        if self.settles:
            words = self.owned.mapping.words
            if words[_STATE] == LENT and words[_GENERATION] == self.words["g"]:
                words[_STATE] = FREE


def give_away(lent: Lent) -> None:
    """Never use the segment again: the node keeps the value that is in it."""
    with _lock:
        _pool.remove(lent.owned)
    lent.owned.mapping.close()


def lend(buffers: list) -> Lent | None:
    """Copy the buffers into a segment. None if there is none to be had: then they go through the socket."""
    if not _usable:
        return None
    sizes = [buffer.nbytes for buffer in buffers]
    owned = _take(_end_of(sizes))
    if owned is None:
        return None
    at = DATA_OFFSET
    for buffer, size in zip(buffers, sizes):
        memoryview(owned.mapping.map)[at : at + size] = buffer
        at += _aligned(size)
    mapping = owned.mapping
    lent = Lent()
    lent.owned = owned
    lent.words = {
        "p": mapping.path,
        "i": mapping.inode,
        "n": mapping.size,
        "g": mapping.words[_GENERATION],
        "s": sizes,
    }
    return lent


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _end_of(sizes: list) -> int:
    return sum(map(_aligned, sizes))


def _take(size: int) -> Owned | None:
    most = max(4 * size, 16 << 20)  # a much larger one is kept for larger values
    with _lock:
        _forget_useless()
        for owned in sorted(_pool, key=lambda owned: owned.mapping.size):
            if size <= owned.mapping.size <= most and not owned.is_on_disk and owned.lend():
                return owned
        _trim(KEEP_WARM - size)
        owned = _make(size)
        if owned is not None and owned.lend():
            _pool.append(owned)
            return owned
    return None


def _forget_useless() -> None:
    """Leave out segments on disk that were used, and those whose node or whose reader is gone.

    What lies in them stays with who has it mapped.
    """
    for owned in [owned for owned in _pool if owned.is_lost() or owned.is_used_up()]:
        _pool.remove(owned)
        if owned.mapping.is_open():
            _close(owned)
        owned.mapping.close()


def _close(owned: Owned) -> None:
    from leanto._nodes import here
    from leanto.errors import LeantoError

    try:
        here.ask("close_segment", id=owned.id)
    except LeantoError:
        pass  # the node is going away, and its segments with it


def _make(size: int) -> Owned | None:
    from leanto._nodes import here
    from leanto.errors import CapacityError, LeantoError

    size = _rounded(size)
    try:
        try:
            head, _ = here.ask("segment", size=size)
        except CapacityError:
            if not _trim(0):
                return None
            head, _ = here.ask("segment", size=size)
    except LeantoError:
        return None
    try:
        return Owned(head["id"], Mapping(head["path"], head["inode"], size), head["disk"])
    except OSError:
        global _usable
        _usable = False  # the node runs where this process can't see it, in another container
        return None


def _rounded(size: int) -> int:
    """Up to an eighth more, so that values of nearly the same size share segments."""
    step = max(1 << 20, 1 << max(size.bit_length() - 4, 0))
    return -(-size // step) * step


def _trim(keep: int) -> bool:
    """Give free segments back to the node, the largest first, until at most `keep` bytes of them are left."""
    free = [owned for owned in _pool if owned.mapping.words[_STATE] == FREE]
    free.sort(key=lambda owned: owned.mapping.size)
    left = sum(owned.mapping.size for owned in free)
    trimmed = False
    while free and left > keep:
        owned = free.pop()
        left -= owned.mapping.size
        _pool.remove(owned)
        _close(owned)
        owned.mapping.close()
        trimmed = True
    return trimmed


# Reading


class Loan:
    """A value that lies in a segment here, until its last part is gone."""

    __slots__ = ("forked", "mapping", "parts", "pid")

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.pid = os.getpid()
        self.parts = 0
        self.forked = False

    def give_back_part(self) -> None:
        self.parts -= 1
        if self.parts or self.pid != os.getpid():
            return
        _loans.discard(self)
        mapping = self.mapping
        if self.forked:
            return  # a child may still read it, so nobody may write there any more
        mapping.words[_STATE] = FREE
        if mapping.words[_CLOSED] and _mappings.pop(mapping.inode, None) is not None:
            mapping.close()


def borrow(words: dict) -> list:
    """Return the buffers of a value that was lent. Raises OSError if they aren't there (any more)."""
    if words.get("k"):
        return _view_kept(words)
    mapping = _map(words)
    header = mapping.words
    if header[_GENERATION] != words["g"] or header[_STATE] != LENT:
        raise FileNotFoundError("the shared memory that carried the value is in other use by now")
    header[_STATE] = BORROWED
    header[_BORROWER] = os.getpid()
    if header[_GENERATION] != words["g"]:
        raise FileNotFoundError("the shared memory that carried the value is in other use by now")
    loan = Loan(mapping)
    _loans.add(loan)
    sizes = words["s"]
    loan.parts = len(sizes)
    buffers = []
    at = DATA_OFFSET
    for size in sizes:
        buffers.append(_part(loan, at, size))
        at += _aligned(size)
    return buffers


def _view_kept(words: dict) -> list:
    """The buffers of a value that the node keeps: others read it too, so what is written to it stays here."""
    how = mmap.MAP_PRIVATE  # to populate that would be to copy it
    mapping = Mapping(words["p"], words["i"], words["n"], how)
    mapping.words.release()
    view = memoryview(mapping.map)
    buffers = []
    at = DATA_OFFSET
    for size in words["s"]:
        buffers.append(view[at : at + size])
        at += _aligned(size)
    return buffers


def map_file(words: dict) -> memoryview:
    """A body that lies in a file of the node's: what is written to it stays here. Raises OSError if it isn't there."""
    descriptor = os.open(words["p"], os.O_RDONLY | os.O_CLOEXEC)
    try:
        return memoryview(mmap.mmap(descriptor, words["n"], flags=mmap.MAP_PRIVATE))
    finally:
        os.close(descriptor)


def _map(words: dict) -> Mapping:
    mapping = _mappings.get(words["i"])
    if mapping is not None and mapping.path == words["p"]:
        return mapping
    if len(_mappings) >= MAX_MAPPINGS:
        _forget_unused()
    mapping = _mappings[words["i"]] = Mapping(words["p"], words["i"], words["n"])
    return mapping


def _forget_unused() -> None:
    used = {loan.mapping for loan in _loans}
    for mapping in [mapping for mapping in _mappings.values() if mapping not in used]:
        del _mappings[mapping.inode]
        mapping.close()


_part_types: dict = {}  # size → a type of that many bytes


def _part(loan: Loan, at: int, size: int) -> memoryview:
    """A view of a part of the mapping; when the last that was made from it is gone, the part is given back."""
    import ctypes
    import weakref

    if size not in _part_types:
        if len(_part_types) >= 1024:
            _part_types.clear()
        # A class of its own, because instances of c_char * size can't be referred to weakly.
        body = {"_type_": ctypes.c_char, "_length_": size}
        _part_types[size] = type("Part", (ctypes.Array,), body)
    part = _part_types[size].from_buffer(loan.mapping.map, at)
    weakref.finalize(part, loan.give_back_part).atexit = False
    return memoryview(part).cast("B")


# Forks: a child has its parent's memory. It must not send with it, and what it reads must stay as it is.


def _before_fork() -> None:
    for loan in _loans:
        loan.forked = True


def _after_fork_in_child() -> None:
    global _lock
    _lock = _thread.allocate_lock()
    _pool.clear()
    _loans.clear()
    _mappings.clear()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
