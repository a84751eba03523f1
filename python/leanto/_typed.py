"""Code that no other process could import travels as text: typed in a notebook or at a prompt, lambdas, closures, partials.

What goes is the source of the function or class and all that it needs, by name: values pickled, modules to import, other
such functions and classes as source again, remote functions and objects as handles. `leanto.worker.typed` makes it anew.
"""

from __future__ import annotations

import io

from leanto import _values
from leanto._typed_pickler import CannotTravel, Pickler, Scout, TooLarge
from leanto.worker.typed import MAINS

LIMIT = 4 << 20  # bytes; the node's ledger keeps them with each version
EXTRA_LIMIT = 64 << 10  # for a class that only arguments may need

_LIVE = (
    "Open files, locks, sockets, generators and the like stay in the process that made them: make it inside of the function "
    "or in a class that you send with lt.cls, or pass data instead"
)
_OLD = "Its class was loaded anew since (importlib.reload?): make it again"
_LARGE = "what it uses is larger than {} MB{}; pass large values as arguments, or load them inside of the function"


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
    if load.steps[-1][1] is not target:
        load.steps.append((name, target))  # the last one is the callable
    load.add_classes()
    return load.write()


class _Load:
    """What goes: names of ``__main__`` with their values, in an order in which they can be made.

    What a name needs for its making comes before it, with everything that this may call meanwhile; what it needs when it's
    called comes after it.
    """

    def __init__(self, namespace: dict) -> None:
        self.namespace = namespace
        self.steps: list = []  # (name or None, value)
        self.more: list = []  # of classes that may come as arguments
        self.sizes: dict = {}
        self.modules: set = set()
        self.unset: set = set()
        self._path: list = []  # the names that led to the one that is looked at

    def need(self, name: str) -> None:
        """Add a name of ``__main__`` and what it needs, once."""
        if name in self.sizes:
            return
        self.add(name, self.namespace[name])

    def add(self, name: str | None, value: object) -> None:
        """Add a value and what it needs."""
        self.sizes[name] = 0
        self._path.append(name)
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
        self._path.pop()

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
                self.more += alone.steps
                self.modules |= alone.modules
                self.unset |= alone.unset

    def write(self) -> bytes:
        """Return the stream of pickles."""
        head = {
            "count": len(self.steps),
            "more": len(self.more),
            "package": self.namespace.get("__package__"),
            "modules": sorted(self.modules),
            "unset": sorted(self.unset),
        }
        stream = io.BytesIO()
        pickler = Pickler(
            stream, self.namespace
        )  # one for all, so that what they share stays shared
        for part in ((head,), *self.steps, *self.more):
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
            raise CannotTravel(self._explain(value, error)) from None
        return scout

    def _check_size(self) -> None:
        if sum(self.sizes.values()) > LIMIT:
            raise CannotTravel(self._too_large())

    def _too_large(self) -> str:
        largest = max(self.sizes, key=self.sizes.get)
        if not self.sizes[self._path[-1]]:
            largest = self._path[-1]  # looking at it ended when it had become too large
        return _LARGE.format(LIMIT >> 20, f", most of it `{largest}`" if largest else "")

    def _where(self, why: str, variable: str = "") -> str:
        """Say by way of which names something is in the way; `variable` is one of a closure."""
        names = [*self._path[1:], *([variable] if variable else [])]
        return (
            f"it uses {', which uses '.join(f'`{name}`' for name in names)}: {why}"
            if names
            else why
        )

    def _explain(self, value: object, error: Exception) -> str:
        """Say what in `value` can't be pickled."""
        variable = ""
        for name, part in _variables(value):
            if self._refuses(part):
                variable, value = name, part
                break
        place, _, kind = _values.find_culprit(value, self._try).rpartition(": ")
        name = variable or self._path[-1] or "a value"
        what = f"{name}{place} is a {kind or type(value).__name__}"
        advice = _OLD if "not the same object" in str(error) else _LIVE
        return self._where(f"{what} ({type(error).__name__}: {error}). {advice}", variable)

    def _try(self, part: object) -> None:
        Scout(self.namespace, part, LIMIT).dump(part)

    def _refuses(self, part: object) -> bool:
        try:
            self._try(part)
        except Exception:
            return True
        return False


def _variables(function: object) -> list:
    """The variables of a closure that have values, and the arguments with defaults."""
    if type(function) is not type(pack):
        return []
    free = zip(function.__code__.co_freevars, function.__closure__ or ())
    defaults = function.__defaults__ or ()
    count = function.__code__.co_argcount
    names = function.__code__.co_varnames[count - len(defaults) : count]
    found = [(name, cell.cell_contents) for name, cell in free if cell != type(cell)()]
    return [*found, *zip(names, defaults), *(function.__kwdefaults__ or {}).items()]
