"""Loading a callable in a fresh worker process from the workspace that holds its project."""

from __future__ import annotations

import os
import sys

from leanto._handles import local_of

HIDE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class LoadError(Exception):
    """The callable can't be loaded; the text says why, where in the caller's files, what to do.

    ``traceback``: how Python tells it, with the caller's paths, or ``""``. ``kind`` is one of

    - ``"syntax"``: a file of the project isn't Python
    - ``"module"``: the project lacks a module
    - ``"package"``: the interpreter lacks a package
    - ``"name"``: the module has no such callable
    - ``"shadowed"``: another module of that name comes first
    - ``"import"``: the module's own code raised something
    """

    def __init__(self, message: str, kind: str, traceback: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.traceback = traceback


class Source:
    """Where to load from: the fields of `leanto._project.Entry`, ``root`` being only shown.

    ``workspace``: the directory where the root's copy lies here, or None for an installed module.
    ``warmup``: the name of a function that a new worker runs first, or None.
    """

    __slots__ = (
        "file",
        "is_main",
        "module",
        "qualname",
        "root",
        "search_path",
        "warmup",
        "workspace",
    )

    def __init__(
        self, workspace, root, search_path, module, file, qualname, is_main=False, warmup=None
    ):
        self.workspace = workspace
        self.root = root
        self.search_path = search_path
        self.module = module
        self.file = file
        self.qualname = qualname
        self.is_main = is_main
        self.warmup = warmup

    @property
    def path(self):
        """The module's file in the workspace, or None."""
        return os.path.join(self.workspace, self.file) if self.workspace and self.file else None

    def contains(self, path) -> bool:
        """Whether a path lies in the workspace."""
        return bool(path and self.workspace) and path.startswith(self.workspace.rstrip("/") + "/")

    def shown(self, path) -> str:
        """Return a path in the workspace as the caller's own path."""
        from leanto.worker.tracebacks import map_path

        return map_path(path, self.workspace, self.root)


class Loaded:
    """A callable that is ready: ``target``. ``script`` is for `explain_name_error`, or None."""

    __slots__ = ("module", "script", "target")

    def __init__(self, target, module, script):
        self.target = target
        self.module = module
        self.script = script


def load(source: Source, values=None) -> Loaded:
    """Load the callable. The working directory and `sys.path` become the project's.

    `values` are bound in a script's module instead of what the script would do to get them: remote
    handles, by name; or they are code that travelled as text (`leanto.worker.typed.Typed`). Raises
    LoadError.
    """
    if source.workspace is not None:
        enter(source.workspace, source.search_path)
    script = None
    try:
        if values is not None and not isinstance(values, dict):
            if source.path and not source.is_main:
                _import(source)
            return Loaded(values.load(), sys.modules["__main__"], values)
        if source.module == "__main__" and source.path:
            script = _run_script(source, values)
        else:
            _import(source)
    except (KeyboardInterrupt, LoadError):
        raise
    except BaseException as error:  # SystemExit too: a module may parse arguments on import
        raise _explain(source, error) from error
    module = sys.modules[source.module]
    if source.is_main:
        sys.modules["__main__"] = module  # where the caller's pickles look for its classes
    return Loaded(_resolve(source, module, script), module, script)


def enter(workspace: str, search_path) -> None:
    """Make the workspace the working directory and its import roots the first of `sys.path`."""
    import importlib

    os.chdir(workspace)
    places = [os.path.join(workspace, place) if place else workspace for place in search_path]
    sys.path[:] = places + [place for place in sys.path if place not in ("", *places)]
    importlib.invalidate_caches()


def _run_script(source: Source, values):
    from leanto.worker.script import explain_name_error, missing_name, read_script

    sys.argv[:] = [source.path]
    also = [source.warmup.partition(".")[0]] if source.warmup else []
    script = read_script(source.path, source.qualname, values or (), also)
    try:
        script.run(source.path, values)
    except NameError as error:
        why = explain_name_error(script, missing_name(error))
        raise _import_error(source, error, why) from error
    return script


def _import(source: Source) -> None:
    before = sys.modules.get(source.module)
    path = source.path
    try:
        __import__(source.module)
    except ModuleNotFoundError as error:
        is_there = path is not None and os.path.isfile(path)
        if not is_there or not error.name or not _is_user_module(source, error.name):
            raise
        _import_from_file(source)
    module = sys.modules[source.module]
    found = getattr(getattr(module, "__spec__", None), "origin", None)
    if path is None or not found or os.path.realpath(found) == os.path.realpath(path):
        return
    why = "the worker had it imported already" if before is module else "it comes first on sys.path"
    raise LoadError(
        f"{source.shown(path)} can't be imported as {source.module}: that name belongs to "
        f"{source.shown(found)}, {why}; rename the file",
        "shadowed",
    )


def _import_from_file(source: Source) -> None:
    """Import a module that the caller, too, has under a name that its place doesn't give it."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(source.module, source.path)
    if spec is None:
        raise LoadError(
            f"{source.shown(source.path)} is not a kind of file that Python imports", "module"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[source.module]
        raise


def _resolve(source: Source, module, script):
    found = module
    for part in source.qualname.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise _no_such_name(source, module, script) from None
    return local_of(found)


# --- saying what is wrong ---


def _no_such_name(source: Source, module, script) -> LoadError:
    place = source.shown(source.path) if source.path else f"the installed module {source.module}"
    message = f"{place} has no {source.qualname!r}"
    why = script.explain(source.qualname.partition(".")[0]) if script else None
    near = _near_names(module, source.qualname)
    if why:
        message += f" in a worker: {why}"
    elif near:
        message += " (any more); it has: " + ", ".join(near)
    return LoadError(message, "name")


def _near_names(module, qualname: str) -> list:
    """The module's own functions and classes, those with a similar name first, five at most."""
    import difflib

    own = [
        name
        for name, value in list(vars(module).items())
        if callable(value) and getattr(value, "__module__", None) == module.__name__
    ]
    close = difflib.get_close_matches(qualname.partition(".")[0], own, n=5, cutoff=0.5)
    return (close + [name for name in own if name not in close])[:5]


def _explain(source: Source, error: BaseException) -> LoadError:
    if isinstance(error, SyntaxError) and source.contains(error.filename):
        place = f"{source.shown(error.filename)}, line {error.lineno}"
        return LoadError(f"{place}: {error.msg}", "syntax", _traceback(source, error))
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _explain_missing(source, error)
    return _import_error(source, error)


def _explain_missing(source: Source, error) -> LoadError:
    name = error.name
    top = name.partition(".")[0]
    is_ours = _is_user_module(source, name) or _is_in_project(source, top)
    if source.workspace is not None and is_ours:
        places = ", ".join(
            source.shown(place) for place in sys.path if source.contains(place + "/")
        )
        message = (
            f"the project has no module {name!r} (looked in {places}); "
            "if the file is there, is it ignored by .gitignore or .leantoignore?"
        )
        return LoadError(message, "module", _traceback(source, error))
    interpreter = f"the interpreter {sys.executable} on this node"
    message = f"No module named {name!r} in {interpreter}; install it there"
    if source.workspace is not None:
        message += ", or if it is a file of yours: is it ignored by .gitignore or .leantoignore?"
    if top != name and top in sys.modules:
        message = (
            f"No module named {name!r} in {interpreter}, though {top} is there: "
            "is it the same version as yours?"
        )
    return LoadError(message, "package", _traceback(source, error))


def _is_user_module(source: Source, name: str) -> bool:
    return source.module == name or source.module.startswith(name + ".")


def _is_in_project(source: Source, top: str) -> bool:
    places = [os.path.join(place, top) for place in sys.path if source.contains(place + "/")]
    return any(os.path.isdir(place) or os.path.isfile(place + ".py") for place in places)


def _import_error(source: Source, error: BaseException, why=None) -> LoadError:
    from leanto.worker.tracebacks import describe

    place = (
        source.module if source.module != "__main__" else source.qualname
    )  # typed: it has no file
    if source.path:
        place = source.shown(source.path)
    message = f"{place} can't be loaded: {describe(error)}"
    return LoadError(f"{message}\n{why}" if why else message, "import", _traceback(source, error))


def _traceback(source: Source, error: BaseException) -> str:
    from leanto.worker.tracebacks import format_remote

    return format_remote(error, source.workspace, source.root, HIDE)
