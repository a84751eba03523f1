#!/usr/bin/env python3
"""Measures leanto beside the bare path, in one run, and says which targets hold.

    bench/run.py [--smoke] [--save] [CASE...]

Environment: LEANTO_BINARY names the binary; the relay of the bare path lies beside it (both made
by `./dev bench`).
A target that is missed is no failure: the exit code is 1 only when something could not be measured.
"""

import argparse
import importlib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import report
from harness.context import FULL, SMOKE, Context
from harness.machine import describe_machine, find_programs

CASES = ("calls", "editing", "starting", "idle", "runs", "values", "machines")
HERE = os.path.dirname(os.path.abspath(__file__))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all if none is named"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="a few seconds, to see that everything still runs"
    )
    parser.add_argument("--save", action="store_true", help="also write bench/results/DATE.json")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.cases) - set(CASES))
    if unknown:
        parser.error(f"no case is named {', '.join(unknown)}; there are {', '.join(CASES)}")
    return arguments


def main():
    arguments = parse_arguments()
    binary, relay = find_programs()
    machine = describe_machine()
    rows, failed = [], False
    with Context(binary, relay, SMOKE if arguments.smoke else FULL) as context:
        for name in arguments.cases or CASES:
            try:
                rows += importlib.import_module(f"cases.{name}").run(context)
            except Exception as error:  # the other cases are still worth measuring
                failed = True
                rows.append(
                    report.Missing(name, f"{type(error).__name__}: {error}".partition("\n")[0])
                )
                sys.excepthook(*sys.exc_info())
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    if arguments.smoke:
        report.drop_reaches(rows)
    print(report.table(rows))
    if arguments.save:
        os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
        report.save(
            os.path.join(HERE, "results", f"{machine['date'][:19].replace(':', '')}.json"),
            machine,
            rows,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
