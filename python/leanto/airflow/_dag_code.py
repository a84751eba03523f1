"""Functions that stand in a DAG file travel as their text: where they run, there is no Airflow that the file could import."""

from __future__ import annotations

import os
import sys
import types

LOADED_BY_AIRFLOW = (
    "unusual_prefix_"  # how the names of modules begin that no other process can import
)


def is_importable(function: object) -> bool:
    """Whether another process finds it by its module and name, so that it's sent as any function is."""
    name = getattr(function, "__module__", None) or ""
    if name.startswith(LOADED_BY_AIRFLOW) or name == "__main__":
        return False
    found = sys.modules.get(name)
    for part in getattr(function, "__qualname__", "<none>").split("."):
        found = getattr(found, part, None)
    return found is function


def send(function: types.FunctionType, cluster: object, options: dict) -> object:
    """Send a function of a DAG file to a cluster, and return the remote one.

    Its project is that of the DAG file, so it can import what lies there. What it uses of the DAG file goes along: values,
    modules that were imported, and other functions, as text. Raises SnapshotError, which says what is in the way, if something
    can't.
    """
    import leanto as lt
    from leanto import _deploy, _options
    from leanto._functions import RemoteFunction

    typed = as_typed(function)
    entry = _entry_of(typed)
    file = os.path.basename(typed.__code__.co_filename)
    name = f"{entry.project}/{os.path.splitext(file)[0]}.{typed.__name__}"
    options = _options.merge({"name": name}, options)
    services = _deploy.deploy(typed, "function", cluster, options, entry=entry)
    if len(services) > 1:
        raise lt.InvalidRequestError(
            f"@task.leanto takes one node, and {cluster!r} has {len(services)}; move {typed.__name__} into a module and give "
            "it to LeantoOperator"
        )
    return RemoteFunction(services[0], {"v": services[0].version}, options)


def as_typed(function: types.FunctionType) -> types.FunctionType:
    """Return the same function as if it had been typed, together with the plain functions of its file."""
    names = function.__globals__
    typed = {name: value for name, value in names.items() if not name.startswith("__")}
    typed.update(__name__="__main__", __file__=function.__code__.co_filename, __package__=None)
    for name, value in names.items():
        if isinstance(value, types.FunctionType) and value.__globals__ is names:
            typed[name] = _copy(value, typed)
    typed[function.__name__] = _copy(function, typed)
    return typed[function.__name__]


def _copy(function: types.FunctionType, names: dict) -> types.FunctionType:
    copied = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    copied.__doc__ = function.__doc__
    copied.__module__ = "__main__"
    copied.__qualname__ = function.__name__
    return copied


def _entry_of(function: types.FunctionType) -> object:
    from leanto import _project, _roots

    directory = os.path.dirname(os.path.realpath(function.__code__.co_filename))
    root = _roots.find_root(directory)
    search_path = _project._search_path(root, directory, "__main__")
    project = os.path.basename(root) or "root"
    return _project.Entry(
        root, "__main__", None, function.__qualname__, search_path, project, True, True
    )
