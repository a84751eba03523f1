"""Streams of items for an event loop."""

from __future__ import annotations

import asyncio
import collections

from leanto import _connection, _frames, _values
from leanto._frames import ERROR, YIELD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from leanto import _aio


class AsyncRemoteGenerator:
    """An asynchronous iterator over the items of a remote generator, which starts when the first item is asked for.

    >>> import asyncio
    >>> async def main():
    ...     return [letter async for letter in lt.function(letters).to(lt.here).aio("be")]
    >>> asyncio.run(main())
    ['b', 'e']
    """

    def __init__(self, node: object, head: bytes, args: tuple, kwargs: dict) -> None:
        self._node = node
        self._start = (head, *node.pack(args, kwargs, _values.pack_call)) if node else ()
        self._connection = None
        self._stream = 0
        self._items: collections.deque = collections.deque()
        self._wake: asyncio.Future | None = None
        self._ended = False

    @classmethod
    def begun(cls, connection: _aio.LoopConnection, stream: int) -> AsyncRemoteGenerator:
        """Return the iterator of a stream that has begun already."""
        self = cls(None, b"", (), {})
        self._node = connection._node
        self._start = None
        self._connection, self._stream = connection, stream
        return self

    def on_frame(self, type_: int, head: bytes, body: bytes) -> None:
        self._items.append((type_, head, body))
        self._wake_up()

    def fail(self, reason: Exception) -> None:
        self._items.append((None, reason, b""))
        self._wake_up()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def __aiter__(self) -> AsyncRemoteGenerator:
        return self

    async def __anext__(self) -> object:
        if self._ended:
            raise StopAsyncIteration
        if self._start is not None:
            self._begin()
        while not self._items:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        type_, head, body = self._items.popleft()
        if type_ == YIELD:
            self._connection.grant(self._stream)
            return _values.load_result(body, _frames.decode_head(head))
        self._ended = True
        if type_ is None:
            raise head
        if type_ == ERROR:
            _connection.raise_error(head, body)
        raise StopAsyncIteration

    def _begin(self) -> None:
        from leanto import _aio

        (head, data, buffers), self._start = self._start, None
        head = _values.head_with(head, data, buffers)
        self._connection = _aio.LoopConnection.of(asyncio.get_running_loop(), self._node)
        self._stream = self._connection.open_stream(self, head, data, buffers)

    async def aclose(self) -> None:
        """Close the producer. Does nothing when it has ended.

        >>> import asyncio
        >>> async def main():
        ...     stream = lt.function(letters).to(lt.here).aio("be")
        ...     first = await stream.__anext__()
        ...     await stream.aclose()
        ...     return first
        >>> asyncio.run(main())
        'b'
        """
        self._close()

    def _close(self) -> None:
        self._ended = True
        self._start = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.cancel(self._stream)
