"""A HOME of its own for leanto, in a temporary directory, and the daemon that runs in it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from harness import processes

STOP_LIMIT = 10.0
WARM_LIMIT = 120.0


class NotWarmError(RuntimeError):
    """A node's zygotes don't settle."""


def wait_until_warm(find_zygotes, modules=0):
    """Wait until none of a node's zygotes is being renewed, and one has `modules` modules imported
    or more."""
    deadline = time.monotonic() + WARM_LIMIT
    while True:
        zygotes = find_zygotes()
        settled = zygotes and not any(zygote["renewing"] for zygote in zygotes)
        if settled and max(zygote["modules"] for zygote in zygotes) >= modules:
            return
        if time.monotonic() > deadline:
            raise NotWarmError(
                f"after {WARM_LIMIT:g} s no zygote with {modules} modules is ready: {zygotes}"
            )
        time.sleep(0.05)


class Home:
    """A context manager; leaving it stops the daemon, also after an error, and removes the
    directory."""

    def __init__(self, binary):
        self.binary = binary
        self.path = tempfile.mkdtemp(prefix="leanto-bench-")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        self.env.update(HOME=self.path, LEANTO_BINARY=binary)

    def configure(self, text):
        """Write node.toml, for a daemon that hasn't started yet."""
        directory = os.path.join(self.path, ".config/leanto")
        os.makedirs(directory)
        with open(os.path.join(directory, "node.toml"), "w") as file:
            file.write(text)

    def start(self):
        """Start the daemon and return the milliseconds until it listens."""
        return processes.run_milliseconds([self.binary, "node", "--detach"], self.env)

    def status(self):
        """Return what `leanto status --json` says, None if no daemon runs."""
        said = subprocess.run(
            [self.binary, "status", "--json"],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return json.loads(said.stdout) if said.returncode == 0 else None

    def pids(self):
        """Return the processes of the daemon, it first, then its zygotes and workers."""
        status = self.status()
        return processes.descendants(status["pid"]) if status else []

    def wait_until_warm(self, modules=0):
        """Wait until no zygote is being renewed, and one has `modules` modules imported or more."""
        try:
            wait_until_warm(lambda: (self.status() or {}).get("zygotes", []), modules)
        except NotWarmError as error:
            raise NotWarmError(f"{error}; the node's log: {self.log()}") from None

    def log(self):
        """Return the end of the daemon's own log."""
        try:
            with open(
                os.path.join(self.path, ".local/state/leanto/node.log"), errors="replace"
            ) as file:
                return file.read()[-4000:]
        except OSError:
            return ""

    def stop(self):
        """Stop the daemon, if one runs, and wait until it and what it started are gone."""
        pids = self.pids()
        if not pids:
            return
        subprocess.run(
            [self.binary, "stop"],
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        for pid in pids:
            if not processes.wait_until_gone(pid, STOP_LIMIT):
                os.kill(pid, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.path, ignore_errors=True)
