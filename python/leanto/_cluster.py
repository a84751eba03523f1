"""Clusters: named compute that code can be sent to, and the objects that live there."""

from __future__ import annotations

from leanto import _connection, _frames, _values
from leanto.errors import InvalidRequestError, NotFoundError

_MISSING = object()


class Cluster:
    """Named compute, and the objects that live there. Made by `cluster`; nobody is asked for anything before its first use.

    ``name`` is its name.

    >>> lt.here
    leanto.cluster('here')
    """

    __slots__ = ("_resolved", "_words", "name")

    def __init__(self, name: str, words: dict) -> None:
        self.name = name
        self._words = words
        self._resolved = name == "here"

    def resolve(self) -> None:
        """Find out now who provides this cluster. Raises CapacityError if nobody can, NotFoundError if it's unknown.

        >>> lt.here.resolve()
        """
        if not self._resolved:
            _connection.ask("cluster", name=self.name, words=self._words)
            self._resolved = True

    def put(self, key: str, value: object) -> None:
        """Keep a copy of `value` on the cluster under `key`, in place of what was there.

        It stays until it's deleted or the node stops. Raises AlreadyExistsError if a live object has that name,
        ValueTransportError if it can't be pickled.

        >>> lt.here.put("rates", [0.1, 0.01])
        >>> lt.here.get("rates")
        [0.1, 0.01]
        """
        self.resolve()
        data, buffers = _values.pack_to_keep(value)
        head = _frames.encode_head({"op": "put", "key": key, "type": _type_name(value)})
        head = _values.head_with(head, data, buffers)
        _connection.converse(_frames.ASK, head, data, buffers)

    def get(self, key: str, default: object = _MISSING) -> object:
        """Return the object named `key`: a copy of a value that was put, or the handle of a live object.

        Raises NotFoundError (also a KeyError) if there is none and no `default`.

        >>> lt.here.get("nothing", default=0)
        0
        """
        self.resolve()
        try:
            head, body = _connection.ask("get", key=key)
        except NotFoundError as error:
            if default is _MISSING:
                raise NotFoundError(f"{error}{_service_hint(key)}") from None
            return default
        if head.get("kind") == "live":
            from leanto._classes import rebuild_object

            return rebuild_object(head["o"], key, head["cls"], head["describe"], {})
        return _values.load_result(body, head)

    def keys(self) -> list[str]:
        """Return the names of all values and live objects on the cluster, sorted.

        >>> lt.here.put("rates", [0.1])
        >>> "rates" in lt.here.keys()
        True
        """
        self.resolve()
        return _connection.ask("keys")[0]["keys"]

    def exists(self, key: str) -> bool:
        """Whether there is an object named `key`.

        >>> lt.here.exists("nothing")
        False
        """
        return key in self.keys()

    def delete(self, *keys: str) -> None:
        """Delete objects by name; a live object's process ends. Raises NotFoundError if one isn't there.

        >>> lt.here.put("rates", [0.1])
        >>> lt.here.delete("rates")
        """
        self.resolve()
        for key in keys:
            _connection.ask("delete", key=key)

    def rename(self, old: str, new: str) -> None:
        """Give an object another name. Raises NotFoundError, or AlreadyExistsError if `new` is taken.

        >>> lt.here.put("rates", [0.1])
        >>> lt.here.rename("rates", "best rates")
        >>> lt.here.get("best rates")
        [0.1]
        """
        self.resolve()
        _connection.ask("rename", key=old, to=new)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cluster) and (self.name, self._words) == (other.name, other._words)

    def __hash__(self) -> int:
        return hash(self.name)

    def __reduce__(self) -> tuple:
        return Cluster, (self.name, self._words)

    def __repr__(self) -> str:
        words = "".join(f", {key}={value!r}" for key, value in self._words.items())
        return f"leanto.cluster({self.name!r}{words})"


def cluster(
    name: str | None = None,
    *,
    instance_type: str | None = None,
    provider: str | None = None,
    cpus: float | None = None,
    memory: str | int | None = None,
) -> Cluster:
    """Return compute by name, or by what it has to offer.

    ``lt.cluster("here")`` is this machine, and so is ``lt.here``. With `instance_type` ("A10G:1" is one A10G), `cpus` (a
    number) or `memory` ("16GB", or a number of bytes), `provider` says who may offer it: "cheapest" (the default),
    "available", or one provider's name. Today the only provider is "local", this machine with what its ``node.toml``
    declares.

    Raises InvalidRequestError for amounts that make no sense. The first use raises CapacityError, which lists who was asked,
    if nobody can offer that, and NotFoundError for a name that is unknown.

    >>> lt.cluster("small", cpus=1, memory="10MB").keys() == lt.here.keys()
    True
    >>> lt.function(count_words).to(lt.cluster(instance_type="H100:8"))
    Traceback (most recent call last):
    leanto.errors.CapacityError: nobody can offer 8 x H100. Asked:
    ...
    """
    given = {"instance_type": instance_type, "provider": provider, "cpus": cpus, "memory": memory}
    words = {key: value for key, value in given.items() if value is not None}
    if name is None:
        if not words:
            return here
        name = "-".join(str(value) for value in words.values())
    if not isinstance(name, str) or not name:
        raise TypeError(f"a cluster's name is text, not {name!r}")
    _check(words, "cpus", (int, float), "a positive number")
    _check(words, "memory", (str, int), 'an amount like "16GB" or a positive number of bytes')
    return Cluster(name, words)


def _service_hint(name: str) -> str:
    """Say how to get what has the name of the object that was asked for, if that is a service."""
    try:
        _connection.ask("lookup", name=name, kind="function")
    except InvalidRequestError:
        return f"; there is a class of that name: lt.cls(name={name!r})"
    except NotFoundError:
        return ""
    return f"; there is a function of that name: lt.function(name={name!r})"


def _type_name(value: object) -> str:
    """Return what `leanto objects` shows: "int", "numpy.ndarray"."""
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"


def _check(words: dict, key: str, types: tuple, what: str) -> None:
    value = words.get(key, 1)
    if (
        not isinstance(value, types)
        or isinstance(value, bool)
        or not (isinstance(value, str) or value > 0)
    ):
        raise InvalidRequestError(f"{key}={value!r} makes no sense; give {what}")


here = Cluster("here", {})
