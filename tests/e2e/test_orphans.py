"""Nodes that run though nobody here is connected with them: left by a crash, or of a forgotten cluster."""

import json
import os
import signal
import subprocess

import far
import pytest
import shop
from clients import Client
from conftest import SAMPLE, alive, leanto, processes_of, wait_until

LIMIT = 60


@pytest.fixture
def fresh(monkeypatch, binaries):
    """A host that has the binary already and runs no node, and a HOME of its own."""
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        yield world


def orphans():
    return json.loads(leanto("clusters", "--orphans", "--json"))


def kill_node_here(world):
    """As when this machine crashes: nobody says goodbye."""
    (pid,) = [pid for pid in processes_of(world.home) if is_node(pid)]
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not alive(pid))


def is_node(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"leanto") and b"node" in words


def by_hand(command):
    """Run what a row says; returns its output."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_connected_or_down_is_no_orphan(fresh, lt):
    box = lt.cluster(name="box", host="a")
    box.up()
    assert orphans() == {"orphans": [], "looked_at": 0, "not_asked": []}
    box.down()
    assert orphans() == {"orphans": [], "looked_at": 1, "not_asked": []}
    assert far.node_pid(fresh.hosts[0]) is None  # looking starts none
    assert leanto("clusters", "--orphans") == "no orphans; hosts that were asked: 1\n"


def test_a_forgotten_cluster_that_is_up_is_found_with_what_ends_it(fresh, lt):
    (host,) = fresh.hosts
    box = lt.cluster(name="box", host="a")
    run = lt.function(shop.sleep).to(box).submit(1000)
    assert wait_until(lambda: run.status == "running")
    pid = far.node_pid(host)
    leanto("clusters", "--forget", "box")
    (row,) = orphans()["orphans"]
    assert (row["host"], row["cluster"], row["is_known"]) == ("a", "box", False)
    assert row["version"] in leanto("version")
    assert row["uptime"] >= 0 and row["idle"] == 0 and row["calls"] == 1
    assert any("sleep" in name for name in row["services"])
    text = leanto("clusters", "--orphans")
    assert "box (forgotten)" in text and f"end the one on a: {row['end']}" in text
    assert far.node_pid(host) == pid
    by_hand(row["end"])
    assert wait_until(lambda: far.node_pid(host) is None)
    assert orphans() == {"orphans": [], "looked_at": 1, "not_asked": []}
    # And then it's remembered no more.
    assert orphans() == {"orphans": [], "looked_at": 0, "not_asked": []}


def test_a_node_whose_up_was_killed_in_the_middle_is_found(fresh, lt):
    (host,) = fresh.hosts
    with Client(SAMPLE) as client:
        host.limit_rate("64kbit")  # so that there is a middle
        client.start("lt.cluster(name='box', host='a').up()")
        assert wait_until(lambda: far.node_pid(host) is not None)
        kill_node_here(fresh)
        host.unlimit()
    (row,) = orphans()["orphans"]
    assert (row["host"], row["cluster"], row["is_known"]) == ("a", "box", True)
    assert row["started_at"] is not None
    assert row["end"] == "leanto down box"
    by_hand(f"PATH={os.path.dirname(os.environ['LEANTO_BINARY'])}:$PATH; {row['end']}")
    assert wait_until(lambda: far.node_pid(host) is None)
    assert orphans()["orphans"] == []


def test_a_host_of_a_known_cluster_is_asked_after_this_machine_was_set_up_again(fresh, lt):
    (host,) = fresh.hosts
    lt.cluster(name="box", host="a").up()
    kill_node_here(fresh)
    for directory in (fresh.home / ".local", fresh.home / ".cache"):
        subprocess.run(["rm", "-rf", str(directory)], check=True, timeout=LIMIT)
    assert orphans()["orphans"] == []  # nothing here knows of that host
    (fresh.home / ".config" / "leanto" / "hosts.toml").write_text('[team]\nhost = "a"\n')
    (row,) = orphans()["orphans"]
    assert (row["cluster"], row["started_at"]) == ("team", None)
    assert leanto("up", "team").startswith("team is up")
    assert orphans()["orphans"] == []
    leanto("down", "team")
    assert wait_until(lambda: far.node_pid(host) is None)


def test_a_host_that_cannot_be_asked_is_named(fresh, lt):
    (host,) = fresh.hosts
    lt.cluster(name="box", host="a").up()
    kill_node_here(fresh)
    host.stop_sshd()
    said = orphans()
    assert said["orphans"] == [] and said["looked_at"] == 0
    (row,) = said["not_asked"]
    assert row["host"] == "a" and "the host a" in row["error"]
    assert "not known of a: " in leanto("clusters", "--orphans")
    host.start_sshd()
    assert [row["host"] for row in orphans()["orphans"]] == ["a"]
    leanto("down", "box")


def test_one_host_under_two_names_is_no_orphan(fresh, lt):
    (host,) = fresh.hosts
    lt.cluster(name="by-address", host=host.address).up()
    lt.cluster(name="by-name", host="a").up()
    leanto("clusters", "--forget", "by-name")
    assert orphans()["orphans"] == []
    leanto("down", "by-address")
