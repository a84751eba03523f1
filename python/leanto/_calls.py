"""What functions, classes, objects and methods have in common: a target, options, and the ways to call it."""

from __future__ import annotations

from leanto import _connection, _frames, _msgpack, _options, _values
from leanto._streams import RemoteGenerator

# What each call's head is passed through, for what is true of that call only: its deadline, the call that makes it.
additions: list = []
in_worker = False

_aio = None  # the module, once it's needed: asyncio takes long to import


def _import_aio():
    global _aio
    from leanto import _aio as module

    _aio = module
    return module


def encode_target(target: dict, options: dict) -> bytes:
    """Return the head of a CALL, made once for a callable and used for each of its calls."""
    return _frames.encode_head({**target, **_options.call_head(options)})


def complete(head: bytes) -> bytes:
    """Return the head of one call: `head`, which is that of all calls of a callable, with the additions."""
    for add in additions:
        head = add(head)
    return head


def with_parent(head: bytes, number: int) -> bytes:
    """Add the call that makes this one, so that a waiting caller does not count as busy."""
    if head[0] >= 0x8F:
        return head
    # A fixmap: one more pair is one more in its first byte, and the pair at its end.
    return bytes((head[0] + 1,)) + head[1:] + b"\xa1p" + _msgpack.encode(number)


class Callable:
    """Something remote that can be called. `_head` is the encoded head of its calls, `_kind` what its code is:
    "function", "coroutine", "generator" or "async_generator"."""

    __slots__ = ("_head", "_is_special", "_kind", "_options", "_target")

    def __init__(self, target: dict, kind: str, options: dict) -> None:
        self._target = target
        self._kind = kind
        self._options = options
        self._head = encode_target(target, options)
        self._is_special = kind in ("generator", "async_generator") or _options.is_retrying(options)

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        if self._is_special:
            return self._call_specially(args, kwargs)
        head = complete(self._head) if additions else self._head
        connection, _, head, body = _connection.call(head, args, kwargs)
        if head or connection is not None:
            return self._finish(connection, _frames.decode_head(head), head, body)
        return _values.load_result(body)

    def aio(self, /, *args: object, **kwargs: object) -> object:
        """The same call for an event loop: ``await f.aio(x)``, ``async for item in g.aio(x)``."""
        aio = _aio or _import_aio()
        head = complete(self._head) if additions else self._head
        if self._kind == "generator" or self._kind == "async_generator":
            return aio.AsyncRemoteGenerator(head, args, kwargs)
        if self._is_special:
            from leanto import _runs

            return _runs.call_later(self, args, kwargs)
        return aio.call(head, args, kwargs, self._value_of)

    def remote(self, /, *args: object, **kwargs: object) -> object:
        """The same call, whose result stays on the node: returns its handle (`leanto.RemoteValue`).

        ``h = f.remote(x)``; then ``g(h)`` gets the value without its moving through here, and ``h.get()`` fetches it.
        """
        from leanto import _remote_values

        return _remote_values.call(self, args, kwargs)

    @property
    def map(self) -> object:
        """One call for each item, many at once: ``for y in f.map(xs): ...`` (see `leanto._map.Mapper`)."""
        from leanto._map import Mapper

        return Mapper(self)

    @property
    def starmap(self) -> object:
        """As `map`, with the arguments of each call as a tuple: ``f.starmap([(x, y), ...])``."""
        return self.map.star

    def submit(self, /, *args: object, **kwargs: object) -> object:
        """Submit the call and return its `leanto.Run` when the node has it on disk: it outlives this program.

        ``f.options(key="nightly-2025-01-31").submit(x)`` gives the same run for the same key and arguments, so it may be
        said again after a crash. Raises KeyConflictError if the key stands for another call; with
        ``on_conflict="replace"`` that run is cancelled first. ``grace`` is how long a cancel waits before it terminates.
        """
        from leanto import _runs

        return _runs.submit(self, args, kwargs)

    def _call_specially(self, args: tuple, kwargs: dict) -> object:
        if self._kind == "generator" or self._kind == "async_generator":
            return RemoteGenerator(complete(self._head), args, kwargs)
        from leanto import _runs

        return _runs.call(self, args, kwargs)

    def _finish(self, connection, said: dict, head: bytes, body: bytes) -> object:
        if connection is not None:
            return RemoteGenerator.begun(connection, head, body)
        if said.get("stream"):
            return iter(())
        return self._value_of(said, body)

    def _value_of(self, said: dict, body: bytes) -> object:
        return _values.load_result(body, said)
