"""Other machines as a program's user meets them: hosts of tests/hosts.py, and a HOME here whose node finds them by ssh.

    with far.world(2) as world, world.entered(monkeypatch):
        box = lt.cluster(name="box", host="a")
        box.up()

Entered, this process and its children use the world's HOME, and so a node of its own.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import tempfile

import hosts
from conftest import alive, leanto, processes_of, set_home, wait_until

BINARIES = pathlib.Path(".cache") / "leanto" / "bin"  # in a host's home
LIMIT = 60  # seconds for what takes milliseconds: reached only if something hangs


@contextlib.contextmanager
def world(count=1, user="root", *, binaries=None, ssh_options=()):
    """`count` hosts and a HOME from which they are reached. With `binaries`, those of another host, nothing has to be sent."""
    with hosts.lan(count, user) as lan:
        made = World(lan, ssh_options)
        try:
            for host in lan.hosts if binaries else ():
                give_binaries(host, binaries)
            yield made
        finally:
            made.close()


def give_binaries(host, binaries, cache=".cache"):
    """Let a host have the programs that another one has got."""
    cache = host.home / cache
    shutil.copytree(binaries, cache / "leanto" / "bin")
    for path in (cache, *cache.rglob("*")):
        os.chown(path, host.sshd.uid, host.sshd.uid)


class World:
    """A lan, and the HOME of somebody here."""

    story = None

    def __init__(self, lan, ssh_options=()):
        self.lan = lan
        self.hosts = lan.hosts
        self._directory = tempfile.TemporaryDirectory(
            prefix="leanto-far-", ignore_cleanup_errors=True
        )
        self.home = pathlib.Path(self._directory.name)
        self._nodes = {}
        self._idle = []
        config = self.home / ".config" / "leanto"
        config.mkdir(parents=True)
        ssh, *words = lan.ssh_command
        command = json.dumps([ssh, *ssh_options, *words])
        (config / "node.toml").write_text(f"[ssh]\ncommand = {command}\n")

    @contextlib.contextmanager
    def entered(self, monkeypatch):
        """This process is at home there, meanwhile."""
        from leanto import _nodes

        here = _nodes.here
        with monkeypatch.context() as patch:
            set_home(patch, self.home)
            patch.setattr(_nodes, "_far", self._nodes)
            outside, here._idle[:] = list(here._idle), self._idle
            try:
                yield self
            finally:
                self._idle, here._idle[:] = list(here._idle), outside

    @property
    def binaries(self):
        """What the first host has got, for others."""
        return self.hosts[0].home / BINARIES

    def environment(self):
        hidden = ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        return {**kept, "HOME": str(self.home)}

    def stop_node_here(self):
        """The node on this machine ends; those on the hosts go on."""
        leanto("stop", env=self.environment(), check=False)

    def ssh_processes(self):
        """The ssh processes that the node here has started, which carry its links."""
        return [pid for pid in processes_of(self.home) if program_of(pid) == "ssh"]

    def kill_ssh(self):
        """Kill what carries the links; returns how many there were."""
        pids = self.ssh_processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not any(alive(pid) for pid in pids))
        return len(pids)

    def close(self):
        self.stop_node_here()
        left = lambda: processes_of(self.home)  # noqa: E731
        assert wait_until(lambda: left() == []), f"left behind: {left()}"
        self._directory.cleanup()


def program_of(pid):
    """The name of the program that a process runs; "" if it has ended."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def node_pid(host):
    """The number of the daemon's process on a host; None if there is none."""
    for pid in host.processes():
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"leanto") and b"node" in words:
            return pid
    return None


def listening_ports(host):
    """The TCP ports of a host's namespace that somebody listens on."""
    ports = set()
    for pid in host.processes():
        for table in ("tcp", "tcp6"):
            with contextlib.suppress(OSError):
                lines = pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
                fields = (line.split() for line in lines)
                ports |= {int(row[1].rpartition(":")[2], 16) for row in fields if row[3] == "0A"}
    return ports


def files_below(directory):
    """Relative paths of all files below, without what goes meanwhile."""
    return sorted(
        os.path.relpath(os.path.join(place, name), directory)
        for place, _, names in os.walk(directory)
        for name in names
    )


def bytes_to(host):
    """How many bytes were sent to a host since it's on the network."""
    path = pathlib.Path("/sys/class/net") / host.machine.link / "statistics" / "tx_bytes"
    return int(path.read_text())
