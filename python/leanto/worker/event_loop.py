"""The worker's one event loop: all coroutines of its service run there, side by side."""

from __future__ import annotations

import asyncio
import contextvars
import threading

from leanto._frames import INITIAL_CREDIT, RESULT
from leanto.worker import calls

_loop: asyncio.AbstractEventLoop | None = None
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

    loop.call_soon_threadsafe(begin, context=context)


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
        worker.flush()
    except OSError:
        pass  # the node is gone, which the reading thread notices too


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
