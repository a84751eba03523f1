"""Source trees that the hosts of a cluster get from each other; where they can't, from the node here."""

import contextlib
import random

import far
import pytest
from clients import Client, write_project
from leanto import _frames, _nodes
from test_values_move_directly import PORT, There, status
from tls_clients import TlsClient, operations

MB = 1_000_000
SIZE = 4 * MB
APP = "import os\n\n\ndef total():\n    return sum(os.path.getsize(f'data/{n}') for n in os.listdir('data'))\n"


@contextlib.contextmanager
def cluster_of_two(monkeypatch, binaries, listens):
    """Hosts a and b of one cluster, whose nodes listen if `listens`."""
    with far.world(2, binaries=binaries) as world, world.entered(monkeypatch):
        for host in world.hosts if listens else ():
            config = host.home / ".config" / "leanto"
            config.mkdir(parents=True)
            (config / "node.toml").write_text(f'[http]\nlisten = "{host.address}:{PORT}"\n')
        yield world


@pytest.fixture
def listening(monkeypatch, binaries):
    with cluster_of_two(monkeypatch, binaries, True) as world:
        yield world


@pytest.fixture
def project(tmp_path):
    """A project of 4 MB that doesn't get smaller when it's packed."""
    project = write_project(tmp_path / "p", {"app.py": APP, "data/0.bin": ""})
    chance = random.Random(7)
    for n in range(40):
        (project / "data" / f"{n}.bin").write_bytes(chance.randbytes(SIZE // 40))
    return project


def deploy(project, call="app.total"):
    """Send a project to both hosts, and call it on both. Returns the results, and the digest of its tree."""
    module, _, name = call.partition(".")
    with Client(project) as client:
        client.do(f"import {module}")
        client.do('farm = lt.cluster(name="farm", hosts=["a", "b"])')
        client.do(f"members = lt.function({module}.{name}).to(farm)._members")
        runs = client.do("[member() for member in members]")
        return runs, client.do("members[0].submit().record()['snapshot']")


def sent_here(world):
    """How many bytes the test's own namespace has sent to its hosts."""
    with open(f"/sys/class/net/{world.lan.network.bridge}/statistics/tx_bytes") as file:
        return int(file.read())


def trees_moved():
    return status(_nodes.here)["values"]["trees_direct"]


def bring_up(lt):
    farm = lt.cluster(name="farm", hosts=["a", "b"])
    farm.up()
    return farm


def test_the_files_of_a_project_leave_here_once(listening, lt, project):
    bring_up(lt)
    before = sent_here(listening)
    assert deploy(project)[0] == [SIZE, SIZE]
    assert trees_moved() == 1
    assert SIZE < sent_here(listening) - before < 1.5 * SIZE


def test_a_small_edit_goes_straight_to_both(listening, lt, project):
    bring_up(lt)
    deploy(project)
    (project / "app.py").write_text(APP + "\n# edited\n")
    deploy(project)
    assert trees_moved() == 1


def test_hosts_that_listen_nowhere_get_all_from_here(monkeypatch, lt, binaries, project):
    with cluster_of_two(monkeypatch, binaries, False) as world:
        bring_up(lt)
        before = sent_here(world)
        assert deploy(project)[0] == [SIZE, SIZE]
        assert trees_moved() == 0
        assert sent_here(world) - before > 2 * SIZE


def test_where_nothing_passes_between_the_two_all_comes_from_here(listening, lt, project):
    bring_up(lt)
    listening.lan.cut_between(*listening.hosts)
    try:
        assert deploy(project)[0] == [SIZE, SIZE]
        assert trees_moved() == 0
    finally:
        listening.lan.heal_between(*listening.hosts)


# What a ticket for a tree is good for


@pytest.fixture
def sent(listening, lt, project, tmp_path):
    """The project and another one, both on a: where its node listens, the node, and the digests of both trees."""
    bring_up(lt)
    other = write_project(tmp_path / "q", {"secret.py": "def f():\n    return 'secret'\n"})
    _, mine = deploy(project)
    _, others = deploy(other, "secret.f")
    node = _nodes.far("farm/a")
    yield There(status(node)["tls"]), node, mine, others


def ticket_for(node, snapshot):
    said, _ = node.ask("tree_ticket", snapshot=snapshot)
    assert said["snapshot"] == snapshot
    return said["ticket"]


def blobs_of(node, snapshot):
    _, body = node.ask("tree_blobs", snapshot=snapshot)
    rows = bytes(body)
    return [rows[at : at + 32] for at in range(0, len(rows), 40)]


def get_blobs(client, stream, digests, snapshot):
    client.say(_frames.ASK, stream, digests, op="get_blobs", snapshot=snapshot)
    return client.answer(stream)


def test_a_ticket_gets_the_files_of_its_tree_and_no_others(sent):
    there, node, mine, others = sent
    known, foreign = blobs_of(node, mine), blobs_of(node, others)
    foreign = [digest for digest in foreign if digest not in known]
    assert len(known) > 40 and foreign
    with TlsClient(there, ticket_for(node, mine)) as client:
        assert len(client.ask(1, op="tree_blobs", snapshot=mine)[1]) == 40 * len(known)
        said, body = get_blobs(client, 2, known[0] + known[1], mine)
        assert len(body) > 64, said
        for digests in (foreign[0], known[0] + foreign[0]):
            said, body = get_blobs(client, 3, digests, mine)
            assert said["kind"] == "access_denied" and body == b""
        said, body = get_blobs(client, 4, foreign[0], others)
        assert said["kind"] == "access_denied" and body == b""


def test_a_ticket_for_a_tree_is_for_nothing_else(sent):
    there, node, mine, others = sent
    for op in operations():
        with TlsClient(there, ticket_for(node, mine)) as client:
            said, body = client.ask(1, op=op, o="x", snapshot=others, far=True)
            assert said["kind"] == "access_denied" and body == b"", op
    with TlsClient(there, ticket_for(node, mine)) as client:
        assert client.call(1, n="f")[0]["kind"] == "access_denied"


def test_what_cannot_be_fetched_is_said(sent):
    _, node, mine, others = sent
    taker = _nodes.far("farm/b")
    way, _ = node.ask("tree_ticket", snapshot=mine)
    wrong = [
        ({"fingerprint": "0" * 64}, "access_denied"),
        ({"port": 1}, "node_lost"),
        ({"snapshot": others}, "access_denied"),
    ]
    for words, kind in wrong:
        said, _ = taker.ask("take_tree", **{**way, **words})
        assert said.keys() == {"error"} and said["error"]["kind"] == kind, words
    assert taker.ask("take_tree", **way)[0] == {}
