"""Calls from an event loop: one connection a loop, many calls side by side on it."""

from __future__ import annotations

import asyncio
import collections

from leanto import _connection, _frames, _selecting, _values
from leanto._aio_streams import AsyncRemoteGenerator
from leanto._frames import (
    CALL,
    CANCEL,
    CREDIT,
    ERROR,
    HEADER_SIZE,
    HELLO,
    LOG,
    MAGIC,
    RESULT,
    VERSION,
    YIELD,
)
from leanto.errors import LeantoError, ProtocolError

CHUNK = 64 << 10  # a larger buffer would be mapped anew for each message
_PEEK = 0x02  # MSG_PEEK
MOST_UNREAD = 100  # pieces that a node has said before it closed the connection
SEND_EARLY = 32  # frames; so that the node works while this program says more

_header = _frames.HEADER.pack
_unpack_from = _frames.HEADER.unpack_from
_load_result = _values.load_result
_get_running_loop = asyncio.get_running_loop


def call(node, head: bytes, args: tuple, kwargs: dict, value_of) -> asyncio.Future:
    """Make a call; the future has its value. Cancelling the future cancels the call."""
    data, buffers = node.pack(args, kwargs)
    head = _values.head_with(head, data, buffers)
    loop = _get_running_loop()
    connection = node.of_loops.get(loop)
    if connection is None or not connection._waiting:
        connection = LoopConnection.of(loop, node)
    return connection.call(loop, head, data, buffers, value_of)


class CallFuture(asyncio.Future):
    """The value of a call that is under way. Cancelling it cancels the call."""

    __slots__ = ("buffers", "connection", "value_of")

    def cancel(self, *args: object, **kwargs: object) -> bool:
        cancelled = super().cancel(*args, **kwargs)
        if cancelled:
            self.connection.cancel_future(self)
        return cancelled


class LoopConnection:
    """The connection of one event loop to a node. Frames that are sent in one turn of the loop leave together."""

    def __init__(self, loop: asyncio.AbstractEventLoop, node: object) -> None:
        self._loop = loop
        self._node = node
        self._sock = node.connect_for_loop()
        self._sock.setblocking(False)
        self._stream = 0
        self._waiting: dict = {}  # stream → CallFuture, or AsyncRemoteGenerator
        self._out = collections.deque()
        self._flush_planned = False
        self._waits_writable = False
        self._in = bytearray()
        self.broken = False
        self._events: object = loop
        try:
            loop.add_reader(self._sock, self._read)
        except NotImplementedError:
            self._events = _selecting.Selecting(loop)
            self._events.add_reader(self._sock, self._read)

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop, node: object) -> LoopConnection:
        """Return the connection of `loop` to `node`, which is made on first use and when the last one broke."""
        connection = node.of_loops.get(loop)
        if connection is None or connection.broken or not connection.is_alive():
            _forget_closed_loops(node)
            connection = node.of_loops[loop] = cls(loop, node)
        return connection

    def is_alive(self) -> bool:
        """Whether the node has not closed the connection; nothing is asked while calls are under way."""
        if self._waiting:
            return True
        try:
            return self._sock.recv(1, _PEEK) != b""
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False

    def call(self, loop, head: bytes, data: bytes, buffers: list, value_of) -> asyncio.Future:
        self._stream = stream = self._stream % 0xFFFFFFFF + 1
        self._waiting[stream] = future = CallFuture(loop=loop)
        future.connection = self
        future.value_of = value_of
        future.buffers = buffers  # shared memory among them is this call's until it ends
        self._send(CALL, stream, head, data, buffers)
        return future

    def open_stream(
        self, generator: AsyncRemoteGenerator, head: bytes, data: bytes, buffers: list
    ) -> int:
        self._stream = stream = self._stream % 0xFFFFFFFF + 1
        self._waiting[stream] = generator
        self._send(CALL, stream, head, data, buffers)
        return stream

    def grant(self, stream: int) -> None:
        if stream in self._waiting:
            self._send(CREDIT, stream, _ONE_MORE)

    def cancel_future(self, future: CallFuture) -> None:
        """Tell the node that nobody waits for a call any more; finding it may take a while, and is rare."""
        for stream, waiter in self._waiting.items():
            if waiter is future:
                self.cancel(stream)
                return

    def cancel(self, stream: int) -> None:
        if self._waiting.pop(stream, None) is not None:
            self._send(CANCEL, stream, _frames.encode_head({"reason": "cancelled"}))

    def _send(self, type_: int, stream: int, head: bytes, data: bytes = b"", buffers=()) -> None:
        if buffers:
            size = len(data) + sum(buffer.nbytes for buffer in buffers)
            self._out.append(_frames.header(type_, stream, len(head), size) + head + data)
            self._out.extend(buffers)
        else:
            self._out.append(
                _header(MAGIC, VERSION, type_, 0, stream, len(head), len(data)) + head + data
            )
        if len(self._out) >= SEND_EARLY and not self._waits_writable:
            self._flush()
        elif not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._waits_writable:
            return
        out = self._out
        try:
            while out:
                piece = out[0] if len(out) == 1 else _join_small(out)
                sent = self._sock.send(piece)
                if sent < len(piece):
                    out[0] = memoryview(piece)[sent:]
                else:
                    out.popleft()
        except (BlockingIOError, InterruptedError):
            self._waits_writable = True
            self._events.add_writer(self._sock, self._flush_more)
        except OSError as error:
            for _ in range(MOST_UNREAD):  # what the node said before it closed says more
                self.broken or self._read()
            self.broken or self._break(error)

    def _flush_more(self) -> None:
        self._events.remove_writer(self._sock)
        self._waits_writable = False
        self._flush()

    def _read(self) -> None:
        try:
            piece = self._sock.recv(CHUNK)
            if not piece:
                raise EOFError("the node closed the connection")
            self._take(piece)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, EOFError, ProtocolError) as error:
            self._break(error)

    def _take(self, piece: bytes) -> None:
        data = self._in
        if data:
            data += piece
            if len(data) < self._needed(data, 0):
                return
            self._in = bytearray()
        else:
            data = piece
        at, size = 0, len(data)
        waiting = self._waiting
        while size - at >= HEADER_SIZE:
            magic, version, type_, flags, stream, head_size, body_size = _unpack_from(data, at)
            if magic != MAGIC or version != VERSION or flags:
                _frames.parse_header(data, at)  # says what is wrong
            middle = at + HEADER_SIZE + head_size
            end = middle + body_size
            if end > size:
                break
            waiter = waiting.get(stream)
            if type_ == RESULT and not head_size and type(waiter) is CallFuture:
                del waiting[stream]
                _settle_plainly(waiter, data[middle:end])
            else:
                self._on_frame(
                    type_, stream, bytes(data[at + HEADER_SIZE : middle]), data[middle:end]
                )
            at = end
        if at < size:
            self._in = bytearray(data[at:])

    @staticmethod
    def _needed(data: bytearray, at: int) -> int:
        """How many bytes the frame at `at` has in all, as far as is known."""
        if len(data) - at < HEADER_SIZE:
            return HEADER_SIZE
        _, _, head_size, body_size = _frames.parse_header(data, at)
        return HEADER_SIZE + head_size + body_size

    def _on_frame(self, type_: int, stream: int, head: bytes, body: bytes) -> None:
        if type_ == LOG:
            _connection.show_log(head, body)
            return
        waiter = self._waiting.get(stream)
        if waiter is None or type_ == HELLO:
            if type_ == ERROR and stream == 0:
                self._break(_connection.to_exception(_frames.decode_head(head), body))
            return
        if type_ == RESULT or type_ == ERROR:
            del self._waiting[stream]
        if isinstance(waiter, AsyncRemoteGenerator):
            waiter.on_frame(type_, head, body)
            return
        if waiter.done():
            return
        if type_ == YIELD:
            self._become_stream(stream, waiter, head, body)
        else:
            _settle(waiter, type_, head, body)

    def _become_stream(self, stream: int, future: asyncio.Future, head: bytes, body: bytes) -> None:
        generator = AsyncRemoteGenerator.begun(self, stream)
        self._waiting[stream] = generator
        generator.on_frame(YIELD, head, body)
        future.set_result(generator)

    def _break(self, error: Exception) -> None:
        self.broken = True
        self._events.remove_reader(self._sock)
        self._events.remove_writer(self._sock)
        self._sock.close()
        reason = error if isinstance(error, LeantoError) else None
        if reason is None or isinstance(error, ProtocolError):
            reason = self._node.broken("a call", error)
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting.values():
            if isinstance(waiter, AsyncRemoteGenerator):
                waiter.fail(reason)
            elif not waiter.done():
                waiter.set_exception(reason)

    def close(self) -> None:
        self.broken = True
        if self._events is not self._loop:
            self._events.remove_reader(self._sock)
        self._sock.close()


def _forget_closed_loops(node: object) -> None:
    for loop in [loop for loop in node.of_loops if loop.is_closed()]:
        node.of_loops.pop(loop).close()


_ONE_MORE = _frames.encode_head({"n": 1})


def _join_small(out: collections.deque) -> bytes:
    """Take small pieces from the front together, so that many calls leave with one system call."""
    pieces, size = [], 0
    while out and size < CHUNK and len(out[0]) < CHUNK:
        pieces.append(out.popleft())
        size += len(pieces[-1])
    if not pieces:
        return out[0]
    out.appendleft(b"".join(pieces))
    return out[0]


def _settle_plainly(future: CallFuture, body: bytes) -> None:
    """The value is all that was said."""
    if future.done():
        return
    try:
        future.set_result(_load_result(body))
    except Exception as error:
        future.set_exception(error)


def _settle(future: CallFuture, type_: int, head: bytes, body: bytes) -> None:
    try:
        said = _frames.decode_head(head)
        if type_ == ERROR:
            _connection.raise_error(head, body)
        value = future.value_of(said, body)
    except StopIteration as error:  # a future cannot carry it
        future.set_exception(RuntimeError(f"the remote function raised StopIteration: {error}"))
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(value)
