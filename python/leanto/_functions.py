"""Functions: `lt.function(f)`, `.to(cluster)`, and then a call like any other."""

from __future__ import annotations

from leanto import _connection, _deploy, _options
from leanto._calls import Callable
from leanto.errors import InvalidRequestError


class Function:
    """A local function that has not been sent yet; `.to(cluster)` gives the one to call."""

    __slots__ = ("_callable", "_options")

    def __init__(self, callable_: object, options: dict) -> None:
        self._callable = callable_
        self._options = options

    def options(self, **options: object) -> Function:
        """Return the same function with other options (see `leanto.function`)."""
        return Function(self._callable, _options.merge(self._options, options))

    def to(self, cluster: object) -> RemoteFunction:
        """Send the function's project to `cluster` and return the function there.

        Only what has changed since the last time is looked at and sent. Raises SnapshotError if the project cannot
        travel, CapacityError if nobody can offer what the cluster asks for, and what importing the module raised.
        """
        service = _deploy.deploy(self._callable, "function", cluster, self._options)
        return RemoteFunction(
            service, {"v": service.version}, self._options, (self._callable, cluster)
        )

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        raise InvalidRequestError(
            f"{self!r} has not been sent anywhere yet; send it first: .to(lt.here), and call what that returns"
        )

    def __repr__(self) -> str:
        return f"<leanto function {getattr(self._callable, '__qualname__', self._callable)!s}, not sent yet>"


class RemoteFunction(Callable):
    """A function on a cluster: call it as if it were local.

    ``f(x)`` waits and returns the value, ``await f.aio(x)`` does so in an event loop, a generator function gives an
    iterator. Its options are not keyword arguments of the call: ``f.options(timeout=60)(x)``.
    """

    __slots__ = ("_service", "_sent")

    def __init__(
        self, service: _deploy.Service, target: dict, options: dict, sent: tuple | None = None
    ) -> None:
        super().__init__(target, service.describe.get("call", "function"), options)
        self._service = service
        self._sent = sent  # (callable, cluster) where it was sent from here

    @property
    def name(self) -> str:
        """The name of the service."""
        return self._service.name

    @property
    def version(self) -> str:
        """The version of the service, 32 hex digits: code, environment, entry point and settings."""
        return self._service.version

    def options(self, **options: object) -> RemoteFunction:
        """Return the same function with other options; what belongs to the service sends it once more."""
        merged = _options.merge(self._options, options)
        if (
            _options.service_settings(merged) != _options.service_settings(self._options)
            or "name" in options
        ):
            if self._sent is None:
                raise InvalidRequestError(
                    f"{', '.join(options)} belong to the service, and this handle was got by name; "
                    "give them where it's deployed: lt.function(f).options(...).to(cluster)"
                )
            return Function(self._sent[0], merged).to(self._sent[1])
        return RemoteFunction(self._service, self._target, merged, self._sent)

    def save(self, name: str) -> RemoteFunction:
        """Save this version under a name for everyone on the node: ``lt.function(name=name)``. Returns self."""
        _options.merge({}, {"name": name})
        _connection.ask("save", v=self._service.version, name=name)
        return self

    def __reduce__(self) -> tuple:
        return _rebuild, (self._service, self._target, self._options)

    def __repr__(self) -> str:
        return f"<leanto function {self.name} at {self.version[:8]}>"


def _rebuild(service: _deploy.Service, target: dict, options: dict) -> RemoteFunction:
    return RemoteFunction(service, target, options)


def function(callable_: object = None, /, *, name: str | None = None) -> Function | RemoteFunction:
    """Make a local function sendable, or get a saved one by name.

    ``lt.function(f).to(cluster)`` sends it; ``lt.function(name="clean")`` is the function that somebody saved under
    that name (or under its default name), also where its code is not at hand, always at its newest version.
    Raises NotFoundError if there is no function of that name, TypeError if `callable_` is not a function.
    """
    if callable_ is None:
        if name is None:
            raise TypeError(
                "lt.function takes a function, or the name of a saved one: lt.function(name='clean')"
            )
        service = _deploy.lookup(name, "function")
        return RemoteFunction(service, {"n": name}, {})
    if isinstance(callable_, type):
        raise TypeError(
            f"{callable_.__qualname__} is a class; send it with lt.cls({callable_.__qualname__})"
        )
    if not callable(callable_):
        raise TypeError(f"lt.function takes a function, and {callable_!r} is not callable")
    if isinstance(callable_, (Function, RemoteFunction)):
        return callable_
    return Function(callable_, _options.merge({}, {"name": name} if name else {}))
