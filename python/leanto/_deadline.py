"""Deadlines: a time that all calls of a block share.

A call that is made while a deadline holds gets what is left as its timeout, unless its own is shorter. In a worker the
timeout of the call that runs there is such a deadline, so what that calls in turn can't outlast it.
"""

from __future__ import annotations

import time
from contextvars import ContextVar, Token

from leanto import _calls, _frames, _options
from leanto.errors import InvalidRequestError, TimeoutError  # noqa: A004

_until: ContextVar = ContextVar("leanto_deadline", default=None)  # monotonic seconds


class Deadline:
    """Give all calls of a block one time to end in: seconds, or text like ``"30m"``.

        with lt.deadline("30m"):
            data = preprocess(images)
            train(data)  # has the time that is left

    A call that goes over it ends with TimeoutError, as with ``.options(timeout=)``, and so does one that is made afterwards.
    Runs that are submitted in the block have what is left at that moment. A deadline in another one only shortens it. Threads
    that the block starts don't have it; tasks of an event loop do. Raises InvalidRequestError for a time that makes no sense.

    >>> with lt.deadline("30s"):
    ...     lt.function(count_words).to(lt.here)("to be")
    counting
    2
    >>> with lt.deadline(0.1):
    ...     lt.function(rest).to(lt.here)(10)
    Traceback (most recent call last):
    leanto.errors.TimeoutError: the call of documented/story.rest took longer than its timeout of ...
    """

    def __init__(self, limit: float | str) -> None:
        self._seconds = _options.seconds(limit)
        if not 0 < self._seconds < 1e9:
            raise InvalidRequestError(
                f"a deadline of {limit!r} makes no sense; give a positive number of seconds, or text like '30m'"
            )
        self._tokens: list[Token] = []

    def __enter__(self) -> Deadline:
        if add_time_left not in _calls.additions:
            _calls.additions.append(add_time_left)
        until = time.monotonic() + self._seconds
        outer = _until.get()
        self._tokens.append(_until.set(until if outer is None else min(until, outer)))
        return self

    def __exit__(self, *_: object) -> None:
        _until.reset(self._tokens.pop())


deadline = Deadline


def add_time_left(head: bytes) -> bytes:
    """Return the head with what is left as its timeout. Raises TimeoutError if nothing is."""
    until = _until.get()
    return head if until is None else shorten(head, until)


def shorten(head: bytes, until: float) -> bytes:
    """Return the head with a timeout that ends at `until`, in monotonic seconds, or earlier."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline was over before the call was made")
    said = _frames.decode_head(head)
    if said.get("timeout") is not None and said["timeout"] <= left:
        return head
    # `left` tells the worker that the head is no other call's.
    return _frames.encode_head({**said, "timeout": left, "left": True})
