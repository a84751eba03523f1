"""The first call on a machine where no daemon runs: the whole program, from its start to its
end."""

import os
import sys

from harness import processes, projects
from harness.measure import Summary, interleave
from harness.report import Reach, Row

BASE = "import pickle, socket"


def run(context):
    project = os.path.join(context.directory, "starting")
    projects.write_small(project)
    with context.home() as kept:
        _first_call(kept, project)  # the bytecode of leanto and of the project is there from now on
        context.say("first calls without a daemon")
        known, fresh, base = interleave(
            context.scale.starts,
            lambda: _first_call(kept, project),
            lambda: _first_call_in_a_new_home(context, project),
            lambda: processes.run_milliseconds([sys.executable, "-c", BASE], kept.env),
        )
    rows = (("the user's second or later start", known), ("the user's very first start", fresh))
    return [
        Row(
            f"first call, no daemon running, {which}",
            "ms",
            Summary(times),
            Summary(base),
            f"python -c '{BASE}'",
            Reach("<=", 3),
        )
        for which, times in rows
    ]


def _first_call(home, project):
    try:
        return processes.run_milliseconds(
            [sys.executable, os.path.join(project, "first.py")], home.env
        )
    finally:
        home.stop()


def _first_call_in_a_new_home(context, project):
    with context.home() as home:
        return _first_call(home, project)
