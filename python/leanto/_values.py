"""Values on their way: pickle protocol 5, large buffers beside the pickle instead of in it.

A packed value is ``(pickle, buffers)``; in a frame the body is the pickle and then the buffers, and the head's ``b`` has the
length of each. Without large buffers there is no ``b``. Buffers of a megabyte and more together lie in shared memory instead
(`leanto._segments`), and the head's ``seg`` says where.
"""

from __future__ import annotations

import pickle
import sys

from leanto import _frames
from leanto.errors import LeantoError, ValueTransportError

IN_BAND = 16 << 10  # a smaller buffer is cheaper inside the pickle
LARGE = 1 << 20  # buffers of so much together go through shared memory

_ON_BOTH_SIDES = "The module of its class must be importable on both sides, or be part of the project that is sent."
_LIVE = "Pass data instead of live resources, or make the object on the other side (lt.cls)."
RESULT = "the result"
_LIVE_RESULT = "Return data, or leave the object where it is and call its methods (lt.cls)."
_FUNCTION = (
    "A function that has no module to import it from is sent by itself: pass lt.function(f).to(...) as the argument, "
    "or use it by its name in the function that is sent; a class, too, is used by its name there."
)

dumps = pickle.dumps
_modules = sys.modules
SMALL = frozenset(
    (type(None), bool, int, float, str)
)  # types of what has no buffers, and needs no explaining
PLAIN = SMALL | {bytes}
loads = pickle.loads


class _Collector(list):
    """Keeps large buffers beside the pickle; pickle asks it for each buffer."""

    def __call__(self, buffer):
        raw = buffer.raw()
        if raw.nbytes < IN_BAND:
            return True
        self.append(raw)
        return None


_WITHOUT_WORDS = (tuple, _Collector)


def pack_arguments(args: tuple, kwargs: dict) -> tuple:
    """Return (pickle, buffers) of a call's arguments. Shared memory that carries them is free again when `buffers` goes."""
    packed = pack_call(args, kwargs)
    buffers = packed[1]
    if is_lent(buffers):
        buffers.settles = True
    return packed


def pack_far(args: tuple, kwargs: dict) -> tuple:
    """Return (pickle, buffers) of the arguments of a call that must not lie in shared memory."""
    for arg in args:
        if type(arg) is bytes and len(arg) >= LARGE:
            args = tuple(map(_large_bytes, args))
            break
    return pack((args, kwargs), False)


def pack_call(args: tuple, kwargs: dict) -> tuple:
    """Return (pickle, buffers) of a call's arguments. Shared memory that carries them is free again when they were taken."""
    if not kwargs and SMALL.issuperset(map(type, args)):
        return dumps((args, kwargs), 5), ()
    for arg in args:
        if type(arg) is bytes and len(arg) >= LARGE:
            args = tuple(map(_large_bytes, args))
            break
    return pack((args, kwargs))


def pack_to_keep(value: object, what: str = "a value") -> tuple:
    """Return (pickle, buffers) of a value that the node keeps, and so the shared memory that it lies in."""
    packed = pack(value, True, what)
    if is_lent(packed[1]):
        from leanto import _segments

        _segments.give_away(packed[1])
    return packed


def pack(value: object, shared: bool = True, what: str = "a value") -> tuple:
    """Return (pickle, buffers) of `value`; buffers is empty for most.

    Without `shared` no buffer is put into shared memory. Raises ValueTransportError, which says `what` can't be pickled and
    names the part of it.
    """
    if type(value) in PLAIN:
        if type(value) is not bytes or len(value) < LARGE:
            return dumps(value, 5), ()
        value = LargeBytes(value)
    buffers = _Collector()
    try:
        if "torch" in _modules:
            data = _dumps_tensors(value, 5, buffers)
        else:
            data = dumps(value, 5, buffer_callback=buffers)
    except LeantoError:
        raise
    except Exception as error:
        raise ValueTransportError(_explain(what, value, error)) from error
    if buffers and shared and sum(buffer.nbytes for buffer in buffers) >= LARGE:
        lent = _lend(buffers)
        return data, buffers if lent is None else lent
    return data, buffers


def _dumps_tensors(value: object, protocol: int, buffer_callback: object) -> bytes:
    from leanto import _tensors

    return _tensors.dumps(value, protocol, buffer_callback)


def pack_whole(value: object, limit: int) -> bytes:
    """Return the pickle of `value` with its buffers in it, for what travels without any beside it.

    Raises TooLargeError if that would be more than `limit` bytes, and whatever pickling raises.
    """
    room = limit

    def keep_inside(buffer: object) -> bool:
        nonlocal room
        room -= buffer.raw().nbytes
        if room < 0:
            raise TooLargeError
        return True

    pickle_with = _dumps_tensors if "torch" in _modules else dumps
    data = pickle_with(value, 5, buffer_callback=keep_inside)
    if len(data) > limit:
        raise TooLargeError
    return data


class TooLargeError(ValueError):
    """A value is larger than it may be where it goes."""


class LargeBytes:
    """Bytes that are pickled as a buffer beside the pickle, as pickle does not by itself."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple:
        return bytes, (pickle.PickleBuffer(self._data),)


def _large_bytes(value: object) -> object:
    return LargeBytes(value) if type(value) is bytes and len(value) >= LARGE else value


def is_lent(buffers: list | tuple) -> bool:
    """Whether the buffers of a packed value lie in shared memory."""
    return not buffers and type(buffers) not in _WITHOUT_WORDS


def _lend(buffers: list) -> object:
    from leanto import _segments

    return _segments.lend(buffers)


def head_with(head: bytes, data: bytes, buffers: list | tuple) -> bytes:
    """Return the encoded `head` of a frame that carries a packed value: with ``b`` or ``seg``, if there are buffers."""
    if not buffers:
        if not is_lent(buffers):
            return head
        return _frames.encode_head({**_frames.decode_head(head), "seg": buffers.words})
    sizes = [len(data), *(buffer.nbytes for buffer in buffers)]
    return _frames.encode_head({**_frames.decode_head(head), "b": sizes})


def unpack(body, said: dict | None) -> object:
    """Rebuild the value in a frame's body; `said` is the frame's head.

    What it is made of lies in `body` itself, which is therefore given away, or in shared memory. Raises whatever unpickling
    raises, OSError if the shared memory is gone.
    """
    if not said:
        return loads(body)
    if "seg" in said:
        from leanto import _segments

        return loads(body, buffers=_segments.borrow(said["seg"]))
    sizes = said.get("b")
    if not sizes:
        return loads(body)
    if memoryview(body).readonly:
        body = bytearray(body)  # rebuilt in place, so it has to be writable
    view = memoryview(body)
    pieces = []
    at = 0
    for size in sizes:
        pieces.append(view[at : at + size])
        at += size
    return loads(pieces[0], buffers=pieces[1:])


def load_result(body, said: dict | None = None) -> object:
    """Rebuild what a call returned. Raises ValueTransportError if it cannot be rebuilt here."""
    try:
        return unpack(body, said)
    except Exception as error:
        raise not_rebuilt(RESULT, "here", error) from error


def not_rebuilt(what: str, where: str, error: Exception) -> ValueTransportError:
    """Return the error for a value that was pickled on one side and cannot be unpickled on the other."""
    is_typed = "on <module '__main__'" in str(error)
    advice = _FUNCTION if is_typed else _ON_BOTH_SIDES
    explained = ValueTransportError(
        f"{what} cannot be rebuilt {where}: {type(error).__name__}: {error}. {advice}"
    )
    explained.__cause__ = error
    return explained


def _explain(what: str, value: object, error: Exception) -> str:
    where = find_culprit(value, _dumps_beside)
    place = f" ({where})" if where else ""
    if what == RESULT:
        advice = _LIVE_RESULT
    else:
        advice = _FUNCTION if where.endswith(": function") else _LIVE
    return f"{what} cannot be pickled{place}: {type(error).__name__}: {error}. {advice}"


def _dumps_beside(part: object) -> bytes:
    return dumps(part, 5, buffer_callback=lambda buffer: None)


def find_culprit(value: object, dumps: object, path: str = "", depth: int = 0) -> str:
    """Return the deepest part of `value` that `dumps` cannot pickle by itself, as an expression on the value."""
    for name, part in _parts(value, depth):
        try:
            dumps(part)
        except Exception:
            return (
                find_culprit(part, dumps, f"{path}{name}", depth + 1)
                or f"{path}{name}: {type(part).__name__}"
            )
    return ""


def _parts(value: object, depth: int):
    if depth > 8:
        return
    if depth == 0 and type(value) is tuple and [*map(type, value)] == [tuple, dict]:
        args, kwargs = value  # a call's arguments
        yield from ((f"argument {index + 1}", part) for index, part in enumerate(args))
        yield from ((f"argument {name}", part) for name, part in kwargs.items())
    elif isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in list(value.items())[:1000])
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"[{index}]", part) for index, part in enumerate(list(value)[:1000]))
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from ((f".{name}", part) for name, part in list(vars(value).items())[:1000])
