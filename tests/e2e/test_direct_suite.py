"""The tests of what a user does with `lt.here`, once more with the node as if it were on another machine, over TLS."""

import os
import re
import subprocess
import sys

from conftest import ROOT

LIMIT = 600  # seconds for what takes half a minute
FILES = (
    "functions", "streams", "map", "objects", "errors", "edits", "keep_state", "typed", "retries", "runs", "tracebacks",
    "project_kinds", "sending_errors", "output_calls",
)  # fmt: skip
# A run that is pickled is found by a program that knows its node; this one's other program doesn't.
NOT_SO = ("runs.py::test_a_pickled_run_is_the_same_run_elsewhere",)


def test_all_of_it_goes_over_tls(tmp_path):
    files = [str(ROOT / "tests" / "python" / f"test_{name}.py") for name in FILES]
    without = [f"--deselect=tests/python/test_{name}" for name in NOT_SO]
    places = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "python")])
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "direct_suite",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'suite'}", *without, *files],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 200
