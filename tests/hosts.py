"""Hosts with a real sshd, each in a network namespace of its own, for what happens between machines.

    with hosts.lan(2) as lan:
        a, b = lan.hosts
        assert a.run("uname -n").stdout == "a\\n"
        a.cut()
        ...

The hosts share this machine's file system, processes and users. Each has an own host name, address, home directory (also
in the user database), machine id and boot id. The test itself is on the same network, at `lan.address`.

Who logs in is root, or, with `hosts.lan(2, user="ann")`, a user that is there on the hosts only.
"""

import contextlib
import os
import shlex
import shutil
import string
import subprocess
import threading

import delays
import disks
import networks
import pytest
import pythons
import roots
import sshd

LIMIT = 60

CLIENT = """
Host *
  User {user}
  IdentityFile {directory}/client_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {directory}/known_hosts
  GlobalKnownHostsFile none
  UpdateHostKeys no
"""


@contextlib.contextmanager
def lan(count, user="root"):
    """Make `count` hosts, named a, b, c, ...; skip the test where that can't be done."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    made = Lan(count, user)
    try:
        yield made
    finally:
        made.print_logs()
        made.close()


_missing = None


def missing():
    """Why there can be no hosts here; "" where there can."""
    global _missing
    if _missing is None:
        _missing = networks.missing() or sshd.missing()
    return _missing


class Lan:
    """Hosts on one network, and the configuration of a client that reaches them by their names.

    `ssh_command` is that client, for who can be told one; `path` is a PATH whose `ssh` is it, for who can't: ssh finds a
    user's configuration by the user database, so another HOME wouldn't do. It asks at a terminal like every ssh, if it isn't
    given `BatchMode=yes`.
    """

    def __init__(self, count, user="root"):
        self.user = user
        self.network = networks.Network()
        self.address = self.network.address
        self.unused_address = self.network.unused_address
        self.directory = self.network.directory
        self.config = self.directory / "ssh_config"
        self.known_hosts = self.directory / "known_hosts"
        self.ssh_command = ["ssh", "-F", str(self.config)]
        self.path = f"{self.directory}/bin:{os.environ['PATH']}"
        self.hosts = []
        self._aliases = {}
        try:
            self._write_client_key()
            self._write_client_program()
            self._write_config()
            for name in string.ascii_lowercase[:count]:
                self.hosts.append(Host(self, name))
            self.know_hosts()
            for host in self.hosts:
                host.sshd.wait_until_it_listens()
        except BaseException:
            self.close()
            raise

    def _write_client_key(self):
        private, self.client_key = sshd.kept_key("client")
        path = self.directory / "client_key"
        path.touch(mode=0o600)
        path.write_text(private)

    def _write_client_program(self):
        program = self.directory / "bin" / "ssh"
        program.parent.mkdir()
        ssh, *options = self.ssh_command
        words = [shutil.which(ssh), *options]
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        program.chmod(0o755)

    def add_alias(self, alias, **settings):
        """Another `Host` of the client's configuration; returns the alias."""
        self._aliases[alias] = settings
        self._write_config()
        return alias

    def _write_config(self):
        text = ""
        for name, pairs in self._aliases.items():
            text += f"Host {name}\n" + "".join(f"  {key} {value}\n" for key, value in pairs.items())
        new = self.config.with_suffix(".new")
        new.write_text(text + CLIENT.format(directory=self.directory, user=self.user))
        os.replace(new, self.config)

    def jump_host(self, jump, to=None):
        """An alias that leads to a host through the host `jump`, and by no other way from now on.

        `to` may be left out where there are two hosts. `reach_directly` gives the direct way back.
        """
        to = to or next(host for host in self.hosts if host is not jump)
        to.machine.reachable(False)
        return self.add_alias(
            f"{to.name}-behind-{jump.name}", HostName=to.address, ProxyJump=jump.name
        )

    def reach_directly(self, host):
        host.machine.reachable(True)

    def cut_between(self, one, other):
        """A silent black hole between the two; both reach everybody else."""
        one.machine.cut_from(other.machine)
        other.machine.cut_from(one.machine)

    def heal_between(self, one, other):
        one.machine.reach(other.machine)
        other.machine.reach(one.machine)

    def know_hosts(self, *, but=()):
        """Let the client know the hosts' present keys, except those of `but`."""
        known = (host for host in self.hosts if host not in but)
        lines = (f"{host.name},{host.address} {host.sshd.host_key[1]}" for host in known)
        self.known_hosts.write_text("".join(lines))

    def run(self, host, command, *options, limit=LIMIT):
        """Run a command over ssh; `host` is a host's name or an alias."""
        return subprocess.run(
            [*self.ssh_command, "-o", "BatchMode=yes", *options, host, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
        )

    @contextlib.contextmanager
    def session(self, host, command, *options):
        """A command that runs over ssh meanwhile, as `subprocess.Popen` with text pipes, once it has written its first line.

        It's killed after `LIMIT` seconds, so that nobody waits longer for a line.
        """
        words = [*self.ssh_command, "-o", "BatchMode=yes", *options, host, command]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            limit = threading.Timer(LIMIT, process.kill)
            limit.start()
            try:
                process.stdout.readline()
                yield process
            finally:
                limit.cancel()
                process.kill()

    def print_logs(self):
        """pytest shows it when a test fails."""
        for host in self.hosts:
            print(f"--- sshd of {host.name}\n{host.sshd.read_log()}")

    def close(self):
        try:
            self.network.close()
        finally:
            for host in self.hosts:
                host.sshd.ended()


class Host:
    """A machine with an sshd, reached by `name`; who logs in is at home in `home`.

    What a context manager below changes holds for new sessions; it restarts the sshd and lets sessions go on,
    if it says nothing else.
    """

    def __init__(self, lan, name):
        self.name = name
        self.lan = lan
        self.machine = lan.network.add(name)
        self.address = self.machine.address
        self._directory = lan.directory / f"{name}.etc"
        self._directory.mkdir(mode=0o755)
        self.home = lan.directory / name
        self.home.mkdir(mode=0o700)
        self.sshd = sshd.Sshd(self.machine, self._directory, lan.client_key)
        self.sshd.user, self.sshd.home = lan.user, self.home
        os.chown(self.home, self.sshd.uid, self.sshd.uid)
        self.sshd.begin()
        lan.add_alias(name, HostName=self.address)

    def run(self, command, *options, limit=LIMIT):
        """Run a command over ssh."""
        return self.lan.run(self.name, command, *options, limit=limit)

    def session(self, command, *options):
        """A command that runs over ssh meanwhile: see `Lan.session`."""
        return self.lan.session(self.name, command, *options)

    def processes(self):
        """The numbers of the processes that run on it, sshd's among them."""
        return self.machine.processes()

    def cut(self):
        """A silent black hole: whatever is sent to it or by it gets lost, and nobody is told."""
        self.machine.cut()

    def heal(self):
        self.machine.heal()

    def limit_rate(self, rate):
        """Let no more pass in either direction than `rate`, in `tc`'s words: "10mbit"."""
        self.machine.limit_rate(rate)

    def unlimit(self):
        self.machine.unlimit()

    @contextlib.contextmanager
    def delayed(self, round_trip):
        """An alias that leads to it over a long line: a round trip of so many seconds, and the full rate."""
        relay = delays.Relay(round_trip, self.address, sshd.PORT)
        settings = {"HostName": "127.0.0.1", "Port": relay.port, "HostKeyAlias": self.address}
        try:
            yield self.lan.add_alias(f"{self.name}-at-port-{relay.port}", **settings)
        finally:
            relay.close()

    def stop_sshd(self):
        """From now on connections are refused; sessions go on."""
        self.sshd.stop()

    def start_sshd(self):
        self.sshd.start()

    def reboot(self):
        """Kill all that runs on it, sessions and nodes too, whose connections end so; then start sshd again."""
        self.machine.kill_all()
        self._boot()

    def lose_power(self):
        """As `reboot`, but nobody at the other ends of its connections hears of it before he sends something."""
        self.machine.replace()
        self._boot()

    def _boot(self):
        self.sshd.ended()
        self.sshd.new_boot()
        self.sshd.start()

    def change_host_key(self):
        """As after a new installation; the client knows the old key."""
        self.sshd.stop()
        self.sshd.host_key = sshd.make_key()
        self.sshd.start()

    def refuse_key(self):
        """From now on the client's key lets nobody in."""
        self.sshd.authorize()

    def accept_key(self):
        self.sshd.authorize(self.lan.client_key)

    @contextlib.contextmanager
    def with_environment(self, **variables):
        """Sessions with these variables."""
        with self.with_sshd(environment={**self.sshd.environment, **variables}):
            yield

    @contextlib.contextmanager
    def with_sshd(self, **attributes):
        """Another `environment`, `settings`, `mounts` or `shell` (see `sshd.Sshd`)."""
        before = {name: getattr(self.sshd, name) for name in attributes}
        try:
            self.sshd.restart(**attributes)
            yield
        finally:
            self.sshd.restart(**before)

    @contextlib.contextmanager
    def without_python(self):
        """Sessions whose PATH has all that it had, but no Python."""
        programs = roots.programs_without_python(self._directory / "without_python")
        with self.with_environment(PATH=programs):
            yield

    @contextlib.contextmanager
    def with_python(self, version):
        """Sessions whose `python3` is that version, as "3.12"; skips the test if this machine hasn't got it."""
        directory = self._directory / f"python{version}"
        directory.mkdir(exist_ok=True)
        link = directory / "python3"
        if not link.exists():
            link.symlink_to(pythons.python(version))
        with self.with_environment(PATH=f"{directory}:{sshd.PATH}"):
            yield

    @contextlib.contextmanager
    def with_small_disk(self, size):
        """Its home is an empty disk of that size ("8m"), a `disks.Disk`. It's rebooted before and after."""
        self.machine.kill_all()
        disk = disks.Disk(self.home, size)
        try:
            os.chown(self.home, self.sshd.uid, self.sshd.uid)
            self._boot()
            yield disk
        finally:
            self.machine.kill_all()
            disk.remove()
            self._boot()

    @contextlib.contextmanager
    def without_libc(self):
        """Sessions in a root of their own, that has a static busybox, the home and nothing else: no libc, no Python.

        Skips the test if there is no static busybox.
        """
        mounts = roots.make_root_without_libc(self._directory / "root", self.home)
        with self.with_sshd(
            mounts=mounts, settings=[f"ChrootDirectory {roots.PLACE}"], shell="/bin/sh"
        ):
            yield
