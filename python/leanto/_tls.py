"""Sockets to nodes on other machines over TLS, without a node on this one; docs/wire.md says what both sides do.

No name is looked up or compared: the certificate is the node's own, and its fingerprint tells whether it's that node. Nothing is
said to another.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from leanto.errors import AccessDeniedError, InvalidRequestError, NodeLostError

CONNECT_LIMIT = 20.0  # seconds, for the connection and again for the handshake
LOST_AFTER = 60  # seconds without an answer, after which a machine counts as gone; a line that is back before breaks nothing
_PROBES = 3
_FORM = "leanto://HOST:PORT?fingerprint=HEX&token=TOKEN, as `leanto token create --join` prints it on the node"


class Address(NamedTuple):
    """Where a node listens, who it is, and what lets this program in."""

    host: str
    port: int
    fingerprint: str
    token: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse(url: str, token: str | None, fingerprint: str | None) -> Address:
    """Return what a join word says, or an address with token and fingerprint beside it.

    Raises InvalidRequestError, which doesn't show the token, for what makes no sense.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError, TypeError):
        host = port = None
    if not host or not port or parts.scheme != "leanto" or parts.path not in ("", "/"):
        raise InvalidRequestError(f"url= is no address of a node; give {_FORM}")
    said = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    token = token or said.get("token")
    fingerprint = fingerprint or said.get("fingerprint")
    if not token:
        raise InvalidRequestError(
            f"the node at {host}:{port} lets nobody in without a token; give token=, or {_FORM}"
        )
    if not fingerprint:
        raise InvalidRequestError(
            f"without its fingerprint, nobody can tell the node at {host}:{port} from another; give fingerprint=, or {_FORM}"
        )
    plain = fingerprint.replace(":", "").lower()
    if not re.fullmatch("[0-9a-f]{64}", plain):
        raise InvalidRequestError(
            f"fingerprint={fingerprint!r} is none: it's the SHA-256 of a certificate, 64 hex digits"
        )
    return Address(host, port, plain, token)


def make_context() -> ssl.SSLContext:
    """Return a context that takes any certificate: `connect` looks at it itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def connect(address: Address, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a socket on which nothing has been said yet, to the node that has the fingerprint.

    Raises NodeLostError if nobody answers there, AccessDeniedError if somebody else does.
    """
    try:
        plain = socket.create_connection((address.host, address.port), CONNECT_LIMIT)
    except OSError as error:
        raise NodeLostError(
            f"the node at {address} can't be reached: {_why(error)}; see whether it runs and listens there "
            "(`leanto node --listen`), and whether a firewall is between"
        ) from None
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _watch_the_line(plain)
        sock = context.wrap_socket(plain)
    except (OSError, EOFError) as error:
        plain.close()
        raise NodeLostError(
            f"what listens at {address} doesn't speak TLS as a node does: {_why(error)}; see whether the address is that of "
            "`leanto node --listen`"
        ) from None
    except BaseException:
        plain.close()
        raise
    found = hashlib.sha256(sock.getpeercert(binary_form=True) or b"").hexdigest()
    if found != address.fingerprint:
        sock.close()
        raise AccessDeniedError(
            f"what listens at {address} is another node, or somebody between: its certificate's fingerprint is {found}, not "
            f"{address.fingerprint}. Nothing was said to it. If the node was made anew, take the word of `leanto token create "
            "--join` on it"
        )
    sock.settimeout(None)
    return sock


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _watch_the_line(sock: socket.socket) -> None:
    """Have the system find out that the other machine is gone, also while nothing is said."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    every = LOST_AFTER // (_PROBES + 1)
    settings = {
        "TCP_KEEPIDLE": every,
        "TCP_KEEPALIVE": every,  # the same on macOS
        "TCP_KEEPINTVL": every,
        "TCP_KEEPCNT": _PROBES,
        "TCP_USER_TIMEOUT": LOST_AFTER * 1000,  # ms; for what was sent and isn't acknowledged
    }
    for name, value in settings.items():
        if hasattr(socket, name):
            try:
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            except OSError:
                pass  # not on this system


class LoopSocket:
    """A TLS socket for an event loop, which hears of data that has to wait as of any socket's: BlockingIOError."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._held = b""  # was only looked at so far

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    def fileno(self) -> int:
        return self._sock.fileno()

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what has come. With `flags`, the first byte of it, which stays."""
        data, self._held = self._held, b""
        if not data:
            try:
                data = self._sock.recv(size if not flags else 1 << 16)
                while self._sock.pending():  # nobody wakes up the loop for what is in here already
                    data += self._sock.recv(self._sock.pending())
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise BlockingIOError from None
        if flags:
            self._held = data
            return data[:1]
        return data

    def send(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def close(self) -> None:
        self._sock.close()
