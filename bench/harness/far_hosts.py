"""Hosts with a real sshd, as the tests make them, and what one does with bare ssh: the base of what
leanto does there."""

import contextlib
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time

from harness import processes

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests")
LIMIT = 120.0  # seconds for what takes a few at most
PIECE = 1 << 20
ECHOED = bytes(64)


def missing():
    """Why there can be no hosts here; "" where there can."""
    if importlib.util.find_spec("pytest") is None:
        return (
            "this Python has no pytest, which the hosts of the tests need; ./dev setup installs it"
        )
    return _tests_hosts().missing()


@contextlib.contextmanager
def far_hosts(round_trip):
    """Two hosts: one without delay, one whose answers take `round_trip` seconds."""
    lan = _tests_hosts().Lan(2)
    with contextlib.closing(lan), lan.hosts[1].delayed(round_trip) as delayed:
        yield [FarHost(lan, host, alias) for host, alias in zip(lan.hosts, ("a", delayed))]


def _tests_hosts():
    """Return tests/hosts.py. Its modules are named as if they were alone, so the place comes last."""
    if TESTS not in sys.path:
        sys.path.append(TESTS)
    import hosts

    return hosts


class FarHost:
    """A host; `alias` is what ssh calls it, `ssh` the command that reaches it."""

    def __init__(self, lan, host, alias):
        self.alias = alias
        self.ssh = [shutil.which("ssh"), *lan.ssh_command[1:], "-o", "BatchMode=yes"]
        self._command = lan.ssh_command
        self._host = host
        self._home = host.home  # as seen from here: the hosts share the file system

    def let_reach(self, home):
        """Have the node of that home, which doesn't run yet, find the hosts."""
        home.configure(f"[ssh]\ncommand = {json.dumps(self._command)}\n")

    def true_milliseconds(self, env):
        """Return how long `ssh HOST true` takes, which connects anew."""
        return processes.run_milliseconds([*self.ssh, self.alias, "true"], env)

    def stop_node(self, env):
        """End the node there, which runs, and wait until nothing of leanto is left."""
        stop = "exec ~/.cache/leanto/bin/*/leanto stop"
        processes.run_milliseconds([*self.ssh, self.alias, stop], env)
        deadline = time.monotonic() + LIMIT
        while len(self._host.processes()) > 1:
            if time.monotonic() > deadline:
                raise RuntimeError(f"on {self.alias} something doesn't end")
            time.sleep(0.005)

    def rsync_milliseconds(self, path, env):
        """Return how long it takes to bring the host's copy of a directory up to date."""
        shell = " ".join(self.ssh)
        argv = [shutil.which("rsync"), "-a", "-e", shell, f"{path}/", f"{self.alias}:copy/"]
        return processes.run_milliseconds(argv, env)

    def copied(self, name):
        """Return what is in a file of that copy."""
        return (self._home / "copy" / name).read_text()

    def stream_rate(self, size):
        """Return the MB/s at which so many bytes reach a `cat` there, once ssh is connected."""
        script = "echo ready; cat >/dev/null; echo done"
        with _piped([*self.ssh, self.alias, script]) as process:
            _read(process, b"ready\n")
            piece = memoryview(bytes(PIECE))
            start = time.perf_counter()
            for sent in range(0, size, PIECE):
                process.stdin.write(piece[: size - sent])
            process.stdin.close()
            _read(process, b"done\n")
            return size / (time.perf_counter() - start) / 1e6

    @contextlib.contextmanager
    def echo(self):
        """A `cat` there; what this gives returns the median of so many of its round trips, in ms."""
        with _piped([*self.ssh, self.alias, "cat"]) as process:

            def milliseconds(count):
                times = sorted(_echo(process) for _ in range(count))
                return times[count // 2] * 1000

            milliseconds(1)  # the first includes connecting
            yield milliseconds


def _echo(process):
    start = time.perf_counter()
    process.stdin.write(ECHOED)
    _read(process, ECHOED)
    return time.perf_counter() - start


def _read(process, expected):
    """Read exactly that, within the limit."""
    said = b""
    while said != expected:
        if not select.select([process.stdout], [], [], LIMIT)[0]:
            raise RuntimeError(f"{process.args} has said nothing for {LIMIT:g} s")
        piece = process.stdout.read(len(expected) - len(said))
        if not piece:
            raise RuntimeError(f"{process.args} ended early; what it wrote is above")
        said += piece


@contextlib.contextmanager
def _piped(argv):
    """A process with unbuffered pipes, that is ended at the end."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, bufsize=0)
    try:
        yield process
    finally:
        process.kill()
        process.wait(LIMIT)
        for end in (process.stdin, process.stdout):
            with contextlib.suppress(BrokenPipeError):
                end.close()
