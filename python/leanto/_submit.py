"""Submitting calls, so that they become runs."""

from __future__ import annotations

import os
import sys

from leanto import _deadline, _frames, _msgpack, _nodes, _options, _values
from leanto._frames import ASK
from leanto._run_watch import watch
from leanto._runs import ENDED, Run
from leanto.errors import InvalidRequestError

SUBMISSION = "a submission"
_CALL_KEY = _msgpack.encode("call")
_caller: dict = {}


def submit(callable_: object, args: tuple, kwargs: dict) -> Run:
    """Submit a call; see `Callable.submit`."""
    if callable_._kind in ("generator", "async_generator"):
        raise InvalidRequestError(
            "a generator's items have no place in a run; submit a function that returns a list, or call it and iterate"
        )
    elsewhere = getattr(callable_, "_elsewhere", None)
    if elsewhere is None and _options.is_retrying(callable_._options):
        _refuse_places(callable_)
    node = _nodes.here if elsewhere else callable_._node
    # Shared memory ends with this program or with the node; what goes on record must not.
    if elsewhere:
        from leanto import _places

        data, buffers = _places.pack(args, kwargs)
    else:
        data, buffers = node.pack(args, kwargs, _values.pack_far)
    call = _values.head_with(_deadline.add_time_left(callable_._head), data, buffers)
    if elsewhere:
        places = _places.words(callable_, data, buffers)
        call = _frames.encode_head({**_frames.decode_head(call), **places})
    head = _frames.encode_head({"op": "submit", "caller": _caller_of(callable_)})
    # A map of two pairs becomes one of three: the call's head is encoded already.
    head = bytes((head[0] + 1,)) + head[1:] + _CALL_KEY + call
    # With a key it's the same run, however often the node hears of it.
    key = callable_._options.get("key")
    lost_if = _nodes.UNHEARD if key is None else _nodes.UNANSWERED
    _, _, head, _ = node.converse(ASK, head, data, buffers, lost_if, SUBMISSION)
    said = _frames.decode_head(head)
    run = Run(said["id"], said["key"], said["service"], callable_._value_of, node)
    if said["status"] in ENDED:
        run._settle(said["status"])
    else:
        watch(run)
    return run


def _refuse_places(callable_: object) -> None:
    from leanto import _retry

    if _retry.names_clusters(callable_._options):
        raise InvalidRequestError(
            f"{callable_!r} can't be tried again on another cluster: the state of a live object is where it is; name clusters "
            "for functions"
        )


def call(callable_: object, args: tuple, kwargs: dict) -> object:
    """Make a call that the node may try again: as a run, whose output shows here, and which is cancelled with its caller."""
    run = submit(callable_, args, kwargs)
    try:
        if callable_._options.get("stream_logs") is not False:
            for line in run.logs(follow=True):
                print(line.text, file=sys.stderr if line.stream == "stderr" else sys.stdout)
        return run.result()
    except BaseException:
        if run.status not in ENDED:
            run.cancel("its caller was interrupted")
        raise


async def call_later(callable_: object, args: tuple, kwargs: dict) -> object:
    """The same from an event loop, without the output."""
    run = submit(callable_, args, kwargs)
    try:
        return await run
    except BaseException:
        if run.status not in ENDED:
            run.cancel("its caller was cancelled")
        raise


def _caller_of(callable_: object) -> dict:
    path = callable_._options.get("path")
    return {**say_caller(), "path": path} if path else say_caller()


def say_caller() -> dict:
    """Return who submits, as it goes on record."""
    if _caller.get("pid") != os.getpid():
        import socket

        _caller.update(pid=os.getpid(), host=socket.gethostname(), user=_user())
    return _caller


def _user() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return os.environ.get("USER", "")
