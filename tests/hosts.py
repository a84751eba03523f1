"""Hosts with a real sshd, each in a network namespace of its own, for what happens between machines.

    with hosts.lan(2) as lan:
        a, b = lan.hosts
        assert a.run("uname -n").stdout == "a\\n"
        with a.cut():
            ...

They share this machine's file system, processes and users; each has an own host name, address, home directory, machine id
and boot id. The test itself is on the same network.
"""

import contextlib
import os
import pathlib
import string
import subprocess

import networks
import pytest
import sshd

LIMIT = 60

CLIENT = """
Host *
  User root
  IdentityFile {directory}/client_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {directory}/known_hosts
  GlobalKnownHostsFile none
  UpdateHostKeys no
"""


@contextlib.contextmanager
def lan(count):
    """Make `count` hosts, named a, b, c, ...; skip the test where that can't be done."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    made = Lan(count)
    try:
        yield made
    finally:
        made.close()


_missing = None


def missing():
    """Why there can be no hosts here; "" where there can."""
    global _missing
    if _missing is None:
        _missing = networks.missing() or sshd.missing()
    return _missing


class Lan:
    def __init__(self, count):
        self.network = networks.Network()
        self.directory = self.network.directory
        self.hosts = []
        self.ssh_command = ["ssh", "-F", str(self.directory / "ssh_config")]
        self._aliases = {}
        try:
            self._write_client_key()
            for name in string.ascii_lowercase[:count]:
                self.hosts.append(Host(self, name))
            self.know_hosts()
        except BaseException:
            self.close()
            raise

    def _write_client_key(self):
        private, self.client_key = sshd.kept_key("client")
        path = self.directory / "client_key"
        path.touch(mode=0o600)
        path.write_text(private)

    def add_alias(self, alias, **settings):
        """Another `Host` of the client's configuration."""
        self._aliases[alias] = settings
        text = ""
        for name, pairs in self._aliases.items():
            text += f"Host {name}\n" + "".join(f"  {key} {value}\n" for key, value in pairs.items())
        path = self.directory / "ssh_config"
        path.with_suffix(".new").write_text(text + CLIENT.format(directory=self.directory))
        os.replace(path.with_suffix(".new"), path)

    def know_hosts(self, *, but=()):
        """Let the client know the hosts' keys, except those of `but`."""
        lines = [
            f"{host.name},{host.address} {host.sshd.host_key[1]}"
            for host in self.hosts
            if host not in but
        ]
        (self.directory / "known_hosts").write_text("".join(lines))

    def run(self, host, command, *options, limit=LIMIT):
        """Run a command over ssh; `host` is a host's name or an alias."""
        return subprocess.run(
            [*self.ssh_command, "-o", "BatchMode=yes", *options, host, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
        )

    def close(self):
        try:
            self.network.close()
        finally:
            for host in self.hosts:
                if host.sshd.runs:
                    host.sshd.ended()


class Host:
    def __init__(self, lan, name):
        self.name = name
        self._lan = lan
        self._machine = lan.network.add(name)
        self.address = self._machine.address
        directory = lan.directory / f"{name}.etc"
        directory.mkdir(mode=0o755)
        self.home = lan.directory / name
        self.home.mkdir(mode=0o700)
        self.sshd = sshd.Sshd(self._machine, directory, self.home, lan.client_key)
        self.sshd.start()
        lan.add_alias(name, HostName=self.address)

    def run(self, command, *options, limit=LIMIT):
        """Run a command over ssh."""
        return self._lan.run(self.name, command, *options, limit=limit)

    def processes(self):
        """The numbers of the processes that run on it."""
        return self._machine.processes()
