"""Nodes, as this program talks to them: one connection a synchronous call, kept for the next one.

A call takes an idle connection, or makes one, and has it to itself until it ends: no reader thread, no hand-over, no lock. The
connection used last is taken first, so a program that makes one call at a time uses one.

Connections to a node on another machine go through the node on this one, which holds the link with it: they begin with that
node's name, and from there on they are as if they had been made over there.
"""

from __future__ import annotations

import _thread
import os

from leanto import _connection, _frames, _node, _values
from leanto._connection import Connection
from leanto._frames import ASK, CALL, ERROR, YIELD
from leanto.errors import (
    InvalidRequestError,
    LeantoError,
    NodeError,
    NodeLostError,
    NotFoundError,
    ProtocolError,
)

MAX_IDLE = 64
MAX_LOST = 20  # connections in a row; a node that is killed takes some milliseconds to end
RELAY_MAGIC = 0xF8

# What is said on a connection that breaks like this has not been heard: a Unix socket refuses what is sent after its peer has
# closed, and is reset, rather than closed, only if the peer closed before it had read everything. What the node on this machine
# hands on to another is a frame that it has in part, then.
UNHEARD = (BrokenPipeError, ConnectionResetError)
UNANSWERED = (*UNHEARD, EOFError)  # it may have been heard


class Node:
    """A node: the one on this machine if it has no name, else another one that it knows by that name.

    A pickled one is the same node wherever it's unpickled: its id says when that is the node there.
    """

    __slots__ = ("_id", "_idle", "_to_release", "name", "of_loops")

    def __init__(self, name: str) -> None:
        self.name = name
        self._id = ""
        self._idle: list = []
        self._to_release: list = []  # ids of objects whose last handle here is gone
        self.of_loops: dict = {}  # event loop → its connection

    is_direct = False  # whether it's reached without the node on this machine

    @property
    def is_far(self) -> bool:
        """Whether it's on another machine, so that shared memory is of no use."""
        return bool(self.name)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or "this machine"

    @property
    def id(self) -> str:
        """What names it wherever it's called from; a far one is reached for it."""
        if not self.is_far:
            return _id_here()
        if not self._id:
            self.ask("keys")  # it has to be reached
            self._id = here.ask("node_state", node=self.name)[0]["id"]
        return self._id

    def connect(self):
        """Return a connected socket on which the node has been greeted."""
        sock = _node.connect()
        try:
            sock.sendall(self.preface() + _connection.hello_frame(self.is_far))
        except BaseException:
            sock.close()
            raise
        return sock

    def connect_for_loop(self):
        """`connect` for an event loop, to which the socket says by BlockingIOError that it has to wait."""
        return self.connect()

    def preface(self) -> bytes:
        """Return what a connection to the node on this machine begins with, to be joined to this one."""
        if not self.is_far:
            return b""
        name = self.name.encode()
        return bytes((RELAY_MAGIC, len(name))) + name

    def take(self) -> Connection:
        """Return a connection for one conversation; give it back with `give_back`, or close it."""
        if self._to_release:
            self._release_objects()
        try:
            return self._idle.pop()
        except IndexError:
            return Connection(self)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose conversation has ended."""
        if len(self._idle) < MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def pack(self, args: tuple, kwargs: dict, how: object = _values.pack_arguments) -> tuple:
        """Return (pickle, buffers) of the arguments of a call there; `how` is one of `leanto._values`.

        Values that lie on other nodes are moved there, so that their handles among the arguments arrive as values.
        """
        if not several:
            return how(args, kwargs)
        if self.name:
            how = _values.pack_far
        _packing.node = self
        try:
            return how(args, kwargs)
        finally:
            _packing.node = None

    def call(self, head: bytes, args: tuple, kwargs: dict) -> tuple:
        """Make a call and return (connection, type, head, body) of its first answer.

        The conversation is over, and the connection None, unless the answer is a YIELD.
        """
        data, buffers = self.pack(args, kwargs) if several else _values.pack_arguments(args, kwargs)
        head = _values.head_with(head, data, buffers)
        return self.converse(CALL, head, data, buffers)

    def converse(
        self,
        type_: int,
        head: bytes,
        body: bytes,
        buffers: list | tuple = (),
        lost_if: tuple = UNHEARD,
        what: str = "a call",
        on_log: object = None,
    ) -> tuple:
        """Say one frame and return (connection, type, head, body) of the answer; see `call`. `on_log` gets the output.

        It's said again on a new connection after an error of `lost_if`: by default only where the node can't have heard it.
        """
        connection = None
        lost = 0
        try:
            while True:
                try:
                    connection = self.take()
                    connection.send(type_, head, body, buffers)
                    type_, head, body = connection.receive(on_log)
                    break
                except lost_if:
                    if connection is not None:
                        if self.name:
                            raise_refusal(connection)
                        connection.close()
                        connection = None
                    self._idle.clear()
                    lost += 1
                    if lost == MAX_LOST:
                        raise
                    if lost > 1:  # a process that is about to end still has its socket
                        _node.pause(0.001 * lost)
        except (OSError, EOFError, ProtocolError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, LeantoError) and not isinstance(error, ProtocolError):
                raise  # why it can't be reached: some of these are OSErrors, too
            raise self.broken(what, error) from None
        except BaseException:
            if connection is not None:
                _connection.cancel(connection, "interrupted")
            raise
        return self._conclude(connection, type_, head, body)

    def _conclude(self, connection: Connection, type_: int, head: bytes, body: bytes) -> tuple:
        """Return what `converse` does for an answer; the connection is kept, or closed, unless there's more to come on it."""
        if type_ == YIELD:
            return connection, type_, head, body
        if connection.is_refused:
            connection.close()
            raise _refusal(head, body)
        self.give_back(connection)
        if type_ == ERROR:
            _connection.raise_error(head, body)
        return None, type_, head, body

    def broken(self, what: str, error: Exception) -> LeantoError:
        """Return the error for a connection that broke in the middle of `what`."""
        if self.is_far:
            return self._lost(what, error)
        message = (
            f"the connection to the node on this machine broke in the middle of {what}: {error}"
        )
        if not isinstance(error, ProtocolError):
            message += f"; the node was stopped or killed{_NOT_KNOWN.get(what, '')} (`leanto logs --node` says more)"
        return NodeError(message)

    def _lost(self, what: str, error: Exception) -> LeantoError:
        try:
            why = here.ask("node_state", node=self.name)[0].get("error", {}).get("message", "")
        except LeantoError as other:
            return other
        return NodeLostError(
            f"the node on {self.name} was lost in the middle of {what}{_NOT_KNOWN.get(what, '')}: {why or error}"
        )

    def ask(self, op: str, body: bytes = b"", /, **arguments: object) -> tuple[dict, bytes]:
        """Ask the node something; return the answer's head and body. Raises what the node answers instead."""
        head = _frames.encode_head({"op": op, **arguments})
        _, _, head, body = self.converse(ASK, head, body)
        return _frames.decode_head(head), body

    def ask_again(self, op: str, /, **arguments: object) -> tuple[dict, bytes]:
        """`ask` for what can be said twice as well as once: it's said again when the connection breaks before the answer."""
        head = _frames.encode_head({"op": op, **arguments})
        _, _, head, body = self.converse(ASK, head, b"", (), UNANSWERED, "a question")
        return _frames.decode_head(head), body

    def release_later(self, object_id: str) -> None:
        """Remember that the last handle of an unnamed object is gone; safe to call from a finalizer."""
        self._to_release.append(object_id)

    def _release_objects(self) -> None:
        while self._to_release:
            head = _frames.encode_head({"op": "release", "o": self._to_release.pop()})
            try:
                connection = self._idle.pop() if self._idle else Connection(self)
                connection.send(ASK, head)
                connection.receive()
            except (OSError, EOFError, LeantoError):
                return
            self._idle.append(connection)

    def forget_connections(self) -> None:
        """A forked child shares its parent's sockets, and must not speak on them."""
        self._idle.clear()
        self._to_release.clear()
        self.of_loops.clear()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple:
        return _rebuild, (self.name, self.id)

    def __repr__(self) -> str:
        return f"<node {self.name or 'here'}>"


def raise_refusal(connection: Connection) -> None:
    """Raise what the node on this machine said before it closed a connection to another one, if it said something."""
    try:
        type_, head, body = connection.receive()
    except (OSError, EOFError, ProtocolError):
        return
    if type_ == ERROR:
        raise _refusal(head, body)


def _refusal(head: bytes, body: bytes) -> BaseException:
    error = _connection.to_exception(_frames.decode_head(head), body)
    if isinstance(error, LeantoError):
        error.unheard = True
    return error


_NOT_KNOWN = {
    "a call": ", and whether the code has done its work is not known",
    "a submission": ", and whether the run was recorded is not known: `leanto runs` shows it if it was; with"
    " .options(key=...) it can be submitted again and stays one run",
}


class Elsewhere(Node):
    """A node that sent its own handle to a process that knows no way back to it."""

    __slots__ = ()

    def connect(self):
        raise NotFoundError(
            f"this handle belongs to the node {self._id}, which can't be reached from here; pass values instead of handles, or "
            "handles of objects on the node that they are passed to"
        )


_ids: dict = {}  # state directory → the id of the node whose it is


def _id_here() -> str:
    try:
        directory = _node.state_directory()
    except NodeError:
        return ""
    if directory not in _ids:
        try:
            with open(os.path.join(directory, "node.id")) as file:
                _ids[directory] = file.read()
        except OSError:
            return ""
    return _ids[directory]


here = Node("")
_far: dict = {}  # name → the node
several = False  # whether this program knows more than one node

_packing = _thread._local()  # threading.local, whose module takes long to import


def packed_for() -> Node | None:
    """Return the node for which this thread packs a call's arguments; None if it's pickling for something else."""
    return getattr(_packing, "node", None)


class PackingFor:
    """What this thread pickles inside of the ``with`` goes to that node."""

    def __init__(self, node: Node | None) -> None:
        self._node = node

    def __enter__(self) -> None:
        _packing.node = self._node

    def __exit__(self, *exc_info: object) -> None:
        _packing.node = None


def check_reachable(node: Node, what: str) -> None:
    """Refuse a handle among the arguments of a call on a far node that would be of no use there."""
    to = packed_for()
    if to is not None and to.is_far and to is not node:
        raise InvalidRequestError(
            f"{what} is on {node.title} and can't be reached from {to.title}, where it would be an argument; "
            f"pass a value, or call from a function that runs on {node.title}"
        )


def far(name: str) -> Node:
    """Return the node of that name; the same one each time."""
    global several
    node = _far.get(name)
    if node is None:
        node = _far.setdefault(name, Node(name))
        several = True
    return node


def register(node: Node) -> None:
    """Make known a node of another kind by its name."""
    global several
    _far[node.name] = node
    several = True


def _rebuild(name: str, id_: str) -> Node:
    """A node is called by the name that it has where it's called from."""
    if not id_ or id_ == here.id:
        return here
    if name:
        return far(name)
    for node in _far.values():
        if node._id == id_:
            return node
    node = Elsewhere("?")
    node._id = id_
    return node


def _forget_after_fork() -> None:
    for node in (here, *_far.values()):
        node.forget_connections()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
