"""How each thing goes that code needs: by the name to import it by, by its text, or as the value that it is."""

from __future__ import annotations

import ast
import builtins
import pickle
import sys
import types

from leanto import _roots, _sources
from leanto._sources import SourceNotFound
from leanto.worker import typed
from leanto.worker.names import names_of, scopes_of
from leanto.worker.typed import MAINS
from leanto.worker.typed_text import Text

_OF_MODULES = frozenset(
    ("__builtins__", "__doc__", "__loader__", "__name__", "__package__", "__spec__")
)
_LOCAL_CLASS = "the class {} is defined inside of a function, which would have to run first; move it to the top level"
_OLD_CLASS = "it belongs to an older class {0}, which was defined anew since; make it again with the {0} of now"
_OLD_FUNCTION = "{0} isn't (any more) what the module {1} calls {2}; import it again"
_IPYTHON = "IPython itself (%magic, !command, get_ipython) is not in a worker; use it outside of the function"


class CannotTravel(Exception):
    """Something can't; the text says why, and what to do."""


class TooLarge(Exception):
    """What is scouted is larger than the limit."""


class Pickler(pickle.Pickler):
    """Pickles by its text what can't be imported by name. Raises CannotTravel."""

    def __init__(self, stream: object, namespace: dict) -> None:
        super().__init__(stream, 5)
        self.namespace = namespace  # that of __main__

    def reducer_override(self, value: object) -> object:
        """Pickle calls this for all but the plainest values."""
        kind = type(value)
        if kind is types.FunctionType:
            return self._reduce_function(value)
        if kind is types.ModuleType:
            return typed.import_module, (_import_name(value),)
        if isinstance(value, type):
            return self._reduce_class(value)
        if kind.__module__.startswith(("IPython.", "ipykernel.")):
            raise CannotTravel(_IPYTHON)
        own = getattr(value, "__dict__", None)
        if type(own) is dict and "__wrapped__" in own:
            return self._reduce_wrapper(value)
        return NotImplemented

    # --- functions ---

    def _reduce_function(self, function: types.FunctionType) -> object:
        module = function.__globals__.get("__name__")
        if module not in MAINS:
            return self._reduce_from_module(function, module)
        names = function.__qualname__.split(".")
        if _look_up(self.namespace, names) is function:
            if len(names) > 1:
                return self._named(names[0])  # a method: its class brings it along
            return self._named(names[0], function) or self._by_text(function, "__main__")
        if "__class__" in function.__code__.co_freevars:
            raise CannotTravel(_OLD_CLASS.format(function.__qualname__.rpartition(".")[0]))
        return self._by_text(function, "__main__")

    def _reduce_from_module(self, function: types.FunctionType, module: str) -> object:
        """By its name, if it has one; what an installed decorator made of a function is made by it again; else by text."""
        owner = function.__module__
        if owner not in MAINS:
            known = sys.modules.get(owner)
            if _look_up(vars(known) if known else {}, function.__qualname__.split(".")) is function:
                return NotImplemented
        elif _roots.is_installed(function.__code__.co_filename):
            definition = self._definition_of(function)
            if definition is not None:
                return definition
        if function.__closure__ is None and "<" not in function.__qualname__:
            text = _OLD_FUNCTION.format(function.__name__, module, function.__qualname__)
            raise CannotTravel(text)
        return self._by_text(function, module)

    def _reduce_wrapper(self, value: object) -> object:
        """An object that a decorator made of a function."""
        import functools

        definition = self._definition_of(value)
        if definition is not None:
            return definition
        if type(value) is functools._lru_cache_wrapper and value.__module__ in MAINS:
            return typed.make_cached, (value.__wrapped__, value.cache_parameters())
        return NotImplemented

    def _definition_of(self, value: object) -> object:
        """How to run the definition of a decorated function of ``__main__``; None if it isn't one."""
        name = getattr(value, "__name__", None)
        function = _unwrapped(value)
        if self.namespace.get(name) is not value or type(function) is not types.FunctionType:
            return None
        if function is value or function.__globals__.get("__name__") not in MAINS:
            return None
        return self._named(name, value) or self._run(name, _sources.text_of_definition, function)

    def _by_text(self, function: types.FunctionType, module: str) -> tuple:
        text = _text(_sources.text_of_function, function)
        free = function.__code__.co_freevars
        if module == "__main__":
            node = text.node()
            node.decorator_list, node.args.defaults, node.args.kw_defaults = [], [], []
            self._needs(text, node, hidden=free)
        cells = {}
        for name, cell in zip(free, function.__closure__ or ()):
            try:
                cells[name] = cell.cell_contents
            except ValueError:
                continue  # it has no value yet
        made = (module, text, function.__name__, function.__qualname__, free, function.__module__)
        own = (function.__defaults__, function.__kwdefaults__, function.__doc__)
        state = (cells, *own, dict(function.__dict__))
        return typed.make_function, made, state, None, None, typed.fill_function

    # --- classes ---

    def _reduce_class(self, cls: type) -> object:
        if cls.__module__ not in MAINS:
            return NotImplemented
        if "<locals>" in cls.__qualname__:
            raise CannotTravel(_LOCAL_CLASS.format(cls.__name__))
        names = cls.__qualname__.split(".")
        if _look_up(self.namespace, names) is not cls:
            raise CannotTravel(_OLD_CLASS.format(cls.__qualname__))
        if len(names) > 1:
            return self._named(names[0])
        main_file = self.namespace.get("__file__")
        return self._named(names[0], cls) or self._run(
            names[0], _sources.text_of_class, cls, main_file
        )

    # --- what both do ---

    def _run(self, name: str, find: object, *arguments: object) -> tuple:
        """Have the statement run that binds `name`."""
        text = _text(find, *arguments)
        self._needs(text, text.node(), hidden=())
        return typed.run_definition, (text, name)

    def _named(self, name: str, value: object = None) -> object:
        """What to say for something of ``__main__`` that has a name there: None to make it, else its reduction."""
        return None if value is not None else NotImplemented

    def _needs(self, text: Text, node: ast.AST, hidden: tuple) -> None:
        """The text uses names of ``__main__``."""


class Scout(Pickler):
    """Finds out what `value` needs, and writes nothing.

    ``before``, ``after``: the names of ``__main__`` that have to be bound before it is made, and before it is called.
    ``modules``: modules to import besides. ``unset``: names that have no value. ``size``: what it takes in bytes.
    """

    def __init__(self, namespace: dict, value: object, limit: int) -> None:
        super().__init__(self, namespace)
        self.before: set = set()
        self.after: set = set()
        self.modules: set = set()
        self.unset: set = set()
        self.size = 0
        self._value = value
        self._limit = limit

    def write(self, data: object) -> int:
        """Count what is pickled."""
        size = memoryview(data).nbytes
        self.size += size
        if self.size > self._limit:
            raise TooLarge
        return size

    def _named(self, name: str, value: object = None) -> object:
        if value is not None and value is self._value:
            return None
        self.before.add(name)
        return str, ()  # it's a step of its own

    def _needs(self, text: Text, node: ast.AST, hidden: tuple) -> None:
        names = names_of(node, scopes_of(text.readable(), text.filename))
        now = names.now - names.binds
        self.before.update(name for name in now if self._is_needed(name, hidden))
        self.after.update(name for name in names.later if self._is_needed(name, hidden))
        self._find_modules(node, hidden)

    def _is_needed(self, name: str, hidden: tuple) -> bool:
        if name in hidden or name in _OF_MODULES:
            return False
        if name == "get_ipython":
            raise CannotTravel(_IPYTHON)
        if name not in self.namespace:
            if not hasattr(builtins, name) or name == "display":  # IPython's
                self.unset.add(name)
            return False
        return not (hasattr(builtins, name) and _is_of_ipython(self.namespace[name]))

    def _find_modules(self, node: ast.AST, hidden: tuple) -> None:
        """`import a.b` binds only `a`: the modules that the text reaches through others are imported, too."""
        for part in ast.walk(node):
            names = []
            while isinstance(part, ast.Attribute):
                names.insert(0, part.attr)
                part = part.value
            if not names or not isinstance(part, ast.Name) or part.id in hidden:
                continue
            found = self.namespace.get(part.id)
            for name in names:
                if type(found) is not types.ModuleType:
                    break
                found = vars(found).get(name)
                if type(found) is types.ModuleType and sys.modules.get(found.__name__) is found:
                    self.modules.add(found.__name__)


def _text(find: object, *arguments: object) -> Text:
    try:
        return find(*arguments)
    except SourceNotFound as error:
        raise CannotTravel(str(error)) from None


def _look_up(namespace: dict, names: list) -> object:
    found = namespace.get(names[0])
    for name in names[1:]:
        found = getattr(found, name, None)
    return found


def _unwrapped(value: object) -> object:
    for _ in range(100):
        inner = getattr(value, "__dict__", {}).get("__wrapped__")
        if inner is None:
            break
        value = inner
    return value


def _import_name(module: types.ModuleType) -> str:
    name = module.__name__
    if sys.modules.get(name) is not module or name in MAINS:
        raise CannotTravel(f"the module {name} can't be imported by its name; import it again")
    return name


def _is_of_ipython(value: object) -> bool:
    """Whether IPython put this in the place of a builtin: `open`, `exit`."""
    made_in = getattr(value, "__globals__", {}).get("__name__", type(value).__module__)
    return made_in.startswith(("IPython", "ipykernel"))
