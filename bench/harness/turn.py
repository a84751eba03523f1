"""A turn of one peer: started alone in a directory of its own, ordered about, and ended with everything
that it has started."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from harness import confinement, environments, processes
from harness.orders import Subject, SubjectError

STOP_LIMIT = 30
PROGRAM_LIMIT = 120
LEFT_MIB = 3072  # of memory that the machine must have left; below that the turn is ended
WATCH_INTERVAL = 0.2
PROJECT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers/project")


class Turn:
    """A context manager. `order` has the peer's program do something; `program` runs it once."""

    def __init__(self, peer, binary, relay):
        self.peer = peer
        self._settings = {"binary": binary, "relay": relay}
        self._stack = contextlib.ExitStack()
        self._exhausted = False

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.directory = tempfile.mkdtemp(prefix="peer-")
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            stack.callback(confinement.end_others)
            self._project = os.path.join(self.directory, "work")
            shutil.copytree(PROJECT, self._project, ignore=shutil.ignore_patterns("__pycache__"))
            self._log = stack.enter_context(open(os.path.join(self.directory, "log"), "w+"))
            self._settings["directory"] = self.directory
            self._watch_memory(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def describe(self):
        """Return what the peer's program says of itself."""
        return self._run("describe")

    def start(self, **arguments):
        """Start the peer's program and what serves."""
        self._subject = self.subject()
        self._stack.callback(self._stop)
        self._client_serves = self.order("describe", limit=60)["client_serves"]
        self.address = self.order("start", limit=120, **arguments)

    def subject(self):
        """Start one more program of the peer, as a second client."""
        subject = Subject(self.peer.name, self._argv(), self._environment(), **self._options())
        return self._stack.enter_context(subject)

    def order(self, do, limit, **arguments):
        """Have the first program do something. Raises SubjectError."""
        return self.ask(self._subject, do, limit, **arguments)

    def ask(self, subject, do, limit, **arguments):
        try:
            return subject.order(do, limit, **arguments)
        except SubjectError as error:
            if self._exhausted:
                raise SubjectError(f"ended, since it left less than {LEFT_MIB} MiB free") from None
            raise SubjectError(f"{error}\n{self.log()}") from None

    def program(self, *words):
        """Run the peer's program with words; return the milliseconds until it had its result."""
        start = time.monotonic()
        return (self._run(*words) - start) * 1000

    def _run(self, *words):
        """Run the peer's program with words; return what it prints last."""
        try:
            ended = subprocess.run(
                [*self._argv(), *words],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=PROGRAM_LIMIT,
                **self._options(),
            )
        except subprocess.TimeoutExpired:
            raise SubjectError(f"no end within {PROGRAM_LIMIT} s\n{self.log()}") from None
        if not ended.stdout:
            raise SubjectError(f"ended with {ended.returncode} and no result\n{self.log()}")
        return json.loads(ended.stdout.splitlines()[-1])

    def memory_mib(self):
        """Return the memory of everything that serves."""
        ignored = set() if self._client_serves else {self._subject.pid}
        pids = set(confinement.others()) - ignored
        return sum(map(processes.proportional_mib, pids))

    def pin(self, cores):
        """Have everything that runs do so on these cores."""
        processes.pin(confinement.others(), cores)

    def log(self):
        """Return the end of what the peer has written."""
        self._log.flush()
        with open(self._log.name, errors="replace") as file:
            return file.read()[-2000:]

    def _argv(self):
        environment = self.peer.environment
        python = environment.python if environment else sys.executable
        return [python, self.peer.path, json.dumps(self._settings)]

    def _environment(self):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("XDG_", "RAY_", "DASK_", "LEANTO_"))
        }
        package = os.path.join(environments.ROOT, "python")
        path = [self._project] if self.peer.environment else [self._project, package]
        kept.update(HOME=self.directory, TMPDIR=self.directory, PYTHONPATH=os.pathsep.join(path))
        kept["LEANTO_BINARY"] = self._settings["binary"]
        return kept

    def _options(self):
        return {"stderr": self._log, "cwd": self._project}

    def _stop(self):
        with contextlib.suppress(SubjectError):
            self._subject.order("stop", STOP_LIMIT)

    def _watch_memory(self, stack):
        """End the turn rather than exhaust the machine."""
        ended = threading.Event()

        def watch():
            while not ended.wait(WATCH_INTERVAL):
                if _available_mib() < LEFT_MIB:
                    self._exhausted = True
                    confinement.end_others(grace=0)

        thread = threading.Thread(target=watch)
        thread.start()
        stack.callback(thread.join)
        stack.callback(ended.set)


def _available_mib():
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/meminfo says nothing of MemAvailable")
