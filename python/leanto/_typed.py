"""Code that no other process could import travels as text: typed in a notebook or at a prompt, lambdas, closures, partials.

What goes is the source of the function or class and all that it needs, by name: values pickled, modules to import, other
such functions and classes as source again, remote functions and objects as handles. `leanto.worker.typed` makes it anew.
"""

from __future__ import annotations

import io

from leanto import _values
from leanto._typed_pickler import CannotTravel, Pickler, Scout, TooLarge
from leanto.worker.typed import MAINS

LIMIT = 16 << 20  # bytes; the node's ledger keeps them with the version
EXTRA_LIMIT = 64 << 10  # for a class that only arguments may need

_LIVE = (
    "Open files, locks, sockets, generators and the like stay in the process that made them: make it inside of the function "
    "or in a class that you send with lt.cls, or pass data instead"
)
_LARGE = (
    "what it uses is larger than {} MB{}; pass large values as arguments, or load them inside of the function"
)


def pack(target: object, namespace: dict) -> bytes:
    """Return what travels for `target`; `namespace` is that of the module ``__main__`` here.

    The same text and values give the same bytes. Raises CannotTravel, which names what is in the way.
    """
    load = _Load(namespace)
    name = next((name for name, value in list(namespace.items()) if value is target), None)
    if name is None:
        load.add(None, target)
    else:
        load.need(name)
    load.add_classes()
    if load.steps[-1][1] is not target:
        load.steps.append((name, target))  # the last one is the callable
    return load.write()


class _Load:
    """What goes: names of ``__main__`` with their values, in an order in which they can be made.

    What a name needs for its making comes before it, with everything that this may call meanwhile; what it needs when it's
    called comes after it.
    """

    def __init__(self, namespace: dict) -> None:
        self.namespace = namespace
        self.steps: list = []  # (name or None, value)
        self.sizes: dict = {}
        self.modules: set = set()
        self.unset: set = set()
        self._path: list = []  # the names that led to the one that is looked at

    def need(self, name: str) -> None:
        """Add a name of ``__main__`` and what it needs, once."""
        if name in self.sizes:
            return
        self._path.append(name)
        self.add(name, self.namespace[name])
        self._path.pop()

    def add(self, name: str | None, value: object) -> None:
        """Add a value and what it needs."""
        self.sizes[name] = 0
        scout = self._scout(value)
        self.sizes[name] = scout.size
        self._check_size()
        self.modules |= scout.modules
        self.unset |= scout.unset
        for needed in sorted(scout.before):
            self.need(needed)
        self.steps.append((name, value))
        for needed in sorted(scout.after):
            self.need(needed)

    def add_classes(self) -> None:
        """Add the other classes of ``__main__``, which may come as arguments, if they can go and need little."""
        for name, value in list(self.namespace.items()):
            is_class = isinstance(value, type) and value.__module__ in MAINS
            if not is_class or value.__qualname__ != name or name in self.sizes:
                continue
            alone = _Load(self.namespace)
            alone.sizes = dict(self.sizes)
            try:
                alone.need(name)
            except CannotTravel:
                continue
            if sum(alone.sizes.values()) <= sum(self.sizes.values()) + EXTRA_LIMIT:
                self.sizes = alone.sizes
                self.steps += alone.steps
                self.modules |= alone.modules
                self.unset |= alone.unset

    def write(self) -> bytes:
        """Return the stream of pickles."""
        head = {
            "count": len(self.steps),
            "package": self.namespace.get("__package__"),
            "modules": sorted(self.modules),
            "unset": sorted(self.unset),
        }
        stream = io.BytesIO()
        pickler = Pickler(stream, self.namespace)  # one for all, so that what they share stays shared
        for part in ((head,), *self.steps):
            pickler.dump(part)
        return stream.getvalue()

    def _scout(self, value: object) -> Scout:
        scout = Scout(self.namespace, value, LIMIT)
        try:
            scout.dump(value)
        except CannotTravel as error:
            raise CannotTravel(self._where(str(error))) from None
        except TooLarge:
            raise CannotTravel(self._too_large()) from None
        except Exception as error:
            raise CannotTravel(self._explain(value, error)) from error
        return scout

    def _check_size(self) -> None:
        if sum(self.sizes.values()) > LIMIT:
            raise CannotTravel(self._too_large())

    def _too_large(self) -> str:
        largest = max(self.sizes, key=self.sizes.get)
        if self._path and not self.sizes[self._path[-1]]:
            largest = self._path[-1]
        return _LARGE.format(LIMIT >> 20, f", most of it `{largest}`" if largest else "")

    def _where(self, why: str) -> str:
        """Say by way of which names something is in the way."""
        users = "".join(f"`{name}`, which uses " for name in self._path[1:-1])
        if users or len(self._path) > 1:
            return f"it uses {users}`{self._path[-1]}`: {why}"
        return why

    def _explain(self, value: object, error: Exception) -> str:
        def dumps(part: object) -> None:
            Scout(self.namespace, part, LIMIT).dump(part)

        place, _, kind = _values.find_culprit(value, dumps).rpartition(": ")
        name = self._path[-1] if len(self._path) > 1 else "a value of it"
        what = f"{name}{place} is a {kind or type(value).__name__}"
        return self._where(f"{what} ({type(error).__name__}: {error}). {_LIVE}")
