"""Functions: `lt.function(f)`, `.to(cluster)`, and then a call like any other."""

from __future__ import annotations

from leanto import _deploy, _nodes, _options
from leanto._calls import Callable
from leanto.errors import InvalidRequestError


class Function:
    """A local function that has not been sent yet, as `function` makes it; `.to(cluster)` gives the one to call.

    >>> lt.function(count_words)
    <leanto function count_words, not sent yet>
    """

    __slots__ = ("_callable", "_options")

    def __init__(self, callable_: object, options: dict) -> None:
        self._callable = callable_
        self._options = options

    def options(self, **options: object) -> Function:
        """Return the same function with other options; this one keeps its own.

        Raises TypeError for an option that doesn't exist, InvalidRequestError for a value that makes no sense.

        >>> lt.function(count_words).options(timeout=60, memory="1GB").to(lt.here)("to be")
        counting
        2
        """
        return Function(self._callable, _options.merge(self._options, options))

    def to(self, cluster: object) -> RemoteFunction:
        """Send the function's project to `cluster` and return the function there.

        The project is the directory that its module lies in, or the nearest one above with a ``.git``, ``pyproject.toml``,
        ``setup.py`` or ``.leanto``. Only what has changed since the last time is looked at and sent. A function that
        was typed, a lambda or a closure travels as its text with what it uses.

        Raises SnapshotError if the code cannot travel, ImageError if its environment cannot be built, CapacityError if
        nobody can offer what is asked for, InvalidRequestError if `cluster` is none, and what importing the module raised.

        >>> count = lt.function(count_words).to(lt.here)
        >>> count("to be or not to be")
        counting
        6
        """
        services = _deploy.deploy(self._callable, "function", cluster, self._options)
        options = _deploy.with_path(self._options, cluster)
        sent = (self._callable, cluster)
        elsewhere = _send_elsewhere(self._callable, cluster, self._options)
        there = [
            RemoteFunction(service, {"v": service.version}, options, sent, elsewhere)
            for service in services
        ]
        if len(there) == 1:
            return there[0]
        from leanto._farm import FarmFunction

        return FarmFunction(there, options, sent)

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        raise InvalidRequestError(
            f"{self!r} has not been sent anywhere yet; send it first: .to(lt.here), and call what that returns"
        )

    def __repr__(self) -> str:
        return f"<leanto function {getattr(self._callable, '__qualname__', self._callable)!s}, not sent yet>"


class RemoteFunction(Callable):
    """A function on a cluster, as `Function.to` returns it: call it as if it were local.

    ``f(x)`` waits and returns the value, whose copy is yours; what the call prints appears here while it runs. A generator
    function gives an iterator. All arguments are the function's own: how to call is said with `options`.

    A call raises the function's own exception as its own class, with the remote traceback as its ``__cause__``, or
    RemoteError where that can't be rebuilt; WorkerDiedError or OutOfMemoryError if its process ended, TimeoutError if it
    took longer than its ``timeout``, ValueTransportError if an argument or the result can't be pickled, CapacityError if
    no worker of it can ever fit. It may be an argument of another call, and be pickled.

    >>> lt.function(join).to(lt.here)("to", second="be")
    'to be'
    >>> list(lt.function(letters).to(lt.here)("be"))
    ['b', 'e']
    """

    __slots__ = ("_elsewhere", "_service", "_sent")

    def __init__(
        self,
        service: _deploy.Service,
        target: dict,
        options: dict,
        sent: tuple | None = None,
        elsewhere: object = None,
    ) -> None:
        super().__init__(service.node, target, service.describe.get("call", "function"), options)
        self._service = service
        self._sent = sent  # (callable, cluster) where it was sent from here
        self._elsewhere = elsewhere  # where else attempts may be made: a Places

    @property
    def name(self) -> str:
        """The name of the service: project, module and function, unless ``options(name=)`` said another.

        >>> lt.function(count_words).to(lt.here).name
        'documented/story.count_words'
        """
        return self._service.name

    @property
    def version(self) -> str:
        """The version of the service, 32 hex digits: a digest of code, environment, entry point and settings.

        >>> lt.function(count_words).to(lt.here).version == lt.function(count_words).to(lt.here).version
        True
        """
        return self._service.version

    def options(self, **options: object) -> RemoteFunction:
        """Return the same function with other options; what belongs to the service sends it once more, as another version.

        Raises TypeError for an option that doesn't exist, InvalidRequestError for a value that makes no sense, and for
        one that belongs to the service if this handle was got by name.

        >>> count = lt.function(count_words).to(lt.here)
        >>> count.options(stream_logs=False, timeout="30s")("to be")
        2
        """
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
        elsewhere = self._elsewhere
        if "retries" in options or "on_oom" in options:
            elsewhere = _send_elsewhere(*(self._sent or (None, None)), merged)
        return RemoteFunction(self._service, self._target, merged, self._sent, elsewhere)

    def save(self, name: str) -> RemoteFunction:
        """Save this version under a name for everyone on the node, and return self. What had the name before gives it up.

        >>> count = lt.function(count_words).to(lt.here).save("count")
        >>> lt.function(name="count")("to be")
        counting
        2
        """
        _options.merge({}, {"name": name})
        self._node.ask("save", v=self._service.version, name=name)
        return self

    def __reduce__(self) -> tuple:
        _nodes.check_reachable(self._node, repr(self))
        if self._elsewhere:
            raise InvalidRequestError(
                f"{self!r} may be tried again on other clusters, which are known by their names only here; pass the function "
                "without that: .options(retries=None, on_oom=None)"
            )
        return _rebuild, (self._service, self._target, self._options)

    def __repr__(self) -> str:
        return f"<leanto function {self.name} at {self.version[:8]}>"


def _send_elsewhere(callable_: object, cluster: object, options: dict) -> object:
    if not _options.is_retrying(options):
        return None
    from leanto import _places

    return _places.send(callable_, options, cluster)


def _rebuild(service: _deploy.Service, target: dict, options: dict) -> RemoteFunction:
    return RemoteFunction(service, target, options)


def function(callable_: object = None, /, *, name: str | None = None) -> Function | RemoteFunction:
    """Make a local function sendable, or get a saved one by name.

    ``lt.function(f).to(cluster)`` sends it: a function of a module, a script or a notebook, a lambda, a closure, a
    ``functools.partial``. With a `name` beside it, that is the service's name. ``lt.function(name="clean")`` is the function
    that somebody saved under that name (or sent under it), also where its code is not at hand, always at its newest version.

    Raises NotFoundError if there is no function of that name, TypeError if `callable_` is not a function.

    >>> lt.function(count_words).to(lt.here)("to be or not")
    counting
    4
    >>> lt.function(name="no such function")
    Traceback (most recent call last):
    leanto.errors.NotFoundError: no service is named 'no such function' here (`leanto ls` lists them)
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
