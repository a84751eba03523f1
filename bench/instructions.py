#!/usr/bin/env python3
"""How many instructions the daemon executes for a call, counted by callgrind; fails if there are more than there were.

    bench/instructions.py           # counts, and compares with instructions.json
    bench/instructions.py --save    # counts, and writes them there

Time says little on a shared machine, and instructions say the same each time, but for how calls fall into batches. What a
change makes dearer by more than is allowed must be mended, or saved with a reason in the commit's message. Environment:
LEANTO_BINARY.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import projects
from harness.daemon import Home
from harness.orders import Subject

HERE = sys.path[0]
KEPT = os.path.join(HERE, "instructions.json")
# How often what was too much is counted again: how many frames come at a wake-up is the kernel's
# affair, and can only add to what they take. The least is what counts.
RECOUNTS = 2
FEW, MANY = 200, 1200  # calls: what both have in common, the start and the end, cancels out
START_LIMIT = 120  # seconds; valgrind takes its time

# name: (what the client does, how much more is allowed)
WORK = {
    "synchronous call": ("calls", 1.05),
    "call in flight": ("in_flight", 1.3),  # in batches of any size
    "item of a generator": ("items", 1.1),
    "durable run": ("runs", 1.05),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--save", action="store_true", help="write what was counted")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("instructions: no valgrind here; install it")
    counted = {name: per_call(work) for name, (work, _) in WORK.items()}
    if arguments.save:
        with open(KEPT, "w") as file:
            json.dump(counted, file, indent=2)
            file.write("\n")
    with open(KEPT) as file:
        kept = json.load(file)
    for _ in range(RECOUNTS):
        for name in find_dearer(counted, kept):
            counted[name] = min(counted[name], per_call(WORK[name][0]))
    print(f"{'instructions of the daemon':28} {'now':>9} {'kept':>9}")
    for name, number in counted.items():
        print(f"{name:28} {number:9,} {kept[name]:9,}  {number / kept[name]:.2f} ×")
    if dearer := find_dearer(counted, kept):
        sys.exit(
            f"instructions: dearer than it was: {', '.join(dearer)}. Mend it, or, if what it brings is worth it, run "
            "./dev bench instructions --save and say why in the commit"
        )


def find_dearer(counted, kept):
    """Return the names of what takes more than it did, by more than is allowed."""
    return [name for name, number in counted.items() if number > kept[name] * WORK[name][1]]


def per_call(work):
    return (count(work, MANY) - count(work, FEW)) // (MANY - FEW)


def count(work, calls):
    """Return how many instructions a daemon executes from its start to its end, for so many calls."""
    with Home(os.environ["LEANTO_BINARY"]) as home, tempfile.TemporaryDirectory() as directory:
        project = os.path.join(directory, "project")
        projects.write_small(project)
        found = os.path.join(directory, "callgrind.out")
        # On one core no loop looks ahead (net/halt_poll.h), so that the count is the same each time.
        node = subprocess.Popen(
            [
                "taskset",
                "-c",
                "0",
                "valgrind",
                "--tool=callgrind",
                f"--callgrind-out-file={found}",
                home.binary,
                "node",
            ],
            env=home.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            wait_until_up(home, node)
            client = [sys.executable, os.path.join(HERE, "subjects", "counted.py"), project]
            with Subject("the client", client, env=home.env) as subject:
                subject.order(work, count=calls)
            subprocess.run(
                [home.binary, "stop"],
                env=home.env,
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=START_LIMIT,
            )
            node.wait(START_LIMIT)
        finally:
            if node.poll() is None:
                node.kill()
            node.wait()
            node.stderr.close()
        with open(found) as file:
            return next(
                int(line.split()[1]) for line in file if line.startswith(("summary:", "totals:"))
            )


def wait_until_up(home, node):
    deadline = time.monotonic() + START_LIMIT
    while home.status() is None:
        if node.poll() is not None:
            raise RuntimeError(
                f"the node did not start: {node.stderr.read().decode(errors='replace')[-2000:]}"
            )
        if time.monotonic() > deadline:
            raise RuntimeError(f"the node does not answer after {START_LIMIT} s")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
