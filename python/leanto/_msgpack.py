"""The part of msgpack that frame heads use: nil, bool, int, float, str, bytes, list, dict.

Format: the msgpack specification. Heads are small and mostly made once, so clarity comes before speed.

>>> decode(encode({"op": "ls", "n": [1, None, 2.5]}))
{'op': 'ls', 'n': [1, None, 2.5]}
"""

from __future__ import annotations

import struct

MAX_DEPTH = 32


def encode(value: object) -> bytes:
    """Return `value` in msgpack. Raises TypeError for what msgpack cannot say."""
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def decode(data: bytes) -> object:
    """Return the one value in `data`. Raises ValueError if it is cut, malformed, or nested too deep."""
    try:
        value, end = _decode(data, 0, 0)
    except (IndexError, TypeError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"malformed msgpack: {error}") from None
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after the end of the msgpack value")
    return value


def _encode(value: object, out: bytearray) -> None:
    if value is None:
        out.append(0xC0)
    elif value is True or value is False:
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        _encode_int(value, out)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xCB, value)
    elif isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        _encode_length(len(data), out, (0xA0, 32), 0xD9, 0xDA, 0xDB)
        out += data
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _encode_length(len(value), out, None, 0xC4, 0xC5, 0xC6)
        out += value
    elif isinstance(value, (list, tuple)):
        _encode_length(len(value), out, (0x90, 16), None, 0xDC, 0xDD)
        for item in value:
            _encode(item, out)
    elif isinstance(value, dict):
        _encode_length(len(value), out, (0x80, 16), None, 0xDE, 0xDF)
        for key, item in value.items():
            _encode(key, out)
            _encode(item, out)
    else:
        raise TypeError(f"msgpack has no {type(value).__name__}")


def _encode_int(value: int, out: bytearray) -> None:
    if 0 <= value < 128 or -32 <= value < 0:
        out.append(value & 0xFF)
        return
    sizes = (
        ((0xCC, 8), (0xCD, 16), (0xCE, 32), (0xCF, 64))
        if value >= 0
        else ((0xD0, 8), (0xD1, 16), (0xD2, 32), (0xD3, 64))
    )
    for tag, bits in sizes:
        low, high = (0, 1 << bits) if value >= 0 else (-(1 << (bits - 1)), 0)
        if low <= value < high:
            out.append(tag)
            out += value.to_bytes(bits // 8, "big", signed=value < 0)
            return
    raise TypeError(f"msgpack has no integer as large as {value}")


def _encode_length(
    length: int, out: bytearray, fix: tuple | None, tag8: int | None, tag16: int, tag32: int
) -> None:
    if fix is not None and length < fix[1]:
        out.append(fix[0] | length)
    elif tag8 is not None and length < 1 << 8:
        out += struct.pack(">BB", tag8, length)
    elif length < 1 << 16:
        out += struct.pack(">BH", tag16, length)
    else:
        out += struct.pack(">BI", tag32, length)


_SCALARS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_SIZED = {
    0xC4: (">B", "bytes"), 0xC5: (">H", "bytes"), 0xC6: (">I", "bytes"),
    0xD9: (">B", "str"), 0xDA: (">H", "str"), 0xDB: (">I", "str"),
    0xDC: (">H", "list"), 0xDD: (">I", "list"), 0xDE: (">H", "dict"), 0xDF: (">I", "dict"),
}  # fmt: skip


def _decode(data: bytes, at: int, depth: int) -> tuple:
    tag = data[at]
    at += 1
    if tag < 0x80:
        return tag, at
    if tag >= 0xE0:
        return tag - 256, at
    if tag < 0x90:
        return _decode_dict(data, at, tag & 15, depth)
    if tag < 0xA0:
        return _decode_list(data, at, tag & 15, depth)
    if tag < 0xC0:
        return _decode_bytes(data, at, tag & 31, True)
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    if tag in _SCALARS:
        layout = _SCALARS[tag]
        return struct.unpack_from(layout, data, at)[0], at + struct.calcsize(layout)
    if tag not in _SIZED:
        raise ValueError(f"malformed msgpack: tag {tag:#x}")
    layout, kind = _SIZED[tag]
    length = struct.unpack_from(layout, data, at)[0]
    at += struct.calcsize(layout)
    if kind == "dict":
        return _decode_dict(data, at, length, depth)
    if kind == "list":
        return _decode_list(data, at, length, depth)
    return _decode_bytes(data, at, length, kind == "str")


def _decode_bytes(data: bytes, at: int, length: int, is_text: bool) -> tuple:
    end = at + length
    if end > len(data):
        raise ValueError("malformed msgpack: cut")
    piece = bytes(data[at:end])
    return (piece.decode("utf-8", "surrogatepass") if is_text else piece), end


def _decode_list(data: bytes, at: int, length: int, depth: int) -> tuple:
    _check_depth(depth)
    items = []
    for _ in range(length):
        item, at = _decode(data, at, depth + 1)
        items.append(item)
    return items, at


def _decode_dict(data: bytes, at: int, length: int, depth: int) -> tuple:
    _check_depth(depth)
    items = {}
    for _ in range(length):
        key, at = _decode(data, at, depth + 1)
        items[key], at = _decode(data, at, depth + 1)
    return items, at


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise ValueError(f"malformed msgpack: nested deeper than {MAX_DEPTH}")
