"""Results that stay where they were made: `h = f.remote(x)` gives a handle of the value instead of the value."""

from __future__ import annotations

import operator
import weakref

from leanto import _calls, _connection, _frames, _nodes, _options, _values
from leanto.errors import InvalidRequestError


class RemoteValue:
    """The handle of a value that a call left on the node.

    As an argument of another call there it arrives as the value, and large arrays in it are not copied. A call on another node
    gets a copy, which moves from node to node, not through this program: straight, if the one that has it listens where the
    other one reaches it, else through the node here. `get` fetches the value.
    It's deleted with the last handle in the program that made the call, when that program ends, or by `delete`; a handle
    that was pickled may be anywhere, so its value is deleted only by the latter two.

    >>> text = lt.function(join).to(lt.here).remote("to", "be")
    >>> lt.function(count_words).to(lt.here)(text)
    counting
    2
    """

    __slots__ = ("__weakref__", "_copies", "_finalizer", "_id", "_node", "_size")

    def __init__(self, node: object, id_: str, size: int, *, owned: bool) -> None:
        self._node = node
        self._id = id_
        self._size = size
        self._finalizer = None
        self._copies: dict = {}  # node → the id of the copy that is there
        if owned:
            self._finalizer = weakref.finalize(self, node.release_later, id_)
            self._finalizer.atexit = False

    @property
    def size(self) -> int:
        """How many bytes the node keeps for it.

        >>> lt.function(join).to(lt.here).remote("to", "be").size < 100
        True
        """
        return self._size

    def get(self) -> object:
        """Return a copy of the value. Raises NotFoundError if it has been deleted.

        >>> lt.function(join).to(lt.here).remote("to", "be").get()
        'to be'
        """
        return fetch(self._node, self._id)

    def delete(self) -> None:
        """Delete the value now, from the program that made it; does nothing if it's gone.

        >>> lt.function(join).to(lt.here).remote("to", "be").delete()
        """
        if self._finalizer is not None:
            self._finalizer.detach()
        self._node.ask("release", o=self._id)

    def __reduce__(self) -> tuple:
        to = _nodes.packed_for()
        if to is not None and to is not self._node and (to.is_direct or self._node.is_direct):
            return operator.getitem, ([self.get()], 0)  # there is no node here that would move it
        if to is not None and to is not self._node:
            return _rebuild, (to, self._copy_on(to), self._size)
        if self._finalizer is not None:
            self._finalizer.detach()
        return _rebuild, (self._node, self._id, self._size)

    def _copy_on(self, to: _nodes.Node) -> str:
        """Return the id of its copy on another node, which is made when it's first needed there, and goes with this handle."""
        if to not in self._copies:
            words = {"from": self._node.name, "to": to.name, "o": self._id, "size": self._size}
            said, _ = _nodes.here.ask("move_value", **words, session=_connection.session())
            self._copies[to] = said["o"]
            weakref.finalize(self, to.release_later, said["o"]).atexit = False
        return self._copies[to]

    def __repr__(self) -> str:
        return f"<leanto value {self._id}, {self._size:,} bytes>"


def fetch(node: object, id_: str) -> object:
    """Return the value with this id on that node."""
    head, body = node.ask("fetch", o=id_, far=node.is_far)
    return _values.load_result(body, head)


def _rebuild(node: object, id_: str, size: int) -> object:
    """A worker gets the value itself: what it calls knows nothing of handles."""
    if _calls.in_worker:
        return fetch(node, id_)
    return RemoteValue(node, id_, size, owned=False)


def call(callable_: object, args: tuple, kwargs: dict) -> RemoteValue:
    """Call a remote function and leave the result there."""
    if callable_._kind in ("generator", "async_generator"):
        raise InvalidRequestError(
            f"{callable_!r} is a generator, and its items can't be left on the node; "
            "leave the result of a function that returns a list of them"
        )
    if _options.is_retrying(callable_._options):
        raise InvalidRequestError(
            "a result that stays on the node is not tried again: retries= and on_oom= are for .submit(...) and plain calls"
        )
    node = callable_._node
    head = _calls.encode_target(node, {**callable_._target, "keep": True}, callable_._options)
    _, _, head, _ = node.call(_calls.complete(head), args, kwargs)
    said = _frames.decode_head(head)
    return RemoteValue(node, said["o"], said["size"], owned=True)
