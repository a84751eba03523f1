"""What of a project travels: its files, links and directories, found by looking at the file system and reading only ignore files.

The same leaves home as where a node takes the snapshot (src/store/source_index.h): what git would track or list as untracked,
without caches and virtual environments; empty directories do. Paths are bytes with ``/``, from the root.
"""

from __future__ import annotations

import os
import stat

from leanto import _ignore
from leanto.errors import SnapshotError

MAX_FILES = 50_000
MAX_BYTES = 512_000_000
MAX_DEPTH = 256  # levels of directories, the root counts
MAX_NAME = 255
_PATIENCE = (
    10  # times the limit: who has seen so many files has seen enough to say what is too large
)
_SHOWN = 5
_ON_WINDOWS = os.name == "nt"

FILE, EXECUTABLE, LINK, DIRECTORY = b"f", b"x", b"l", b"d"


class File:
    """A file or link; `digest` is unknown until it's read, `seen` is the part of its stat that changes with its contents."""

    __slots__ = ("digest", "kind", "seen", "size", "target")

    def __init__(self, kind: bytes, size: int, seen: tuple = (), target: bytes = b"") -> None:
        self.kind = kind
        self.size = size
        self.seen = seen
        self.target = target
        self.digest = b""


class Directory:
    """A directory: what travels of it, by name."""

    __slots__ = ("directories", "files", "path")

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.files: dict = {}
        self.directories: dict = {}

    def of(self, name: bytes) -> bytes:
        """Return the path of an entry."""
        return self.path + b"/" + name if self.path else name


def kind_of(status: os.stat_result) -> bytes:
    """Return the kind of a regular file. On Windows nothing says which are to be executed."""
    return EXECUTABLE if status.st_mode & stat.S_IXUSR and not _ON_WINDOWS else FILE


def seen_of(status: os.stat_result) -> tuple:
    """Return what tells whether a file is still the one that was read."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


class Scan:
    """Looks through a project. `root` is absolute, without links. Raises SnapshotError if it can't travel as a whole.

    ``top``: its `Directory`; ``files`` and ``bytes``: how much is in it.
    """

    def __init__(self, root: bytes, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES) -> None:
        self.root = root
        self.top = Directory(b"")
        self.files = 0
        self.bytes = 0
        self._max_files = max_files
        self._links: list = []
        self._problems: dict = {}
        self._look_into(self.top, _rules_from_outside(root), 1)
        if self.files > max_files or self.bytes > max_bytes:
            raise SnapshotError(self._too_large(max_files, max_bytes))
        for path, target in self._links:
            if _leads_out(root, path, target):
                shown = show(target)
                self._problems[path] = (
                    f"it is a link to {shown}, which is outside of the project; put the file inside"
                )
        if self._problems:
            raise SnapshotError(self.report(self._problems))

    def absolute(self, path: bytes) -> bytes:
        """Return the path in the file system."""
        return os.path.join(self.root, path) if path else self.root

    def _look_into(self, directory: Directory, outer: object, depth: int) -> bool:
        """Fill in what is in a directory; False if it doesn't travel, because it's a virtual environment."""
        if depth > MAX_DEPTH:
            raise SnapshotError(
                f"the project {show(self.root)} has directories nested deeper than {MAX_DEPTH}; add the one where that "
                "begins to .leantoignore"
            )
        try:
            with os.scandir(self.absolute(directory.path)) as found:
                items = sorted(found, key=_name_of)
        except (FileNotFoundError, NotADirectoryError):
            return True  # it has gone in the meantime
        except OSError as error:
            self._problems[directory.path] = f"it can't be listed: {error.strerror}"
            return True
        names = {item.name for item in items}
        if directory.path and b"pyvenv.cfg" in names:
            return False
        scope = _ignore.enter(outer, directory.path, _read_rules(items))
        for item in items:
            name = item.name
            path = directory.of(name)
            is_directory = item.is_dir(follow_symlinks=False)
            if _ignore.is_always_ignored(name):
                continue
            if scope is not None and scope.ignores(path, name, is_directory):
                continue
            if len(name) > MAX_NAME:
                self._problems[path] = f"its name is longer than {MAX_NAME} bytes"
            elif is_directory and not _is_junction(item):
                below = Directory(path)
                if self._look_into(below, scope, depth + 1):
                    directory.directories[name] = below
            else:
                self._look_at(directory, item, path)
        return True

    def _look_at(self, directory: Directory, item: os.DirEntry, path: bytes) -> None:
        try:
            # What Windows lists beside a name may be old.
            status = os.lstat(item.path) if _ON_WINDOWS else item.stat(follow_symlinks=False)
            mode = status.st_mode
            if stat.S_ISREG(mode):
                file = File(kind_of(status), status.st_size, seen_of(status))
            elif stat.S_ISLNK(mode):
                target = self._target(directory, os.readlink(item.path))
                file = File(LINK, len(target), (), target)
                self._links.append((path, target))
            else:
                self._problems[path] = (
                    "it is a socket, a named pipe, a device or a junction, which cannot travel"
                )
                return
        except FileNotFoundError:
            return
        except OSError as error:
            self._problems[path] = f"it can't be looked at: {error.strerror}"
            return
        directory.files[item.name] = file
        self.files += 1
        self.bytes += file.size
        if self.files > self._max_files * _PATIENCE:
            raise SnapshotError(self._too_large(self._max_files, MAX_BYTES))

    def _target(self, directory: Directory, target: bytes) -> bytes:
        """An absolute link to something within the root would point at the original from everywhere else."""
        root = self.root
        if _ON_WINDOWS:
            target, root = _plain(target), _plain(root)
        if target != root and not target.startswith(root + b"/"):
            return target
        levels = directory.path.count(b"/") + 1 if directory.path else 0
        relative = b"../" * levels + target[len(root) + 1 :]
        return relative.rstrip(b"/") or b"."

    # --- what is said to somebody whose project can't travel ---

    def report(self, problems: dict) -> str:
        """Return the text of the error for `problems`: path → why."""
        lines = [f"the project {show(self.root)} cannot be sent:"]
        lines += [f"  {show(path)}: {why}" for path, why in sorted(problems.items())[:_SHOWN]]
        if len(problems) > _SHOWN:
            lines.append(f"  and {len(problems) - _SHOWN} more")
        return "\n".join(lines) + "\nOr " + self._way_out(min(problems), False)

    def _way_out(self, path: bytes, is_directory: bool) -> str:
        return (
            f"add what the code does not need to {show(self.absolute(b'.leantoignore'))}, for example the line\n"
            f"  {show(_ignore.line_for(path, is_directory))}"
        )

    def _too_large(self, max_files: int, max_bytes: int) -> str:
        by = 0 if self.files > max_files else 1
        shares = sorted(_shares(self.top, by), key=lambda share: -share[by])[:_SHOWN]
        lines = [
            f"the project {show(self.root)} has {self.files:,} files of {_megabytes(self.bytes)} in all; a snapshot may "
            f"have {max_files:,} files of {_megabytes(max_bytes)}. The largest:"
        ]
        for files, size, path, is_directory in shares:
            in_files = f" in {files:,} files" if is_directory else ""
            lines.append(
                f"  {show(path)}{'/' if is_directory else ''}: {_megabytes(size)}{in_files}"
            )
        return "\n".join(lines) + "\nSo " + self._way_out(shares[0][2], shares[0][3])


def show(path: bytes) -> str:
    """Return a path as text: bytes that are not printable UTF-8 become \\xNN."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(f"\\x{ord(c):02x}" if ord(c) < 32 or ord(c) == 127 else c for c in text)


def _name_of(item: os.DirEntry) -> bytes:
    return item.name


def _plain(path: bytes) -> bytes:
    path = path.replace(b"\\", b"/")
    return path[4:] if path.startswith(b"//?/") else path


def _is_junction(item: os.DirEntry) -> bool:
    """Whether it leads elsewhere though it looks like a directory, as on Windows."""
    if not _ON_WINDOWS:
        return False
    tag = getattr(item.stat(follow_symlinks=False), "st_reparse_tag", 0)
    return tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)


def _read_rules(items: list) -> list:
    """Return the texts of a directory's ignore files; one that can't be read says nothing, and is reported in its turn."""
    texts = []
    for name in _ignore.FILES:
        for item in items:
            if item.name == name and item.is_file(follow_symlinks=False):
                texts.append(_read(item.path))
    return texts


def _read(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _rules_from_outside(root: bytes) -> object:
    """Return the scope of git's rules outside of the root: none where no repository is around it."""
    directories = [root]
    while not os.path.lexists(os.path.join(directories[-1], b".git")):
        above = os.path.dirname(directories[-1])
        if above == directories[-1]:
            return None
        directories.append(above)
    scope = None
    for directory in reversed(directories):
        from_there = root[len(directory) :].replace(os.fsencode(os.sep), b"/").strip(b"/")
        if directory == directories[-1]:
            text = _read(os.path.join(directory, b".git", b"info", b"exclude"))
            scope = _ignore.enter_from_above(scope, from_there, text)
        if directory != root:
            text = _read(os.path.join(directory, b".gitignore"))
            scope = _ignore.enter_from_above(scope, from_there, text)
    return scope


def _leads_out(root: bytes, path: bytes, target: bytes) -> bool:
    """Whether a link leads to something outside of the root, or is absolute, which would do so elsewhere."""
    absolute = os.path.join(root, os.path.dirname(path), target)
    try:
        resolved = _resolve(absolute)
    except OSError:
        return False  # round in a circle: it leads nowhere here as well as there
    is_inside = resolved == root or resolved.startswith(root.rstrip(b"/\\") + os.fsencode(os.sep))
    return not is_inside or os.path.isabs(target)


def _resolve(path: bytes) -> bytes:
    """Return a path without links as far as it exists, and the rest of it as it is."""
    if _exists(path):
        return os.path.realpath(path)
    drive, rest = os.path.splitdrive(path)
    parts = rest.replace(os.fsencode(os.sep), b"/").split(b"/")[1:]
    found = drive + os.fsencode(os.sep)
    while parts and _exists(os.path.join(found, parts[0])):
        found = os.path.join(found, parts.pop(0))
    return os.path.normpath(os.path.join(os.path.realpath(found), *parts))


def _exists(path: bytes) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _shares(directory: Directory, by: int) -> list:
    """Return (files, bytes, path, is directory) of the largest things below; `by` is 0 for files, 1 for bytes.

    A directory that holds nearly all of its directory's content stands for it: `data/raw`, not `data`.
    """
    shares = [(1, file.size, directory.of(name), False) for name, file in directory.files.items()]
    for below in directory.directories.values():
        whole = _share_of(below)
        inner = [_share_of(each)[by] for each in below.directories.values()]
        if any(part * 10 > whole[by] * 9 for part in inner):
            shares += _shares(below, by)
        else:
            shares.append((*whole, below.path, True))
    return shares


def _share_of(directory: Directory) -> tuple:
    files, size = len(directory.files), sum(file.size for file in directory.files.values())
    for below in directory.directories.values():
        more_files, more_size = _share_of(below)
        files, size = files + more_files, size + more_size
    return files, size


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
