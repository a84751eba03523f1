"""Which directory is the root of a project, and which code is installed rather than a project's."""

from __future__ import annotations

import os
import sys

MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".leanto", ".leantoignore")
VERSION_CONTROL = (".git", ".hg")
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/usr/bin", "/usr/local/bin")


def is_installed(path: str) -> bool:
    """Whether an absolute path is in the interpreter's library or the packages beside it."""
    parts = path.replace("\\", "/").split("/")
    if "site-packages" in parts or "dist-packages" in parts:
        return True
    library = os.path.dirname(os.path.abspath(os.__file__))
    return any(inside(place, path) is not None for place in (library, os.path.realpath(library)))


def inside(directory: str, path: str):
    """Return `path` relative to `directory` (`""` for itself), None if it lies elsewhere.

    Both are absolute.
    """
    if path == directory:
        return ""
    start = directory if directory.endswith(os.sep) else directory + os.sep
    return path[len(start) :] if path.startswith(start) else None


def find_root(directory: str, workspace=None) -> str:
    """Return the project's root for code imported from `directory`: the nearest marked one, or it.

    Raises SnapshotError if that would be a directory that holds much more than a project.
    """
    root = find_marked(directory, workspace)
    if root is not None:
        return root
    if is_shared(directory):
        from leanto.errors import SnapshotError

        raise SnapshotError(
            f"{directory} can't be sent as a project, it holds much else: "
            "put the code in a directory of its own, or add a pyproject.toml to mark the root"
        )
    return directory


def find_marked(directory: str, workspace=None):
    """Return the nearest directory, at or above `directory`, that is marked as a root, or None.

    `workspace` counts as marked.
    """
    current = directory
    while True:
        if workspace is not None and current == os.path.realpath(workspace):
            return current
        # A home directory under version control (dotfiles) doesn't make all below it one project.
        version_control = () if current != directory and is_shared(current) else VERSION_CONTROL
        markers = (*MARKERS, *version_control)
        if any(os.path.lexists(os.path.join(current, name)) for name in markers):
            return current
        parent = os.path.dirname(current)
        if parent == current:
            return None
        current = parent


def is_shared(directory: str) -> bool:
    """Whether a directory is one that much else lies in, such as the home directory."""
    home = os.path.expanduser("~")
    places = [home, os.path.dirname(home), *SHARED, os.path.dirname(sys.executable or "")]
    places += [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    real = (os.path.realpath(place) for place in places if place)
    return os.path.dirname(directory) == directory or directory in real
