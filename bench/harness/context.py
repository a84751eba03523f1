"""What a case is given: where the binary is, how large the work may be, and cores to run on."""

import os
import shutil
import sys
import tempfile

from harness.bare import BarePath
from harness.daemon import Home
from harness.orders import Subject

SUBJECTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "subjects")


class Scale:
    """How much is measured."""

    def __init__(
        self, rounds, calls, waves, starts, directories, idle_seconds, runs, value_mib, far_mib
    ):
        self.rounds = rounds
        self.calls = calls  # one after the other, a round
        self.waves = waves  # of calls in flight, a round
        self.starts = starts  # of processes
        self.directories = directories  # of 20 files, in the large project
        self.idle_seconds = idle_seconds
        self.runs = runs  # submitted and waited for
        self.value_mib = value_mib
        self.far_mib = far_mib  # of an array that goes to another machine


FULL = Scale(
    rounds=9,
    calls=3000,
    waves=5,
    starts=15,
    directories=500,
    idle_seconds=5,
    runs=10_000,
    value_mib=256,
    far_mib=1024,
)
SMOKE = Scale(
    rounds=2,
    calls=100,
    waves=1,
    starts=2,
    directories=10,
    idle_seconds=0.2,
    runs=100,
    value_mib=2,
    far_mib=4,
)


class Context:
    """Made once a run; a context manager that removes the directory for generated projects."""

    def __init__(self, binary, relay, scale):
        self.binary = binary
        self.relay = relay
        self.scale = scale
        self.cores = os.sched_getaffinity(0)
        self.directory = tempfile.mkdtemp(prefix="leanto-bench-projects-")

    def home(self):
        return Home(self.binary)

    def bare_path(self, function):
        return BarePath(self.relay, function)

    def leanto_client(self, home, project):
        """Start a program that has leanto imported and takes orders."""
        argv = [sys.executable, os.path.join(SUBJECTS, "leanto_client.py"), project]
        return Subject("the leanto client", argv, home.env)

    def say(self, text):
        """Tell who waits what is being done."""
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)
