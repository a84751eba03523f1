"""Streams of items: what a remote generator yields, as an iterator here.

The producer may be INITIAL_CREDIT items ahead of the reader, and gets a new credit for each item that is taken, so a slow
reader slows it. Leaving early (close(), a break out of a loop, losing the last reference) closes the producer.
"""

from __future__ import annotations

from leanto import _connection, _frames, _values
from leanto._frames import ERROR, YIELD


class RemoteGenerator:
    """An iterator over the items of a remote generator, which starts when the first item is asked for.

    Leaving early closes the producer: by a ``break`` out of the loop, `close`, or the end of a ``with``.

    >>> for letter in lt.function(letters).to(lt.here)("be"):
    ...     print(letter)
    b
    e
    """

    __slots__ = ("_begun", "_connection", "_ended", "_head", "_node", "_packed")

    def __init__(
        self, node: object, head: bytes, args: tuple = (), kwargs: dict | None = None
    ) -> None:
        self._node = node
        self._head = head
        # Now: what the caller changes later has no effect.
        self._packed = node.pack(args, kwargs or {}, _values.pack_call)
        self._connection = None
        self._begun = None
        self._ended = False

    @classmethod
    def begun(cls, connection, head: bytes, body: bytes) -> RemoteGenerator:
        """Return the iterator of a stream that has begun already: its first item is in `head` and `body`."""
        self = cls.__new__(cls)
        self._node = connection.node
        self._head = self._packed = None
        self._connection = connection
        self._begun = (YIELD, head, body)
        self._ended = False
        return self

    def __iter__(self) -> RemoteGenerator:
        return self

    def __next__(self) -> object:
        if self._ended:
            raise StopIteration
        type_, head, body = self._receive()
        if type_ == YIELD:
            item = _values.load_result(body, _frames.decode_head(head))
            try:
                _connection.grant(self._connection, 1)
            except OSError:
                pass  # the producer has ended already; what it sent is still to be read
            return item
        self._ended = True
        if self._connection is not None:
            self._node.give_back(self._connection)
            self._connection = None
        if type_ == ERROR:
            _connection.raise_error(head, body)
        raise StopIteration

    def _receive(self) -> tuple:
        if self._begun is not None:
            first, self._begun = self._begun, None
            return first
        if self._connection is None:
            return self._start()
        try:
            return self._connection.receive()
        except (OSError, EOFError) as error:
            self._ended = True
            self._connection.close()
            raise self._node.broken("a stream", error) from None
        except BaseException:
            self.close()
            raise

    def _start(self) -> tuple:
        data, buffers = self._packed
        head, self._packed = self._head, None
        head = _values.head_with(head, data, buffers)
        try:
            self._connection, type_, head, body = self._node.converse(
                _frames.CALL, head, data, buffers
            )
        except BaseException:
            self._ended = True
            raise
        return type_, head, body

    def close(self) -> None:
        """Close the producer, as if it were a local generator. Does nothing when it has ended.

        >>> stream = lt.function(letters).to(lt.here)("be")
        >>> next(stream)
        'b'
        >>> stream.close()
        """
        connection, self._connection = self._connection, None
        self._ended = True
        if connection is not None:
            _connection.cancel(connection, "closed")

    def __enter__(self) -> RemoteGenerator:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:
            pass  # the interpreter may be going away
