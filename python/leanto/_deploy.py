"""Sending: what the node needs to know to run a callable, and what it answers."""

from __future__ import annotations

import sys

from leanto import _finding, _nodes, _options
from leanto.errors import InvalidRequestError

MAX_AT_ONCE = 32  # nodes that are sent to at the same time

# Set in a worker: (workspace directory, the caller's root, version), so that what user code sends from there belongs to
# the project that it came from.
sent_from = None


class Service:
    """A callable under a name, at a version, on a node; `describe` says what its code offers."""

    __slots__ = ("describe", "name", "node", "version")

    def __init__(self, node: _nodes.Node, name: str, version: str, describe: dict) -> None:
        self.node = node
        self.name = name
        self.version = version
        self.describe = describe

    def __reduce__(self) -> tuple:
        return Service, (self.node, self.name, self.version, self.describe)


def deploy(
    callable_: object,
    kind: str,
    cluster: object,
    options: dict,
    keep_state: bool = False,
    entry: object = None,
) -> list[Service]:
    """Send `callable_` to each node of `cluster`; `kind` is "function" or "class", `entry` says where its code lies if that
    isn't to be found out."""
    from leanto import _project
    from leanto._cluster import Cluster

    if not isinstance(cluster, Cluster):
        raise InvalidRequestError(
            f".to() takes a cluster, like lt.here or lt.cluster('here'), not {cluster!r}"
        )
    nodes = cluster._all_nodes
    entry = entry or _project.locate(callable_, sent_from and sent_from[0])
    words = {
        "kind": kind,
        "name": (options.get("name") if kind == "function" else None) or entry.default_name,
        "project": entry.project,
        "module": entry.module,
        "qualname": entry.qualname,
        "python": cluster.python,
        "is_main": entry.is_main,
        "settings": _options.settings_words(options),
    }
    if keep_state:
        words["keep_state"] = True
    if entry.root is not None:
        words.update(root=entry.root, search_path=list(entry.search_path))
        if entry.file is not None:
            words["file"] = entry.file
        if sent_from is not None and entry.root == sent_from[0]:
            from leanto.worker.service import describe

            words.update(root=sent_from[1], snapshot_of=sent_from[2], describe=describe(callable_))
        if entry.is_main and entry.module != "__main__":
            # Run by `python -m`: what comes back says the module's real name, which is this one.
            sys.modules.setdefault(entry.module, sys.modules["__main__"])
    body = b""
    with _nodes.PackingFor(nodes[0] if nodes[0].is_direct else None):
        if entry.is_text or _is_assigned(callable_, entry):
            body = _text_of(callable_, entry)
        elif entry.root is not None and entry.module == "__main__":
            body = _handles_by_name(callable_, entry)
    if options.get("image") is not None:
        from leanto._image import add_to_deploy

        body = add_to_deploy(options["image"], words, entry.root, body)
        if options.get("stream_logs") is False:
            words["log"] = False
    if len(nodes) == 1:
        return [_send(nodes[0], words, body)]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(nodes), MAX_AT_ONCE)) as threads:
        return list(threads.map(lambda node: _send(node, words, body), nodes))


def with_path(options: dict, cluster: object) -> dict:
    """Return the options of what was sent to `cluster`: with the path of its choice, which its runs have on record."""
    others = {name: value for name, value in options.items() if name != "path"}
    return {**others, "path": cluster._path} if cluster._path else others


def _send(node: _nodes.Node, words: dict, body: bytes) -> Service:
    if node.is_direct:
        from leanto import _send_code

        head = _send_code.deploy(node, words, body)
    else:
        if node.is_far:
            words = {**words, "to": node.name}
        head, _ = _nodes.here.ask("deploy", body, **words)
    return Service(node, head["name"], head["v"], head["describe"])


def lookup(name: str, kind: str) -> Service:
    """Return the newest service of that name, here or on a cluster that is up. Raises NotFoundError."""
    node, (head, _) = _finding.find(lambda node: node.ask("lookup", name=name, kind=kind))
    return Service(node, name, head["v"], head["describe"])


def _is_assigned(callable_: object, entry: object) -> bool:
    """Whether a script's name for it is that of a variable: a lambda or a closure, which only running the script would make."""
    if entry.module != "__main__" or "<" not in getattr(callable_, "__qualname__", ""):
        return False
    from leanto import _sources

    return not _sources.defines(sys.modules["__main__"].__dict__.get("__file__"), entry.qualname)


def _text_of(callable_: object, entry: object) -> bytes:
    """What has no name that another process could find it by travels as its source and what that needs."""
    from leanto import _typed
    from leanto.errors import SnapshotError

    main = sys.modules["__main__"].__dict__
    names = getattr(callable_, "__globals__", main)
    try:
        return _typed.pack(callable_, names if names.get("__name__") == "__main__" else main)
    except _typed.CannotTravel as error:
        raise SnapshotError(f"{entry.qualname} can't be sent: {error}") from None


def _handles_by_name(callable_: object, entry: object) -> bytes:
    """The script's own remote functions, classes and objects travel as values: making them again would send them again."""
    import os
    import pickle
    from importlib.util import decode_source

    from leanto._classes import RemoteClass, RemoteObject
    from leanto._cluster import Cluster
    from leanto._functions import RemoteFunction
    from leanto.worker.script import needed_names

    names = sys.modules["__main__"].__dict__
    handles = (RemoteFunction, RemoteClass, RemoteObject, Cluster)
    found = {name: value for name, value in names.items() if isinstance(value, handles)}
    if not found:
        return b""
    with open(os.path.join(entry.root, entry.file), "rb") as file:
        needed = needed_names(decode_source(file.read()), entry.qualname)
    return pickle.dumps({name: value for name, value in found.items() if name in needed}, 5)
