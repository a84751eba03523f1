"""Zstandard frames without zstd: nothing gets smaller, but every node reads them. From Python 3.14 on they are compressed.

RFC 8878. A frame: magic number, a byte that says what follows, the size of the content, blocks. A raw block is its bytes.
"""

from __future__ import annotations

import struct

_MAGIC = 0xFD2FB528
_SINGLE_SEGMENT_SIZE_64 = 0xE0  # the content is one segment, and its size is said in 8 bytes
_MAX_BLOCK = 128 << 10
_LEVEL = 1


def compress(data: bytes) -> bytes:
    """Return a frame that says its content's size, as nodes want it."""
    try:
        from compression import zstd
    except ImportError:
        return store(data)
    return zstd.compress(data, _LEVEL)


def store(data: bytes) -> bytes:
    """Return a frame with the data as they are."""
    pieces = [struct.pack("<IBQ", _MAGIC, _SINGLE_SEGMENT_SIZE_64, len(data))]
    for at in range(0, len(data) or 1, _MAX_BLOCK):
        block = data[at : at + _MAX_BLOCK]
        is_last = at + _MAX_BLOCK >= len(data)
        pieces += ((len(block) << 3 | is_last).to_bytes(3, "little"), block)
    return b"".join(pieces)
