"""What travels for a callable: the project that its code lies in, and where in it the code is.

Only the file system and `sys` are looked at; nothing is imported, run or sent. What no other process could find by name is
marked as such: `leanto._typed` sends its text.
"""

from __future__ import annotations

import os
import sys

from leanto._handles import local_of
from leanto._roots import find_marked, find_root, inside, is_installed, is_shared


class Entry:
    """Where a callable's code lies, as a value.

    ``root``: the project's directory (absolute, symlinks resolved), or None if the code is
    installed with the interpreter, so that it is imported on the other side rather than sent.
    ``module``: the dotted name to import, or ``"__main__"`` for a script.
    ``file``: the module's file below the root, with ``/``; None without a root.
    ``qualname``: the callable's name inside the module.
    ``search_path``: the directories of ``sys.path`` inside the root, in its order, ``""`` being the
    root itself; the module can be imported from one of them.
    ``project``: the name of the root's directory, or of the installed top-level package.
    ``is_main``: True if the module is ``__main__`` in this process, whatever its real name: pickles
    made here call its classes ``__main__.X``.
    ``is_text``: True if the callable has no name to be found by, so that its text has to travel: it
    was typed in a notebook or at a prompt (``file`` is None then), is a lambda, a closure, a partial.
    """

    __slots__ = (
        "file", "is_main", "is_text", "module", "project", "qualname", "root", "search_path",
    )  # fmt: skip

    def __init__(
        self, root, module, file, qualname, search_path, project, is_main=False, is_text=False
    ):
        self.root = root
        self.module = module
        self.file = file
        self.qualname = qualname
        self.search_path = search_path
        self.project = project
        self.is_main = is_main
        self.is_text = is_text

    @property
    def default_name(self) -> str:
        """The service's name unless the user chooses another: project, module and callable."""
        module = self.module
        if module == "__main__" and self.file:
            module = os.path.splitext(self.file.rpartition("/")[2])[0]
        return f"{self.project}/{module}.{self.qualname}"

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Entry({', '.join(fields)})"

    def __eq__(self, other) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None


def locate(target, workspace=None) -> Entry:
    """Return where the code of `target`, a function or a class, lies.

    `workspace` is a directory that counts as a project's root without being marked as one: in a
    worker, the copy of the project that it runs from, which lacks the `.git` of the original.

    Raises SnapshotError, which says why and what to do instead, if it can't be sent.
    """
    if _is_partial(target):
        entry = locate(target.func, workspace)
        entry.qualname = f"partial({entry.qualname})"
        entry.is_text = True
        return entry
    _refuse_what_has_no_name(target)
    module = _module_of(target)
    is_main = _is_main(module)
    path = _source_file(module, target)
    if is_main and path is None:
        return _locate_typed(module, target, workspace)
    qualname = _name_in(module, target)
    is_text = qualname is None
    if is_text:
        qualname = target.__qualname__
    name = _import_name(module, path)
    if path is not None and is_installed(path):
        path = os.path.realpath(path)  # an editable install may be a symlink in site-packages
        if is_installed(path) or find_marked(os.path.dirname(path), workspace) is None:
            path = None
    if path is None:
        return Entry(None, name, None, qualname, [], name.partition(".")[0], is_main, is_text)
    directory, file = _import_directory(path, name)
    root = find_root(directory, workspace)
    file = os.path.relpath(os.path.join(directory, file), root)
    search_path = _search_path(root, directory, name)
    project = os.path.basename(root) or "root"
    return Entry(root, name, _slashes(file), qualname, search_path, project, is_main, is_text)


def _locate_typed(module, target, workspace) -> Entry:
    """What was typed belongs to the project in the working directory, if there is one."""
    directory = os.path.realpath(os.getcwd())
    root = find_marked(directory, workspace) or (None if is_shared(directory) else directory)
    search_path = _search_path(root, directory, "__main__") if root else []
    qualname = _name_in(module, target, is_text=True) or target.__qualname__
    project = os.path.basename(root or directory) or "root"
    return Entry(root, "__main__", None, qualname, search_path, project, True, True)


# --- the callable ---


def _fail(target, why: str):
    from leanto.errors import SnapshotError

    name = getattr(target, "__qualname__", None) or getattr(target, "__name__", None)
    if not isinstance(name, str):
        name = f"an instance of {type(target).__qualname__}"
    raise SnapshotError(f"{name} can't be sent: {why}") from None


_BOUND = (
    "it is a method bound to an instance; send the class {}, make the instance there and call the "
    "method on that, or write a function that takes the instance as an argument"
)
_INSTANCE = (
    "an object has no code of its own; send the class {} or a function that makes the object"
)
_LOCAL_CLASS = (
    "it is defined inside a function, which would have to run first; move it to the top level of its "
    "module and pass what it uses as arguments"
)
_OTHER = (
    "it isn't (any more) what the module {0} calls {1}; send what {0}.{1} is now, "
    "or give this one a name of its own at the top level of the module"
)


def _refuse_what_has_no_name(target) -> None:
    if not callable(target):
        _fail(target, "it is neither a function nor a class")
    owner = getattr(target, "__self__", None)
    is_owned = owner is not None and hasattr(target, "__name__")
    if is_owned and not isinstance(owner, (type, type(sys))):
        _fail(target, _BOUND.format(type(owner).__qualname__))
    name = getattr(target, "__qualname__", None) or getattr(target, "__name__", None)
    if not isinstance(name, str):
        _fail(target, _INSTANCE.format(type(target).__qualname__))


def _is_partial(target) -> bool:
    functools = sys.modules.get("functools")
    return functools is not None and isinstance(target, functools.partial)


def _module_of(target):
    name = getattr(target, "__module__", None)
    if name is None:  # methods of built-in classes, numpy's ufuncs
        owner = getattr(target, "__objclass__", None) or getattr(target, "__self__", None)
        name = getattr(owner if isinstance(owner, type) else type(target), "__module__", None)
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is None:
        _fail(target, f"its module {name!r} isn't loaded (any more); import it again from its file")
    return module


def _source_file(module, target):
    """Return the absolute path of the module's file, None for a part of the interpreter, and for what was typed."""
    file = getattr(module, "__file__", None)
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if not file and (origin in ("built-in", "frozen") or module is sys):
        return None
    if _is_main(module):
        file = _script_of(target, file)
        if file is None:
            return None
    if not file:
        _fail(target, f"its module {module.__name__} has no file; import it again from its file")
    path = os.path.abspath(file)
    if not os.path.isfile(path):
        _fail(target, f"its file {path} doesn't exist; if that is inside a zip archive, unpack it")
    return path


def _script_of(target, main_file):
    """Return the script that `target` of `__main__` is in, or None if it was typed at a prompt."""
    members = list(vars(target).values()) if isinstance(target, type) else [target]
    codes = [getattr(_unwrapped(member), "__code__", None) for member in members]
    files = {code.co_filename for code in codes if code is not None}
    files.discard("<string>")  # a dataclass's methods
    is_there = any(os.path.isfile(file) for file in files)
    if files and not is_there and (all(f.startswith("<") for f in files) or not main_file):
        return None
    if not main_file:  # at the prompt of `python -i x.py` there is no __file__ any more
        main_file = next((file for file in files if os.path.isfile(file)), None)
    return None if main_file == "<stdin>" else main_file


def _unwrapped(target):
    """`target` without its decorators, as far as they tell (functools.wraps does)."""
    for _ in range(100):
        inner = getattr(target, "__wrapped__", None)
        if inner is None:
            break
        target = inner
    return target


def _name_in(module, target, is_text=False):
    """Return the name by which the module knows `target`; None if it has none and its text can go."""
    qualname = getattr(target, "__qualname__", None) or target.__name__
    found = _look_up(module, qualname)
    if _is_same(found, target):
        return qualname
    for name, value in list(vars(module).items()):
        if value is target:
            return name
    if isinstance(target, type) and "<locals>" in qualname:
        _fail(target, _LOCAL_CLASS)
    if is_text or "<" in qualname:
        return None
    _fail(target, _OTHER.format(module.__name__, qualname))


def _look_up(module, qualname: str):
    found = module
    for part in qualname.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            return None
    return found


def _is_same(found, target) -> bool:
    if found is None:
        return False
    found = local_of(found)
    for _ in range(100):  # a __wrapped__ chain may be a ring
        if found is target:
            return True
        inner = getattr(found, "__func__", None)
        if inner is not None and inner is getattr(target, "__func__", None):
            return found.__self__ is target.__self__  # a class method, new on each look-up
        if not hasattr(found, "__wrapped__"):
            is_bound = getattr(target, "__self__", None) is not None
            return is_bound and type(found) is type(target) and found == target
        found = found.__wrapped__
    return False


# --- its module ---


def _is_main(module) -> bool:
    return module.__name__ in (
        "__main__",
        "__mp_main__",
    )  # the latter in multiprocessing's children


def _import_name(module, path) -> str:
    """Return the name to import the module by, also if `python -m` made it `__main__` here."""
    if not _is_main(module):
        return module.__name__
    spec = getattr(module, "__spec__", None)
    if spec is None or path is None or not spec.origin:
        return "__main__"
    # A debugger or profiler started with -m may leave its own spec on the script's module.
    return spec.name if os.path.realpath(spec.origin) == os.path.realpath(path) else "__main__"


def _import_directory(path: str, module: str) -> tuple:
    """Return the real directory that the module is imported from, and its file relative to that."""
    if module == "__main__":
        return os.path.split(os.path.realpath(path))
    for candidate in (path, os.path.realpath(path)):
        directory = _without_module(candidate, module)
        if directory is not None:
            return os.path.realpath(directory), os.path.relpath(candidate, directory)
    # Loaded under a name that its place doesn't give, such as by importlib from a location.
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    while os.path.dirname(directory) != directory and os.path.exists(
        os.path.join(directory, "__init__.py")
    ):
        directory = os.path.dirname(directory)
    return directory, os.path.relpath(path, directory)


def _without_module(path: str, module: str):
    """Return the path without the dotted name's parts at its end, or None if they aren't there."""
    directory, base = os.path.split(path)
    stem = base.partition(".")[0]
    parts = module.split(".")
    if stem != "__init__" and stem != parts.pop():
        return None
    for part in reversed(parts):
        directory, base = os.path.split(directory)
        if base != part:
            return None
    return directory


def _search_path(root: str, directory: str, module: str) -> list:
    found = []
    for place in sys.path:
        if isinstance(place, str) and os.path.isdir(place or "."):
            place = os.path.realpath(place or ".")
            relative = inside(root, place)
            if relative is not None and not is_installed(place):
                found.append(_slashes(relative))
    own = _slashes(inside(root, directory))
    if own not in found:
        found.insert(0 if module == "__main__" else len(found), own)
    return list(dict.fromkeys(found))


def _slashes(path: str) -> str:
    return path.replace(os.sep, "/")
