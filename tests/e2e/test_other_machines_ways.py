"""Ways to a host, and several at once: an agent, a jump host, two programs, two people, a machine without a libc."""

import contextlib
import os
import subprocess
import threading

import far
import pytest
import shop
from clients import Client
from conftest import SAMPLE, wait_until

LIMIT = 60


def test_a_host_behind_a_jump_host(monkeypatch, lt, binaries):
    with far.world(2, binaries=binaries) as world, world.entered(monkeypatch):
        a, b = world.hosts
        behind = world.lan.jump_host(a)
        box = lt.cluster(name="box", host=behind)
        assert box.up() is True
        assert box.run("uname -n").stdout == "b\n"
        assert lt.function(shop.add).to(box)(1, 2) == 3
        assert far.node_pid(a) is None and far.node_pid(b) is not None


@contextlib.contextmanager
def agent(directory, key):
    """An ssh-agent that has the key; gives its socket."""
    sock = directory / "agent"
    words = ["ssh-agent", "-D", "-a", str(sock)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        assert wait_until(sock.exists)
        env = {**os.environ, "SSH_AUTH_SOCK": str(sock)}
        subprocess.run(["ssh-add", "-q", key], env=env, check=True, timeout=LIMIT)
        yield str(sock)
    finally:
        process.terminate()
        process.wait()


def test_the_agent_of_the_program_is_asked_also_by_a_node_that_another_one_started(
    monkeypatch, lt, binaries, tmp_path
):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        text = world.lan.config.read_text()
        key = world.lan.directory / "client_key"
        without = tmp_path / "config"
        lines = [line for line in text.splitlines() if "Identit" not in line]
        without.write_text("\n".join(lines) + "\n  IdentityFile none\n")
        config = world.home / ".config" / "leanto" / "node.toml"
        config.write_text(f'[ssh]\ncommand = ["ssh", "-F", "{without}"]\n')
        box = lt.cluster(name="box", host="a")
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        with pytest.raises(lt.AccessDeniedError, match="refused the user or the key"):
            box.up()
        with agent(tmp_path, key) as sock:
            monkeypatch.setenv("SSH_AUTH_SOCK", sock)
            assert box.up() is True
            assert lt.function(shop.add).to(box)(1, 2) == 3
            assert lt.cluster("box").up() is False


def test_a_key_of_its_own(monkeypatch, lt, binaries, tmp_path):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        (host,) = world.hosts
        key = tmp_path / "key"
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(words, check=True, timeout=LIMIT)
        host.sshd.authorize(key.with_suffix(".pub").read_text())
        with pytest.raises(lt.AccessDeniedError):
            lt.cluster(name="without", host="a").up()
        box = lt.cluster(
            name="box", host=host.address, ssh_key=str(key), ssh_user="root", ssh_port=22
        )
        assert box.up() is True
        assert box.run("uname -n").stdout == "a\n"


def test_several_programs_bring_up_one_host_at_once(monkeypatch, lt):
    """With nothing on it, from two homes: each sends what is missing, and one node runs."""
    with far.world(1) as world, contextlib.ExitStack() as stack:
        (host,) = world.hosts
        other = far.World(world.lan)
        stack.callback(other.close)
        homes = [world.home, world.home, other.home]
        clients = [stack.enter_context(Client(SAMPLE, HOME=str(home))) for home in homes]
        for client in clients:
            client.do("import shop; box = lt.cluster(name='box', host='a')")
            client.start("box.up()")
        answers = [client.answer() for client in clients]
        assert True in answers[:2] and answers[2] is True
        assert {client.do("box.status()['nodes'][0]['pid']") for client in clients} == {
            far.node_pid(host)
        }
        clients[0].do("box.put('key', 'of all')")
        assert clients[2].do("box.get('key')") == "of all"
        assert [client.do("lt.function(shop.add).to(box)(1, 2)") for client in clients] == [3, 3, 3]
        assert list((host.home / far.BINARIES).glob(".part*")) == []


def test_one_who_leaves_takes_nothing_from_the_others(world, lt, monkeypatch):
    there = "lt.cls(shop.Counter).to(box)()"
    other = far.World(world.lan)
    with contextlib.ExitStack() as stack:
        stack.callback(other.close)
        mine, theirs = (
            stack.enter_context(Client(SAMPLE, HOME=str(each.home))) for each in (world, other)
        )
        for client in (mine, theirs):
            client.do("import shop; box = lt.cluster(name='box', host='a')")
            client.do(f"counter = {there}")
        assert theirs.do("counter.increase()") == 1
        other.stop_node_here()
        assert mine.do("counter.increase()") == 1
        assert mine.do("lt.function(shop.add).to(box)(1, 2)") == 3


def test_many_threads_use_a_host_that_is_not_up_yet(monkeypatch, lt, binaries):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        box = lt.cluster(name="box", host="a")
        seen = []

        def use():
            seen.append(lt.function(shop.add).to(box)(1, 2))

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert seen == [3] * 8
        assert len(world.ssh_processes()) == 1


def test_a_host_without_a_libc_takes_the_node(monkeypatch, lt, binaries):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        (host,) = world.hosts
        with host.without_libc():
            box = lt.cluster(name="box", host="a")
            assert box.up() is True
            assert not os.path.exists(f"/proc/{far.node_pid(host)}/root/lib")
            assert box.run(["busybox", "uname", "-n"]).stdout == "a\n"
            box.put("key", [1, 2])
            assert box.get("key") == [1, 2]
            with pytest.raises(lt.ImageError, match="no python3"):
                lt.function(shop.add).to(box)
