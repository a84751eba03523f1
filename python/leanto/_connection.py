"""A connection to a node, and what its answers say."""

from __future__ import annotations

import os
import sys

from leanto import _frames, _values
from leanto._frames import CANCEL, CREDIT, HELLO, LOG, RESULT
from leanto.errors import (
    BY_KIND,
    LeantoError,
    OutOfMemoryError,
    ProtocolError,
    RemoteError,
    RemoteTraceback,
    WorkerDiedError,
)

_session = ""


def session() -> str:
    """Return the id of this process towards the node; objects without a name live as long as it does."""
    global _session
    if not _session:
        _session = f"{os.getpid()}-{os.urandom(8).hex()}"
    return _session


FEATURES = ["call", "stream"]  # what this client can do (docs/wire.md, "Features")


def hello_frame(is_far: bool = False, token: str = "") -> bytes:
    """Return the first frame of a connection; on a far node this program's Python is of no use. `token` lets it in over TLS."""
    from leanto import __version__

    head = {
        "version": __version__,
        "features": FEATURES,
        "session": session(),
        "pid": os.getpid(),
    }
    if not is_far:
        head["python"] = sys.executable or ""
    if token:
        head["token"] = token
    return _frames.frame(HELLO, 0, _frames.encode_head(head))


class Connection:
    """A connection to `node` that one call at a time has to itself."""

    __slots__ = ("_reader", "_sock", "_stream", "is_refused", "node")

    def __init__(self, node: object) -> None:
        self.node = node
        self._sock = node.connect()
        self._reader = _frames.FrameReader(self._sock)
        self._stream = 0
        self.is_refused = False  # the node can't be reached, and so has heard nothing

    def send(self, type_: int, head: bytes, body: bytes = b"", buffers: list | tuple = ()) -> None:
        """Open a new conversation with a frame."""
        self._stream += 1
        self.send_more(type_, head, body, buffers)

    def send_more(
        self, type_: int, head: bytes = b"", body: bytes = b"", buffers: list | tuple = ()
    ) -> None:
        """Say more in the conversation that is open."""
        if not buffers:
            self._sock.sendall(
                _frames.header(type_, self._stream, len(head), len(body)) + head + body
            )
            return
        size = len(body) + sum(buffer.nbytes for buffer in buffers)
        self._sock.sendall(_frames.header(type_, self._stream, len(head), size) + head + body)
        for buffer in buffers:
            self._sock.sendall(buffer)

    def receive(self, on_log: object = None) -> tuple:
        """Return (type, head, body) of the next frame of the open conversation; `on_log` gets the output, or it's shown."""
        while True:
            type_, stream, head, body = self._reader.read()
            if type_ == RESULT and stream == self._stream:
                return type_, head, body
            if type_ == HELLO:
                check_hello(head)
                continue
            if stream != self._stream and stream != 0:
                continue
            if type_ == LOG:
                (on_log or show_log)(head, body)
                continue
            if stream == 0:
                self.is_refused = True
            return type_, head, body

    def close(self) -> None:
        self._sock.close()


def check_hello(head: bytes) -> None:
    """Raise ProtocolError if the node needs a feature that this client lacks."""
    said = _frames.decode_head(head)
    lacking = [name for name in said.get("needs", ()) if name not in FEATURES]
    if lacking:
        from leanto import __version__

        raise ProtocolError(
            f"the node (leanto {said.get('version')}) needs {lacking[0]!r} of its clients, which leanto {__version__} can't do:"
            " upgrade leanto here"
        )


def cancel(connection: Connection, reason: str) -> None:
    """Leave a conversation early: the other side is told, and the connection is not used again."""
    try:
        connection.send_more(CANCEL, _frames.encode_head({"reason": reason}))
    except OSError:
        pass
    connection.close()


def grant(connection: Connection, items: int) -> None:
    """Let the other side send `items` more items of a stream."""
    connection.send_more(CREDIT, _frames.encode_head({"n": items}))


def show_log(head: bytes, body: bytes) -> None:
    """Write a piece of a call's output where this program's own goes."""
    stream = sys.stderr if _frames.decode_head(head).get("s") == 2 else sys.stdout
    if stream is None:
        return
    try:
        stream.write(bytes(body).decode("utf-8", "replace"))
        stream.flush()
    except (OSError, ValueError):
        pass  # the caller's own output is closed: no reason to lose the call


def raise_error(head: bytes, body: bytes) -> None:
    """Raise what an ERROR frame says."""
    raise to_exception(_frames.decode_head(head), body)


def to_exception(head: dict, body: bytes) -> BaseException:
    """Return the exception that an ERROR frame says, with the remote traceback as its cause."""
    kind = head.get("kind", "internal")
    if kind == "user":
        return _user_exception(head, body)
    error = BY_KIND.get(kind, LeantoError)(head.get("message", "(no message)"))
    if isinstance(error, WorkerDiedError):
        error.signal = head.get("signal")
        error.exit_code = head.get("exit_code")
        error.last_lines = head.get("last_lines", [])
    elif isinstance(error, OutOfMemoryError):
        error.limit = head.get("limit")
        error.peak = head.get("peak")
        error.device = head.get("device", "cpu")
        error.last_lines = head.get("last_lines", [])
        if head.get("type"):  # user code raised it
            error.__cause__ = _user_exception(head, body)
            return error
    if head.get("traceback"):
        error.__cause__ = RemoteTraceback(head["traceback"])
    return error


def _user_exception(head: dict, body: bytes) -> BaseException:
    text = head.get("traceback", "")
    error = None
    if len(body):
        try:
            error = _values.loads(body)
        except Exception:
            pass  # its class cannot be imported or rebuilt here; RemoteError says what it was
    if not isinstance(error, BaseException):
        error = RemoteError(head.get("type", "Exception"), head.get("message", ""), text)
    error.__cause__ = RemoteTraceback(text)
    return error


def _forget_after_fork() -> None:
    """A forked child is a process of its own."""
    global _session
    _session = ""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
