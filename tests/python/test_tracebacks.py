"""What remote exceptions look like to the caller (leanto.worker.tracebacks)."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

from leanto.worker.tracebacks import LIMIT, describe, format_remote, map_path  # noqa: E402

PYTHONS = os.environ.get("LEANTO_TEST_PYTHONS", sys.executable).split(":")
CALLERS_ROOT = "/home/ada/my digits"

# Stands for the worker, whose own frames the caller doesn't want to see.
HIDDEN = """
import sys
from leanto.worker.tracebacks import format_remote
def run(function):
    try:
        call(function)
    except BaseException as error:
        return format_remote(error, sys.argv[1], sys.argv[3], sys.argv[2])
def call(function):
    return function()
"""
MAIN = """
import sys
sys.path[:0] = sys.argv[1:3]
import hidden, user
sys.stdout.buffer.write(hidden.run(user.main).encode())
"""


@pytest.fixture(params=PYTHONS)
def show(request, tmp_path):
    """Run `main` of a user's module in an interpreter under test; returns the remote traceback."""
    workspace, ours = tmp_path / "ws", tmp_path / "ours"
    workspace.mkdir()
    ours.mkdir()
    (ours / "hidden.py").write_text(HIDDEN)

    def run(source):
        (workspace / "user.py").write_text(textwrap.dedent(source), encoding="utf-8")
        done = subprocess.run(
            [request.param, "-c", MAIN, str(workspace), str(ours), CALLERS_ROOT],
            env={**os.environ, "PYTHONPATH": str(ROOT / "python"), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        assert str(workspace) not in done.stdout
        return done.stdout

    return run


def test_frames_have_the_callers_paths_and_lines_and_not_ours(show):
    text = show("""
        def main():
            inner("é")

        def inner(x):
            raise ValueError("no " + x)
    """)
    lines = [line for line in text.splitlines() if set(line.strip()) - set("^~")]
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{CALLERS_ROOT}/user.py", line 3, in main',
        '    inner("é")',
        f'  File "{CALLERS_ROOT}/user.py", line 6, in inner',
        '    raise ValueError("no " + x)',
        "ValueError: no é",
    ]


def test_frames_outside_of_the_workspace_keep_their_paths(show):
    text = show("""
        import json
        def main():
            json.loads("{")
    """)
    assert f'{CALLERS_ROOT}/user.py", line 4' in text
    assert os.path.join("json", "decoder.py") in text


def test_causes_and_contexts_are_shown_mapped(show):
    text = show("""
        def main():
            try:
                try:
                    1 / 0
                except ZeroDivisionError:
                    {}["a"]
            except KeyError as error:
                raise RuntimeError("outer") from error
    """)
    assert text.count(f'File "{CALLERS_ROOT}/user.py"') == 3
    assert "direct cause" in text and "During handling" in text
    assert text.index("ZeroDivisionError") < text.index("KeyError: 'a'") < text.index("outer")


def test_a_syntax_error_names_the_callers_file(show):
    text = show("""
        import os
        def main():
            compile("x = = 1", os.path.join(os.path.dirname(__file__), "bad.py"), "exec")
    """)
    assert f'File "{CALLERS_ROOT}/bad.py", line 1' in text
    assert "SyntaxError: invalid syntax" in text


def test_groups_are_shown_with_their_members(show):
    text = show("""
        def one():
            raise ValueError("first")
        def main():
            errors = []
            for _ in range(2):
                try:
                    one()
                except ValueError as error:
                    errors.append(error)
            try:
                raise ExceptionGroup("several", errors)
            except NameError:
                raise ValueError("first; File " + '"/home/ada/my digits/user.py", line 3') from None
    """)
    assert "ValueError: first" in text
    assert f'"{CALLERS_ROOT}/user.py", line 3' in text


def test_notes_are_kept(show):
    text = show("""
        def main():
            error = ValueError("what")
            error.__notes__ = ["a note", "two\\nlines"]
            raise error
    """)
    assert text.endswith("ValueError: what\na note\ntwo\nlines\n")


def test_an_exception_that_cannot_be_looked_at_is_still_shown(show):
    text = show("""
        class Odd(Exception):
            def __str__(self):
                raise SystemExit("no")
            def __repr__(self):
                raise SystemExit("no")
            __notes__ = property(lambda self: 1 / 0)
        def main():
            raise Odd()
    """)
    assert "Odd" in text


def test_a_very_deep_chain_is_still_shown(show):
    text = show("""
        def main():
            error = ValueError("innermost")
            for number in range(3000):
                outer = ValueError(str(number))
                outer.__cause__ = error
                error = outer
            raise error
    """)
    assert "ValueError: 2999" in text


def test_a_call_with_wrong_arguments_has_no_frame_of_ours(show):
    text = show("def main(needed): 0")
    assert "hidden.py" not in text and "missing 1 required positional argument" in text


def test_a_huge_text_is_cut_in_the_middle():
    error = ValueError("a" + "x" * (3 * LIMIT) + "z")
    text = format_remote(error)
    assert len(text) < LIMIT + 100 and "characters left out" in text
    assert text.startswith("ValueError: axx") and text.endswith("xz\n")


def test_paths_are_mapped_at_whole_names_only():
    assert map_path("/w/s/a b/x.py", "/w/s", "/r") == "/r/a b/x.py"
    assert map_path("/w/s/x.py", "/w/s/", "/r/") == "/r/x.py"
    assert map_path("/w/s", "/w/s/", "/r/") == "/r"
    assert map_path("/w/so/x.py", "/w/s", "/r") == "/w/so/x.py"
    assert map_path("/w/s/a/x.py", "/w/s", "C:\\proj") == "C:\\proj\\a\\x.py"
    assert map_path(None, "/w/s", "/r") is None
    assert map_path("/w/s/x.py", None, None) == "/w/s/x.py"


def test_an_exception_in_one_line():
    assert describe(KeyError("a")) == "KeyError: 'a'"
    assert describe(ValueError()) == "ValueError"
