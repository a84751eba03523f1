"""What functions, classes, objects and methods have in common: a target, options, and the ways to call it."""

from __future__ import annotations

from leanto import _frames, _msgpack, _options, _values
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


def encode_target(node: object, target: dict, options: dict) -> bytes:
    """Return the head of a CALL, made once for a callable and used for each of its calls."""
    head = {**target, **_options.call_head(options)}
    if node.is_far:
        head["far"] = True  # shared memory is of no use
    return _frames.encode_head(head)


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
    """Something on a node that can be called. `_head` is the encoded head of its calls, `_kind` what its code is:
    "function", "coroutine", "generator" or "async_generator"."""

    __slots__ = ("_head", "_is_special", "_kind", "_node", "_options", "_target")

    def __init__(self, node: object, target: dict, kind: str, options: dict) -> None:
        self._node = node
        self._target = target
        self._kind = kind
        self._options = options
        self._head = encode_target(node, target, options)
        self._is_special = kind in ("generator", "async_generator") or _options.is_retrying(options)

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        if self._is_special:
            return self._call_specially(args, kwargs)
        head = complete(self._head) if additions else self._head
        connection, _, head, body = self._node.call(head, args, kwargs)
        if head or connection is not None:
            return self._finish(connection, _frames.decode_head(head), head, body)
        return _values.load_result(body)

    def aio(self, /, *args: object, **kwargs: object) -> object:
        """The same call for an event loop: ``await f.aio(x)``, ``async for item in g.aio(x)``.

        It begins at once, so many can be under way; cancelling what it returns cancels the call. Raises as the plain call.

        >>> import asyncio
        >>> async def main():
        ...     joined = lt.function(join).to(lt.here)
        ...     return await asyncio.gather(joined.aio("to", "be"), joined.aio("or", "not"))
        >>> asyncio.run(main())
        ['to be', 'or not']
        """
        aio = _aio or _import_aio()
        head = complete(self._head) if additions else self._head
        if self._kind == "generator" or self._kind == "async_generator":
            return aio.AsyncRemoteGenerator(self._node, head, args, kwargs)
        if self._is_special:
            from leanto import _submit

            return _submit.call_later(self, args, kwargs)
        return aio.call(self._node, head, args, kwargs, self._value_of)

    def remote(self, /, *args: object, **kwargs: object) -> object:
        """The same call, whose result stays on the node: returns its handle, a `RemoteValue`.

        As an argument of another call the handle arrives as the value, which doesn't move through here. Raises as the plain
        call, and InvalidRequestError for a generator.

        >>> text = lt.function(join).to(lt.here).remote("to", "be")
        >>> lt.function(count_words).to(lt.here)(text)
        counting
        2
        """
        from leanto import _remote_values

        return _remote_values.call(self, args, kwargs)

    @property
    def map(self) -> object:
        """One call for each item, many at once: ``for y in f.map(xs): ...``. How is said by the keywords ``ordered``,
        ``concurrency``, ``exceptions`` and ``progress``.

        >>> list(lt.function(halve).to(lt.here).map([2, 4, 6]))
        [1, 2, 3]
        """
        from leanto._map import Mapper

        return Mapper(self)

    @property
    def starmap(self) -> object:
        """As `map`, with the arguments of each call as a tuple: ``f.starmap([(x, y), ...])``.

        >>> list(lt.function(join).to(lt.here).starmap([("to", "be"), ("or", "not")]))
        ['to be', 'or not']
        """
        return self.map.star

    def submit(self, /, *args: object, **kwargs: object) -> object:
        """Submit the call and return its `Run` when the node has it on disk: it outlives this program.

        ``options(key=)`` gives the same run for the same key and call, so it may be said again after a crash;
        ``on_conflict="replace"`` has a run that the key stands for cancelled first; ``grace`` is how many seconds a cancel
        waits before it terminates the process. Raises KeyConflictError if the key stands for another call,
        InvalidRequestError for a generator, ValueTransportError if an argument can't be pickled. If the node ends before it
        has answered, a call with a key is submitted again; for one without, NodeError is raised, and whether it was recorded
        isn't known.

        >>> count = lt.function(count_words).options(key="hamlet").to(lt.here)
        >>> count.submit("to be").result()
        2
        >>> count.submit("to be").id == lt.run("hamlet").id
        True
        """
        from leanto import _submit

        return _submit.submit(self, args, kwargs)

    def _call_specially(self, args: tuple, kwargs: dict) -> object:
        if self._kind == "generator" or self._kind == "async_generator":
            return RemoteGenerator(self._node, complete(self._head), args, kwargs)
        from leanto import _submit

        return _submit.call(self, args, kwargs)

    def _finish(self, connection, said: dict, head: bytes, body: bytes) -> object:
        if connection is not None:
            return RemoteGenerator.begun(connection, head, body)
        if said.get("stream"):
            return iter(())
        return self._value_of(said, body)

    def _value_of(self, said: dict, body: bytes) -> object:
        return _values.load_result(body, said)
