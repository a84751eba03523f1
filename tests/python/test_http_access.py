"""HTTP over TCP: a token with the right, a Host of this machine and an allowed Origin, on every route and verb."""

import http.client
import json
import sqlite3
import sys

import pytest
from clients import LIMIT
from conftest import ROOT, contents_below, leanto, node_status, stop_node, wait_until
from http_clients import Answer, UnixConnection, ask, get, make_token, start_with_port

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
import counter  # noqa: E402

ORIGIN = "https://app.example.org"

# Every route; docs/http.md lists the same (a test there compares).
ROUTES = [
    ("GET", "/v1/services"),
    ("GET", "/v1/services/add"),
    ("GET", "/v1/services/add/openapi.json"),
    ("POST", "/v1/services/add"),
    ("POST", "/v1/services/Counter/highest"),
    ("GET", "/v1/objects"),
    ("GET", "/v1/objects/total"),
    ("GET", "/v1/objects/total/openapi.json"),
    ("POST", "/v1/objects/total"),
    ("POST", "/v1/objects/total/add"),
    ("GET", "/v1/status"),
]
# What there is beside the routes: verbs without one, and paths without one.
OTHERS = [
    ("HEAD", "/v1/services"),
    ("PUT", "/v1/services/add"),
    ("DELETE", "/v1/objects/total"),
    ("PATCH", "/v1/services"),
    ("OPTIONS", "/v1/services"),
    ("TRACE", "/"),
    ("GET", "/nothing"),
]


class Node:
    """A node with a port, and ways to ask it."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def ask(self, method, path, token=None, body=None, host=None, **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=LIMIT)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("Host", host or f"{self.host}:{self.port}")
            body = b"" if body is None else json.dumps(body).encode()
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return Answer(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture
def node(own_home, lt):
    host, port = start_with_port(own_home, ORIGIN)
    lt.function(counter.add).to(lt.here).save("add")
    lt.cls(counter.Counter).to(lt.here).save("Counter")
    lt.cls(counter.Counter).to(lt.here).options(name="total")(3)
    return Node(host, port)


def body_of(method, path):
    return (
        {"a": 1}
        if (method, path) == ("POST", "/v1/services/add")
        else [1]
        if path.endswith("total")
        else None
    )


def test_who_has_the_right_may_use_each_route(node):
    token = make_token("call,admin")["token"]
    for method, path in ROUTES:
        answer = node.ask(method, path, token, body_of(method, path) if method == "POST" else None)
        assert answer.status == 200, (method, path, answer.body)


def test_each_route_and_verb_wants_a_token(node):
    unknown = "lt_00000000_" + "0" * 64
    taken = make_token()["token"]
    bad = [None, "", "x", unknown, taken[:-1], taken + "0", taken[:12] + "0" * 64, taken.upper()]
    for method, path in ROUTES + OTHERS:
        for token in bad if method == "GET" else bad[:4]:
            answer = node.ask(method, path, token)
            assert answer.status == 401, (method, path, token)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            if method != "HEAD":
                assert answer.error["kind"] == "access_denied"
    for scheme in ["Basic eDp5", taken, f"Token {taken}"]:
        assert node.ask("GET", "/v1/services", Authorization=scheme).status == 401


def test_each_route_wants_its_right(node):
    token = {right: make_token(right)["token"] for right in ("call", "deploy", "debug", "admin")}
    for method, path in ROUTES:
        needed = "admin" if path == "/v1/status" else "call"
        for right in token:
            answer = node.ask(
                method, path, token[right], body_of(method, path) if method == "POST" else None
            )
            assert answer.status == (200 if right == needed else 403), (method, path, right)
            if right != needed:
                assert f"needs the right '{needed}'" in answer.error["message"]


def test_a_wrong_host_is_refused_on_each_route_and_verb_whoever_asks(node):
    token = make_token("call,admin")["token"]
    hosts = [
        "evil.example",
        f"evil.example:{node.port}",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "0.0.0.0",
    ]
    for method, path in ROUTES + OTHERS:
        for host in hosts if method == "POST" else hosts[:1]:
            answer = node.ask(method, path, token, host=host)
            assert answer.status == 421, (method, path, host)
    for host in ["localhost", f"localhost:{node.port}", "LOCALHOST:1", "127.0.0.1", "[::1]:80"]:
        assert node.ask("GET", "/v1/services", token, host=host).status == 200, host


def test_a_token_expires(node):
    made = make_token(expires="200ms")
    assert made["expires_at"] - made["created_at"] == 200
    assert wait_until(lambda: node.ask("GET", "/v1/services", made["token"]).status == 401)
    answer = node.ask("GET", "/v1/services", made["token"])
    assert "has expired" in answer.error["message"]
    for method, path in ROUTES + OTHERS:
        assert node.ask(method, path, made["token"]).status == 401


def test_a_token_is_revoked_at_once_and_tokens_outlive_the_daemon(node, own_home):
    kept, gone = make_token(), make_token("admin")
    listed = json.loads(leanto("token", "ls", "--json"))["tokens"]
    assert [row["id"] for row in listed] == [kept["id"], gone["id"]]
    assert [row["rights"] for row in listed] == [["call"], ["admin"]]
    assert "token" not in listed[0]
    leanto("token", "revoke", gone["id"])
    assert node.ask("GET", "/v1/status", gone["token"]).status == 401
    stop_node()
    node.host, node.port = start_with_port(own_home)
    assert node.ask("GET", "/v1/services", kept["token"]).status == 200
    assert node.ask("GET", "/v1/status", gone["token"]).status == 401
    with pytest.raises(AssertionError, match="there is no token"):
        leanto("token", "revoke", gone["id"])


def test_only_digests_of_tokens_are_on_disk(node, own_home):
    secret = make_token()["token"].rpartition("_")[2]
    stop_node()
    ledger = own_home / ".local/state/leanto/ledger.sqlite"
    assert len(sqlite3.connect(ledger).execute("SELECT digest FROM tokens").fetchall()) == 1
    for file, content in contents_below(own_home).items():
        assert secret.encode() not in content, file


def test_no_page_may_ask_but_those_of_allowed_origins(node):
    token = make_token()["token"]
    answer = node.ask("GET", "/v1/services", token, Origin=ORIGIN)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    for origin in [
        "https://evil.example",
        "null",
        ORIGIN + ".evil",
        f"http://127.0.0.1:{node.port}",
    ]:
        answer = node.ask("POST", "/v1/services/add", token, [1], Origin=origin)
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


def preflight(node, origin, **more):
    return node.ask(
        "OPTIONS", "/v1/services/add", Origin=origin, Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization,content-type", **more,
    )  # fmt: skip


def test_a_browser_may_ask_whether_an_allowed_page_may_ask(node):
    answer = preflight(node, ORIGIN)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    refused = preflight(node, "https://evil.example")
    assert refused.status >= 400
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert preflight(node, ORIGIN, host="evil.example").status == 421


def test_without_configuration_no_origin_is_allowed_and_no_port_is_open(own_home, lt):
    lt.function(counter.add).to(lt.here).save("add")
    assert node_status()["http"] is None
    answer = ask("GET", "/v1/services", Origin=ORIGIN)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_frames_are_not_understood_on_the_port(node):
    import socket

    with socket.create_connection((node.host, node.port), LIMIT) as raw:
        raw.sendall(b"\xf7\x01\x01" + bytes(17))
        assert raw.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_refused_large_body_is_not_read_and_the_refusal_arrives(node):
    answer = node.ask("POST", "/v1/services/add", None, "x" * 3_000_000)
    assert answer.status == 401
    assert answer.headers["Connection"] == "close"


def test_the_right_token_works_from_curl_and_the_socket_needs_none(node):
    assert get("/v1/status").json["http"] == f"{node.host}:{node.port}"
    connection = UnixConnection()
    assert ask("POST", "/v1/services/add", [1], connection).json == 3
    connection.close()


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
@pytest.mark.parametrize("where", ["--listen", "node.toml"])
def test_an_address_that_others_can_reach_speaks_no_plain_http(own_home, address, where):
    if where == "node.toml":
        config = own_home / ".config/leanto/node.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[http]\nlisten = "{address}"\n')
    leanto("node", "--detach", *(["--listen", address] if where == "--listen" else []))
    status = node_status()
    assert status["http"] is None
    port = int(status["tls"]["address"].rpartition(":")[2])
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    plain.request(
        "GET", "/v1/services", headers={"Authorization": f"Bearer {make_token()['token']}"}
    )
    answer = Answer(plain.getresponse())
    assert answer.status == 400 and "https://" in answer.error["message"]
    plain.close()


@pytest.mark.parametrize(
    "address", ["8080", "example.org:80", "127.0.0.1", "127.0.0.1:99999", "::1:80"]
)
def test_an_address_that_makes_no_sense_is_refused(own_home, address):
    with pytest.raises(AssertionError, match="no address to listen on"):
        leanto("node", "--listen", address)


def test_listen_on_the_command_line_wins(own_home):
    leanto("node", "--detach", "--listen", "127.0.0.1:0")
    assert node_status()["http"].startswith("127.0.0.1:")
    assert f"http      {node_status()['http']}" in leanto("status")


def test_a_port_that_is_taken_is_said(node, own_home, monkeypatch, tmp_path):
    from conftest import set_home

    other = tmp_path / "other"
    other.mkdir()
    with monkeypatch.context() as patch:
        set_home(patch, other)
        with pytest.raises(AssertionError, match="Address already in use"):
            leanto("node", "--detach", "--listen", f"{node.host}:{node.port}")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rights", "cal"], "did you mean call"),
        (["--rights", ""], "there are: call, deploy, debug, admin"),
        (["--expires", "0s"], "more than 0s"),
        (["--expires", "soon"], "--expires"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(own_home, lt, arguments, words):
    lt.function(counter.add).to(lt.here)
    with pytest.raises(AssertionError, match=words):
        leanto("token", "create", *arguments)
