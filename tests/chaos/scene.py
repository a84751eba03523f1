"""The processes of a run of the suite, in a home of their own: the daemon and its workers, and the callers."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from disks import Disk

from chaos.evidence import Killed

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECT = ROOT / "tests" / "projects" / "chaotic"


class Scene:
    """Everything has its place in `directory`."""

    def __init__(self, directory: pathlib.Path, binary: str, disk_size: int) -> None:
        self.home = directory / "home"
        self.state = self.home / ".local" / "state" / "leanto"
        self.plan = directory / "plan"
        self.failpoints = directory / "failpoints"
        self.history = directory / "history"
        self.directory = directory
        self.killed: list[Killed] = []
        self.home.mkdir()
        self.history.touch()
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
            "HOME": str(self.home),
            "LEANTO_BINARY": binary,
            "LEANTO_FAILPOINTS": f"file:{self.plan}",
            "LEANTO_FAILPOINTS_LOG": str(self.failpoints),
            "PYTHONPATH": os.pathsep.join(
                str(ROOT / place) for place in ("python", "tests", "tests/projects/chaotic")
            ),
        }
        # A disk of its own can be filled; only root can mount one.
        self.disk = Disk(self.state, f"{disk_size}k") if os.getuid() == 0 else None

    def set_plan(self, lines: list[str]) -> None:
        """Say what the daemons to come shall do, each a line."""
        new = self.plan.with_suffix(".new")
        new.write_text("".join(line + "\n" for line in lines))
        new.rename(self.plan)
        self._planned = len(lines)

    def daemons_so_far(self) -> int:
        """How many lines of the plan have been taken."""
        with open(self.plan) as file:
            return self._planned - sum(1 for _ in file)

    def start_caller(self, number: int) -> subprocess.Popen:
        files = [self.directory / f"{name}{number}" for name in ("tasks", "seen")]
        with open(self.directory / f"said{number}", "ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "chaos.caller", *files, self.history],
                cwd=PROJECT,
                env=self.env,
                stdout=said,
                stderr=said,
            )

    def write_tasks(self, number: int, tasks: list) -> None:
        said = json.dumps([task.to_json() for task in tasks])
        (self.directory / f"tasks{number}").write_text(said)

    def leanto(self, *arguments: str) -> str:
        """Run the command line; what it prints, whatever comes of it."""
        command = [self.env["LEANTO_BINARY"], *arguments]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120)
        return done.stdout

    # Who is there

    def processes(self) -> dict[int, str]:
        """Return pid → command of those that have our home, without the callers."""
        wanted = f"HOME={self.home}".encode()
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if wanted not in file.read().split(b"\0"):
                        continue
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if "chaos.caller" not in command:
                found[int(entry)] = command
        return found

    def is_ours(self, pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return f"HOME={self.home}".encode() in file.read().split(b"\0")
        except OSError:
            return False

    def daemon(self) -> int | None:
        """The process that holds the lock."""
        try:
            pid = int((self.state / "node.lock").read_text())
        except (OSError, ValueError):
            return None
        return pid if self.is_ours(pid) else None

    def zygotes(self) -> list[int]:
        daemon = self.daemon()
        if daemon is None:
            return []
        try:
            with open(f"/proc/{daemon}/task/{daemon}/children") as file:
                return [int(pid) for pid in file.read().split()]
        except OSError:
            return []

    def busy_workers(self) -> list[int]:
        """Those whose function began a moment ago and hasn't ended, as far as the history says."""
        with open(self.history, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - 8000))
            lines = [line.split() for line in file.read().split(b"\n")[1:-1]]
        running: dict = {}
        for what, _, token, pid, _ in (line for line in lines if len(line) == 5):
            if what == b"start":
                running[token] = int(pid)
            else:
                running.pop(token, None)
        return sorted(set(running.values()))

    # Killing

    def kill(self, what: str, pid: int | None, how: str = "") -> bool:
        """Kill a process that is ours."""
        if pid is None or not self.is_ours(pid):
            return False
        now = time.monotonic_ns()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.killed.append(Killed(what, pid, now, how))
        return True

    def stop(self) -> None:
        """Have the daemon end by itself."""
        pid = self.daemon()
        if pid is not None:
            self.killed.append(Killed("stopped", pid, time.monotonic_ns()))
            self.leanto("stop")
            self.killed.append(Killed("stopped", pid, time.monotonic_ns()))

    def remove(self) -> None:
        for pid in self.processes():
            self.kill("left", pid)
        if self.disk:
            self.disk.remove()
