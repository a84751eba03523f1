"""Conversations with the node: one connection a synchronous call, kept for the next one.

A call takes an idle connection, or makes one, and has it to itself until it ends: no reader thread, no hand-over, no lock. The
connection used last is taken first, so a program that makes one call at a time uses one.
"""

from __future__ import annotations

import os
import sys

from leanto import _frames, _node, _values
from leanto._frames import ASK, CALL, CANCEL, CREDIT, ERROR, HELLO, LOG, RESULT, YIELD
from leanto.errors import (
    BY_KIND,
    LeantoError,
    NodeError,
    OutOfMemoryError,
    ProtocolError,
    RemoteError,
    RemoteTraceback,
    WorkerDiedError,
)

MAX_IDLE = 64
MAX_LOST = 20  # connections in a row; a node that is killed takes some milliseconds to end

# What is said on a connection that breaks like this has not been heard: a Unix socket refuses what is sent after its peer has
# closed, and is reset, rather than closed, only if the peer closed before it had read everything.
UNHEARD = (BrokenPipeError, ConnectionResetError)
UNANSWERED = (*UNHEARD, EOFError)  # it may have been heard

_idle: list = []
_to_release: list = []  # ids of objects whose last handle here is gone
_session = ""


def session() -> str:
    """Return the id of this process towards the node; objects without a name live as long as it does."""
    global _session
    if not _session:
        _session = f"{os.getpid()}-{os.urandom(8).hex()}"
    return _session


def hello_frame() -> bytes:
    """Return the first frame of a connection."""
    from leanto import __version__

    head = {
        "version": __version__,
        "features": ["call", "stream"],
        "session": session(),
        "pid": os.getpid(),
        "python": sys.executable or "",
    }
    return _frames.frame(HELLO, 0, _frames.encode_head(head))


class Connection:
    """A connection that one call at a time has to itself."""

    __slots__ = ("_reader", "_sock", "_stream")

    def __init__(self) -> None:
        self._sock = _node.connect()
        self._reader = _frames.FrameReader(self._sock)
        self._stream = 0
        self._sock.sendall(hello_frame())

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

    def receive(self) -> tuple:
        """Return (type, head, body) of the next frame of the open conversation; shows log lines on the way."""
        while True:
            type_, stream, head, body = self._reader.read()
            if type_ == RESULT and stream == self._stream:
                return type_, head, body
            if type_ == HELLO:
                continue
            if stream != self._stream and stream != 0:
                continue
            if type_ == LOG:
                show_log(head, body)
                continue
            return type_, head, body

    def close(self) -> None:
        self._sock.close()


def take() -> Connection:
    """Return a connection for one conversation; give it back with `give_back`, or close it."""
    if _to_release:
        _release_objects()
    try:
        return _idle.pop()
    except IndexError:
        return Connection()


def give_back(connection: Connection) -> None:
    """Keep a connection whose conversation has ended."""
    if len(_idle) < MAX_IDLE:
        _idle.append(connection)
    else:
        connection.close()


def call(head: bytes, args: tuple, kwargs: dict) -> tuple:
    """Make a call and return (connection, type, head, body) of its first answer.

    The conversation is over, and the connection None, unless the answer is a YIELD.
    """
    data, buffers = _values.pack_arguments(args, kwargs)
    head = _values.head_with(head, data, buffers)
    return converse(CALL, head, data, buffers)


def converse(
    type_: int,
    head: bytes,
    body: bytes,
    buffers: list | tuple = (),
    lost_if: tuple = UNHEARD,
    what: str = "a call",
) -> tuple:
    """Say one frame and return (connection, type, head, body) of the answer; see `call`.

    It's said again on a new connection after an error of `lost_if`: by default only where the node can't have heard it.
    """
    connection = None
    lost = 0
    try:
        while True:
            try:
                connection = take()
                connection.send(type_, head, body, buffers)
                type_, head, body = connection.receive()
                break
            except lost_if:
                if connection is not None:
                    connection.close()
                    connection = None
                _idle.clear()
                lost += 1
                if lost == MAX_LOST:
                    raise
                if lost > 1:  # a process that is about to end still has its socket
                    _node.pause(0.001 * lost)
    except (OSError, EOFError, ProtocolError) as error:
        if connection is not None:
            connection.close()
        raise broken(what, error) from None
    except BaseException:
        if connection is not None:
            cancel(connection, "interrupted")
        raise
    if type_ == YIELD:
        return connection, type_, head, body
    give_back(connection)
    if type_ == ERROR:
        raise_error(head, body)
    return None, type_, head, body


_NOT_KNOWN = {
    "a call": ", and whether the code has done its work is not known",
    "a submission": ", and whether the run was recorded is not known: `leanto runs` shows it if it was; with"
    " .options(key=...) it can be submitted again and stays one run",
}


def broken(what: str, error: Exception) -> NodeError:
    """Return the error for a connection that broke in the middle of `what`."""
    message = f"the connection to the node on this machine broke in the middle of {what}: {error}"
    if not isinstance(error, ProtocolError):
        message += f"; the node was stopped or killed{_NOT_KNOWN.get(what, '')} (`leanto logs --node` says more)"
    return NodeError(message)


def ask(op: str, body: bytes = b"", /, **arguments: object) -> tuple[dict, bytes]:
    """Ask the node something; return the answer's head and body. Raises what the node answers instead."""
    head = _frames.encode_head({"op": op, **arguments})
    _, _, head, body = converse(ASK, head, body)
    return _frames.decode_head(head), body


def ask_again(op: str, /, **arguments: object) -> tuple[dict, bytes]:
    """`ask` for what can be said twice as well as once: it's said again when the connection breaks before the answer."""
    head = _frames.encode_head({"op": op, **arguments})
    _, _, head, body = converse(ASK, head, b"", (), UNANSWERED, "a question")
    return _frames.decode_head(head), body


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


def release_later(object_id: str) -> None:
    """Remember that the last handle of an unnamed object is gone; safe to call from a finalizer."""
    _to_release.append(object_id)


def _release_objects() -> None:
    while _to_release:
        head = _frames.encode_head({"op": "release", "o": _to_release.pop()})
        try:
            connection = _idle.pop() if _idle else Connection()
            connection.send(ASK, head)
            connection.receive()
        except (OSError, EOFError, LeantoError):
            return
        _idle.append(connection)


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
    """A forked child shares its parent's sockets; it must not speak on them, and is a process of its own."""
    global _session
    _idle.clear()
    _to_release.clear()
    _session = ""


os.register_at_fork(after_in_child=_forget_after_fork)
