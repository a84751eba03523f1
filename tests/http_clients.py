"""HTTP clients for tests: over the Unix socket of this HOME's node, and over TCP with a token."""

import http.client
import json
import os
import pathlib
import re
import socket

from clients import LIMIT
from conftest import leanto, node_status


def socket_path():
    return str(pathlib.Path(os.environ["HOME"]) / ".local" / "state" / "leanto" / "node.sock")


class UnixConnection(http.client.HTTPConnection):
    """http.client over the node's Unix socket."""

    def __init__(self, path=None):
        super().__init__("localhost", timeout=LIMIT)
        self.path = path or socket_path()

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    """A response that has come to its end."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        assert list(self.json) == ["error"], self.body
        assert {"kind", "type", "message"} <= self.json["error"].keys(), self.body
        return self.json["error"]


def ask(method, path, body=None, connection=None, **headers):
    """Ask the node; `headers` with underscores for hyphens. Returns an Answer."""
    own = connection or UnixConnection()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    try:
        own.request(method, path, body, headers)
        return Answer(own.getresponse())
    finally:
        if connection is None:
            own.close()


def post(path, body=None, **headers):
    return ask("POST", path, body, **headers)


def get(path, **headers):
    return ask("GET", path, **headers)


def events(data):
    """The events of a text/event-stream: (id, name, data from JSON) each."""
    found = []
    for block in data.decode().split("\n\n"):
        if not block or block.startswith(":"):
            continue
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def send_raw(data, path=None):
    """Say bytes on a new connection; return all that comes until it's closed or silent for good."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(LIMIT)
        raw.connect(path or socket_path())
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
        return answer


def statuses(data):
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d+) ", data, re.MULTILINE)]


def start_with_port(home, *origins):
    """Start this HOME's node with a port of the kernel's choice; return (host, port)."""
    config = home / ".config" / "leanto" / "node.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[http]\nlisten = "127.0.0.1:0"\norigins = {json.dumps(list(origins))}\n')
    leanto("node", "--detach")
    host, _, port = node_status()["http"].rpartition(":")
    return host, int(port)


def make_token(rights="call", expires="1h"):
    return json.loads(leanto("token", "create", "--rights", rights, "--expires", expires, "--json"))
