"""Nodes that this program talks to itself, over TLS, where no node on this machine holds the link with them."""

from __future__ import annotations

import ssl
import threading

from leanto import _connection, _frames, _node, _nodes, _tls
from leanto._connection import Connection
from leanto._frames import ASK, ERROR
from leanto.errors import LeantoError, NodeError, NodeLostError, ProtocolError

_LARGE = 64 << 10  # bytes; that much is on its way before an answer could be heard
_KEPT = 0.5  # seconds to hear why a node closed a connection that was being written to

_nodes_by_words: dict = {}  # (address, name) → the node
_making = threading.Lock()


def find(name: str, words: dict) -> Direct | None:
    """Return the node that a cluster's words are the address of; None if the node on this machine takes care of it."""
    if not _node.why_none():
        try:
            _nodes.here.give_back(_nodes.here.take())
            return None
        except NodeError:
            pass  # it can't be started here
    address = _tls.parse(words["url"], words.get("token"), words.get("fingerprint"))
    with _making:
        node = _nodes_by_words.get((address, name))
        if node is None:
            node = _nodes_by_words[address, name] = Direct(name, address)
            _nodes.register(node)
    return node


class Direct(_nodes.Node):
    """A node at an address. Its name is what the program calls it, and is of no meaning elsewhere."""

    __slots__ = ("_context", "address")

    def __init__(self, name: str, address: _tls.Address) -> None:
        super().__init__(name)
        self.address = address
        self._context = _tls.make_context()

    is_direct = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Direct) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)

    @property
    def title(self) -> str:
        return f"{self.name} ({self.address})"

    @property
    def id(self) -> str:
        """What names it wherever it's called from: as it said when it greeted, until then what nobody else knows."""
        return self._id or f"tls-{self.address.fingerprint}"

    def learn(self, greeting: dict) -> None:
        """Take up what it says of itself when it greets."""
        self._id = greeting.get("node", self._id)

    @property
    def key(self) -> str:
        """What tells it from other nodes on this machine."""
        return self.address.fingerprint

    def connect(self):
        """Return a connected socket on which the node has been greeted."""
        sock = _tls.connect(self.address, self._context)
        try:
            sock.sendall(_connection.hello_frame(True, self.address.token))
        except OSError:
            pass  # it has closed again, and may have said why
        except BaseException:
            sock.close()
            raise
        return sock

    def connect_for_loop(self) -> _tls.LoopSocket:
        return _tls.LoopSocket(self.connect())

    def preface(self) -> bytes:
        raise AssertionError("nobody joins a connection to a node that's reached directly")

    def take(self) -> Connection:
        """As of any node; one that the node has closed meanwhile is not taken."""
        if self._to_release:
            self._release_objects()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return DirectConnection(self)
            if not _is_stale(connection):
                return connection
            connection.close()

    def converse(
        self,
        type_: int,
        head: bytes,
        body: bytes,
        buffers: list | tuple = (),
        lost_if: tuple = _nodes.UNHEARD,
        what: str = "a call",
        on_log: object = None,
    ) -> tuple:
        """As of any node. How a TCP connection breaks doesn't tell whether what was said on it has been heard, so nothing is said
        again but questions that may be.
        """
        connection = None
        asked = 0
        while True:
            try:
                connection = self.take()
                connection.send(type_, head, body, buffers)
                answer, said, value = connection.receive(on_log)
                break
            except (OSError, EOFError, ProtocolError) as error:
                if connection is not None:
                    connection.close()
                self._idle.clear()
                asked += 1
                is_final = lost_if is not _nodes.UNANSWERED or isinstance(error, LeantoError)
                if is_final or asked > 2:
                    raise self.broken(what, error) from None
            except BaseException:
                if connection is not None:
                    _connection.cancel(connection, "interrupted")
                raise
        return self._conclude(connection, answer, said, value)

    def broken(self, what: str, error: Exception) -> LeantoError:
        if isinstance(error, LeantoError) and not isinstance(error, ProtocolError):
            return error  # AccessDeniedError and TimeoutError are OSErrors, too
        return super().broken(what, error)

    def _lost(self, what: str, error: Exception) -> LeantoError:
        return NodeLostError(
            f"the node at {self.address} was lost in the middle of {what}{_nodes._NOT_KNOWN.get(what, '')}: {error}"
        )

    def __reduce__(self) -> tuple:
        if _nodes.packed_for() is self:
            return _nodes._rebuild, ("", "")  # there, it's the node of that machine
        return super().__reduce__()


class DirectConnection(Connection):
    """A connection whose first answer is the node's greeting, or why it doesn't take this program in."""

    __slots__ = ("_is_greeted",)

    def __init__(self, node: Direct) -> None:
        super().__init__(node)
        self._is_greeted = False

    def send(self, type_: int, head: bytes, body: bytes = b"", buffers: list | tuple = ()) -> None:
        try:
            # A node that doesn't take this program in would hang up in the middle of what it says, and not be heard.
            if len(body) + sum(buffer.nbytes for buffer in buffers) > _LARGE:
                self._hear_greeting()
            super().send(type_, head, body, buffers)
        except LeantoError:
            raise
        except OSError:
            self._raise_reason()
            raise

    def receive(self, on_log: object = None) -> tuple:
        self._hear_greeting()
        return super().receive(on_log)

    def _hear_greeting(self) -> None:
        if self._is_greeted:
            return
        type_, _, head, body = self._reader.read()
        if type_ == ERROR:
            _connection.raise_error(head, body)
        self._is_greeted = True
        _connection.check_hello(head)
        self.node.learn(_frames.decode_head(head))

    def _raise_reason(self) -> None:
        """Raise what the node said before it closed the connection, if it said something."""
        try:
            self._sock.settimeout(_KEPT)
            while True:
                type_, stream, head, body = self._reader.read()
                if type_ == ERROR and stream == 0:
                    break
        except (OSError, EOFError, ProtocolError):
            return
        _connection.raise_error(head, body)


def _is_stale(connection: Connection) -> bool:
    """Whether something came on a connection on which nothing was asked: that it's closed, or will be, and why."""
    sock = connection._sock
    sock.setblocking(False)
    try:
        sock.recv(1)
        return True
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    finally:
        sock.setblocking(True)


def ask_all(connection: Connection, questions: object, at_once: int) -> None:
    """Ask what needs no answer but that it's done, so many at once: (operation, body) each. Raises the first ERROR."""
    under_way = 0
    for op, body in questions:
        if under_way == at_once:
            _take_answer(connection)
            under_way -= 1
        connection.send(ASK, _frames.encode_head({"op": op}), body)
        under_way += 1
    for _ in range(under_way):
        _take_answer(connection)


def _take_answer(connection: Connection) -> None:
    while True:
        type_, _, head, body = connection._reader.read()
        if type_ == ERROR:
            _connection.raise_error(head, body)
        if type_ == _frames.RESULT:
            return
