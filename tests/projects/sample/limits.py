"""Functions that say how much time the calls that they make have."""

import asyncio
import time

import leanto as lt
from leanto import _frames, _nodes


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def heads_of_calls(call):
    """Return the heads of the frames that `call` sends, instead of sending them."""
    heads = []

    class Stop(Exception):
        pass

    def converse(self, type_, head, body, buffers=()):
        heads.append(_frames.decode_head(head))
        raise Stop

    real, _nodes.Node.converse = _nodes.Node.converse, converse
    try:
        call()
    except Stop:
        pass
    finally:
        _nodes.Node.converse = real
    return heads


def inner_timeouts(inner, seconds=None):
    """Return the timeouts of calls to `inner` from here."""
    calls = [inner, inner.options(timeout=0.5), inner.options(timeout=10_000)]
    if seconds is None:
        return [heads_of_calls(lambda call=call: call(1))[0].get("timeout") for call in calls]
    with lt.deadline(seconds):
        return inner_timeouts(inner)


async def inner_timeouts_later(inner):
    await asyncio.sleep(0)
    return inner_timeouts(inner)
