"""A large project whose entry module imports scikit-learn: an edit until its result is there, and
a `.to()` of nothing new."""

import importlib.util
import os
import sys

from harness import processes, projects
from harness.measure import Summary, interleave
from harness.report import Missing, Reach, Row

LIBRARY = "sklearn"


def run(context):
    files = context.scale.directories * projects.FILES_A_DIRECTORY
    what = f"edit one file of {files:,}, {LIBRARY} imported: .to() and call"
    if importlib.util.find_spec(LIBRARY) is None:
        return [Missing(what, f"this Python has no {LIBRARY}; ./dev setup installs it")]
    context.say(f"a project of {files:,} files")
    project = projects.LargeProject(
        os.path.join(context.directory, "large"), context.scale.directories, LIBRARY
    )
    with context.home() as home, context.leanto_client(home, project.path) as client:
        client.order("send", module="entry", function="value")
        client.order("call", x=1)
        home.wait_until_warm(modules=1)
        return [*_edits(context, home, client, project, what), _nothing_new(context, client, files)]


def _edits(context, home, client, project, what):
    edits, starts = interleave(
        context.scale.starts, _editor(home, client, project), lambda: _fresh_python(home)
    )
    base = Summary(starts)
    parts = (
        ("all", what, Reach("<=", 25, "ms")),
        ("to", "  of that, .to()", None),
        ("call", "  of that, the call", None),
    )
    return [
        Row(
            name,
            "ms",
            Summary(edit[key] for edit in edits),
            base,
            f"python -c 'import {LIBRARY}'",
            reach,
        )
        for key, name, reach in parts
    ]


def _editor(home, client, project):
    """Return what makes the next edit and returns how long it took; each has a value of its own."""
    values = iter(range(1, 1_000_000))

    def edit():
        home.wait_until_warm(modules=1)
        value = next(values)
        return client.order(
            "edit", path=project.edited, text=project.edited_text(value), expected=value
        )

    edit()  # the first takes what is read once, as in a session of work
    return edit


def _fresh_python(home):
    return processes.run_milliseconds([sys.executable, "-c", f"import {LIBRARY}"], home.env)


def _nothing_new(context, client, files):
    context.say(".to() with nothing changed")
    times = Summary(client.order("resend") for _ in range(context.scale.starts * 2))
    return Row(
        f".to() with nothing changed, {files:,} files", "ms", times, reach=Reach("<=", 5, "ms")
    )
