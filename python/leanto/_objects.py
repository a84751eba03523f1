"""Live objects: their handles, methods and attributes."""

from __future__ import annotations

from leanto import _calls, _frames, _nodes, _options, _values
from leanto._calls import Callable

# Python looks these up on the type, so a handle's type has those that the remote class has, and no other.
SPECIAL = (
    "__call__", "__len__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__next__",
    "__reversed__", "__bool__", "__enter__", "__exit__", "__aenter__", "__aexit__",
)  # fmt: skip

CALLABLE_KINDS = ("function", "coroutine", "generator", "async_generator")


class RemoteMethod(Callable):
    """A method of a live object: call it, or use `aio`, `map`, `remote`, `submit` as of a function.

    A method that returns ``self`` returns the handle.

    >>> counter = lt.cls(Counter).to(lt.here)()
    >>> counter.add.submit(2).result()
    2
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: RemoteObject, name: str, kind: str, options: dict) -> None:
        state = state_of(owner)
        super().__init__(state.node, {"o": state.id, "m": name}, kind, options)
        self._owner = owner  # an object without a name lives as long as something here refers to it

    def options(self, **options: object) -> RemoteMethod:
        """Return the same method with other options for its calls: timeout, stream_logs, max_queue, key, on_conflict, grace,
        keep_args.

        >>> lt.cls(Counter).to(lt.here)().add.options(timeout=5)(2)
        2
        """
        merged = _options.merge(self._options, options)
        return RemoteMethod(self._owner, self._target["m"], self._kind, merged)

    def _value_of(self, said: dict, body: bytes) -> object:
        if said.get("self"):
            return self._owner
        return super()._value_of(said, body)

    def __reduce__(self) -> tuple:
        return RemoteMethod, (self._owner, self._target["m"], self._kind, self._options)

    def __repr__(self) -> str:
        return f"<method {self._target['m']} of {self._owner!r}>"


class ObjectState:
    """What a handle knows; kept apart so that every other name of the handle is the remote object's."""

    __slots__ = ("class_name", "describe", "id", "name", "node", "options")

    def __init__(
        self,
        node: _nodes.Node,
        object_id: str,
        name: str,
        class_name: str,
        describe: dict,
        options: dict,
    ) -> None:
        self.node = node
        self.id = object_id
        self.name = name
        self.class_name = class_name
        self.describe = describe
        self.options = options


class RemoteObject:
    """The handle of a live object: its methods, attributes and properties as if it were here.

    Reading an attribute gives a copy of its value, assigning and deleting happen there. ``len``, ``[]``, ``in``, iteration,
    ``with`` and calling work if the class has them. Calls run side by side unless ``options(concurrency=1)`` was said.
    Everything raises NotFoundError once the object was deleted or its process ended. A handle may be an argument or
    be pickled; it compares equal to another handle of the same object.

    >>> counter = lt.cls(Counter).to(lt.here)(start=5)
    >>> counter.value = 7
    >>> counter.add(), counter.value, len(counter)
    (8, 8, 8)
    """

    __slots__ = ("__weakref__", "_leanto_state")

    def __getattr__(self, name: str) -> object:
        state = state_of(self)
        kind = state.describe.get("members", {}).get(name)
        if kind in CALLABLE_KINDS:
            return RemoteMethod(self, name, kind, state.options)
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return get_attribute(state.node, {"o": state.id}, name, state.options, self)

    def __setattr__(self, name: str, value: object) -> None:
        _on_attribute(self, name, "set", (value,))

    def __delattr__(self, name: str) -> None:
        _on_attribute(self, name, "del", ())

    def __dir__(self) -> list[str]:
        return sorted(state_of(self).describe.get("members", {}))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteObject) and state_of(self).id == state_of(other).id

    def __hash__(self) -> int:
        return hash(state_of(self).id)

    def __reduce__(self) -> tuple:
        state = state_of(self)
        _nodes.check_reachable(state.node, repr(self))
        return rebuild_object, (
            state.node,
            state.id,
            state.name,
            state.class_name,
            state.describe,
            state.options,
        )

    def __repr__(self) -> str:
        state = state_of(self)
        return f"<leanto object {state.name or state.id} of {state.class_name}>"


_state_slot = RemoteObject.__dict__["_leanto_state"]


def state_of(handle: RemoteObject) -> ObjectState:
    """Return what `handle` itself knows."""
    return _state_slot.__get__(handle, type(handle))


def get_attribute(
    node: _nodes.Node, target: dict, name: str, options: dict, owner: RemoteObject | None = None
) -> object:
    head = _calls.encode_target(node, {**target, "m": name, "how": "get"}, options)
    _, _, head, body = node.call(_calls.complete(head), (), {})
    said = _frames.decode_head(head)
    if said.get("method"):
        if owner is not None:
            return RemoteMethod(owner, name, said["method"], options)
        return Callable(node, {**target, "m": name}, said["method"], options)
    if said.get("self"):
        return owner
    return _values.load_result(body, said)


def _on_attribute(handle: RemoteObject, name: str, how: str, args: tuple) -> None:
    state = state_of(handle)
    head = _calls.encode_target(state.node, {"o": state.id, "m": name, "how": how}, state.options)
    state.node.call(_calls.complete(head), args, {})


def _special(name: str):
    def method(self, /, *args: object, **kwargs: object) -> object:
        state = state_of(self)
        kind = state.describe["members"][name]
        if name in ("__exit__", "__aexit__"):
            args = (*args[:2], None)  # a traceback cannot travel
        call = RemoteMethod(self, name, "function" if kind == "coroutine" else kind, state.options)
        return call.aio(*args, **kwargs) if name.startswith("__a") else call(*args, **kwargs)

    method.__name__ = name
    return method


_types: dict = {}


def rebuild_object(
    node: _nodes.Node, object_id: str, name: str, class_name: str, describe: dict, options: dict
) -> RemoteObject:
    """Return the handle of a live object that is known by id."""
    special = tuple(method for method in SPECIAL if method in describe.get("members", {}))
    key = (class_name, special)
    if key not in _types:
        body = {"__slots__": (), **{method: _special(method) for method in special}}
        _types[key] = type(f"RemoteObject[{class_name}]", (RemoteObject,), body)
    handle = _types[key].__new__(_types[key])
    _state_slot.__set__(handle, ObjectState(node, object_id, name, class_name, describe, options))
    return handle
