"""What an exception looks like to the caller: the worker's traceback with the caller's own paths.

Code runs from a workspace, a copy of the project; the caller wants to see and to click on the files
of the project itself. Nothing here fails, whatever the exception does when it's looked at.
"""

from __future__ import annotations

import os
import sys
import traceback

LIMIT = 256 * 1024  # characters; the text travels in a frame's head, which holds 1 MiB


def format_remote(exc: BaseException, workspace=None, root=None, hide_directory=None) -> str:
    """Return the traceback of `exc` as Python prints it, with the exceptions that it came from.

    Paths below the directory `workspace` are shown below `root`. Frames at the outer end that lie
    in `hide_directory`, Leanto's own, are left out. More than LIMIT characters are cut in the
    middle.
    """
    try:
        summary = traceback.TracebackException(type(exc), exc, exc.__traceback__)
        for part, error in _chain(summary, exc):
            _show_callers_paths(part, workspace, root, hide_directory)
            _add_notes(part, error)
        text = "".join(summary.format())
    except (
        BaseException
    ) as failure:  # the exception's own code runs in there, and may raise anything
        text = _format_plainly(exc, failure)
    return _shorten(text)


def describe(exc: BaseException) -> str:
    """Return the exception's class and text in one line, as at the end of a traceback."""
    try:
        text = str(exc)
    except BaseException:  # its own code; not even a SystemExit may get out of here
        text = "<its text can't be shown>"
    name = type(exc).__qualname__
    return f"{name}: {text}" if text else name


def map_path(path, workspace, root):
    """Return a path below `workspace` as the same path below `root`, any other path as it is."""
    if not workspace or not root or not isinstance(path, str):
        return path
    for start in (workspace, os.path.realpath(workspace)):
        start = start.rstrip("/")
        if path == start or path.startswith(start + "/"):
            separator = "\\" if "\\" in root and "/" not in root else "/"  # a caller on Windows
            return root.rstrip("/\\") + path[len(start) :].replace("/", separator)
    return path


def _chain(summary, exc):
    """Yield every exception in the summary with the exception that it was made from (None where
    that is unsure).
    """
    pending, seen = [(summary, exc)], set()
    while pending:
        part, error = pending.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield part, error
        pending.append((part.__cause__, getattr(error, "__cause__", None)))
        pending.append((part.__context__, getattr(error, "__context__", None)))
        members = getattr(error, "exceptions", None)
        parts = list(getattr(part, "exceptions", None) or ())
        matching = isinstance(members, (list, tuple)) and len(members) == len(parts)
        pending.extend(zip(parts, members if matching else [None] * len(parts)))


def _show_callers_paths(part, workspace, root, hide_directory) -> None:
    # The lines of the source were read when the summary was made, from the files in the workspace.
    if part.stack:
        del part.stack[: _count_hidden(part.stack, hide_directory)]
        for frame in part.stack:
            frame.filename = map_path(frame.filename, workspace, root)
    if isinstance(getattr(part, "filename", None), str):
        part.filename = map_path(part.filename, workspace, root)  # a SyntaxError's


def _count_hidden(stack, hide_directory) -> int:
    """Return how many of the outermost frames are Leanto's own, with those of the import system
    after them.
    """
    if not hide_directory:
        return 0
    hidden = 0
    for frame in stack:
        ours = frame.filename.startswith(hide_directory.rstrip("/") + "/")
        if not ours and not (hidden and _is_import_system(frame.filename)):
            break
        hidden += 1
    return hidden


def _is_import_system(filename: str) -> bool:
    return filename.startswith("<frozen importlib") or filename.endswith("/importlib/__init__.py")


def _add_notes(part, error) -> None:
    """Add the notes of an exception for Pythons that don't print them themselves (before 3.11)."""
    notes = getattr(error, "__notes__", None)
    text = getattr(part, "_str", None)
    if sys.version_info < (3, 11) and isinstance(notes, (list, tuple)) and isinstance(text, str):
        part._str = "\n".join([text, *(note for note in notes if isinstance(note, str))])


def _format_plainly(exc, failure) -> str:
    """What can be said of an exception that traceback cannot format."""
    return f"{describe(exc)}\n(its traceback can't be shown: {type(failure).__name__})\n"


def _shorten(text: str) -> str:
    if len(text) <= LIMIT:
        return text
    left_out = len(text) - LIMIT
    return f"{text[: LIMIT // 2]}\n... {left_out} characters left out ...\n{text[-LIMIT // 2 :]}"
