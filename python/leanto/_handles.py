"""A module may give a handle the name of what it was made of: `f = lt.function(f).to(lt.here)`, or `@lt.function` above it."""

from __future__ import annotations

_MODULES = ("leanto._functions", "leanto._classes")


def local_of(value: object) -> object:
    """Return the local function or class that a handle was made of, `value` itself if it's none or was got by name."""
    if type(value).__module__ not in _MODULES:
        return value
    from leanto._classes import LocalClass, RemoteClass
    from leanto._functions import Function, RemoteFunction

    if isinstance(value, Function):
        return value._callable
    if isinstance(value, LocalClass):
        return value._cls
    sent = None
    if isinstance(value, RemoteFunction):
        sent = value._sent
    elif isinstance(value, RemoteClass):
        sent = value._leanto[3]
    return value if sent is None else sent[0]
