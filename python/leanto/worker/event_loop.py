"""The worker's one event loop: all coroutines of its service run there, side by side."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import threading

from leanto._frames import INITIAL_CREDIT, RESULT
from leanto.worker import calls
from leanto.worker.serve import SEND_EARLY

_loop: asyncio.AbstractEventLoop | None = None
_to_begin: collections.deque = collections.deque()  # of (context, function), for the loop's thread
_is_woken = False  # whether the loop will look there
_unsent = 0  # answers since the last flush
_starting = threading.Lock()


def start(worker: object, call: calls.Call, coroutine: object) -> None:
    """Run `coroutine` as the rest of `call` and answer when it's done; returns at once."""
    loop = _running_loop()
    context = contextvars.copy_context()  # in it, the current call is this one

    def begin() -> None:
        task = loop.create_task(coroutine)
        call.task = task
        if call.cancelled:
            task.cancel()
        task.add_done_callback(lambda done: _answer(worker, call, done))

    _to_begin.append((context, begin))
    if not _is_woken:
        _wake(loop)


def _wake(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop begin what waits. Once for many: each wake-up gives the interpreter away, which takes long to get back."""
    global _is_woken
    _is_woken = True
    loop.call_soon_threadsafe(_begin_all, context=contextvars.Context())


def _begin_all() -> None:
    global _is_woken
    _is_woken = False  # first: what comes from now on wakes again
    while True:
        try:
            context, begin = _to_begin.popleft()
        except IndexError:
            return
        context.run(begin)


def _answer(worker: object, call: calls.Call, task: asyncio.Task) -> None:
    try:
        try:
            value = task.result()
            answer = (
                (RESULT, value.head, value.body)
                if type(value) is calls.Answer
                else (RESULT, *calls.encode(worker.service, value, call.shared))
            )
        except BaseException as error:
            calls._end_with_error(worker, call, error)
        else:
            calls._end(worker, call, *answer)
        _flush_soon(worker)
    except OSError:
        pass  # the node is gone, which the reading thread notices too


def _flush_soon(worker: object) -> None:
    """Send the answers of all that ends in the same round of the loop together: who waits for many is woken once."""
    global _unsent
    _unsent += 1
    if _unsent == 1:
        _loop.call_soon(_flush, worker)
    elif _unsent % SEND_EARLY == 0:
        worker.flush()


def _flush(worker: object) -> None:
    global _unsent
    _unsent = 0
    worker.flush()


async def send_items(worker: object, call: calls.Call, generator: object) -> calls.Answer:
    """Send what an asynchronous generator yields, as far as there is credit."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    call.credit = INITIAL_CREDIT
    call.wake = lambda: loop.call_soon_threadsafe(ready.set)
    try:
        while True:
            while call.credit <= 0:
                ready.clear()
                if call.credit <= 0:
                    await ready.wait()
            try:
                item = await generator.__anext__()
            except StopAsyncIteration:
                break
            call.credit -= 1
            calls.send_item(worker, call, worker.service, item)
    finally:
        await generator.aclose()
    return calls.Answer({"stream": True})


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _starting:
        if _loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(
                target=loop.run_forever, name="leanto event loop", daemon=True
            )
            # It outlives the call that starts it and serves all: it belongs to none.
            contextvars.Context().run(thread.start)
            _loop = loop
        return _loop
