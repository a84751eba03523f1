"""The chaos suite in its short form: what it finds in this build, nothing, and in builds that break a promise."""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

CHAOS = ROOT / "build" / "chaos" / "leanto"
LIMIT = 280  # seconds; it takes a tenth of that

pytestmark = pytest.mark.skipif(not CHAOS.exists(), reason="./dev build chaos makes the binary")


def run_suite(*arguments):
    search = os.pathsep.join(str(ROOT / place) for place in ("python", "tests"))
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--binary", CHAOS, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def violations(said):
    return dict(re.findall(r"^VIOLATED: ([\w ]+), (\d+) times", said, re.MULTILINE))


def points_hit(said):
    return int(re.search(r"\d+ kills at (\d+) of \d+ points", said)[1])


def runs_on_record(said):
    return int(re.search(r"(\d+) on record", said)[1])


def test_no_promise_is_broken_whatever_is_killed():
    code, said = run_suite("--runs", 400, "--seed", 11)
    assert (code, violations(said)) == (0, {}), said
    assert "400 on record" in said and points_hit(said) >= 3


def test_no_promise_is_broken_at_whatever_point_the_node_dies():
    code, said = run_suite("--runs", 400, "--seed", 14, "--each")
    assert (code, violations(said)) == (0, {}), said
    assert runs_on_record(said) >= 400 and points_hit(said) >= 25, said


def test_a_sync_that_is_left_out_is_noticed():
    code, said = run_suite("--runs", 150, "--seed", 12, "--broken", "journal.sync=skip")
    assert code == 1, said
    assert {"lost", "doubled"} & set(violations(said)), said
    assert "once more: ./dev chaos --runs 150 --seed 12 --broken 'journal.sync=skip'" in said
    assert "the history of" in said and "is not on record" in said


def test_an_attempt_that_is_started_twice_is_noticed():
    code, said = run_suite("--runs", 150, "--seed", 13, "--broken", "run.start=twice@20%/1")
    assert code == 1, said
    assert "started twice" in violations(said), said
    assert re.search(r"2 starts, 1 attempts", said), said
