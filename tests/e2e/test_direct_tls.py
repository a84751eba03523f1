"""A node that other machines reach by TLS: who may do what there, how it's joined, and who is turned away."""

import contextlib
import http.client
import json
import os
import socket
import sqlite3
import sys
import threading
import time

import networks
import pytest
from clients import LIMIT, run_script, write_project
from conftest import ROOT, contents_below, leanto, wait_until
from http_clients import Answer
from leanto import _frames
from leanto._frames import ASK, CALL, ERROR, HELLO, YIELD
from tls_clients import (
    RIGHTS,
    Between,
    Box,
    LinkChannel,
    TlsClient,
    context,
    frames_in,
    make_certificate,
    operations,
    token_id,
)

sys.path.insert(0, str(ROOT / "tests" / "python"))
from test_http_access import OTHERS, ROUTES  # noqa: E402

SERVICES = """
import leanto as lt
import counter

lt.function(counter.add).to(lt.here).save("add")
lt.function(counter.count_up).to(lt.here).save("count")
lt.cls(counter.Counter).to(lt.here).save("Counter")
lt.cls(counter.Counter).to(lt.here).options(name="total", get_if_exists=True)()
"""

# Asked with the right that they need these would end the node, or a part of it.
ENDING = {"stop"}


@pytest.fixture(scope="module")
def network():
    reason = networks.missing()
    if reason:
        pytest.skip(reason)
    made = networks.Network()
    yield made
    made.close()


@pytest.fixture(scope="module")
def box(network, tmp_path_factory):
    """A node that other machines reach, with services."""
    made = Box(tmp_path_factory.mktemp("box") / "home", network.address)
    project = write_project(tmp_path_factory.mktemp("deploy"), {"deploy.py": SERVICES})
    env = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), str(ROOT / "tests/projects/counter")])
    }
    made.run(project, "env", *(f"{k}={v}" for k, v in env.items()), sys.executable, "deploy.py")
    yield made
    made.stop()


@pytest.fixture
def between(box):
    """Stands between clients and the box."""
    made = Between(box)
    yield made
    made.close()


def https(box, method, path, token=None, body=None, host=None):
    connection = http.client.HTTPSConnection(box.host, box.port, context=context(), timeout=LIMIT)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if host:
            headers["Host"] = host
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def at(box_or_between, word):
    """A join word that leads to somebody else's port."""
    where, query = word.split("?")
    return f"{where.rpartition(':')[0]}:{box_or_between.port}?{query}"


# Frames


def test_a_client_that_says_a_good_token_calls(box):
    with TlsClient(box, box.token("call", "debug"), session="s") as client:
        type_, stream, head, _ = client.hear()
        assert (type_, stream) == (HELLO, 0)
        assert head["rights"] == ["call", "debug"]
        assert {"call", "stream", "link", "token"} <= set(head["features"])
        assert 0 < head["expires_at"] / 1000 - time.time() <= 3600
        said, body = client.call(1, b"[1, 2]", n="add")
        assert json.loads(body) == 3, said


def test_a_hello_starts_no_program_that_it_names(box, tmp_path):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    with TlsClient(box, box.token(*RIGHTS), python=str(program)) as client:
        assert client.hear()[0] == HELLO
        zygotes = client.ask(1, op="status")[0]["zygotes"]
    assert str(program) not in [zygote["python"] for zygote in zygotes]
    assert not (tmp_path / "ran").exists()


def test_what_follows_the_hello_in_the_same_write_is_done_only_if_the_token_is_good(box):
    call = _frames.frame(
        CALL, 1, _frames.encode_head({"n": "total", "o": "", "data": "json"}), b"[]"
    )
    ask = _frames.frame(
        ASK, 2, _frames.encode_head({"op": "put", "key": "smuggled", "b": []}), b"x"
    )
    hello = {"version": "0", "features": [], "token": "lt_12345678_" + 64 * "0"}
    with TlsClient(box) as client:
        client.socket.sendall(_frames.frame(HELLO, 0, _frames.encode_head(hello)) + call + ask)
        assert client.last_words()["kind"] == "access_denied"
    with TlsClient(box, box.token("call")) as client:
        assert "smuggled" not in client.ask(1, op="keys")[0]["keys"]


@pytest.mark.parametrize("type_", range(20))
def test_a_stranger_may_say_nothing_but_a_token(box, type_):
    with TlsClient(box) as client:
        client.say(type_, 1, op="keys", n="add", session="s", received=0, new=True)
        assert client.last_words()["kind"] in ("access_denied", "protocol")


def test_a_wrong_a_revoked_and_an_expired_token_are_refused(box):
    good = box.token("call")
    revoked = box.token("call")
    box.leanto("token", "revoke", token_id(revoked))
    expired = box.token("call", expires="1ms")
    for token in (good[:-1] + "x", "", "lt_", good[:12], revoked, expired, 7):
        for type_ in (HELLO, 15):
            with TlsClient(box) as client:
                client.say(
                    type_, 0, token=token, session="s", received=0, new=True, features=["link"]
                )
                assert client.last_words()["kind"] == "access_denied", token
    with TlsClient(box, expired) as client:
        assert "has expired" in client.last_words()["message"]


def test_no_operation_is_done_without_its_right(box):
    """Every operation that there is, with a token for everything but what it needs."""
    tokens = {left: box.token(*(right for right in RIGHTS if right != left)) for left in RIGHTS}
    known = operations()
    assert len(known) > 40
    for right, token in tokens.items():
        with TlsClient(box, token) as client:
            for stream, (op, needed) in enumerate({**known, "no-such-thing": "admin"}.items(), 1):
                if needed != right:
                    continue
                said, _ = client.ask(stream, op=op)
                assert said["kind"] == "access_denied", op
                assert f"'{right}'" in said["message"] and token_id(token) in said["message"], op
            if right == "call":
                for how in ("call", "new", "describe", "get"):
                    said, _ = client.call(1000, n="add", how=how)
                    assert said["kind"] == "access_denied", how
            if right == "admin":  # a deploy to a further node is a way to there
                assert client.ask(1001, op="deploy", to="further")[0]["kind"] == "access_denied"
                place = {"node": "further", "service": "f", "version": "v", "call": {"v": "v"}}
                said, _ = client.ask(1002, op="submit", call={"v": "v", "places": [place]})
                assert said["kind"] == "access_denied"


def test_every_operation_is_heard_with_its_right(box):
    for right in RIGHTS:
        with TlsClient(box, box.token(right)) as client:
            for stream, (op, needed) in enumerate(operations().items(), 1):
                if needed == right and op not in ENDING:
                    said, _ = client.ask(stream, op=op, dry_run=True)
                    assert said.get("kind") != "access_denied", op


def test_shared_memory_is_only_for_the_nodes_own_machine(box):
    with TlsClient(box, box.token(*RIGHTS)) as client:
        seg = {"p": "/proc/1/fd/1", "i": 1, "n": 1, "g": 1, "s": [1]}
        assert client.call(1, b"", n="add", seg=seg, data="json")[0]["kind"] == "invalid"
        assert client.ask(2, op="segment", size=1 << 20)[0]["kind"] == "invalid"
        assert client.ask(3, op="put", key="k", seg=seg)[0]["kind"] == "invalid"


def test_no_connection_goes_on_to_a_further_node(box):
    with TlsClient(box) as client:
        client.socket.sendall(b"\xf8\x03far")
        said = client.last_words()
        assert said["kind"] == "access_denied" and "another node" in said["message"]


def test_channels_of_a_link_have_the_rights_of_its_token(box):
    channel = LinkChannel(box, box.token("call"))
    assert channel.greeting[0] == 15
    assert "keys" in channel.ask(op="keys")
    channel.close()
    for op, needed in operations().items():
        if needed != "call":
            channel = LinkChannel(box, box.token("call"))
            assert channel.ask(op=op)["kind"] == "access_denied", op
            channel.close()


def test_a_channel_leads_to_further_nodes_only_with_admin(box):
    for rights, kind in ((RIGHTS[:3], "access_denied"), (RIGHTS, "not_found")):
        channel = LinkChannel(box, box.token(*rights))
        channel.say_raw(b"\xf8\x07further")
        heard = channel.read(lambda heard: list(frames_in(heard)))
        assert next(frames_in(heard))[2]["kind"] == kind, rights
        channel.close()


def test_http_in_a_channel_needs_a_token_of_its_own(box):
    channel = LinkChannel(box, box.token(*RIGHTS))
    channel.say_raw(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert channel.read(lambda heard: b"\r\n" in heard).startswith(b"HTTP/1.1 401 ")
    channel.close()


def test_two_sessions_of_one_name_and_two_tokens_are_two(box):
    with TlsClient(box, box.token("call", "deploy"), session="same") as one:
        made, _ = one.call(1, b"[]", n="Counter", how="new")
        assert made.get("o"), made
        with TlsClient(box, box.token("call"), session="same") as other:
            other.ask(1, op="release", o=made["o"])
        said, body = one.call(2, b"[1]", o=made["o"], m="add")
        assert json.loads(body) == 1, said


def test_a_side_that_lacks_a_feature_says_who_must_upgrade(box):
    for needs, words in (
        (["call", "warp"], ["(leanto 9.0) needs 'warp'", "upgrade leanto on the side"]),
    ):
        with TlsClient(box, box.token("call"), version="9.0", needs=needs) as client:
            said = client.last_words()
            assert said["kind"] == "protocol"
            assert all(word in said["message"] for word in words), said
    with TlsClient(box) as client:
        head = {"session": "s", "received": 0, "new": True, "version": "0.0.1"}
        client.say(15, 0, token=box.token("call"), **head)
        said = client.last_words()
        assert "needs 'link'" in said["message"] and "(leanto 0.0.1)" in said["message"]


# While it goes on


def end_by_revoking(box, token):
    box.leanto("token", "revoke", token_id(token))


def test_a_revoked_token_ends_connections_and_what_they_wait_for(box):
    token = box.token("call")
    with TlsClient(box, token) as client, TlsClient(box, box.token("call")) as other:
        client.say(CALL, 1, b"[1000000000]", n="count", data="json")
        while client.hear()[0] != YIELD:
            pass
        end_by_revoking(box, token)
        assert "was revoked" in client.last_words()["message"]
        assert other.call(1, b"[1]", n="add")[1], "another token is good still"
    status = json.loads(box.leanto("status", "--json"))
    assert wait_until(lambda: json.loads(box.leanto("status", "--json"))["calls"] == 0), status


def test_an_expired_token_ends_connections(box):
    with TlsClient(box, box.token("call", expires="2s")) as client:
        assert client.call(1, b"[1]", n="add")[1]
        assert "has expired" in client.last_words()["message"]


def test_a_revoked_token_ends_links_and_their_channels(box):
    token = box.token("call")
    channel = LinkChannel(box, token)
    assert "keys" in channel.ask(op="keys")
    end_by_revoking(box, token)
    assert channel.client.last_words()["kind"] == "access_denied"
    channel.close()


def test_a_revoked_token_ends_an_event_stream(box):
    token = box.token("call")
    connection = http.client.HTTPSConnection(box.host, box.port, context=context(), timeout=LIMIT)
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    connection.request("POST", "/v1/services/count", b"[1000000000]", headers)
    answer = connection.getresponse()
    assert answer.status == 200
    while answer.readline() != b"event: item\n":
        pass
    end_by_revoking(box, token)
    rest = answer.read()
    assert b"event: error" in rest and b"was revoked" in rest
    connection.close()


# HTTP


@pytest.mark.parametrize(("method", "path"), ROUTES + OTHERS)
def test_no_route_over_tls_answers_without_a_token(box, method, path):
    assert https(box, method, path).status == 401
    assert https(box, method, path, "lt_12345678_" + 64 * "0").status == 401


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_over_tls_needs_its_right(box, method, path):
    right = "admin" if path == "/v1/status" else "call"
    body = b"[1]" if method == "POST" else None
    others = box.token(*(each for each in RIGHTS if each != right))
    assert https(box, method, path, others, body).status == 403
    assert https(box, method, path, box.token(right), body).status not in (401, 403, 421)


def test_a_name_that_a_name_server_may_have_led_here_is_refused(box):
    token = box.token("call")
    for host, status in (
        ("evil.example.org", 421),
        (f"evil.example.org:{box.port}", 421),
        (f"{box.host}:{box.port}", 200),
        ("localhost", 200),
        (socket.gethostname(), 200),
    ):
        assert https(box, "GET", "/v1/services", token, host=host).status == status, host


# Who doesn't shake hands


def raw(box):
    return socket.create_connection((box.host, box.port), timeout=LIMIT)


def read_all(connection):
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(1 << 16):
            said += piece
    return said


def test_who_begins_without_tls_is_told_so_in_its_own_protocol(box):
    with raw(box) as connection:
        connection.sendall(b"GET /v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said = read_all(connection)
        assert said.startswith(b"HTTP/1.1 400 ") and b"https://" in said
    with raw(box) as connection:
        hello = {"version": "0", "token": box.token(*RIGHTS)}
        connection.sendall(_frames.frame(HELLO, 0, _frames.encode_head(hello)))
        (type_, stream, head, _), *rest = frames_in(read_all(connection))
        assert (type_, stream, rest) == (ERROR, 0, []) and "speaks TLS" in head["message"]


def test_who_says_nothing_is_closed_and_so_is_who_shakes_hands_and_then_says_nothing(box):
    with raw(box) as silent, raw(box) as slow, TlsClient(box) as shaken:
        slow.sendall(b"\x16\x03\x01")
        for connection in (silent, slow, shaken.socket):
            assert read_all(connection) == b""


def test_who_says_no_token_is_closed(box):
    with TlsClient(box) as client:
        client.socket.sendall(b"\xf7\x01")
        assert client.last_words()["kind"] == "timeout"


def test_connections_that_dont_begin_are_bounded_and_others_come_in_again_afterwards(box):
    waiting = []
    try:
        for _ in range(100):
            waiting.append(raw(box))
        with raw(box) as one_more:
            assert read_all(one_more) == b""
    finally:
        for each in waiting:
            each.close()
    assert wait_until(lambda: _is_served(box))


def _is_served(box):
    with contextlib.suppress(OSError, EOFError), TlsClient(box, box.token("call")) as client:
        return client.hear()[0] == HELLO
    return False


def test_garbage_after_the_handshake_is_no_more_than_a_lost_connection(box):
    for data in (os.urandom(1000), b"\x00" * 100, b"\xf7" * 100):
        with TlsClient(box) as client:
            client.socket.sendall(data)
            with contextlib.suppress(OSError):
                read_all(client.socket)
    assert _is_served(box)


# The node


def test_the_status_shows_address_and_fingerprint(box):
    said = box.leanto("status")
    assert f"{box.host}:{box.port}" in said and box.fingerprint in said


def test_the_key_is_kept_and_readable_for_nobody_else(network, tmp_path):
    one = Box(tmp_path / "one", network.address)
    file = one.home / ".local/state/leanto/tls.pem"
    try:
        assert file.stat().st_mode & 0o777 == 0o600
        one.stop()
        file.chmod(0o644)
        with pytest.raises(AssertionError, match="chmod 600"):
            one.leanto("node", "--detach", "--listen", f"{one.host}:0")
        file.chmod(0o600)
        one.leanto("node", "--detach", "--listen", f"{one.host}:0")
        assert json.loads(one.leanto("status", "--json"))["tls"]["fingerprint"] == one.fingerprint
    finally:
        one.stop()


def test_a_node_that_only_its_machine_reaches_has_no_word_to_join(own_home):
    leanto("node", "--detach", "--listen", "127.0.0.1:0")
    with pytest.raises(AssertionError, match="--listen 0.0.0.0:7433"):
        leanto("token", "create", "--join")
    assert leanto("token", "ls").startswith("No tokens"), "none is made in vain"


# Joining


def test_a_node_is_joined_by_one_word(box, own_home, lt, sent):
    import shop

    word = box.word(*RIGHTS)
    assert word.startswith(
        f"leanto://{box.host}:{box.port}?fingerprint={box.fingerprint}&token=lt_"
    )
    cluster = lt.cluster("box", url=word)
    assert cluster.up() is True and cluster.up() is False
    add = lt.function(shop.add).to(cluster)
    assert add(1, 2) == 3
    cluster.put("large", b"x" * 30_000_000)
    assert cluster.get("large") == b"x" * 30_000_000
    assert lt.cluster("box").get("large") == b"x" * 30_000_000
    cluster.delete("large")


def test_large_arguments_are_mapped_by_the_worker_and_its_own(box, own_home, lt):
    import shop

    cluster = lt.cluster("box", url=box.word(*RIGHTS))
    look = lt.function(shop.look_at_blob).to(cluster)
    for size in (9_000_000, 5_000_000):
        data = bytearray(size)
        assert look(shop.Blob(data)) == (size, 1, size > 8 << 20)
        assert look(blob=shop.Blob(data)) == (size, 1, size > 8 << 20)
    assert look.submit(shop.Blob(bytearray(9_000_000))).result() == (9_000_000, 1, False)
    cluster.put("blob", shop.Blob(bytearray(9_000_000)))
    kept = cluster.get("blob")
    assert len(kept.data) == 9_000_000 and cluster.get("blob").data[0] == 0
    cluster.delete("blob")
    with TlsClient(box, box.token("call")) as client:
        client.hear()
        said, _ = client.call(1, b"[1, 2]", n="add", file={"p": "/etc/passwd", "n": 10})
        assert said["kind"] == "invalid" and "'file'" in said["message"]


def test_a_node_that_listens_has_a_name_in_a_file_that_others_may_not_read(box, own_home, lt):
    hosts = own_home / ".config" / "leanto" / "hosts.toml"
    hosts.parent.mkdir(parents=True, exist_ok=True)
    hosts.touch(0o600)
    hosts.write_text(f'[team]\nurl = "{box.word("call")}"\nprice_per_hour = 0.5\n')
    lt.cluster("team").put("named", 1)
    assert lt.cluster("team").get("named") == 1
    lt.cluster("team").delete("named")
    (offer,) = [offer for offer in lt.offers() if offer["cluster"] == "team"]
    assert (offer["price_per_hour"], offer["cannot"]) == (0.5, "")
    assert "token" not in leanto("clusters", "--json")
    hosts.chmod(0o644)
    with pytest.raises(lt.InvalidRequestError, match="chmod 600"):
        lt.cluster("team").keys()


def test_a_token_that_may_only_call_does_that_and_no_more(box, own_home, lt):
    import shop

    cluster = lt.cluster("box", url=box.word("call"))
    cluster.put("mine", 1)
    assert cluster.get("mine") == 1
    cluster.delete("mine")
    with pytest.raises(lt.AccessDeniedError, match="'deploy'"):
        lt.function(shop.add).to(cluster)
    with pytest.raises(lt.AccessDeniedError, match="'admin'"):
        cluster.run("true")
    with pytest.raises(lt.AccessDeniedError, match="'admin'"):
        cluster.down()


def test_the_token_is_shown_nowhere(box, own_home, lt):
    word = box.word("call")
    token = word.partition("token=")[2]
    cluster = lt.cluster(url=word)
    cluster.keys()
    with pytest.raises(lt.AlreadyExistsError) as caught:
        lt.cluster(cluster.name, host="nowhere").up()
    shown = [str(caught.value), repr(cluster), cluster.name]
    shown += [leanto("clusters"), leanto("clusters", "--json"), leanto("status", "--json")]
    shown += [json.dumps(cluster.status(), default=str)]
    assert not [text for text in shown if token in text or token[12:] in text]
    found = [path for path, data in contents_below(own_home).items() if token[12:].encode() in data]
    assert all(path.name.startswith("ledger.sqlite") for path in found)
    assert all(path.stat().st_mode & 0o077 == 0 for path in found)
    there = contents_below(box.home)
    assert not [path for path, data in there.items() if token[12:].encode() in data]


def test_another_token_is_taken_for_the_same_node(box, own_home, lt):
    cluster = lt.cluster("box", url=box.word("call", expires="2s"))
    cluster.keys()
    assert wait_until(lambda: _has_lost_access(lt, cluster))
    lt.cluster("box", url=box.word("call")).keys()
    assert "box" in leanto("clusters")


def _has_lost_access(lt, cluster):
    try:
        cluster.keys()
    except lt.AccessDeniedError as error:
        assert "has expired" in str(error)
        return True
    except lt.NodeLostError:
        pass  # just when it was closed
    return False


def test_nothing_is_said_to_a_node_with_another_certificate(box, own_home, lt, tmp_path):
    somebody = Between(box, make_certificate(tmp_path))
    try:
        with pytest.raises(lt.AccessDeniedError) as caught:
            lt.cluster("box", url=at(somebody, box.word(*RIGHTS))).up()
        assert wait_until(lambda: somebody.accepted > 0)
        assert somebody.told == b""
        said = str(caught.value)
        assert box.fingerprint in said and "somebody is between" in said
        assert len([word for word in said.split() if len(word) == 64]) == 2
    finally:
        somebody.close()


def test_a_wrong_and_an_expired_token_say_so(box, own_home, lt):
    word = box.word("call", expires="1ms")
    with pytest.raises(lt.AccessDeniedError, match="has expired; make another"):
        lt.cluster("old", url=word).up()
    with pytest.raises(lt.AccessDeniedError, match="not one of this node"):
        lt.cluster("wrong", url=word[:-1] + ("0" if word[-1] != "0" else "1")).up()


def test_a_port_without_tls_and_one_without_anybody_say_so(network, box, own_home, lt):
    query = box.word("call").partition("?")[2]
    leanto("node", "--detach", "--listen", "127.0.0.1:0")
    plain = json.loads(leanto("status", "--json"))["http"]
    with pytest.raises(lt.ProtocolError, match="doesn't speak TLS"):
        lt.cluster("plain", url=f"leanto://{plain}?{query}").up()
    with socket.create_server((network.address, 0)) as listener:
        free = listener.getsockname()[1]
    with pytest.raises(lt.NodeLostError, match="refuses the connection.*leanto node --listen"):
        lt.cluster("nobody", url=f"leanto://{network.address}:{free}?{query}").up()
    with pytest.raises(lt.NodeLostError, match="can't be reached|does not answer"):
        lt.cluster("far", url=f"leanto://{network.unused_address}:7433?{query}").up()
    with pytest.raises(
        lt.NodeLostError, match="no address is known for the host 'no-such-host.invalid'"
    ):
        lt.cluster("name", url=f"leanto://no-such-host.invalid:7433?{query}").up()


def test_a_name_is_looked_up(box, own_home, lt):
    leanto("node", "--detach", "--listen", "127.0.0.1:0")
    query = box.word("call").partition("?")[2]
    port = json.loads(leanto("status", "--json"))["http"].rpartition(":")[2]
    with pytest.raises(lt.ProtocolError, match="localhost:.*doesn't speak TLS"):
        lt.cluster("name", url=f"leanto://localhost:{port}?{query}").up()


def test_a_connection_that_breaks_is_carried_on(box, between, own_home, lt):
    import shop

    cluster = lt.cluster("box", url=at(between, box.word(*RIGHTS)))
    slow = lt.function(shop.add).to(cluster)
    assert slow(1, 2) == 3
    results = []
    caller = threading.Thread(target=lambda: results.append([slow(i, 1) for i in range(300)]))
    caller.start()
    between.cut()
    caller.join(LIMIT)
    assert results == [[i + 1 for i in range(300)]]
    assert cluster.status()["nodes"][0]["reconnects"] >= 1


def test_a_script_uses_the_word_of_its_environment(box, own_home, tmp_path):
    project = write_project(
        tmp_path / "project",
        {
            "main.py": "import os\nimport leanto as lt\n\n\ndef double(x):\n    return 2 * x\n\n\n"
            "if __name__ == '__main__':\n"
            "    print(lt.function(double).to(lt.cluster('box', url=os.environ['BOX']))(21))\n"
        },
    )
    assert run_script(project, "main.py", BOX=box.word(*RIGHTS)).stdout == "42\n"


def test_the_ledger_is_for_its_owner_only(box, own_home, lt):
    lt.cluster("box", url=box.word("call")).keys()
    ledger = own_home / ".local/state/leanto/ledger.sqlite"
    assert ledger.stat().st_mode & 0o077 == 0
    with contextlib.closing(sqlite3.connect(ledger)) as database:
        assert database.execute("SELECT count(*) FROM clusters").fetchone() == (1,)
