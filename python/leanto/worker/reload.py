"""Keeping state: new code under a live instance.

It goes in two steps, so that of several objects all are swapped or none. `prepare` imports the project's modules anew,
from the workspace of the new version, checks that the instance can take its new class, and leaves everything as it was;
`commit` puts the new code in its place. Calls that run go on with the functions that they are in.
"""

from __future__ import annotations

import os
import sys

from leanto import _frames
from leanto._frames import ERROR, RESULT
from leanto.worker import loader, secrets, service, tracebacks

HEAP_TYPE = 1 << 9  # of a type's __flags__: made by a class statement
HOOK = "__leanto_reload__"


class Refused(Exception):
    """The instance can't take the new code; the text says why. `traceback`: of the user's code, if that raised."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class Code:
    """A version as it is in place: what `import` finds, where, and what the service calls."""

    __slots__ = ("main", "modules", "path", "script", "target", "words")

    def __init__(self, words: dict, target: object, script: object) -> None:
        self.words = words
        self.target = target
        self.script = script
        self.modules = project_modules(words["workspace"])
        self.main = sys.modules.get("__main__")
        self.path = list(sys.path)

    def take_away(self) -> None:
        """Have no module of it be found any more."""
        for name in self.modules:
            sys.modules.pop(name, None)
        workspace = self.words["workspace"]
        sys.path[:] = [place for place in self.path if not is_below(place, workspace)]

    def put_in_place(self) -> None:
        sys.modules.update(self.modules)
        if self.main is not None:
            sys.modules["__main__"] = self.main
        sys.path[:] = self.path


def project_modules(workspace: str) -> dict:
    """Return the imported modules that lie in a workspace, without `__main__`."""
    found = {}
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *_package_path(module)]
        if name != "__main__" and any(is_below(place, workspace) for place in places):
            found[name] = module
    return found


def _package_path(module: object) -> list:
    try:
        return list(getattr(module, "__path__", ()))
    except Exception:  # a lazy module of somebody's, which is none of the project's
        return []


def is_below(path: object, directory: str) -> bool:
    directory = directory.rstrip("/")
    return isinstance(path, str) and (path == directory or path.startswith(directory + "/"))


def run(worker: object, words: dict, body: bytes) -> None:
    """Do a step that the node asks for, and answer."""
    try:
        said = _STEPS[words["step"]](worker.service, words, body)
    except (Refused, loader.LoadError) as error:
        answer(worker, str(error), error.traceback)
    except BaseException as error:
        answer(worker, tracebacks.describe(error), worker.service.format_traceback(error))
    else:
        worker.send(RESULT, 0, _frames.encode_head(said))


def answer(worker: object, message: str, traceback: str = "") -> None:
    said = {
        "kind": "invalid",
        "message": secrets.mask(message),
        "traceback": secrets.mask(traceback),
    }
    worker.send(ERROR, 0, _frames.encode_head(said))


def prepare(held: service.Service, words: dict, body: bytes) -> dict:
    """Import the new code, check, and put the old one back. Raises Refused or LoadError."""
    if held.instance is None:
        raise Refused("it is still being made; try again")
    if not (held.words.get("workspace") and words.get("workspace")):
        raise Refused("its code doesn't lie in a file of a project")
    old, directory = Code(held.words, held.target, held.script), os.getcwd()
    old.take_away()
    try:
        loaded = loader.load(service.source_of(words), service.read_body(body))
        held.prepared = new = Code(words, loaded.target, loaded.script)
        check(held.instance, old.target, new.target)
    except BaseException:
        held.prepared = None
        raise
    finally:
        for name in project_modules(words["workspace"]):
            del sys.modules[name]
        old.put_in_place()
        os.chdir(directory)
    return {}


def commit(held: service.Service, words: dict, body: bytes) -> dict:
    """Put the prepared code in place; return what it offers. When the hook raises, the old code is back, and so does this."""
    new, held.prepared = held.prepared, None
    old = Code(held.words, held.target, held.script)
    put(held, old, new)
    try:
        hook = getattr(type(held.instance), HOOK, None)
        if hook is not None:
            hook(held.instance, old.words["version"])
    except BaseException as error:
        message = f"{HOOK} raised {tracebacks.describe(error)}"
        refused = Refused(message, held.format_traceback(error))  # whose paths are the new code's
        put(held, new, old)
        raise refused from None
    held.former_workspaces.append(old.words["workspace"])
    return {"describe": service.describe(held.target), "cls": held.target.__qualname__}


def put(held: service.Service, out: Code, into: Code) -> None:
    """Replace one version's code by another's. Raises Refused, and then nothing has changed."""
    from leanto import _deploy

    try:
        object.__setattr__(held.instance, "__class__", into.target)
    except TypeError as error:
        raise Refused(f"its class can't be replaced: {error}") from None
    out.take_away()
    into.put_in_place()
    words = into.words
    if os.getcwd() == os.path.realpath(out.words["workspace"]):
        os.chdir(words["workspace"])
    held.words, held.target, held.script = words, into.target, into.script
    held.invocations.clear()
    _deploy.sent_from = (words["workspace"], words["root"], words["version"])


def abort(held: service.Service, words: dict, body: bytes) -> dict:
    """Forget what was prepared."""
    held.prepared = None
    return {}


_STEPS = {"prepare": prepare, "commit": commit, "abort": abort}


# Whether a class can take the place of another


def check(instance: object, old: type, new: object) -> None:
    """Raise Refused if `instance` can't become one of `new`; looks at the types only."""
    if type(instance) is not old:
        raise Refused(
            f"it's an instance of {type(instance).__qualname__}, and not of {old.__qualname__} itself"
        )
    if not isinstance(new, type):
        raise Refused(f"{old.__qualname__} is no class any more")
    for cls in (old, new):
        if not cls.__flags__ & HEAP_TYPE:
            raise Refused(f"{cls.__qualname__} is a type made in C")
    if slots_of(old) != slots_of(new):
        raise Refused(
            f"the __slots__ of {new.__qualname__} have changed: they were {shown(slots_of(old))} and are "
            f"{shown(slots_of(new))}"
        )
    if bases_in_c(old) != bases_in_c(new):
        raise Refused(
            f"what {new.__qualname__} builds on has changed: it was {shown(bases_in_c(old))} and is "
            f"{shown(bases_in_c(new))}"
        )
    if layout_of(old) != layout_of(new):
        raise Refused(f"instances of {new.__qualname__} have another layout in memory now")
    if service.kind_of(getattr(new, HOOK, None)) not in (None, "function"):
        raise Refused(f"{HOOK} must be an ordinary method, not a coroutine or generator")
    try_on_another(old, new)


def slots_of(cls: type) -> list:
    """Return the names of a class's slots, those of its bases first."""
    names = []
    for base in reversed(cls.__mro__):
        slots = vars(base).get("__slots__", ()) if base.__flags__ & HEAP_TYPE else ()
        names += sorted([slots] if isinstance(slots, str) else slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def bases_in_c(cls: type) -> list:
    return sorted(base.__qualname__ for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE)


def layout_of(cls: type) -> tuple:
    return (
        cls.__basicsize__,
        cls.__itemsize__,
        bool(cls.__dictoffset__),
        bool(cls.__weakrefoffset__),
    )


def shown(names: list) -> str:
    return ", ".join(name for name in names if name != "object") or "none"


def try_on_another(old: type, new: type) -> None:
    """Let an empty instance change its class, where one can be made that nobody notices."""
    classes = {*old.__mro__, *new.__mro__}
    if any("__del__" in vars(cls) for cls in classes):
        return
    try:
        probe = object.__new__(old)
    except TypeError:  # a base that is made in C has instances of its own making
        return
    try:
        object.__setattr__(probe, "__class__", new)
    except TypeError as error:
        raise Refused(f"its class can't be replaced: {error}") from None
