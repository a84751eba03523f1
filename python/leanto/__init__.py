"""Leanto sends ordinary Python functions and classes to any compute in one line.

    import leanto as lt

    remote = lt.function(preprocess).to(lt.here)
    data = remote(images, scale=16)

The guide is in the project's docs; `leanto.errors` draws the tree of exceptions.
"""

__version__ = "0.1.0"

from leanto import errors
from leanto._classes import RemoteClass, RemoteObject, cls
from leanto._cluster import Cluster, cluster, here
from leanto._functions import RemoteFunction, function
from leanto.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    CancelledError,
    CapacityError,
    ImageError,
    InvalidRequestError,
    LeantoError,
    NodeError,
    NotFoundError,
    ProtocolError,
    RemoteError,
    SnapshotError,
    TimeoutError,  # noqa: A004 - the word that users look for
    ValueTransportError,
    WorkerDiedError,
)

fn = function
module = cls

__all__ = [
    "AccessDeniedError",
    "AlreadyExistsError",
    "CancelledError",
    "CapacityError",
    "Cluster",
    "ImageError",
    "InvalidRequestError",
    "LeantoError",
    "NodeError",
    "NotFoundError",
    "ProtocolError",
    "RemoteClass",
    "RemoteError",
    "RemoteFunction",
    "RemoteObject",
    "SnapshotError",
    "TimeoutError",
    "ValueTransportError",
    "WorkerDiedError",
    "cls",
    "cluster",
    "errors",
    "fn",
    "function",
    "here",
    "module",
]
