"""What is done to the daemons of a run of the suite: a line of failpoint rules for each that starts, made from a seed."""

from __future__ import annotations

import random
import re
import subprocess

# Power is cut at each end of a daemon: what it hasn't synced is gone.
ALWAYS = "store.open=lose"

# Six seconds after a cancel; tests/e2e/test_failpoints.py goes there.
TOO_LATE = "run.cancel.killed"

# One node is alone in the suite: tests/e2e/test_runs_elsewhere.py kills it while another has an attempt.
WITH_OTHERS = "run.far."

CALM = [ALWAYS] * 1000  # nothing else happens to so many daemons

# How late a point may kill: it's passed less often than others.
FEW = {
    "run.retry.": 6,
    "run.cancel.": 2,
    "run.recover.": 1,
    "run.resume.": 1,
    "run.prune.": 1,
    "run.stop.": 1,
}
MANY = 12

CLOCK = 2 * 86_400  # seconds by which it's set forth or back, at most


def points_of(binary: str, env: dict) -> list[str]:
    """Ask the binary for its points at which it can die."""
    done = subprocess.run(
        [binary, "node"],
        env={**env, "LEANTO_FAILPOINTS": "list"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    points = re.findall(r"^  ([\w.]+)(?: \(may fail\))?$", done.stderr, re.MULTILINE)
    if not points:
        raise SystemExit(f"{binary} has no failpoints; ./dev build chaos\n{done.stderr}")
    return [point for point in points if not point.startswith(WITH_OTHERS)]


def make_lines(points: list[str], seed: int, count: int, broken: str = "") -> list[str]:
    """Return rules for so many daemons: each dies at a point, and may have other trouble before."""
    chance = random.Random(f"plan {seed}")
    lines: list[str] = []
    while len(lines) < count:
        for point in chance.sample(points, len(points)):
            rules = [f"{point}=kill@{chance.randint(1, _latest(point))}", *_trouble(chance), ALWAYS]
            lines.append(";".join(filter(None, [*rules, broken])))
    return lines[:count]


def make_lines_for_each(points: list[str], seed: int, broken: str = "") -> tuple[list, list]:
    """Return the points in some order, and rules for a daemon each, which dies the first time there. Others follow in calm.

    Those that few runs come by are first, while there are many runs.
    """
    order = random.Random(f"each {seed}").sample(points, len(points))
    order.sort(key=lambda point: not point.startswith(("run.cancel.", "run.retry.")))
    order.remove(TOO_LATE)
    lines = [";".join(filter(None, [f"{point}=kill@1", ALWAYS, broken])) for point in order]
    return order, lines + CALM


def _latest(point: str) -> int:
    return next((few for start, few in FEW.items() if point.startswith(start)), MANY)


def _trouble(chance: random.Random) -> list[str]:
    seed = chance.randrange(1000)
    some = [
        f"journal.commit=error(ENOSPC)@3%/{seed}",
        f"journal.commit=error(EIO)@{chance.randint(3, 40)}",
        f"log.append=error(ENOSPC)@20%/{seed}",
        f"journal.synced=sleep({chance.randint(1, 30)})@20%/{seed}",
        f"clock.wall=shift({chance.randint(-CLOCK, CLOCK)})@{chance.randint(1, 200)}+",
    ]
    return [rule for rule in some if chance.random() < 0.2]


def faults_of(lines: list[str]) -> set:
    """What trouble there can have been."""
    text = ";".join(lines)
    words = {"ENOSPC": "ENOSPC", "EIO": "EIO", "clock": "clock.wall"}
    return {fault for fault, word in words.items() if word in text}
