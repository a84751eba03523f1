"""What was typed in a notebook or at a prompt, or has no name to import it by, made anew in a worker.

It travels as a stream of pickles: a head, and then one pair (name, value) for each name that the code needs in its module
``__main__``, in an order in which each can be made. Functions and classes among them are their source text; `leanto._typed`
writes the stream.
"""

from __future__ import annotations

import io
import pickle
import sys

from leanto.worker.typed_text import FACTORY, Text, compile_definition, compile_function

MAINS = ("__main__", "__mp_main__")


class Typed:
    """A stream whose head has been read.

    ``count``: how many pairs follow; the last one's value is the callable. ``more``: how many come behind it, for classes
    that only arguments may need. ``modules``: to import first, besides those that are values. ``unset``: names that the code
    uses and that had no value where it came from.
    """

    def __init__(self, head: dict, unpickler: pickle.Unpickler) -> None:
        self.count = head["count"]
        self.more = head["more"]
        self.package = head["package"]
        self.modules = head["modules"]
        self.unset = head["unset"]
        self._unpickler = unpickler

    def load(self) -> object:
        """Make all of it, in a new module ``__main__``, and return the callable. What its code raises goes through."""
        import builtins
        import importlib

        module = type(sys)("__main__")
        module.__builtins__ = builtins
        module.__package__ = self.package
        sys.modules["__main__"] = module
        for name in self.modules:
            importlib.import_module(name)
        target = None
        for _ in range(self.count):
            name, target = self._unpickler.load()
            if name is not None:
                setattr(module, name, target)
        try:
            for _ in range(self.more):
                name, value = self._unpickler.load()
                setattr(module, name, value)
        except Exception:
            pass  # it's missed, and said to be, only if such a class does come
        return target

    def explain(self, name: str) -> str | None:
        """Return why a name isn't bound and what to do, None if that isn't known."""
        if name not in self.unset:
            return None
        return f"{name!r} had no value when this was sent; give it one and call .to() again"


def read(body: bytes) -> object:
    """Return what the body of a deploy holds: a script's handles as a dict, or a Typed."""
    unpickler = pickle.Unpickler(io.BytesIO(body))
    first = unpickler.load()
    return first if isinstance(first, dict) else Typed(first[0], unpickler)


# What the pickles call


def make_function(
    module: str, text: Text, name: str, qualname: str, free: tuple, owner: str
) -> object:
    """Return a function made from its text, in its module; its cells are still empty."""
    namespace = vars(_module(module))
    made: dict = {}
    exec(compile_function(text, free), namespace, made)
    text.register()
    function = made[FACTORY]()
    function.__name__ = name
    function.__qualname__ = qualname
    function.__module__ = owner
    return function


def fill_function(function: object, state: tuple) -> None:
    """Give a function what belongs to it: closure, defaults, attributes."""
    cells, function.__defaults__, function.__kwdefaults__, function.__doc__, attributes = state
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        if name in cells:
            cell.cell_contents = cells[name]
        else:
            del cell.cell_contents
    function.__dict__.update(attributes)


def run_definition(text: Text, name: str) -> object:
    """Run a statement in ``__main__`` and return what it gave `name`."""
    namespace = vars(sys.modules["__main__"])
    text.register()
    exec(compile_definition(text), namespace)
    return namespace[name]


def import_module(name: str) -> object:
    """Return a module, imported by its name."""
    return _module(name)


def make_cached(function: object, parameters: dict) -> object:
    """Return `functools.lru_cache`'s wrapper around a function."""
    import functools

    return functools.lru_cache(**parameters)(function)


def _module(name: str) -> object:
    import importlib

    return sys.modules.get(name) or importlib.import_module(name)
