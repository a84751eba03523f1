"""A host that has nothing but an sshd and a Python becomes a node, and keeps what it had."""

import os
import subprocess

import far
import pytest
import pythons
import roots
import shop
import sshd
from clients import Client, Failed, write_project
from conftest import SAMPLE, leanto, wait_until

LIMIT = 60
KINDS = ("CACHE", "CONFIG", "STATE")
UP = "lt.cluster(name='box', host='a').up()"


@pytest.fixture
def bare(monkeypatch):
    """A host on which nothing of ours has ever been, and a HOME of its own."""
    with far.world(1) as world, world.entered(monkeypatch):
        yield world


@pytest.fixture
def fresh(monkeypatch, binaries):
    """A host that has the binary already and runs no node, and a HOME of its own."""
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        yield world


def run_leanto(*words):
    command = [os.environ["LEANTO_BINARY"], *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)


def test_a_host_gets_all_it_needs_and_a_second_up_does_nothing(bare, lt):
    (host,) = bare.hosts
    assert far.files_below(host.home) == []
    box = lt.cluster(name="box", host="a")
    assert box.status()["nodes"][0]["state"] == "down"
    assert far.node_pid(host) is None
    assert box.up() is True
    node = far.node_pid(host)
    before = far.bytes_to(host)
    assert box.up() is False
    assert box.up_if_not() is False
    assert leanto("up", "box").startswith("box is up already; nothing was done")
    assert far.node_pid(host) == node
    assert far.bytes_to(host) - before < 20_000
    assert box.status()["nodes"][0]["state"] == "up"
    assert lt.function(shop.add).to(box)(1, 2) == 3
    # Nobody can connect to the node but through the sshd.
    assert far.listening_ports(host) == {sshd.PORT}
    ours = (".cache/leanto/", ".local/state/leanto/", ".config/leanto/")
    assert [path for path in far.files_below(host.home) if not path.startswith(ours)] == []


def test_who_is_not_root_needs_no_root(monkeypatch, lt, binaries):
    with far.world(1, user="ann", binaries=binaries) as world, world.entered(monkeypatch):
        (host,) = world.hosts
        box = lt.cluster(name="box", host="a")
        assert box.up() is True
        assert box.run("id -u; echo $HOME").stdout.split() == [str(sshd.OTHER_UID), str(host.home)]
        assert lt.function(shop.add).to(box)(1, 2) == 3
        counter = lt.cls(shop.Counter).to(box)(1)
        assert counter.increase() == 2
        ours = (".cache/leanto/", ".local/state/leanto/", ".config/leanto/")
        assert [path for path in far.files_below(host.home) if not path.startswith(ours)] == []
        elsewhere = [
            os.path.join(place, name)
            for place in ("/tmp", "/var/tmp", "/dev/shm", "/run")
            for name in os.listdir(place)
            if os.lstat(os.path.join(place, name)).st_uid == sshd.OTHER_UID
        ]
        assert elsewhere == []


def test_the_places_that_a_user_has_chosen_are_used(monkeypatch, lt, binaries):
    with far.world(1) as world, world.entered(monkeypatch):
        (host,) = world.hosts
        far.give_binaries(host, binaries, cache="CACHE")
        places = {f"XDG_{kind}_HOME": str(host.home / kind) for kind in KINDS}
        with host.with_environment(**places):
            box = lt.cluster(name="box", host="a")
            assert box.up() is True
            assert lt.function(shop.add).to(box)(1, 2) == 3
            assert {path.name for path in host.home.iterdir()} <= set(KINDS)


def test_an_upload_that_was_interrupted_goes_on_where_it_was(bare, lt):
    (host,) = bare.hosts

    def there():
        return sum(path.stat().st_size for path in (host.home / far.BINARIES).glob(".part-*"))

    with Client(SAMPLE) as client:
        host.limit_rate("20mbit")
        client.start(UP)
        assert wait_until(lambda: there() > 500_000)
        # The network is away for a moment: ssh doesn't mind.
        host.cut()
        host.heal()
        assert wait_until(lambda: there() > 1_000_000)
        bare.kill_ssh()
        with pytest.raises(Failed) as caught:
            client.answer()
        assert caught.value.kind == "NodeLostError"
        assert "the host a" in caught.value.text and "ssh -F" in caught.value.text
        host.unlimit()
        # The script over there keeps all that has come before it ends.
        assert wait_until(lambda: not any_python(host))
        kept = there()
        assert kept > 1_000_000
        before = far.bytes_to(host)
        assert client.do(UP) is True
        sent = far.bytes_to(host) - before
        whole = size_of_whole(client.complained())
        assert sent < (whole - kept) * 1.1 + 100_000
        assert there() == 0
        said = client.complained()
        for step in ("connecting to a", "packing leanto for a", "starting the node on a"):
            assert step in said
        assert client.do(UP) is False
        assert client.complained() == said and client.said() == ""


def any_python(host):
    return any(far.program_of(pid).startswith("python") for pid in host.processes())


def size_of_whole(said):
    """Of what is sent, as the progress says it: "sending leanto to a: 1.2 of 4.5 MB"."""
    return (
        max(float(line.split(" of ")[1].split()[0]) for line in said.split("\n") if " of " in line)
        * 1e6
    )


def test_a_host_without_a_python_says_so_and_works_once_it_has_one(bare, binaries, lt):
    (host,) = bare.hosts
    box = lt.cluster(name="box", host="a")

    def send():
        return lt.function(shop.add).to(box)

    with host.without_python():
        for use in (box.up, send, box.keys):
            with pytest.raises(
                lt.InvalidRequestError, match="has no python3 in its PATH"
            ) as caught:
                use()
            assert "the host a" in str(caught.value)
            assert "ssh -F" in str(caught.value)
        done = run_leanto("up", "box")
        assert done.returncode == 1 and "has no python3 in its PATH" in done.stderr
        # One that lost its Python after it had got leanto.
        far.give_binaries(host, binaries)
        assert box.up() is True
        with pytest.raises(lt.ImageError, match="no python3 on this machine's PATH"):
            send()
        box.down()
    assert send()(1, 2) == 3


def test_a_host_whose_python_is_too_old_says_which_it_has(bare, lt):
    (host,) = bare.hosts
    with only_python(host, "3.6"):
        with pytest.raises(lt.InvalidRequestError, match=r"has only Python 3\.6.* 3\.9 or newer"):
            lt.cluster(name="box", host="a").up()


def only_python(host, version):
    """Sessions whose PATH has that Python and no other."""
    programs = roots.programs_without_python(host.lan.directory / f"only{version}")
    link = os.path.join(programs, "python3")
    if not os.path.lexists(link):
        os.symlink(pythons.python(version), link)
    return host.with_environment(PATH=programs)


APP = """
import sys

def version():
    return sys.version_info[:2]

def same(value):
    return value

def numbers(n):
    yield from range(n)

def boom():
    raise ValueError("no such luck")

class Counter:
    def __init__(self):
        self.n = 0
    def more(self):
        self.n += 1
        return self.n
"""


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_a_host_may_have_another_python_than_the_program(version, fresh, lt, tmp_path):
    (host,) = fresh.hosts
    project = write_project(
        tmp_path / "p", {"app.py": APP, "pyproject.toml": "[project]\nname='p'\n"}
    )
    numbers = tuple(int(part) for part in version.split("."))
    with only_python(host, version), Client(project) as client:
        client.do("import app; box = lt.cluster(name='box', host='a')")
        assert client.do("lt.function(app.version).to(box)()") == list(numbers)
        client.do("same = lt.function(app.same).to(box)")
        assert client.do("same({'a': [1, 2.5, None]}) == {'a': [1, 2.5, None]}") is True
        assert client.do("list(lt.function(app.numbers).to(box)(3))") == [0, 1, 2]
        client.do("counter = lt.cls(app.Counter).to(box)()")
        assert client.do("counter.more() + counter.more()") == 3
        with pytest.raises(Failed, match="no such luck") as caught:
            client.do("lt.function(app.boom).to(box)()")
        assert caught.value.kind == "ValueError"
        assert f'{project}/app.py", line 14, in boom' in caught.value.cause
        # A class that this program has and the host has not.
        client.do("import sys, types; sys.modules['only_here'] = types.ModuleType('only_here')")
        client.do("exec('class Thing: pass', sys.modules['only_here'].__dict__)")
        with pytest.raises(Failed, match="only_here") as caught:
            client.do("same(sys.modules['only_here'].Thing())")
        assert caught.value.kind == "ValueTransportError"


def test_a_full_disk_is_an_error_and_works_when_there_is_room(bare, lt):
    (host,) = bare.hosts
    box = lt.cluster(name="box", host="a")
    with host.with_small_disk("200m") as disk:
        disk.fill()
        with pytest.raises(lt.CapacityError) as caught:
            box.up()
        assert "the host a" in str(caught.value) and str(host.home) in str(caught.value)
        done = run_leanto("up", "box")
        assert done.returncode == 1 and str(host.home) in done.stderr
        disk.free()
        assert box.up() is True
        assert lt.function(shop.add).to(box)(1, 2) == 3


def test_what_a_shell_prints_before_a_command_is_passed_over(bare, lt):
    (host,) = bare.hosts
    noise = (
        "echo Welcome; echo LEANTO is great; echo mind the gap >&2; printf 'no end of the line'\n"
    )
    (host.home / ".bashrc").write_text(noise)
    assert "Welcome" in host.run("true").stdout
    box = lt.cluster(name="box", host="a")
    assert box.up() is True
    assert lt.function(shop.add).to(box)(1, 2) == 3
    assert bare.kill_ssh() == 1
    assert lt.function(shop.add).to(box)(1, 2) == 3
