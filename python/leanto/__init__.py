"""Leanto sends ordinary Python functions and classes to any compute in one line.

    import leanto as lt

    remote = lt.function(preprocess).to(lt.here)
    data = remote(images, scale=16)

The guide is docs/guide of the project; `leanto.errors` draws the tree of exceptions.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:  # the same names for editors and type checkers
    from leanto import errors
    from leanto._classes import RemoteClass, cls
    from leanto._classes import cls as module
    from leanto._cluster import Cluster, here
    from leanto._compute import cluster, offers
    from leanto._deadline import deadline
    from leanto._functions import RemoteFunction, function
    from leanto._functions import function as fn
    from leanto._image import Image, Secret
    from leanto._machines import CommandResult
    from leanto._objects import RemoteObject
    from leanto._remote_values import RemoteValue
    from leanto._retry import MoreMemory, Retry, bigger
    from leanto._runs import Run, run, runs
    from leanto.errors import (
        AccessDeniedError,
        AlreadyExistsError,
        CancelledError,
        CapacityError,
        ImageError,
        InvalidRequestError,
        KeyConflictError,
        LeantoError,
        NodeError,
        NodeLostError,
        NotFoundError,
        OutOfMemoryError,
        ProtocolError,
        RemoteError,
        SnapshotError,
        TimeoutError,  # noqa: A004 - the word that users look for
        ValueTransportError,
        WorkerDiedError,
    )

_HOMES = {
    "Cluster": "_cluster",
    "CommandResult": "_machines",
    "Image": "_image",
    "MoreMemory": "_retry",
    "RemoteClass": "_classes",
    "RemoteFunction": "_functions",
    "RemoteObject": "_objects",
    "RemoteValue": "_remote_values",
    "Retry": "_retry",
    "Run": "_runs",
    "Secret": "_image",
    "bigger": "_retry",
    "cls": "_classes",
    "cluster": "_compute",
    "deadline": "_deadline",
    "fn": "_functions",
    "function": "_functions",
    "here": "_cluster",
    "module": "_classes",
    "offers": "_compute",
    "run": "_runs",
    "runs": "_runs",
}
_ALIASES = {"fn": "function", "module": "cls"}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that programs and workers pay only for what they use."""
    import importlib

    if name == "errors" or name.endswith("Error"):
        errors = importlib.import_module("leanto.errors")
        value = errors if name == "errors" else getattr(errors, name, None)
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"leanto.{_HOMES[name]}"), _ALIASES.get(name, name))
    else:
        value = None
    if value is None:
        raise AttributeError(f"module 'leanto' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list:
    return sorted({*globals(), *__all__})


__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "CancelledError",
    "CapacityError",
    "Cluster",
    "CommandResult",
    "Image",
    "ImageError",
    "InvalidRequestError",
    "KeyConflictError",
    "LeantoError",
    "MoreMemory",
    "NodeError",
    "NodeLostError",
    "NotFoundError",
    "OutOfMemoryError",
    "ProtocolError",
    "RemoteClass",
    "RemoteError",
    "RemoteFunction",
    "RemoteObject",
    "RemoteValue",
    "Retry",
    "Run",
    "Secret",
    "SnapshotError",
    "TimeoutError",
    "ValueTransportError",
    "WorkerDiedError",
    "bigger",
    "cls",
    "cluster",
    "deadline",
    "errors",
    "fn",
    "function",
    "here",
    "module",
    "offers",
    "run",
    "runs",
]
