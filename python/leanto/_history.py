"""What was typed at a prompt, from readline's history: Python keeps nothing else of it before 3.13."""

from __future__ import annotations

import ast
import sys

NEWEST = 5000  # lines that are looked at
GOES_ON = ("else", "elif", "except", "finally", " ", "\t", ")", "]", "}")


def statements() -> list:
    """Return the statements that were typed, each as its lines, the newest first.

    The history has no empty lines, and of equal lines that follow one another only one: what is made of it has to be
    compared with the code that it is meant to be.
    """
    readline = sys.modules.get("readline")
    if readline is None:
        return []
    count = readline.get_current_history_length()
    first = max(1, count - NEWEST)
    lines = [readline.get_history_item(at) or "" for at in range(first, count + 1)]
    return group([line for line in lines if line.strip()])[::-1]


def group(lines: list) -> list:
    """Return the statements that lines make, each as its lines; lines that make none are left out."""
    found = []
    at = 0
    while at < len(lines):
        end = _end_of(lines, at)
        if end is not None:
            found.append([line + "\n" for line in lines[at:end]])
        at = end or at + 1
    return found


def _end_of(lines: list, at: int):
    """Where the statement that begins at line `at` ends, None if none begins there."""
    if lines[at][:1] in (" ", "\t"):
        return None
    end = at + 1
    while True:
        is_decorator = lines[end - 1].startswith("@")
        if not is_decorator and _is_whole("\n".join(lines[at:end])):
            if end == len(lines) or not lines[end].startswith(GOES_ON):
                return end
        elif not is_decorator and not _is_begun("\n".join(lines[at:end])):
            return None
        if end == len(lines):
            return None
        end += 1


def _is_whole(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _is_begun(text: str) -> bool:
    """Whether more lines could make a statement of it."""
    import codeop

    try:
        return codeop.compile_command(text) is None
    except (SyntaxError, ValueError, OverflowError):
        return False
