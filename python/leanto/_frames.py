"""Frames: how client, node and worker speak. docs/wire.md is the manual."""

from __future__ import annotations

import struct

from leanto import _msgpack
from leanto.errors import ProtocolError

HELLO, ASK, CALL, RESULT, ERROR, LOG, YIELD = range(1, 8)
CREDIT, CANCEL, READY, READING, IMPORTS, PIPES, RECORDED = range(8, 15)

HEADER = struct.Struct("<BBBBIIQ")
HEADER_SIZE = HEADER.size
MAGIC = 0xF7
VERSION = 1
MAX_HEAD = 1 << 20
CHUNK = 1 << 16
INITIAL_CREDIT = 8

_pack = HEADER.pack
_unpack_from = HEADER.unpack_from


def header(type_: int, stream: int, head_size: int, body_size: int) -> bytes:
    """Return the 20 bytes before a head."""
    return _pack(MAGIC, VERSION, type_, 0, stream, head_size, body_size)


def frame(type_: int, stream: int, head: bytes = b"", body: bytes = b"") -> bytes:
    """Return a whole frame in one piece."""
    return _pack(MAGIC, VERSION, type_, 0, stream, len(head), len(body)) + head + body


def parse_header(data: bytes, at: int = 0) -> tuple[int, int, int, int]:
    """Return (type, stream, head size, body size). Raises ProtocolError if it is no header of ours."""
    magic, version, type_, flags, stream, head_size, body_size = HEADER.unpack_from(data, at)
    if magic != MAGIC or flags:
        raise ProtocolError(
            f"the peer doesn't speak Leanto: its frame begins with {bytes(data[at : at + 4])!r}"
        )
    if version != VERSION:
        raise ProtocolError(
            f"the peer speaks frame version {version}, this side {VERSION}: upgrade the older one"
        )
    if head_size > MAX_HEAD:
        raise ProtocolError(f"a frame head of {head_size} bytes is over the limit of {MAX_HEAD}")
    return type_, stream, head_size, body_size


def decode_head(data: bytes) -> dict:
    """Return the map in a head; an empty head is an empty map."""
    if not data:
        return {}
    try:
        head = _msgpack.decode(data)
    except ValueError as error:
        raise ProtocolError(str(error)) from None
    if not isinstance(head, dict):
        raise ProtocolError("a frame head is not a map")
    return head


encode_head = _msgpack.encode


def receive_exactly(sock, size: int, begun: bytes = b"") -> bytearray:
    """Return `size` bytes, of which `begun` have come already. Raises EOFError if the peer closes before."""
    data = bytearray(size)
    at = len(begun)
    data[:at] = begun
    view = memoryview(data)
    while at < size:
        count = sock.recv_into(view[at:])
        if count == 0:
            raise EOFError("the peer closed the connection in the middle of a frame")
        at += count
    return data


class FrameReader:
    """Takes frames from a blocking socket, one reader at a time.

    ``read()`` returns (type, stream, head bytes, body); the body is bytes, or a bytearray of its own when it is large,
    so that what is rebuilt from it in place is writable.
    """

    __slots__ = ("_at", "_data", "_sock")

    def __init__(self, sock) -> None:
        self._sock = sock
        self._data = b""
        self._at = 0

    def restart(self, sock) -> None:
        """Take frames from another socket from now on; what is left of the one before is dropped."""
        self._sock = sock
        self._data = b""
        self._at = 0

    def next_buffered(self) -> tuple | None:
        """Return the next frame if it is all here already, else None."""
        data, at = self._data, self._at
        start = at + HEADER_SIZE
        if start > len(data):
            return None
        magic, version, type_, flags, stream, head_size, body_size = _unpack_from(data, at)
        middle = start + head_size
        end = middle + body_size
        if end > len(data) or magic != MAGIC or version != VERSION or flags:
            return None  # read() says what is wrong
        self._at = end
        return type_, stream, data[start:middle], data[middle:end]

    def read(self) -> tuple:
        """Return the next frame; raises EOFError when the peer has closed, ProtocolError on garbage."""
        data, at = self._data, self._at
        if at == len(data):
            data = self._sock.recv(CHUNK)
            at = 0
            if not data:
                self._data = b""
                self._at = 0
                raise EOFError("the peer closed the connection")
        while len(data) - at < HEADER_SIZE:
            data, at = self._more(data, at)
        type_, stream, head_size, body_size = parse_header(data, at)
        start = at + HEADER_SIZE
        middle = start + head_size
        end = middle + body_size
        if end <= len(data):
            self._data = data
            self._at = end
            return type_, stream, data[start:middle], data[middle:end]
        return self._read_long(type_, stream, head_size, body_size, data[start:])

    def _more(self, data: bytes, at: int) -> tuple:
        piece = self._sock.recv(CHUNK)
        if not piece:
            raise EOFError("the peer closed the connection in the middle of a frame")
        self._data, self._at = data[at:] + piece, 0
        return self._data, 0

    def _read_long(
        self, type_: int, stream: int, head_size: int, body_size: int, begun: bytes
    ) -> tuple:
        """The rest of a frame that is not all there: what is missing is read to its place, and no byte more."""
        self._data, self._at = b"", 0
        if len(begun) < head_size:
            head = bytes(receive_exactly(self._sock, head_size, begun))
            begun = b""
        else:
            head, begun = begun[:head_size], begun[head_size:]
        return type_, stream, head, receive_exactly(self._sock, body_size, begun)
