#!/usr/bin/env python3
"""Runs the same work on leanto and its peers, one after the other, in rounds, and writes what it took.

    bench/run_peers.py [--smoke] [--only PEER...] [--workloads NAME...] [--rounds N] [--output DIRECTORY]

Environment: LEANTO_BINARY names the binary; the relay of the floor lies beside it (both made by
`./dev bench peers`). Installs the peers into build/peers, unless they are there.
"""

import argparse
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import plots
from harness.comparison import summary
from harness.confinement import enter_own_network, run_adopting
from harness.machine import describe_machine, find_programs
from harness.orders import SubjectError
from harness.peer_programs import OURS, PROGRAMS
from harness.results import Results
from harness.turn import Turn
from harness.workloads import GROUPS, WORKLOADS

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 5


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="small counts, and only peers that are installed: to see that everything still runs",
    )
    names = [program.name for program in PROGRAMS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="PEER", help=", ".join(names))
    work = [group.name for group in GROUPS] + [workload.name for workload in WORKLOADS]
    parser.add_argument(
        "--workloads", nargs="+", choices=work, metavar="NAME", help=", ".join(work)
    )
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} if not told; with --smoke 1")
    parser.add_argument(
        "--output", help="the directory for the results; bench/results, with --smoke none"
    )
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.smoke else ROUNDS)
    if not arguments.output and not arguments.smoke:
        arguments.output = os.path.join(HERE, "results")
    return arguments


def choose_peers(arguments):
    """Return the programs that take part, installed."""
    chosen = [peer for peer in PROGRAMS if not arguments.only or peer.name in arguments.only]
    if shutil.which("rsync") is None:
        chosen = [peer for peer in chosen if peer.name != "rsync"]
    for peer in chosen:
        if peer.environment and not arguments.smoke:
            say(f"installing {peer.environment.name}, unless it is")
            peer.environment.install()
    return [peer for peer in chosen if not peer.environment or peer.environment.installed()]


def choose_work(arguments):
    """Return pairs of a group and those of its workloads that were asked for."""
    wanted = set(arguments.workloads or [group.name for group in GROUPS])
    chosen = []
    for group in GROUPS:
        workloads = [
            work for work in group.workloads if group.name in wanted or work.name in wanted
        ]
        if workloads:
            chosen.append((group, workloads))
    return chosen


class NotStartedError(Exception):
    """A peer did not start."""


class Run:
    """The rounds, and what they have found so far."""

    def __init__(self, arguments, peers):
        self.arguments = arguments
        self.programs = find_programs()
        self.peers = peers
        self.found = Results(peers)
        for peer in peers:
            with Turn(peer, *self.programs) as turn:
                peer.absent = turn.describe()["absent"]

    def round(self, group, workloads, number):
        """Have each peer do a group's workloads once."""
        for peer in self.peers:
            if group.name not in peer.groups:
                continue
            say(f"{group.title}, round {number + 1} of {self.rounds(group)}: {peer.title}")
            left = []
            for workload in workloads:
                if workload.name in peer.absent:
                    self.found.add_absence(workload, peer, peer.absent[workload.name])
                else:
                    left.append(workload)
            while left:
                self._turn(peer, group, left)

    def _start(self, turn, group):
        try:
            turn.start()
            if group.prepare:
                group.prepare(turn)
        except SubjectError as error:
            raise NotStartedError(str(error)) from error

    def rounds(self, group):
        return min(self.arguments.rounds, group.most_rounds)

    def _turn(self, peer, group, left):
        """Start a peer and have it do the first of the workloads, and more until one fails or the
        group wants another start; those that were tried are taken from the list."""
        workload = left.pop(0)
        try:
            with Turn(peer, *self.programs) as turn:
                if not group.fresh:
                    self._start(turn, group)
                while True:
                    self.found.add(workload, peer, workload.run(turn, self.arguments.smoke))
                    if group.fresh or not left:
                        return
                    workload = left.pop(0)
        except NotStartedError as error:
            say(f"{peer.title}: {error}")
            for missed in [workload, *left]:
                self.found.add_failure(missed, peer, error)
            left.clear()
        except (SubjectError, OSError, RuntimeError) as error:
            say(f"{peer.title}, {workload.name}: {error}")
            self.found.add_failure(workload, peer, error)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main():
    arguments = parse_arguments()
    peers = choose_peers(arguments)
    description = describe_machine()
    if not enter_own_network():
        say("no network of its own here (that takes root): peers may listen on this machine's")
    run = Run(arguments, peers)
    work = choose_work(arguments)
    try:
        for number in range(arguments.rounds):
            for group, workloads in work:
                if number < run.rounds(group):
                    run.round(group, workloads, number)
            if arguments.output:
                write(arguments.output, description, run.found)
    except KeyboardInterrupt:
        say("stopped; what was measured so far follows")
        if arguments.output:
            write(arguments.output, description, run.found)
    print(summary(description, run.found))
    return 1 if run.found.failed_without_value(OURS) else 0


def write(directory, description, found):
    """Write the table, the values of all rounds, and the plots."""
    os.makedirs(directory, exist_ok=True)
    stem = os.path.join(directory, f"peers-{description['date'][:10]}")
    description["load after"] = round(os.getloadavg()[0], 1)
    with open(f"{stem}.json", "w", encoding="utf-8") as file:
        json.dump({"machine": description, **found.to_json()}, file, indent=1, ensure_ascii=False)
        file.write("\n")
    with open(f"{stem}.svg", "w", encoding="utf-8") as file:
        file.write(plots.draw(found))
    with open(f"{stem}.md", "w", encoding="utf-8") as file:
        file.write(summary(description, found, os.path.basename(f"{stem}.svg")))


if __name__ == "__main__":
    run_adopting(main)
