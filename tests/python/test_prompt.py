"""Functions and classes typed at the prompt of a plain Python, in a terminal."""

import os
import subprocess
import sys

import pytest
from clients import environment, write_project
from typists import Prompt

PYTHONS = os.environ.get("LEANTO_TEST_PYTHONS", sys.executable).split(":")

TYPED = """
import leanto as lt, helper

def f(x):
    y = helper.double(x)
    return y * FACTOR

FACTOR = 5
class Mistake(Exception): pass

class Point:
    def __init__(self, x):
        self.x = x

def fail(point):
    raise Mistake(point.x)

def adder(k):
    def add(x):
        return x + k
    return add

double = lambda x: x * 2; treble = lambda x: x * 3
"""


@pytest.fixture(params=PYTHONS)
def prompt(request, tmp_path):
    helper = "def double(x):\n    return 2 * x\n"
    project = write_project(tmp_path / "p", {"pyproject.toml": "", "helper.py": helper})
    with Prompt(request.param, project) as prompt:
        assert prompt.type(TYPED) == ""
        yield prompt


def send(callable_, call):
    return f"lt.function({callable_}).to(lt.here){call}"


def test_what_is_typed_at_a_prompt_travels(prompt):
    assert prompt.type(send("f", "(2)")) == "20\n"
    assert prompt.type(send("adder(3)", "(1)")) == "4\n"
    assert (
        prompt.type(send("treble", "(2)") + ", " + send("lambda x: x + FACTOR", "(2)"))
        == "(6, 7)\n"
    )
    assert prompt.type("lt.cls(Point).to(lt.here)(8).x") == "8\n"


def test_a_function_that_is_typed_anew_is_another_version(prompt):
    prompt.type("old = " + send("f", ""))
    prompt.type("def f(x):\n    return -x\n\n")
    assert prompt.type(f"{send('f', '(2)')}, old(2)") == "(-2, 20)\n"


def test_the_traceback_shows_the_lines_that_were_typed(prompt):
    prompt.type(
        "try: " + send("fail", "(Point(9))") + "\nexcept Mistake as error: caught = error\n\n"
    )
    shown = prompt.type("print(caught, caught.__cause__)")
    assert shown.startswith("9")
    assert 'File "<typed fail>", line 2, in fail\n    raise Mistake(point.x)' in shown


def test_what_the_history_does_not_tell_is_refused_and_never_guessed(prompt):
    prompt.type("def twice(x):\n    x += 1\n    x += 1\n    return x\n\n")
    said = prompt.type(send("twice", "(1)"))
    if "SnapshotError" in said:  # up to Python 3.12
        assert "the source of twice can't be found: the prompt of Python" in said
        assert "write it to a .py file" in said
    else:
        assert said == "3\n"


def test_a_class_whose_methods_the_history_does_not_tell_is_refused_too(prompt):
    lines = (
        "class Twice:\n    def run(self, x):\n        x += 1\n        x += 1\n        return x\n\n"
    )
    prompt.type(lines)
    said = prompt.type("lt.cls(Twice).to(lt.here)().run(1)")
    assert said == "3\n" or "the source of Twice can't be found: the prompt of Python" in said


@pytest.mark.parametrize("python", PYTHONS)
def test_without_a_terminal_nothing_is_kept_and_that_is_said(tmp_path, python):
    text = "import leanto as lt\ndef f():\n    return 1\n\nlt.function(f).to(lt.here)\n"
    done = subprocess.run(
        [python, "-"], cwd=tmp_path, env=environment(), input=text, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "f can't be sent: the source of f can't be found: the prompt of Python" in done.stderr
    assert "keeps nothing of what is typed. Type it in IPython" in done.stderr


def test_where_much_else_lies_only_what_was_typed_travels(own_home):
    with Prompt(sys.executable, own_home) as prompt:
        assert prompt.type("import leanto as lt\ndef f(x):\n    return x + 1\n\n") == ""
        assert prompt.type(send("f", "(1)")) == "2\n"
        assert prompt.type(send("f", ".name")) == "'home/__main__.f'\n"
