"""A node that other machines reach, and clients that speak frames to it by TLS without Leanto's own."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import secrets
import socket
import ssl
import subprocess
import threading

from clients import LIMIT
from conftest import ROOT, leanto, processes_of, wait_until
from leanto import _frames
from leanto._frames import ASK, CALL, ERROR, HELLO, RESULT

LINK, OPEN, DATA, WINDOW, CLOSE, RECEIVED = range(15, 21)
RIGHTS = ("call", "deploy", "debug", "admin")


def operations():
    """The operations by the right that each needs, as docs/wire.md says (a C++ test compares that with the sources)."""
    manual = (ROOT / "docs" / "wire.md").read_text()
    rows = re.findall(r"\n\| `(call|deploy|debug|admin)` \| ((?:`\w+`(?:, )?)+) \|", manual)
    return {op: right for right, names in rows for op in re.findall(r"`(\w+)`", names)}


class Box:
    """A node with a HOME of its own that listens on `address`, an address that isn't loopback."""

    def __init__(self, home, address):
        self.home = home
        home.mkdir()
        self.leanto("node", "--detach", "--listen", f"{address}:0")
        tls = json.loads(self.leanto("status", "--json"))["tls"]
        self.host, _, port = tls["address"].rpartition(":")
        self.port = int(port)
        self.fingerprint = tls["fingerprint"]

    def environment(self):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        return {**kept, "HOME": str(self.home), "PYTHONPATH": str(ROOT / "python")}

    def leanto(self, *arguments, check=True):
        return leanto(*arguments, check=check, env=self.environment())

    def run(self, project, *words):
        """Run a Python program of a project beside the node."""
        done = subprocess.run(
            words,
            cwd=project,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def token(self, *rights, expires="1h"):
        return self.leanto(
            "token", "create", "--rights", ",".join(rights), "--expires", expires
        ).strip()

    def word(self, *rights, expires="1h"):
        arguments = ["--rights", ",".join(rights), "--expires", expires, "--join"]
        return self.leanto("token", "create", *arguments).strip()

    def log(self):
        return (self.home / ".local/state/leanto/node.log").read_text()

    def stop(self):
        self.leanto("stop", check=False)
        assert wait_until(lambda: processes_of(self.home) == []), "processes are left behind"


def token_id(token):
    return token.split("_")[1]


def context():
    """Whoever's certificate it is: the fingerprint is compared instead."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


class TlsClient:
    """Says and hears frames over TLS. `HELLO` with a token is said at once, unless that is None."""

    def __init__(self, box, token=None, **hello):
        plain = socket.create_connection((box.host, box.port), timeout=LIMIT)
        self.socket = context().wrap_socket(plain)
        found = hashlib.sha256(self.socket.getpeercert(binary_form=True)).hexdigest()
        assert found == box.fingerprint
        self.reader = _frames.FrameReader(self.socket)
        if token is not None:
            self.say(HELLO, 0, token=token, **{"version": "0", "features": ["call"], **hello})

    def say(self, type_, stream, body=b"", **head):
        encoded = _frames.encode_head(head) if head else b""
        self.socket.sendall(_frames.frame(type_, stream, encoded, body))

    def hear(self):
        """The next frame: (type, stream, head, body)."""
        type_, stream, head, body = self.reader.read()
        return type_, stream, _frames.decode_head(head), bytes(body)

    def ask(self, stream, **head):
        self.say(ASK, stream, **head)
        return self.answer(stream)

    def call(self, stream, body=b"[]", **head):
        self.say(CALL, stream, body, **{"data": "json", **head})
        return self.answer(stream)

    def answer(self, stream):
        """The head of the RESULT or ERROR on a stream, and its body."""
        while True:
            type_, on, head, body = self.hear()
            if type_ in (RESULT, ERROR) and on in (0, stream):
                return head, body

    def last_words(self):
        """The ERROR on stream 0 after which the node closes the connection."""
        heard = []
        with contextlib.suppress(EOFError, ConnectionError, ssl.SSLError):
            while True:
                heard.append(self.hear())
        assert heard and heard[-1][:2] == (ERROR, 0), heard
        return heard[-1][2]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class LinkChannel:
    """A channel of a link, as another node has it: what is said in it is said as if on a connection there."""

    def __init__(self, box, token):
        self.client = TlsClient(box)
        session = secrets.token_hex(16)
        self.client.say(
            LINK, 0, token=token, session=session, received=0, new=True, node="t", version="0",
            features=["link"],
        )  # fmt: skip
        self.greeting = self.client.hear()
        self.client.say(OPEN, 1)
        self.heard = b""

    def say_raw(self, data):
        self.client.say(DATA, 1, data)

    def read(self, enough):
        """The bytes that come in the channel until they are enough or it's closed."""
        while not enough(self.heard):
            type_, _, _, body = self.client.hear()
            if type_ == CLOSE:
                break
            if type_ == DATA:
                self.heard += body
        return self.heard

    def ask(self, **head):
        hello = _frames.frame(HELLO, 0, _frames.encode_head({"version": "0", "features": []}))
        self.say_raw(hello + _frames.frame(ASK, 1, _frames.encode_head(head)))
        while True:
            for type_, stream, said, _ in frames_in(self.read(lambda heard: True)):
                if type_ in (RESULT, ERROR) and stream in (0, 1):
                    return said
            before = len(self.heard)
            self.read(lambda heard: len(heard) > before)  # noqa: B023

    def close(self):
        self.client.close()


def frames_in(data):
    """The whole frames at the beginning of bytes: (type, stream, head, body)."""
    at = 0
    while at + _frames.HEADER_SIZE <= len(data):
        type_, stream, head_size, body_size = _frames.parse_header(data, at)
        middle = at + _frames.HEADER_SIZE + head_size
        end = middle + body_size
        if end > len(data):
            return
        head = data[at + _frames.HEADER_SIZE : middle]
        yield type_, stream, _frames.decode_head(head), data[middle:end]
        at = end


class Between:
    """Stands between clients and a node. With `certificate` it shakes hands itself and keeps what it's then told; without, it
    hands on what comes, until `cut`."""

    def __init__(self, box, certificate=None):
        self.box = box
        self.certificate = certificate
        self.told = b""
        self.accepted = 0
        self.refuses = False
        self._sockets = []
        self._listener = socket.create_server((box.host, 0))
        self.port = self._listener.getsockname()[1]
        self._run(self._accept)

    def _run(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                if self.refuses:
                    client.close()
                else:
                    self._sockets.append(client)
                    self._run(self._listen_in if self.certificate else self._hand_on, client)

    def _listen_in(self, client):
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(self.certificate)
        with contextlib.suppress(OSError):
            secure = served.wrap_socket(client, server_side=True)
            self._sockets.append(secure)
            while piece := secure.recv(1 << 16):
                self.told += piece

    def _hand_on(self, client):
        there = socket.create_connection((self.box.host, self.box.port))
        self._sockets.append(there)
        self._run(self._copy, there, client)
        self._copy(client, there)

    def _copy(self, source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 18):
                target.sendall(piece)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self):
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()


def make_certificate(directory):
    """Somebody else's certificate with its key, in a file."""
    pem = pathlib.Path(directory) / "other.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-subj", "/CN=leanto node", "-days", "2", "-keyout", pem, "-out", pem]
    key = pathlib.Path(directory) / "other.key"
    words[words.index("-keyout") + 1] = key
    subprocess.run(words, check=True, capture_output=True, timeout=LIMIT)
    pem.write_text(pem.read_text() + key.read_text())
    return str(pem)
