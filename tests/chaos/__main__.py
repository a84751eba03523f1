"""python -m chaos: run the suite, check it, print the counts. ./dev chaos does so."""

from __future__ import annotations

import argparse
import collections
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

from chaos import suite
from chaos.checker import KINDS_OF_VIOLATION, check, history_of
from chaos.evidence import Evidence
from chaos.scene import ROOT

SHOWN = 3  # violations of each kind


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="how many runs (1,000)")
    parser.add_argument("--seed", type=int, help="what is killed when; a random one if not told")
    parser.add_argument("--minutes", type=float, help="go on with further seeds for so long")
    parser.add_argument(
        "--each",
        action="store_true",
        help="only daemons die, one at each point, one after the other",
    )
    parser.add_argument("--broken", default="", help="rules of a failpoint that breaks a promise")
    parser.add_argument("--keep", action="store_true", help="keep the directory with all histories")
    parser.add_argument(
        "--binary", default=str(ROOT / "build" / "chaos" / "leanto"), help="with failpoints"
    )
    return parser.parse_args()


def main() -> int:
    asked = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    seed = random.SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    end = time.monotonic() + 60 * (asked.minutes or 0)
    violations = run_once(asked, seed)
    # A Python program has one node in its life, so each further seed is a program of its own.
    while not violations and time.monotonic() < end:
        seed += 1
        violations = run_once_apart(asked, seed)
    return 1 if violations else 0


def run_once_apart(asked: argparse.Namespace, seed: int) -> bool:
    import subprocess

    command = [sys.executable, "-m", "chaos", "--runs", str(asked.runs), "--seed", str(seed)]
    command += ["--binary", asked.binary, "--broken", asked.broken]
    command += ["--each"] if asked.each else []
    return subprocess.run(command).returncode != 0


def run_once(asked: argparse.Namespace, seed: int) -> bool:
    """Return whether a promise was broken."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="leanto-chaos-"))
    started = time.monotonic()
    try:
        evidence, coverage = suite.run(
            directory, asked.binary, asked.runs, seed, asked.broken, asked.each
        )
    finally:
        if not asked.keep:
            shutil.rmtree(directory, ignore_errors=True)
    violations = check(evidence)
    took = time.monotonic() - started
    print_counts(evidence, coverage, f"{asked.runs} runs, seed {seed}, {took:.0f} s")
    broken = collections.Counter(one.kind for one in violations)
    print(f"  violated   {say(broken)}")
    by_kind = collections.defaultdict(list)
    for violation in violations:
        by_kind[violation.kind].append(violation)
    for kind, some in by_kind.items():
        print(f"\nVIOLATED: {kind}, {len(some)} times: {KINDS_OF_VIOLATION[kind]}")
        for violation in some[:SHOWN]:
            print(f"  {violation.key}: {violation.text}")
        if some[0].key:
            print(f"  the history of {some[0].key}, in seconds:")
            print(history_of(evidence, some[0].key))
    if violations:
        rules = " --each" if asked.each else ""
        rules += f" --broken '{asked.broken}'" if asked.broken else ""
        print(f"\nonce more: ./dev chaos --runs {asked.runs} --seed {seed}{rules}")
    if asked.keep:
        print(f"kept: {directory}")
    return bool(violations)


def print_counts(evidence: Evidence, coverage: dict, title: str) -> None:
    killed = collections.Counter(one.what for one in evidence.killed)
    hit = collections.Counter(one.how for one in evidence.killed if one.how)
    outcomes = collections.Counter(one.status for one in evidence.records.values())
    starts = sum(one.what == "start" for one in evidence.history)
    attempts = sum(len(one.attempts) for one in evidence.records.values())
    seen = collections.Counter(one.what for one in evidence.seen)
    print(title)
    print(f"  runs       {len(evidence.records)} on record, {starts} starts of {attempts} attempts")
    print(f"  outcomes   {say(outcomes)}")
    print(f"  callers    {say(seen)}")
    print(f"  killed     {say(killed)}")
    print(
        f"  failpoints {sum(hit.values())} kills at {len(hit)} of {len(coverage['points'])} points"
    )
    missing = sorted(coverage["points"] - set(hit))
    if missing:
        print(f"             not at {', '.join(missing)}")
    print(f"  trouble    {', '.join(sorted(evidence.faults)) or 'none'}")


def say(counts: collections.Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"


if __name__ == "__main__":
    sys.exit(main())
