"""The API reference is what the docstrings say, and their examples are so."""

import doctest
import inspect
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "projects" / "documented"))
sys.path.insert(0, str(ROOT / "tools"))
import api_reference  # noqa: E402
import story  # noqa: E402

ENTRIES = [(name, what) for name, what, _ in api_reference.documented()]
# What an example can't provoke: it would have to end the node, or to speak to another one.
HARD = ("lt.AccessDeniedError", "lt.NodeError", "lt.NodeLostError", "lt.ProtocolError")
FLAGS = doctest.ELLIPSIS | doctest.REPORT_ONLY_FIRST_FAILURE


def text_of(what):
    return inspect.getdoc(what.__func__ if isinstance(what, classmethod) else what) or ""


@pytest.fixture
def names(lt):
    """What the examples may use; what they leave on the node goes with the test."""
    before = set(lt.here.keys())
    yield {"lt": lt, **{name: value for name, value in vars(story).items() if name[0] != "_"}}
    lt.here.delete(*(set(lt.here.keys()) - before))


@pytest.mark.parametrize(("name", "what"), ENTRIES, ids=[name for name, _ in ENTRIES])
def test_the_examples_are_so(name, what, names, capsys):
    example = doctest.DocTestParser().get_doctest(text_of(what), names, name, None, 0)
    assert example.examples or name in HARD, f"the docstring of {name} has no example"
    said = []
    doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append)
    assert not said, "".join(said)


def test_the_reference_is_current():
    command = [sys.executable, str(ROOT / "tools" / "api_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_public_name_that_is_missing_is_an_error(monkeypatch):
    import leanto

    monkeypatch.setattr(leanto, "__all__", [*leanto.__all__, "forgotten"])
    with pytest.raises(ValueError, match="not in DOCUMENT: forgotten"):
        api_reference.page()


def test_docstrings_become_markdown():
    text = "Does ``x``:\n\n    a    b\n\n    c\n\nMore.\n\n>>> f(1)\n2\n\nThe end."
    assert api_reference.markdown(text) == (
        "Does `x`:\n\n```text\na    b\n\nc\n```\n\nMore.\n\n```pycon\n>>> f(1)\n2\n```\n\nThe end.\n"
    )


def test_signatures_are_shown_as_they_are_called():
    def f(a, b=1, *args, c, **more): ...

    def g(a, /, *, b="x"): ...

    f.__qualname__ = g.__qualname__ = "f"
    assert api_reference.signature(f) == "(a, b=1, *args, c, **more)"
    assert api_reference.signature(g) == "(a, /, *, b='x')"
