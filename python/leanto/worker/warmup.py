"""Warm-up: what user code has done once in each new worker, before it takes calls: ``.options(warmup="load_model")``.

For a function that is a function of its module. For a class it's a method of each new instance, run right after
``__init__``; a class method or static method is run when the class has been imported.
"""

from __future__ import annotations

from leanto.worker.loader import LoadError


def prepare(loaded: object, name: str | None, format_traceback: object) -> object:
    """Run the warm-up called `name`, or return what is to be run with each new instance; None if nothing is.

    Raises LoadError if there is no such function, and with the traceback if it raises something.
    """
    if not name:
        return None
    target = loaded.target
    of_class = isinstance(target, type)
    found = _find(target if of_class else loaded.module, name)
    if found is None:
        where = (
            f"the class {target.__qualname__}"
            if of_class
            else f"the module {loaded.module.__name__}"
        )
        raise LoadError(
            f"warmup={name!r}: {where} has no such {'method' if of_class else 'function'}", "name"
        )
    if of_class and not _is_bound(target, name):
        return lambda instance: _call(getattr(instance, name), name)
    try:
        _call(found, name)
    except Exception as error:
        why = f"warmup={name!r} raised {type(error).__name__}: {error}"
        raise LoadError(why, "import", format_traceback(error)) from error
    return None


def _find(owner: object, name: str) -> object:
    found = owner
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if callable(found) else None


def _is_bound(cls: type, name: str) -> bool:
    for base in cls.__mro__:
        if name in base.__dict__:
            return isinstance(base.__dict__[name], (classmethod, staticmethod))
    return False


def _call(function: object, name: str) -> None:
    value = function()
    if hasattr(value, "__await__"):
        value.close()
        raise TypeError(f"{name} is a coroutine function, and a warm-up must be a plain one")
