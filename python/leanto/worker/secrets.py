"""Secrets in a worker: they are in `os.environ`, and masked in what calls raise. (What is written is masked by the node.)

The node sends them over its socket, so they are in no process's command line and not in what /proc shows of the
environment that this process was started with.
"""

from __future__ import annotations

import os

MASK = "***"
MIN_LINE = 4  # characters of a line of a secret with several lines; less is found everywhere

_values: list = []


def take(encoded: bytes) -> None:
    """Set the variables, a msgpack map, and remember the values."""
    from leanto import _msgpack

    secrets = _msgpack.decode(encoded)
    os.environ.update(secrets)
    texts = set(secrets.values())
    for text in secrets.values():
        if "\n" in text:
            texts.update(line for line in text.split("\n") if len(line) >= MIN_LINE)
    _values[:] = sorted(texts, key=len, reverse=True)


def values() -> list:
    """Return what is to be masked."""
    return list(_values)


def mask(text: str) -> str:
    """Return the text with `***` for each secret in it."""
    for value in _values:
        text = text.replace(value, MASK)
        if "\n" in value or not value.isprintable() or "'" in value or "\\" in value:
            text = text.replace(repr(value)[1:-1], MASK)  # as it stands in an exception's text
    return text


def mask_pickle(data: bytes) -> bytes:
    """Return a pickle with asterisks for each secret in it: as many bytes, so that it stays a pickle."""
    for value in _values:
        encoded = value.encode()
        if encoded in data:
            data = data.replace(encoded, b"*" * len(encoded))
    return data
