"""The hosts that tests of several machines stand on do what they say, shown with plain ssh."""

import contextlib
import hashlib
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import delays
import hosts
import networks
import pytest
import pythons
from conftest import ROOT, alive


def said(done):
    """What a command wrote, if it went well."""
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def connect(other, start, limit):
    script = f"exec 3<>/dev/tcp/{other.address}/22; read line <&3; echo $line"
    words = [*start, "timeout", limit, "bash", "-c", script]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def reaches(other, start=()):
    """Whether a host's sshd answers; to another host, if `start` is that one's way to start a command."""
    return connect(other, start, "30").stdout.startswith("SSH-2.0-")


def is_black_hole(other, start=()):
    """Whether a host can't be reached, and nobody says so: only `timeout` ends the attempt."""
    return connect(other, start, "0.3").returncode == 124


def says_something(process, seconds):
    return bool(select.select([process.stdout, process.stderr], [], [], seconds)[0])


def tell(process, line):
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@pytest.fixture
def host():
    with hosts.lan(1) as lan:
        yield lan.hosts[0]


def test_each_host_has_a_name_an_address_a_home_and_an_identity_of_its_own(lan):
    ask = "uname -n; pwd; echo $HOME; echo ~root; echo $SSH_CONNECTION; env | grep -c ^XDG_"
    identities = set()
    for host in lan.hosts:
        *lines, connection, xdg = host.run(ask).stdout.splitlines()
        assert lines == [host.name, *3 * [str(host.home)]]
        assert connection.split()[2] == host.address
        assert xdg == "0"
        identities.add(said(host.run("cat /etc/machine-id /proc/sys/kernel/random/boot_id")))
    here = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text()
    assert len(identities) == 2
    assert not any(here in identity for identity in identities)


def test_the_ssh_of_its_path_knows_the_hosts(lan):
    behind = lan.jump_host(lan.hosts[0])
    environment = {**os.environ, "PATH": lan.path}
    done = subprocess.run(
        ["ssh", "-o", "BatchMode=yes", behind, "uname -n"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert said(done) == "b"


def test_who_logs_in_need_not_be_root():
    with hosts.lan(1, user="ann") as lan:
        (a,) = lan.hosts
        assert said(a.run("whoami; pwd; echo ~ann")).split() == ["ann", *2 * [str(a.home)]]
        said(a.run("touch mine"))
        assert a.run("touch /etc/mine").returncode == 1
        assert a.home.joinpath("mine").stat().st_uid not in (0, os.getuid())
        with a.with_small_disk("1m"):
            said(a.run("touch mine"))


def test_a_unix_socket_of_a_home_has_a_short_path(lan):
    for host in lan.hosts:
        assert len(os.fsencode(host.home / ".local" / "state" / "leanto" / "node.sock")) < 80


def test_a_host_reaches_its_network_and_nothing_else(lan):
    a, b = lan.hosts
    words = [*lan.ssh_command, "-o", "BatchMode=yes", b.name, "uname -n"]
    assert said(a.run(" ".join(words))) == "b"
    assert said(a.run("ip route")).splitlines() == [
        f"{lan.network.address_of(0)}/24 dev eth0 proto kernel scope link src {a.address}"
    ]


def test_two_networks_are_apart(lan):
    with hosts.lan(1) as other:
        assert other.network.number != lan.network.number
        done = lan.hosts[0].run(f"echo > /dev/tcp/{other.hosts[0].address}/22")
        assert "Network is unreachable" in done.stderr


def test_a_cut_is_silent_and_a_session_survives_it(lan):
    a, b = lan.hosts
    with a.session("echo; exec cat") as session:
        a.cut()
        tell(session, "are you there?")
        assert not says_something(session, 0.3)
        assert is_black_hole(a)
        assert reaches(b)
        a.heal()
        assert session.stdout.readline() == "are you there?\n"
        assert session.poll() is None
    assert said(a.run("uname -n")) == "a"


def test_two_hosts_are_cut_from_each_other_only():
    with hosts.lan(3) as lan:
        a, b, c = lan.hosts
        lan.cut_between(a, b)
        assert is_black_hole(b, a.machine.inside())
        assert is_black_hole(a, b.machine.inside())
        assert reaches(c, a.machine.inside())
        assert reaches(b, c.machine.inside())
        assert reaches(a)
        lan.heal_between(a, b)
        assert reaches(b, a.machine.inside())
        assert reaches(a, b.machine.inside())


def test_a_limited_rate_holds_both_ways(host):
    # 32 KiB may pass at once.
    at_least = (125_000 - 32_768) * 8 / 2_000_000
    host.limit_rate("2mbit")
    start = time.monotonic()
    assert len(said(host.run("head -c 125000 /dev/zero | tr '\\0' x"))) == 125_000
    assert time.monotonic() - start > at_least
    with host.session("echo; wc -c") as session:
        start = time.monotonic()
        assert session.communicate("x" * 125_000)[0] == "125000\n"
        assert time.monotonic() - start > at_least
    host.unlimit()
    link = networks.command("tc", "qdisc", "show", "dev", host.machine.link)
    assert "tbf" not in link + said(host.run("tc qdisc"))


def test_a_long_line_costs_its_round_trip(host):
    round_trip = 0.05
    with host.delayed(round_trip) as far, host.lan.session(far, "echo; exec cat") as session:
        start = time.monotonic()
        tell(session, "hello")
        assert session.stdout.readline() == "hello\n"
        assert time.monotonic() - start >= round_trip
    assert said(host.run("uname -n")) == "a"


def test_a_long_line_carries_much_at_once_and_in_order():
    sent = os.urandom(1 << 20) * 32
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            with listener.accept()[0] as connection, connection.makefile("rb") as file:
                connection.sendall(hashlib.sha256(file.read()).digest())

        threading.Thread(target=answer, daemon=True).start()
        with contextlib.closing(delays.Relay(0.2, *listener.getsockname())) as relay:
            start = time.monotonic()
            with socket.create_connection(("127.0.0.1", relay.port), timeout=60) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(100) == hashlib.sha256(sent).digest()
                assert connection.recv(100) == b""
            took = time.monotonic() - start
    assert took >= 0.4  # the connection, the question and the answer
    assert took < 0.1 * len(sent) / delays.CHUNK  # a line that waits for what it has read


def test_a_host_whose_sshd_is_down_refuses_and_its_sessions_go_on(host):
    with host.session("echo; exec cat") as session:
        host.stop_sshd()
        assert "Connection refused" in host.run("true").stderr
        tell(session, "still there?")
        assert session.stdout.readline() == "still there?\n"
        host.start_sshd()
        assert said(host.run("uname -n")) == "a"
        assert session.poll() is None


def test_a_reboot_ends_all_that_runs_on_the_host_and_nothing_else(lan):
    a, b = lan.hosts
    boot = said(a.run("cat /proc/sys/kernel/random/boot_id"))
    pids = [
        int(said(host.run("setsid sleep 1000 >/dev/null 2>&1 & echo $!"))) for host in lan.hosts
    ]
    assert pids[0] in a.processes()
    assert pids[1] in b.processes()
    with a.session("echo; exec cat") as session:
        a.reboot()
        assert session.wait(timeout=60) == 255
    assert not alive(pids[0])
    assert alive(pids[1])
    assert said(a.run("cat /proc/sys/kernel/random/boot_id")) != boot
    assert a.processes() != []


def test_a_power_cut_is_noticed_by_who_sends_something(host):
    with host.session("echo; exec cat") as session:
        host.lose_power()
        assert said(host.run("uname -n")) == "a"
        assert not says_something(session, 0.3)
        assert session.poll() is None
        tell(session, "are you there?")
        assert session.wait(timeout=60) == 255


def test_a_changed_host_key_is_refused(lan):
    a, b = lan.hosts
    a.change_host_key()
    done = a.run("true")
    assert done.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr
    assert said(b.run("uname -n")) == "b"
    lan.know_hosts()
    assert said(a.run("uname -n")) == "a"


def test_an_unknown_host_key_is_refused_until_it_is_accepted(host):
    host.lan.know_hosts(but=[host])
    assert host.run("true").stderr == "Host key verification failed.\n"
    assert said(host.run("uname -n", "-o", "StrictHostKeyChecking=accept-new")) == "a"
    assert said(host.run("uname -n")) == "a"


def test_a_key_is_refused_and_accepted_again(host):
    host.refuse_key()
    assert host.run("true").stderr == f"root@{host.address}: Permission denied (publickey).\n"
    host.accept_key()
    assert said(host.run("uname -n")) == "a"


def test_behind_a_jump_host_there_is_no_direct_way(lan):
    a, b = lan.hosts
    behind = lan.jump_host(a)
    assert said(lan.run(behind, "uname -n; echo $SSH_CLIENT")).split()[:2] == ["b", a.address]
    assert is_black_hole(b)
    b.lose_power()
    assert is_black_hole(b)
    lan.reach_directly(b)
    assert reaches(b)


def test_a_host_without_python(host):
    with host.without_python():
        assert host.run("command -v python3 python").stdout == ""
        assert said(host.run("python3 --version || uname -n")) == "a"
    assert said(host.run("command -v python3")) != ""


def test_a_host_with_another_python(host):
    version = next(iter(pythons.pythons()))
    with host.with_python(version):
        code = "import sys, json; print('%d.%d' % sys.version_info[:2])"
        assert said(host.run(f'python3 -c "{code}"')) == version


def test_a_host_with_a_small_disk(host):
    (host.home / "file").write_text("before")
    with host.with_small_disk("8m") as disk:
        assert not (host.home / "file").exists()
        done = host.run("pwd; head -c 9000000 /dev/zero > full")
        assert done.stdout == f"{host.home}\n"
        assert "No space left on device" in done.stderr
        (host.home / "full").unlink()
        disk.fill()
        assert "No space left on device" in host.run("echo x > full").stderr
        disk.free()
        assert said(host.run("echo x > full; cat full")) == "x"
    assert said(host.run("cat file")) == "before"


def test_a_host_without_a_libc(host):
    program = host.home / "dynamic"
    program.write_bytes(pathlib.Path("/bin/true").read_bytes())
    program.chmod(0o755)
    assert host.run("./dynamic").returncode == 0
    with host.without_libc():
        assert said(host.run("uname -n; pwd")).split() == ["a", str(host.home)]
        assert host.run("./dynamic").returncode == 127
        assert host.run("python3 --version").returncode == 127
        said(host.run("touch made"))
    assert (host.home / "made").exists()


def left_of(network):
    """What there still is of a network: its namespaces, links, files and mounts."""
    links = os.listdir("/sys/class/net")
    names = [name for name in links if name.split("-")[0] == network.bridge]
    if networks.NAMESPACES.exists():
        spaces = os.listdir(networks.NAMESPACES)
        names += [name for name in spaces if name.startswith(f"{network.bridge}-")]
    mounts = pathlib.Path("/proc/mounts").read_text().splitlines()
    names += [line for line in mounts if f"{network.directory}/" in line]
    return names + ([network.directory] if network.directory.exists() else [])


STUBBORN = "trap '' HUP TERM; while :; do sleep 1000 & wait; done"


def test_nothing_is_left_after_a_failing_test():
    with pytest.raises(ZeroDivisionError), contextlib.ExitStack() as stack:
        lan = stack.enter_context(hosts.lan(2))
        a, b = lan.hosts
        a.run(f'setsid sh -c "{STUBBORN}" >/dev/null 2>&1 &')
        a.home.joinpath("disk").mkdir()
        stack.enter_context(b.with_small_disk("1m"))
        far = stack.enter_context(a.delayed(0.01))
        stack.enter_context(lan.session(far, "echo; exec cat"))
        a.cut()
        pids = [*a.processes(), *b.processes()]
        assert len(pids) > 3
        raise ZeroDivisionError
    # The number may be another suite's by now, so what is there may be that one's.
    assert not any(alive(pid) for pid in pids)


KILLED = """
import os, sys
import hosts
context = hosts.lan(1)
lan = context.__enter__()
print(lan.network.number, *lan.hosts[0].processes(), flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_suite_left_behind_is_removed_by_the_next():
    reason = hosts.missing()
    if reason:
        pytest.skip(reason)
    words = [sys.executable, "-c", KILLED]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    _, *pids = map(int, done.stdout.split())
    assert pids
    with contextlib.ExitStack() as stack:
        # The lowest free number is taken first; other suites take some, too.
        while any(alive(pid) for pid in pids):
            stack.enter_context(hosts.lan(0))


def test_nothing_is_left_of_a_network():
    with hosts.lan(2) as lan:
        assert len(left_of(lan.network)) == 6
        lan.network.remove()  # what its end does, but for giving the number back
        assert left_of(lan.network) == []
