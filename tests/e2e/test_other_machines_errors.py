"""Why a host can't be had is said by name, wherever it turns out; and nothing has to be started anew when it's mended."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import subprocess

import far
import pytest
import shop
from clients import Client
from conftest import SAMPLE, wait_until

LIMIT = 60


@pytest.fixture(scope="module")
def module_world(binaries):
    """Two hosts that these tests spoil and mend. Connecting is given up after a second, as this user's ssh is told."""
    with far.world(2, binaries=binaries, ssh_options=("-o", "ConnectTimeout=1")) as world:
        yield world


@pytest.fixture
def spoiled(module_world, monkeypatch):
    with module_world.entered(monkeypatch):
        yield module_world


situations = {}  # name → (what is done while it lasts, the class of the error, what its message says)


def situation(name, error, says, **words):
    def add(function):
        situations[name] = (contextlib.contextmanager(function), error, says, words)
        return function

    return add


@situation("unknown host key", "AccessDeniedError", "its host key is in no known_hosts file")
def _(world, a):
    world.lan.know_hosts(but=[a])
    try:
        yield
    finally:
        world.lan.know_hosts()


@situation("changed host key", "AccessDeniedError", "has another host key than known_hosts says")
def _(world, a):
    a.change_host_key()
    try:
        yield
    finally:
        world.lan.know_hosts()


@situation("refused key", "AccessDeniedError", "refused the user or the key")
def _(world, a):
    a.refuse_key()
    try:
        yield
    finally:
        a.accept_key()


@situation("no sshd", "NodeLostError", "nothing listens on its ssh port")
def _(world, a):
    a.stop_sshd()
    try:
        yield
    finally:
        a.start_sshd()


@situation("black hole", "NodeLostError", "can't be reached")
def _(world, a):
    a.cut()
    try:
        yield
    finally:
        a.heal()


@situation("no shell", "NodeLostError", "could be reached, but what ran there ended")
def _(world, a):
    with a.with_sshd(settings=["ForceCommand echo this account is closed >&2; exit 3"]):
        yield


@pytest.mark.parametrize("name", situations)
def test_each_reason_is_named_everywhere_and_nothing_is_left_of_it(name, spoiled, lt):
    spoil, error, says, words = situations[name]
    a = spoiled.hosts[0]
    box = lt.cluster(name="box", host="a")
    add = lt.function(shop.add).to(box)
    counter = lt.cls(shop.Counter).to(box).options(name=name.replace(" ", "-"))(5)
    count = lt.function(shop.count).to(box)
    assert add(1, 2) == 3
    spoiled.stop_node_here()  # so that it has to be reached anew
    uses = {
        "up": box.up,
        "to": lambda: lt.function(shop.double).to(box),
        "call": lambda: add(1, 2),
        "submit": lambda: add.submit(1, 2),
        "method": counter.increase,
        "aio": lambda: asyncio.run(later(add)),
        "generator": lambda: list(count(3)),
        "aio generator": lambda: asyncio.run(all_of(count)),
        "map": lambda: list(add.map([1, 2], [3, 4])),
        "remote": lambda: add.remote(1, 2),
        "object": lambda: lt.cls(shop.Counter).to(box)(),
        "get": lambda: box.get("key"),
        "put": lambda: box.put("key", 1),
        "run": lambda: box.run("true"),
        "put_file": lambda: box.put_file(__file__, "copied"),
    }
    if name == "black hole":  # each takes a second
        uses = {way: uses[way] for way in ("to", "call")}
    with spoil(spoiled, a):
        for way, use in uses.items():
            print(way)
            with pytest.raises(getattr(lt, error)) as caught:
                use()
            check_message(str(caught.value), says, spoiled.lan)
        done = leanto_here("up", "box")
        assert done.returncode == 1 and done.stdout == ""
        check_message(done.stderr, says, spoiled.lan)
        (node,) = box.status()["nodes"]
        assert node["state"] == "down"
        check_message(node["error"]["message"], says, spoiled.lan)
        rows = json.loads(leanto_here("clusters", "--json").stdout)
        (row,) = [row for row in rows if row["name"] == "box"]
        check_message(row["nodes"][0]["error"]["message"], says, spoiled.lan)
        assert "box is down: the host a " in leanto_here("clusters").stdout
    assert add(1, 2) == 3
    assert counter.increase() == 6
    assert box.get(name.replace(" ", "-")).increase() == 7


async def later(add):
    return await add.aio(1, 2)


async def all_of(count):
    return [item async for item in count.aio(3)]


def check_message(message, says, lan, host="a"):
    """It names the host and the cause, and the command that it shows would do the same."""
    assert f"the host {host} " in message
    assert says in message
    assert "in the middle" not in message  # nothing was begun
    by_hand = re.search(r"(?:Try|Look) by hand: (.*)", message)[1]
    words = shlex.split(by_hand)
    assert words == ["ssh", "-o", "ConnectTimeout=1", *lan.ssh_command[1:], host]


def leanto_here(*words):
    command = [os.environ["LEANTO_BINARY"], *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)


def test_a_wrong_user_and_a_wrong_key_are_refused_by_name(spoiled, lt, tmp_path):
    wrong = lt.cluster(name="wrong-user", host="a", ssh_user="nobody-of-that-name")
    with pytest.raises(lt.AccessDeniedError, match="refused the user or the key") as caught:
        wrong.up()
    assert "the host nobody-of-that-name@a " in str(caught.value)
    assert str(caught.value).endswith(" nobody-of-that-name@a")
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=60
    )
    with pytest.raises(lt.LeantoError) as caught:
        lt.cluster(name="no-such-key", host="a", ssh_key=str(tmp_path / "none"), ssh_port=2222).up()
    assert "port 2222" in str(caught.value) and "nothing listens" in str(caught.value)
    assert f"-i {tmp_path / 'none'} a" in str(caught.value)


def test_a_name_that_nobody_knows(spoiled, lt):
    nowhere = lt.cluster(name="nowhere", host="no-such-host.invalid")
    with pytest.raises(lt.NodeLostError, match="has a name that nobody knows") as caught:
        nowhere.up()
    check_message(
        str(caught.value), "Could not resolve hostname", spoiled.lan, "no-such-host.invalid"
    )


def test_a_program_without_an_ssh_is_told_so(monkeypatch, lt, tmp_path):
    with far.world(1) as world, world.entered(monkeypatch):
        config = world.home / ".config" / "leanto" / "node.toml"
        config.write_text('[ssh]\ncommand = ["no-such-ssh"]\n')
        with pytest.raises(lt.LeantoError, match="no-such-ssh"):
            lt.cluster(name="box", host="a").up()


def test_who_waits_for_a_run_waits_for_its_host(spoiled, lt):
    a = spoiled.hosts[0]
    go = a.home / "go"
    with Client(SAMPLE) as client:
        client.do("import shop; box = lt.cluster(name='box', host='a')")
        client.do(
            "run = lt.function(shop.say_then_wait).to(box).submit('begun', " + f"{str(go)!r})"
        )
        assert wait_until(lambda: client.do("run.status") == "running")
        client.start("run.result()")
        a.refuse_key()
        try:
            spoiled.kill_ssh()
            assert wait_until(lambda: state_of(lt, "box") == "down")
            go.touch()
            with pytest.raises(lt.AccessDeniedError):
                lt.cluster("box").keys()
            assert not client.has_answered()
        finally:
            a.accept_key()
        assert client.answer() is None
        assert client.do("run.status") == "succeeded"


def state_of(lt, name):
    return lt.cluster(name).status()["nodes"][0]["state"]


def test_a_link_that_breaks_while_the_key_is_refused_says_so_at_once(spoiled, lt):
    a = spoiled.hosts[0]
    box = lt.cluster(name="box", host="a")
    add = lt.function(shop.add).to(box)
    assert add(1, 2) == 3
    a.refuse_key()
    try:
        assert spoiled.kill_ssh() > 0
        with pytest.raises(lt.LeantoError) as caught:
            add(1, 2)
        assert isinstance(caught.value, (lt.AccessDeniedError, lt.NodeLostError))
        assert "refused the user or the key" in str(caught.value)
    finally:
        a.accept_key()
    assert add(1, 2) == 3
