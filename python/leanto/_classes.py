"""Classes and live objects: `lt.cls(C).to(cluster)()` makes an instance there, and gives its handle here."""

from __future__ import annotations

from leanto import _calls, _deploy, _frames, _nodes, _options
from leanto._calls import Callable
from leanto._objects import RemoteObject, get_attribute, rebuild_object
from leanto.errors import InvalidRequestError


class LocalClass:
    """A local class that has not been sent yet, as `cls` makes it; `.to(cluster)` gives the one to make instances of.

    >>> lt.cls(Counter)
    <leanto class Counter, not sent yet>
    """

    __slots__ = ("_cls", "_options")

    def __init__(self, cls_: type, options: dict) -> None:
        self._cls = cls_
        self._options = options

    def options(self, **options: object) -> LocalClass:
        """Return the same class with other options; this one keeps its own.

        >>> lt.cls(Counter).options(concurrency=1, memory="1GB").to(lt.here)(5).add()
        6
        """
        return LocalClass(self._cls, _options.merge(self._options, options))

    def to(self, cluster: object, *, keep_state: bool = False) -> RemoteClass:
        """Send the class's project to `cluster` and return the class there; errors as for `Function.to`.

        ``keep_state=True`` also puts the new code under the live instances of the class on that cluster: the project's
        modules are imported anew, the instances' class becomes the new one, and their attributes stay. A call that runs
        goes on with the function that it is in. Then ``__leanto_reload__(self, old_version)`` is called, if the class has
        it, to mend what the new code expects otherwise; if it raises, that instance is back on its old code. Raises
        InvalidRequestError, which names the instances and the reasons, if one can't take the new code (its slots or its
        bases made in C have changed, or its environment); then none has.

        >>> counter = lt.cls(Counter).to(lt.here)(start=5)
        >>> again = lt.cls(Counter).to(lt.here, keep_state=True)
        >>> counter.add()
        6
        """
        services = _deploy.deploy(self._cls, "class", cluster, self._options, keep_state)
        options = _deploy.with_path(self._options, cluster)
        sent = (self._cls, cluster)
        there = [
            RemoteClass(service, {"v": service.version}, options, sent) for service in services
        ]
        if len(there) == 1:
            return there[0]
        from leanto._farm import FarmClass

        return FarmClass(there, options, sent)

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        raise InvalidRequestError(
            f"{self!r} has not been sent anywhere yet; send it first: .to(lt.here), and call what that returns"
        )

    def __repr__(self) -> str:
        return f"<leanto class {self._cls.__qualname__}, not sent yet>"


class RemoteClass:
    """A class on a cluster, as `LocalClass.to` returns it: calling it makes an instance in a process of its own and returns
    its handle, a `RemoteObject`.

    With ``options(name=)`` anyone can get the instance by name, and it lives until it's deleted or the node stops; without
    one it lives as long as this program holds its handle. ``get_if_exists=True`` gives the instance that has the name
    already, whatever the arguments; otherwise that raises AlreadyExistsError. What ``__init__`` raises is raised here.
    Class methods, static methods and class attributes are used as usual.

    >>> RemoteCounter = lt.cls(Counter).to(lt.here)
    >>> counter = RemoteCounter.options(name="words", get_if_exists=True)(start=5)
    >>> lt.here.get("words").add(2)
    7
    """

    def __init__(
        self, service: _deploy.Service, target: dict, options: dict, sent: tuple | None = None
    ) -> None:
        self._leanto = (service, target, options, sent)

    def options(self, **options: object) -> RemoteClass:
        """Return the same class with other options; what belongs to the service sends it once more, as another version.

        >>> lt.cls(Counter).to(lt.here).options(name="pages")().add()
        1
        """
        service, target, current, sent = self._leanto
        merged = _options.merge(current, options)
        if _options.service_settings(merged) == _options.service_settings(current):
            return RemoteClass(service, target, merged, sent)
        if sent is None:
            raise InvalidRequestError(
                f"{', '.join(options)} belong to the service; give them where the class is sent"
            )
        return LocalClass(sent[0], merged).to(sent[1])

    def save(self, name: str) -> RemoteClass:
        """Save this version under a name for everyone on the node, and return self.

        >>> RemoteCounter = lt.cls(Counter).to(lt.here).save("Counter")
        >>> lt.cls(name="Counter")(start=1).add()
        2
        """
        _options.merge({}, {"name": name})
        self._leanto[0].node.ask("save", v=self._leanto[0].version, name=name)
        return self

    def __call__(self, /, *args: object, **kwargs: object) -> RemoteObject:
        return _rebuild_from(*self._make(args, kwargs))

    def _make(self, args: tuple, kwargs: dict) -> tuple:
        head = _calls.complete(self._new_head())
        _, _, head, _ = self._leanto[0].node.call(head, args, kwargs)
        return _frames.decode_head(head), self._leanto[0], self._leanto[2]

    def aio(self, /, *args: object, **kwargs: object) -> object:
        """Make an instance without blocking the event loop: ``t = await Trainer.aio(...)``.

        >>> import asyncio
        >>> async def main():
        ...     counter = await lt.cls(Counter).to(lt.here).aio(start=5)
        ...     return await counter.add.aio()
        >>> asyncio.run(main())
        6
        """
        from leanto import _aio

        service, _, options, _ = self._leanto
        head = _calls.complete(self._new_head())
        return _aio.call(
            service.node,
            head,
            args,
            kwargs,
            lambda said, body: _rebuild_from(said, service, options),
        )

    def _new_head(self) -> bytes:
        service, target, options, _ = self._leanto
        words = {**target, "how": "new"}
        if options.get("name"):
            words["name"] = options["name"]
        if options.get("get_if_exists"):
            words["get_if_exists"] = True
        return _calls.encode_target(service.node, words, options)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        service, target, options, _ = self._leanto
        members = service.describe.get("class_members", {})
        if name in members:
            return Callable(service.node, {**target, "m": name}, members[name], options)
        return get_attribute(service.node, target, name, options)

    def __dir__(self) -> list[str]:
        return sorted(
            {"options", "save", "aio", *self._leanto[0].describe.get("class_members", {})}
        )

    def __reduce__(self) -> tuple:
        service, target, options, _ = self._leanto
        _nodes.check_reachable(service.node, repr(self))
        return RemoteClass, (service, target, options)

    def __repr__(self) -> str:
        return f"<leanto class {self._leanto[0].name} at {self._leanto[0].version[:8]}>"


def _rebuild_from(said: dict, service: _deploy.Service, options: dict) -> RemoteObject:
    name = options.get("name") or ""
    handle = rebuild_object(
        service.node,
        said["o"],
        name,
        said["cls"],
        said.get("describe", service.describe),
        _call_options(options),
    )
    if not name:
        import weakref

        weakref.finalize(handle, service.node.release_later, said["o"]).atexit = False
    return handle


def _call_options(options: dict) -> dict:
    names = ("timeout", "stream_logs", "max_queue", "grace", "keep_args", "path")
    return {name: options[name] for name in names if name in options}


def _what_instead(given: object) -> str:
    if callable(given) and hasattr(given, "__qualname__"):
        return "a function is sent with lt.function"
    name = type(given).__qualname__
    return f"an instance is made where it lives: lt.cls({name}).to(lt.here)(...)"


def cls(cls_: type | None = None, /, *, name: str | None = None) -> LocalClass | RemoteClass:
    """Make a local class sendable, or get a saved one by name.

    ``Trainer = lt.cls(Trainer).to(cluster)``; then ``t = Trainer(...)`` makes an instance there. ``lt.cls(name="Trainer")``
    is the class that somebody saved under that name, at its newest version. Raises TypeError if `cls_` is no class, NotFoundError
    if there is no class of that name.

    >>> counter = lt.cls(Counter).to(lt.here)(start=5)
    >>> counter.add(2)
    7
    """
    if cls_ is None:
        if name is None:
            raise TypeError(
                "lt.cls takes a class, or the name of a saved one: lt.cls(name='Trainer')"
            )
        return RemoteClass(_deploy.lookup(name, "class"), {"n": name}, {})
    if isinstance(cls_, (LocalClass, RemoteClass)):
        return cls_
    if not isinstance(cls_, type):
        raise TypeError(f"lt.cls takes a class, and {cls_!r} is none; {_what_instead(cls_)}")
    return LocalClass(cls_, _options.merge({}, {"name": name} if name else {}))
