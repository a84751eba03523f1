"""Snapshots without a node beside this program: a project as content, with the same digests (src/store/tree.h says the format).

What was read of a file is remembered in the user's cache directory with its stat, so that an unchanged file is not read again,
in this program and in the next.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
import sys
import time

from leanto import _scan
from leanto._scan import DIRECTORY, LINK, Scan
from leanto.errors import SnapshotError

_HEADER = b"leanto tree 1\n"
_ENTRY = struct.Struct("<c32sQH")
_TICK = 20_000_000  # ns; two writes within one tick of the kernel's clock leave the same times
_COARSE_TICK = 2_100_000_000  # of file systems that count in seconds
_ROUNDS = 3
_PORTION = 1 << 20
_OPEN = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_NOINHERIT")
)


class Snapshot:
    """A project at a moment.

    ``digest``: of its tree, hex. ``blobs``: digest (32 bytes) → the bytes of a directory's tree, or the path of a file;
    each after what is in it. ``sizes``: digest → bytes.
    """

    __slots__ = ("blobs", "digest", "root", "sizes")

    def __init__(self, root: str, digest: str, blobs: dict, sizes: dict) -> None:
        self.root = root
        self.digest = digest
        self.blobs = blobs
        self.sizes = sizes

    def read(self, digest: bytes) -> bytes:
        """Return the bytes of a blob. Raises SnapshotError if its file isn't what it was any more."""
        blob = self.blobs[digest]
        if isinstance(blob, _Encoding):
            return blob.data
        try:
            with open(blob, "rb") as file:
                data = file.read()
        except OSError:
            data = b""
        if hashlib.sha256(data).digest() != digest:
            raise Changed(
                f"{_scan.show(blob)} changed while the project was sent; try again when its writer is done, or add it to "
                ".leantoignore"
            )
        return data


class Changed(SnapshotError):
    """A file was written while it was read; taking the snapshot again may help."""


class _Encoding:
    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def take(root: str) -> Snapshot:
    """Return the snapshot of a project as it is now; `root` is its directory.

    Raises SnapshotError, which names the files that can't travel and the line of ``.leantoignore`` that leaves them out.
    """
    real = os.fsencode(os.path.realpath(root))
    if not os.path.isdir(real):
        raise SnapshotError(
            f"the project directory {root} is not there any more; go back to it or send the code from where it is now"
        )
    known = _Known.of(real)
    for left in reversed(range(_ROUNDS)):
        try:
            return _take(root, Scan(real), known)
        except Changed:
            if not left:
                raise
    raise AssertionError


def _take(root: str, scan: Scan, known: _Known) -> Snapshot:
    problems: dict = {}
    _read_all(scan, scan.top, known, problems)
    if problems:
        raise SnapshotError(scan.report(problems))
    known.save()
    blobs: dict = {}
    sizes: dict = {}
    digest, _ = _encode(scan, scan.top, blobs, sizes)
    return Snapshot(root, digest.hex(), blobs, sizes)


def _read_all(scan: Scan, directory: _scan.Directory, known: _Known, problems: dict) -> None:
    for name, file in list(directory.files.items()):
        path = directory.of(name)
        if file.kind == LINK:
            file.digest = hashlib.sha256(file.target).digest()
            continue
        file.digest = known.find(path, file.seen)
        if file.digest:
            continue
        try:
            known.add(path, file, _read(scan.absolute(path), file))
        except FileNotFoundError:
            del directory.files[name]
        except PermissionError:
            problems[path] = "it may not be read"
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link has come in its place
                raise Changed(
                    f"{_scan.show(path)} keeps changing; try again when it doesn't"
                ) from None
            problems[path] = f"it can't be read: {error.strerror}"
    for below in directory.directories.values():
        _read_all(scan, below, known, problems)


def _read(path: bytes, file: _scan.File) -> int:
    """Fill in the digest of a file, and what it was when its bytes were these; return when the reading began (ns)."""
    for _ in range(_ROUNDS):
        begun = time.time_ns()
        with open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, _OPEN)) as opened:
            before = os.fstat(opened.fileno())
            digest, size = _digest(opened, before.st_size)
            after = os.fstat(opened.fileno())
        if size == before.st_size and _scan.seen_of(before)[:2] == _scan.seen_of(after)[:2]:
            file.digest, file.size = digest, size
            file.kind, file.seen = _scan.kind_of(before), _scan.seen_of(before)
            return begun
    raise Changed(
        f"{_scan.show(path)} changed while it was read, {_ROUNDS} times; try again when its writer is done, or add it to "
        ".leantoignore"
    )


def _digest(opened: object, most: int) -> tuple:
    """Return digest and size; a file that grows as fast as it's read has no end."""
    running, size = hashlib.sha256(), 0
    while size <= most:
        portion = opened.read(_PORTION)
        if not portion:
            break
        running.update(portion)
        size += len(portion)
    return running.digest(), size


def _encode(scan: Scan, directory: _scan.Directory, blobs: dict, sizes: dict) -> tuple:
    """Return (digest, size) of a directory's tree, and add it to `blobs` with all that's in it."""
    entries = []
    for name, file in directory.files.items():
        entries.append((name, file.kind, file.digest, file.size, file.target))
        if file.kind != LINK and file.digest not in blobs:
            blobs[file.digest] = scan.absolute(directory.of(name))
            sizes[file.digest] = file.size
    for name, below in directory.directories.items():
        entries.append((name, DIRECTORY, *_encode(scan, below, blobs, sizes), b""))
    pieces, total = [_HEADER], 0
    for name, kind, digest, size, target in sorted(entries):
        pieces.append(_ENTRY.pack(kind, digest, size, len(name)) + name)
        if kind == LINK:
            pieces.append(struct.pack("<H", len(target)) + target)
        total += size
    data = b"".join(pieces)
    digest = hashlib.sha256(data).digest()
    blobs.setdefault(digest, _Encoding(data))
    sizes.setdefault(digest, len(data))
    return digest, total


class _Known:
    """What was read of a project's files: path → stat and digest. It's kept as a file, which no other program must rely on."""

    _of: dict = {}  # noqa: RUF012 - root → what this program knows of it

    def __init__(self, root: bytes) -> None:
        self._file = cache_file(root, "files.json")
        self._files: dict = {}
        self._current: dict = {}  # of these, the files that are still there as they were
        self._changed = False
        try:
            import json

            with open(self._file, encoding="ascii") as file:
                self._files = json.load(file)
        except (OSError, ValueError):
            pass  # there is none yet
        if not isinstance(self._files, dict):
            self._files = {}

    @classmethod
    def of(cls, root: bytes) -> _Known:
        if root not in cls._of:
            cls._of[root] = cls(root)
        return cls._of[root]

    def find(self, path: bytes, seen: tuple) -> bytes:
        """Return the digest of a file whose stat is `seen`; empty if it has to be read."""
        name = os.fsdecode(path)
        row = self._files.get(name)
        try:
            if row is None or tuple(row[1:]) != seen:
                return b""
            digest = bytes.fromhex(row[0])
        except (TypeError, ValueError):
            return b""  # damaged
        self._current[name] = row
        return digest

    def add(self, path: bytes, file: _scan.File, begun: int) -> None:
        """Remember what was read, unless a change might not show in the file's stat."""
        size, mtime, ctime, inode = file.seen
        changed = mtime if os.name == "nt" else ctime  # there the latter is the time of creation
        tick = _TICK if changed % 1_000_000_000 else _COARSE_TICK
        self._changed = True
        if changed <= begun - tick:
            self._current[os.fsdecode(path)] = [file.digest.hex(), size, mtime, ctime, inode]

    def save(self) -> None:
        """Keep what was found and added since the last time, and nothing else."""
        files, self._files, self._current = self._files, self._current, {}
        if not self._changed and len(files) == len(self._files):
            return
        self._changed = False
        import json

        write_cache(self._file, json.dumps(self._files).encode("ascii"))


def cache_file(root: bytes, name: str) -> str:
    """Return the path of a file of the user's cache that is about a project."""
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    of_root = hashlib.sha256(root).hexdigest()[:32]
    return os.path.join(base, "leanto", "snapshots", f"{of_root}.{name}")


def write_cache(path: str, data: bytes) -> None:
    """Write a file of the cache as a whole; where that isn't possible, everything works without, and slower."""
    new = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(new, "wb") as file:
            file.write(data)
        os.replace(new, path)
    except OSError:
        try:
            os.unlink(new)
        except OSError:
            pass
