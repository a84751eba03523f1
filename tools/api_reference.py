"""Writes docs/api.md from the docstrings of the package.

    python3 api_reference.py            writes it
    python3 api_reference.py --check    says whether it is what would be written; the exit code is 1 if it isn't

What is documented, and in which order, stands in `DOCUMENT`; a public name that is missing there is an error. The examples in
the docstrings are run by tests/python/test_api.py.
"""

import argparse
import inspect
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "api.md")
EXAMPLES = os.path.join(ROOT, "tests", "projects", "documented", "story.py")
sys.path.insert(0, os.path.join(ROOT, "python"))

import leanto  # noqa: E402
from leanto import (  # noqa: E402
    _aio,
    _calls,
    _classes,
    _functions,
    _map,
    _objects,
    _options,
    _run_lines,
    _streams,
)

ALIASES = {"fn": "function", "module": "cls"}
ERRORS = [name for name in leanto.__all__ if name.endswith("Error")]

# (chapter, its entries: (name as it's shown, what it is, its members)). None stands for all public ones of its own.
DOCUMENT = (
    (
        "Functions",
        (
            ("lt.function", leanto.function, ()),
            ("Function", _functions.Function, None),
            ("RemoteFunction", leanto.RemoteFunction, ("name", "version", "options", "save")),
            ("RemoteFunction", _calls.Callable, ("aio", "map", "starmap", "remote", "submit")),
        ),
    ),
    (
        "Many calls, streams, values that stay",
        (
            ("f.map", _map.Mapper.__call__, ()),
            ("f.starmap", _map.Mapper.star, ()),
            ("RemoteGenerator", _streams.RemoteGenerator, ("close",)),
            ("AsyncRemoteGenerator", _aio.AsyncRemoteGenerator, ("aclose",)),
            ("RemoteValue", leanto.RemoteValue, None),
        ),
    ),
    (
        "Classes and live objects",
        (
            ("lt.cls", leanto.cls, ()),
            ("LocalClass", _classes.LocalClass, None),
            ("RemoteClass", leanto.RemoteClass, None),
            ("RemoteObject", leanto.RemoteObject, ()),
            ("RemoteMethod", _objects.RemoteMethod, None),
        ),
    ),
    ("Options", (("", _options, ()), ("lt.deadline", leanto.deadline, ()))),
    (
        "Clusters",
        (
            ("lt.cluster", leanto.cluster, ()),
            ("Cluster", leanto.Cluster, None),
            ("lt.CommandResult", leanto.CommandResult, ()),
            ("lt.offers", leanto.offers, ()),
        ),
    ),
    (
        "Runs",
        (
            ("Run", leanto.Run, None),
            ("lt.run", leanto.run, ()),
            ("lt.runs", leanto.runs, ()),
            ("Line", _run_lines.Line, ()),
            ("lt.Retry", leanto.Retry, ()),
            ("lt.bigger", leanto.bigger, ()),
            ("lt.MoreMemory", leanto.MoreMemory, ()),
        ),
    ),
    ("Images and secrets", (("lt.Image", leanto.Image, None), ("lt.Secret", leanto.Secret, None))),
    ("Errors", (("", leanto.errors, ()), *((f"lt.{e}", getattr(leanto, e), ()) for e in ERRORS))),
)

INTRODUCTION = """\
# The API

Written from the docstrings by `tools/api_reference.py`; the tests run the examples. In all of them stand
`import leanto as lt` and the names of this module, which is the project that is sent. [The guide](guide/README.md)
has the same things in the order in which one needs them.

```python
{examples}```

`lt.fn` is another name of `lt.function`, and `lt.module` of `lt.cls`. Classes without `lt.` are made by what is
described before them.
"""


def entries_of(chapter):
    """Yield (name, what it is, level of its heading) for all of a chapter, in the order of the page."""
    shown = ""
    for name, what, members in chapter:
        if name and name != shown:
            yield name, what, 3
        shown = name
        if members is None:
            members = [member for member in vars(what) if not member.startswith("_")]
        for member in members:
            found = vars(what)[member]
            if callable(found) or isinstance(found, (property, classmethod)):
                yield f"{name}.{member}", found, 4


def documented():
    """Return all entries of the page."""
    return [entry for _, chapter in DOCUMENT for entry in entries_of(chapter)]


def page():
    """Return the text of the page. Raises ValueError if something public isn't on it or isn't documented."""
    complain_of_missing({name for name, _, _ in documented()})
    with open(EXAMPLES, encoding="utf-8") as file:
        parts = [INTRODUCTION.format(examples=file.read())]
    for title, chapter in DOCUMENT:
        parts.append(f"\n## {title}\n")
        if not chapter[0][0]:
            parts.append("\n" + markdown(inspect.getdoc(chapter[0][1])))
        parts += ["\n" + text_of(*entry) for entry in entries_of(chapter)]
    return "".join(parts)


def complain_of_missing(names):
    known = {name.rpartition(".")[2] for name in names} | {"errors", "here", *ALIASES}
    missing = sorted(set(leanto.__all__) - known)
    if missing:
        raise ValueError(f"not in DOCUMENT: {', '.join(missing)}")


def text_of(name, what, level):
    text = inspect.getdoc(what.__func__ if isinstance(what, classmethod) else what)
    if not text:
        raise ValueError(f"{name} has no docstring")
    return f"{'#' * level} `{name}{signature(what)}`\n\n{markdown(text)}"


def signature(what):
    """Return how it's called, "" for a property and for what users don't make themselves."""
    if isinstance(what, property):
        return ""
    if isinstance(what, classmethod):
        what = what.__func__
    is_method = not isinstance(what, type) and "." in what.__qualname__
    if isinstance(what, type):
        if what.__module__ not in ("leanto._image", "leanto._deadline"):
            return ""
        what, is_method = what.__init__, True
    parameters = list(inspect.signature(what).parameters.values())[is_method:]
    said, star = [], False
    for number, parameter in enumerate(parameters):
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            said.append("*")
        star = star or parameter.kind in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY)
        default = (
            "" if parameter.default is parameter.empty else f"={default_text(parameter.default)}"
        )
        said.append({parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
                    + parameter.name + default)  # fmt: skip
        if parameter.kind is parameter.POSITIONAL_ONLY and (
            number + 1 == len(parameters) or parameters[number + 1].kind is not parameter.kind
        ):
            said.append("/")
    return f"({', '.join(said)})"


def default_text(default):
    return "..." if type(default) is object else repr(default)


def markdown(text):
    """Return a docstring as Markdown: examples and indented parts fenced, ``code`` in single backticks."""
    lines, fence = [], ""
    for line in text.splitlines():
        begins = "pycon" if line.startswith(">>> ") else "text" if line.startswith("    ") else ""
        # An example goes on to the next empty line, an indented part to the next line at the margin.
        if fence == "pycon":
            ends = not line
        elif fence == "text":
            ends = bool(line) and begins != "text"
        else:
            ends = False
        if ends:
            while lines[-1] == "":
                lines.pop()
            lines += ["```"] if not line else ["```", ""]
            fence = ""
        if begins and not fence:
            fence = begins
            lines.append(f"```{fence}")
        if fence == "text":
            lines.append(line[4:])
        else:
            lines.append(line if fence else re.sub(r"``([^`]+)``", r"`\1`", line))
    return "\n".join([*lines, "```"] if fence else lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    asked = parser.parse_args()
    try:
        text = page()
    except ValueError as error:
        sys.exit(f"api_reference: {error}")
    if not asked.check:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(text)
        return
    current = ""
    if os.path.exists(PAGE):
        with open(PAGE, encoding="utf-8") as file:
            current = file.read()
    if current != text:
        sys.exit(
            "api_reference: docs/api.md isn't what the docstrings say; run tools/api_reference.py"
        )


if __name__ == "__main__":
    main()
