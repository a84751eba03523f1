"""Values that go straight from the host that has them to the one that needs them; where they can't, by way of the node here."""

import contextlib
import json

import far
import pytest
import shop
from conftest import wait_until
from leanto import _nodes
from tls_clients import TlsClient, operations

MB = 1_000_000
PORT = 7433


@contextlib.contextmanager
def two_hosts(monkeypatch, binaries, listen):
    """Hosts a and b; a's node listens on what `listen` makes of its address, if it isn't None."""
    with far.world(2, binaries=binaries) as world, world.entered(monkeypatch):
        a = world.hosts[0]
        if listen is not None:
            config = a.home / ".config" / "leanto"
            config.mkdir(parents=True)
            (config / "node.toml").write_text(f'[http]\nlisten = "{listen(a)}:{PORT}"\n')
        yield world


@pytest.fixture
def listening(monkeypatch, lt, binaries):
    with two_hosts(monkeypatch, binaries, lambda host: host.address) as world:
        yield world


def clusters(lt):
    return lt.cluster(name="one", host="a"), lt.cluster(name="two", host="b")


def moved():
    values = status(_nodes.here)["values"]
    return values["direct"], values["by_way_of_here"]


def status(node):
    said, _ = node.ask("status")
    return said


def why_not():
    return status(_nodes.here)["values"]["why_not_direct"]


def size_there(lt, size=3 * MB):
    """The size that a function on b sees of a value of that size which lies on a."""
    one, two = clusters(lt)
    data = lt.function(shop.double).to(one).remote(b"x" * (size // 2))
    return lt.function(shop.size).to(two)(data)


def test_a_value_goes_straight_from_host_to_host(listening, lt):
    one, two = clusters(lt)
    data = lt.function(shop.double).to(one).remote(b"x" * 10 * MB)
    size = lt.function(shop.size).to(two)
    assert size(b"") == 0
    before = far.bytes_to(listening.hosts[1])
    sent_here = here_received(listening)
    assert size(data) == 20 * MB
    assert moved() == (1, 0)
    assert far.bytes_to(listening.hosts[1]) - before > 20 * MB  # over the bridge, from a
    assert here_received(listening) - sent_here < MB
    assert size(data) == 20 * MB, "the copy is there"
    assert moved() == (1, 0)


def here_received(world):
    """How many bytes the test's own namespace has received from its hosts."""
    statistics = f"/sys/class/net/{world.lan.network.bridge}/statistics/rx_bytes"
    with open(statistics) as file:
        return int(file.read())


def test_a_node_that_listens_on_all_addresses_is_reached_too(monkeypatch, lt, binaries):
    with two_hosts(monkeypatch, binaries, lambda host: "0.0.0.0"):
        assert size_there(lt) == 3 * MB
        assert moved() == (1, 0)


def test_a_small_value_is_passed_on(listening, lt):
    assert size_there(lt, 100) == 100
    assert moved() == (0, 1)


def test_a_node_that_listens_nowhere_has_its_values_passed_on(monkeypatch, lt, binaries):
    with two_hosts(monkeypatch, binaries, None):
        assert size_there(lt) == 3 * MB
        assert moved() == (0, 1)
        assert "one doesn't listen" in why_not()


def test_where_nothing_passes_between_the_two_values_come_by_here(listening, lt):
    listening.lan.cut_between(*listening.hosts)
    try:
        assert size_there(lt) == 3 * MB
        assert moved() == (0, 1)
        assert "does not answer" in why_not()
        assert size_there(lt) == 3 * MB, "and the next doesn't wait for it again"
        assert moved() == (0, 2)
    finally:
        listening.lan.heal_between(*listening.hosts)


def test_a_way_that_is_cut_in_the_middle_is_no_loss(listening, lt):
    import threading

    one, two = clusters(lt)
    a, b = listening.hosts
    data = lt.function(shop.double).to(one).remote(b"x" * 20 * MB)
    size = lt.function(shop.size).to(two)
    assert size(b"") == 0
    before = far.bytes_to(b)
    a.limit_rate("40mbit")
    said = []
    caller = threading.Thread(target=lambda: said.append(size(data)))
    caller.start()
    assert wait_until(lambda: far.bytes_to(b) - before > 2 * MB)
    listening.lan.cut_between(a, b)
    try:
        a.unlimit()
        caller.join(60)
        assert said == [40 * MB]
        assert moved() == (0, 1)
        kept = [row for row in two_objects() if row["kind"] == "result"]
        assert len(kept) == 1, "it's there once"
    finally:
        listening.lan.heal_between(a, b)


def two_objects():
    node = _nodes.far("two")
    _, body = node.ask("objects")
    return json.loads(bytes(body))


# What a ticket is good for


class There:
    """Where a's node listens, as `TlsClient` takes it."""

    def __init__(self, tls):
        self.host, _, port = tls["address"].rpartition(":")
        self.port = int(port)
        self.fingerprint = tls["fingerprint"]


@pytest.fixture
def kept(listening, lt):
    """A value on a: the node there, its id, and who makes tickets for it."""
    one, _ = clusters(lt)
    value = lt.function(shop.double).to(one).remote(b"x" * 100)
    other = lt.function(shop.double).to(one).remote(b"y" * 100)
    there = There(status(_nodes.far("one"))["tls"])
    yield there, value, other


def ticket_for(value):
    said, _ = value._node.ask("value_ticket", o=value._id)
    return said["ticket"]


def test_a_ticket_fetches_its_value_a_few_times(kept):
    there, value, _ = kept
    ticket = ticket_for(value)
    for _ in range(3):
        with TlsClient(there, ticket) as client:
            said, body = client.ask(1, op="fetch", o=value._id, far=True)
            assert b"x" * 200 in body, said
    with TlsClient(there, ticket) as client:
        assert client.last_words()["kind"] == "access_denied"
    assert ticket.encode() not in b"".join(
        path.read_bytes() for path in far_state(there) if path.is_file()
    )


def far_state(there):
    import pathlib

    for home in pathlib.Path("/var/tmp/leanto-hosts").glob("*/a"):
        yield from (home / ".local" / "state" / "leanto").rglob("*")


def test_a_ticket_is_for_nothing_but_its_value(kept):
    there, value, other = kept
    known = operations()
    assert len(known) > 40
    for op in known:
        with TlsClient(there, ticket_for(value)) as client:
            said, body = client.ask(1, op=op, o=other._id, far=True)
            assert said["kind"] == "access_denied" and body == b"", op
    for says in ({"n": "f"}, {"o": value._id}, {"v": "f", "how": "new"}):
        with TlsClient(there, ticket_for(value)) as client:
            assert client.call(1, **says)[0]["kind"] == "access_denied"
    with TlsClient(there, ticket_for(value)) as client:
        client.ask(1, op="fetch", o=value._id, far=True)
        assert client.ask(2, op="fetch", o=value._id, far=True)[0]["kind"] == "access_denied"


def test_nothing_is_kept_of_what_cannot_be_taken(kept, lt):
    there, value, other = kept
    clusters(lt)[1].up()
    taker = _nodes.far("two")
    ticket, _ = value._node.ask("value_ticket", o=value._id)
    wrong = [
        ({"fingerprint": "0" * 64}, "access_denied"),
        ({"port": 1}, "node_lost"),
        ({"o": other._id}, "access_denied"),
        ({"ticket": ticket["ticket"][:-4] + "zzzz"}, "access_denied"),
    ]
    for words, kind in wrong:
        said, _ = taker.ask("take_value", **{**ticket, **words})
        assert said.keys() == {"error"} and said["error"]["kind"] == kind, words
    assert [row for row in two_objects() if row["kind"] == "result"] == []
    said, _ = taker.ask("take_value", **ticket)
    assert said["kind"] == "value" and len(two_objects()) == 1


def test_a_ticket_of_another_life_of_the_node_is_refused(kept, lt):
    there, value, _ = kept
    ticket = ticket_for(value)
    one, _ = clusters(lt)
    one.down()
    one.up()
    with TlsClient(there, ticket) as client:
        assert client.last_words()["kind"] == "access_denied"
