"""tests/data/ssh_errors.toml says what ssh says: each case of it happens here again."""

import concurrent.futures
import contextlib
import os
import re
import signal
import subprocess

import hosts
import pytest
import tomllib
from conftest import ROOT

TABLE = tomllib.loads((ROOT / "tests" / "data" / "ssh_errors.toml").read_text())
CASES = TABLE["case"]
BEGAN = "echo began"
ONE_SECOND = ("-o", "ConnectTimeout=1")

situations = {}  # what is done, by its name in the table


def situation(name):
    def add(function):
        situations[name] = function
        return function

    return add


def meanwhile(lan, host, act, *options):
    """Do something while a command runs over ssh; returns how ssh ends."""
    with lan.session(host, f"{BEGAN}; exec sleep 1000", *options) as session:
        act()
        stdout, stderr = session.communicate(timeout=60)
    return subprocess.CompletedProcess(session.args, session.returncode, "began\n" + stdout, stderr)


@situation("the host's key is not known")
def _(lan, a, b):
    lan.know_hosts(but=[a])
    return a.run(BEGAN)


@situation("the host's key is not known, StrictHostKeyChecking=yes")
def _(lan, a, b):
    lan.know_hosts(but=[a])
    return a.run(BEGAN, "-o", "StrictHostKeyChecking=yes")


@situation("the host's key has changed")
def _(lan, a, b):
    a.change_host_key()
    return a.run(BEGAN)


@situation("the key is refused")
def _(lan, a, b):
    a.refuse_key()
    return a.run(BEGAN)


@situation("there is no such user")
def _(lan, a, b):
    return a.run(BEGAN, "-l", "no-such-user")


@situation("the host is up, sshd is down")
def _(lan, a, b):
    a.stop_sshd()
    return a.run(BEGAN)


@situation("the host is cut off, ConnectTimeout=1")
def _(lan, a, b):
    a.cut()
    return a.run(BEGAN, *ONE_SECOND)


@situation("nobody has the address, on the same network")
def _(lan, a, b):
    return a.run(BEGAN, "-o", f"HostName={lan.unused_address}")


@situation("no route leads to the network")
def _(lan, a, b):
    with contextlib.closing(
        hosts.Lan(1)
    ) as other:  # whose host has no route but to its own network
        words = other.hosts[0].machine.inside(*lan.ssh_command, "-o", "BatchMode=yes")
        return run([*words, "a", BEGAN])


@situation("the port is taken by something that says nothing, ConnectTimeout=1")
def _(lan, a, b):
    with something_else(a, "import time; time.sleep(100)"):
        return a.run(BEGAN, *ONE_SECOND)


@situation(
    "the port is taken by something that hangs up; sshd does so, too, when it has too many connections"
)
def _(lan, a, b):
    with something_else(a, "listener.accept()[0].recv(1000)"):
        return a.run(BEGAN)


@situation("client and host have no algorithm in common")
def _(lan, a, b):
    with a.with_sshd(settings=["KexAlgorithms diffie-hellman-group14-sha1"]):
        return a.run(BEGAN)


@situation("the name is unknown")
def _(lan, a, b):
    return with_names(a, "hosts: files")


@situation("the name server doesn't answer")
def _(lan, a, b):
    return with_names(a, "hosts: files dns")


@situation("the session's sshd ends: the host shuts down, or the session was killed")
def _(lan, a, b):
    return meanwhile(lan, "a", a.reboot)


@situation("the host is cut off meanwhile, ServerAliveInterval=1, ServerAliveCountMax=1")
def _(lan, a, b):
    options = ("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1")
    return meanwhile(lan, "a", a.cut, *options)


@situation("the host has lost power meanwhile and is up again, ServerAliveInterval=1")
def _(lan, a, b):
    return meanwhile(lan, "a", a.lose_power, "-o", "ServerAliveInterval=1")


@situation("the jump host is up, its sshd is down")
def _(lan, a, b):
    a.stop_sshd()
    return lan.run(lan.jump_host(a), BEGAN)


@situation("the jump host is cut off, ConnectTimeout=1")
def _(lan, a, b):
    a.cut()
    return lan.run(lan.jump_host(a), BEGAN, *ONE_SECOND)


@situation("the jump host refuses the key")
def _(lan, a, b):
    a.refuse_key()
    return lan.run(lan.jump_host(a), BEGAN)


@situation("the jump host's key is not known")
def _(lan, a, b):
    lan.know_hosts(but=[a])
    return lan.run(lan.jump_host(a), BEGAN)


@situation("the jump host may not forward")
def _(lan, a, b):
    with a.with_sshd(settings=["AllowTcpForwarding no"]):
        return lan.run(lan.jump_host(a), BEGAN)


@situation("behind the jump host, sshd is down")
def _(lan, a, b):
    b.stop_sshd()
    return lan.run(lan.jump_host(a), BEGAN)


@situation("behind the jump host, the host is cut off, ConnectTimeout=1")
def _(lan, a, b):
    b.cut()
    return lan.run(lan.jump_host(a), BEGAN, *ONE_SECOND)


@situation("the jump host ends meanwhile")
def _(lan, a, b):
    return meanwhile(lan, lan.jump_host(a), a.reboot)


@situation("the ProxyCommand is missing")
def _(lan, a, b):
    alias = lan.add_alias("proxied", HostName=b.address, ProxyCommand="no-such-program")
    return run([*lan.ssh_command, "-o", "BatchMode=yes", alias, BEGAN], SHELL="/bin/bash")


@situation("the command is not there")
def _(lan, a, b):
    return a.run(f"{BEGAN}; no-such-command")


@situation("the command exits with 255")
def _(lan, a, b):
    return a.run(f"{BEGAN}; exit 255")


@situation("the command is killed by a signal")
def _(lan, a, b):
    return a.run(f"{BEGAN}; kill -KILL $$")


def run(words, **environment):
    environment = {**os.environ, **environment}
    words = [str(word) for word in words]
    stdin = subprocess.DEVNULL
    return subprocess.run(
        words, stdin=stdin, capture_output=True, text=True, timeout=60, env=environment
    )


@contextlib.contextmanager
def something_else(host, does):
    """A program that is no sshd has the host's port."""
    host.stop_sshd()
    code = f"import socket; listener = socket.create_server(('', 22)); print(flush=True); {does}"
    words = host.machine.inside("python3", "-c", code)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield
        finally:
            process.send_signal(signal.SIGKILL)


def with_names(host, switch):
    """Ask for a name where the name service is that and the name server is down: on a host, in a mount namespace."""
    switch_file, servers = host.home / "nsswitch.conf", host.home / "resolv.conf"
    switch_file.write_text(f"{switch}\n")
    servers.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    script = (
        f"mount --bind {switch_file} /etc/nsswitch.conf && mount --bind {servers} /etc/resolv.conf"
    )
    words = host.machine.inside("unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh")
    return run([*words, "ssh", "-F", "none", "-o", "BatchMode=yes", "no-such-host.invalid", BEGAN])


def happen(name):
    """Have it happen; returns the completed ssh and the values of the table's placeholders."""
    with contextlib.closing(hosts.Lan(2)) as lan:
        a, b = lan.hosts
        done = situations[name](lan, a, b)
        command = " ".join(done.args)
        asked = b.address if "-behind-a" in command else a.address
        return done, {
            "address": lan.unused_address if lan.unused_address in command else asked,
            "jump": a.address,
            "port": "22",
            "user": "root",
            "known_hosts": str(lan.known_hosts),
            "line": "1",
        }


def pattern(case, values):
    """What a case's `stderr` stands for, as a regular expression."""
    found = re.escape(case["stderr"].lstrip())
    if "before" in case:
        found = f"({re.escape(case['before'].lstrip())})?{found}"
    for name, texts in TABLE["one_of"].items():
        any_of = "|".join(re.escape(text.strip()) for text in texts)
        found = found.replace(re.escape(f"{{{name}}}"), f"({any_of})")
    found = found.replace(re.escape("{fingerprint}"), "SHA256:[A-Za-z0-9+/]{43}")
    for name, value in values.items():
        found = found.replace(re.escape(f"{{{name}}}"), re.escape(value))
    return found


@pytest.fixture(scope="module")
def happened():
    """All of them, some at a time, because most of the time is waiting; an error comes with its result."""
    if hosts.missing():
        pytest.skip(hosts.missing())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        yield {name: pool.submit(happen, name) for name in situations}


def test_each_case_happens():
    assert sorted(situations) == sorted(case["situation"] for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["situation"] for case in CASES])
def test_ssh_says_what_the_table_says(happened, case):
    done, values = happened[case["situation"]].result(timeout=120)
    assert re.fullmatch(pattern(case, values), done.stderr), done.stderr
    assert done.returncode == case["exit"]
    assert done.stdout.startswith("began") == case["connected"]
