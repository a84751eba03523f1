"""Running one call: from the frame that asks for it to the frame that answers.

A call is made, runs on the thread that read its frame (or on the worker's event loop, if it's a coroutine), and ends with
one RESULT or ERROR; a generator's items go before, as many as the reader has given credit for.
"""

from __future__ import annotations

import _thread
import sys
import time
import types

from leanto import _calls, _frames, _values
from leanto._frames import ERROR, INITIAL_CREDIT, RESULT, YIELD
from leanto.errors import InvalidRequestError, type_name
from leanto.worker import output, secrets

MAX_EXCEPTION = 64 << 20  # bytes of a pickled exception, which is held and recorded in one piece

_TOO_LARGE = (
    f" (only this text arrived: with what it holds the exception is larger than {MAX_EXCEPTION >> 20} MiB; "
    "return large data, or write it to a file, and raise what names it)"
)
_current = output.current_call
_dumps = _values.dumps
_loads = _values.loads
_pack = _values.pack
_SMALL = _values.SMALL
_finish = output.finish
_get_ident = _thread.get_ident


class Call(output.CallOutput):
    """One call in this worker; `number` is its stream."""

    # What few calls need; set on the call itself when it does.
    cancelled = False
    credit = 0  # how many items may still be sent
    is_run = False
    shared = True  # whether its results may travel in shared memory
    task = None  # of asyncio, for a coroutine
    until = None  # the end of its timeout, in monotonic seconds
    wake = None  # called when credit or a cancel has come for a stream
    running = True

    def __init__(self, number: int) -> None:
        self.number = number
        self.thread = _get_ident()


_changing = (
    _thread.allocate_lock()
)  # held while a call ends or is cancelled, so that a cancel hits no other call


def head_addition(worker: object):
    """Return the function that says in the head of each call from this worker which call makes it, and what time it has."""

    def add(head: bytes) -> bytes:
        call = _current.get()
        if call is None:
            if worker.service is not None and worker.service.target is None:
                raise InvalidRequestError(
                    "a module makes a remote call while it is imported, also in each worker, which would never end; "
                    'put the call under `if __name__ == "__main__":` or into a function'
                )
            return head
        worker.pass_reading_on()  # this thread is about to wait for another call, perhaps of this very worker
        if call.until:
            from leanto import _deadline

            head = _deadline.shorten(head, call.until)
        return _calls.with_parent(head, call.number)

    return add


def run(worker: object, stream: int, head: bytes, body: bytes) -> None:
    """Run the call that a frame asks for, and answer."""
    call = Call(stream)
    worker.running[stream] = call
    token = _current.set(call)
    service = worker.service
    invocation = args = None
    try:
        invocation = service.invocations.get(head)
        if invocation is None:
            invocation = service.prepare(head)
        function, said, is_run, timeout, shared = invocation
        if timeout:
            call.until = time.monotonic() + timeout
        if is_run:
            call.is_run = True
            worker.durable.begin(call)
        if not shared:
            call.shared = False
        args, kwargs = _loads(body) if said is None else _unpack_arguments(body, said)
        value = function(*args, **kwargs)
        if type(value) in _SMALL:
            answer = (b"", _dumps(value, 5), ())
        else:
            begin = _SPECIAL.get(type(value))
            if begin is not None and begin(worker, call, value):
                return  # it goes on elsewhere
            answer = encode(service, value, shared)
    except BaseException as error:
        if args is None and invocation is not None and _is_unreadable(error):
            error = _values.not_rebuilt("an argument", "on the node", error)
        _end_with_error(worker, call, error)
    else:
        _end(worker, call, RESULT, *answer)
    finally:
        _current.reset(token)


def encode(service: object, value: object, shared: bool) -> tuple:
    """Return (head, body, buffers) of a RESULT or YIELD; `shared`: large buffers may lie in shared memory."""
    if value is service.instance and value is not None:
        return _SELF, b"", ()
    if type(value) is Answer:
        return value.head, value.body, ()
    if type(value) is Packed:
        data, buffers = value.pack(value.value, _values.RESULT)
    else:
        data, buffers = _pack(value, shared, _values.RESULT)
    return _values.head_with(b"", data, buffers), data, buffers


class Packed:
    """A result that is packed in a way of its own: by ``pack(value, what)``, which returns (pickle, buffers)."""

    __slots__ = ("pack", "value")

    def __init__(self, value: object, pack: object) -> None:
        self.value = value
        self.pack = pack


class Answer:
    """A result that is said in the head instead of in a value, or whose value has been encoded already."""

    __slots__ = ("body", "head")

    def __init__(self, said: dict) -> None:
        self.head = _frames.encode_head(said)
        self.body = b""

    @classmethod
    def of_body(cls, head: bytes, body: bytes) -> Answer:
        answer = cls.__new__(cls)
        answer.head = head
        answer.body = body
        return answer


_SELF = _frames.encode_head({"self": True})
_STREAM_ENDED = _frames.encode_head({"stream": True})


def _unpack_arguments(body: bytes, said: dict) -> tuple:
    if "file" in said:
        from leanto import _segments

        body = _segments.map_file(said["file"])
    if said.get("data") == "json":
        return (bytes(body),), {}  # json_calls.wrap takes them apart
    return _values.unpack(body, said)


def _end(worker: object, call: Call, type_: int, head: bytes, body: bytes, buffers=()) -> None:
    """Answer, after the call's output: it's the last that is heard of it."""
    if call.cancelled:
        _forget_interrupt(call)
    call.running = False
    number = call.number
    worker.running.pop(number, None)
    _finish(call)
    if call.is_run:
        worker.durable.keep(call, type_, head, body, buffers)
    worker.send(type_, number, head, body, buffers)


def _end_with_error(worker: object, call: Call, error: BaseException) -> None:
    with _changing:
        call.running = False
    head, body = encode_error(worker.service, call, error)
    _end(worker, call, ERROR, head, body)


def _is_unreadable(error: BaseException) -> bool:
    """Whether what was raised by rebuilding the arguments says something of them, and not that memory is full."""
    from leanto.worker import out_of_memory

    return isinstance(error, Exception) and out_of_memory.find_full_device(error) is None


def encode_error(service: object, call: Call | None, error: BaseException) -> tuple:
    """Return (head, body) of the ERROR frame for what a call raised."""
    if call is not None and call.cancelled and _is_interrupt(error):
        return _frames.encode_head({"kind": "cancelled", "message": "the call was cancelled"}), b""
    if (of_json := _kind_of_json_error(error)) is not None:
        return _frames.encode_head({"kind": of_json, "message": _text(error)}), b""
    from leanto.worker import out_of_memory

    device = out_of_memory.find_full_device(error)
    said = {
        "kind": "out_of_memory" if device else "user",
        "type": type_name(type(error)),
        "message": secrets.mask(_text(error)),
        "traceback": secrets.mask(service.format_traceback(error)),
    }
    if device:
        said["device"] = device
    if call is not None and call.is_run:
        said["types"] = [type_name(cls) for cls in type(error).__mro__ if cls is not object]
    body = b""
    if isinstance(error, Exception):  # SystemExit and the like would end the caller's program
        try:
            body = secrets.mask_pickle(_values.pack_whole(error, MAX_EXCEPTION))
        except _values.TooLargeError:
            said["message"] += _TOO_LARGE
        except Exception:
            pass  # the head says it all
    return _frames.encode_head(said), body


def _kind_of_json_error(error: BaseException) -> str | None:
    json_calls = sys.modules.get("leanto.worker.json_calls")
    if json_calls is None or not isinstance(error, json_calls.JsonError):
        return None
    return error.kind


def _is_interrupt(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")
    return isinstance(error, KeyboardInterrupt) or (
        asyncio is not None and isinstance(error, asyncio.CancelledError)
    )


def _text(error: BaseException) -> str:
    try:
        return str(error)[:65536]
    except Exception:
        return "(its text cannot be made)"


# Cancelling


def cancel(worker: object, stream: int) -> None:
    """Interrupt a call: KeyboardInterrupt in its frame, CancelledError in a coroutine, close() in a generator."""
    call = worker.running.get(stream)
    if call is None:
        return
    with _changing:
        if not call.running:
            return
        call.cancelled = True
        if call.task is not None:
            call.task.get_loop().call_soon_threadsafe(call.task.cancel)
        elif call.wake is not None:
            call.wake()
        else:
            _interrupt_thread(call.thread)


def _interrupt_thread(thread: int) -> None:
    import ctypes
    import signal
    import threading

    if thread == threading.main_thread().ident:
        signal.pthread_kill(thread, signal.SIGINT)  # ends a sleep or a read, too
    else:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt)
        )


def _forget_interrupt(call: Call) -> None:
    """The call ended by itself: an interrupt on its way must not hit the next one."""
    import ctypes

    with _changing:
        call.running = False
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(call.thread), None)


def on_interrupt_signal(*_: object) -> None:
    """SIGINT in the main thread: for the call that it runs, if that one is being cancelled."""
    call = _current.get()
    if call is not None and call.running and call.cancelled:
        raise KeyboardInterrupt


# Streams


def grant(worker: object, stream: int, head: bytes) -> None:
    """A reader has room for more items."""
    call = worker.running.get(stream)
    if call is not None and call.wake is not None:
        call.credit += int(_frames.decode_head(head).get("n", 1))
        call.wake()


def _stream_generator(worker: object, call: Call, generator: object) -> bool:
    """Send a generator's items from this thread; another one reads meanwhile."""
    ready = _thread.allocate_lock()

    def wake() -> None:
        try:
            ready.release()
        except RuntimeError:
            pass  # it's awake already

    call.credit = INITIAL_CREDIT
    call.wake = wake
    worker.pass_reading_on()
    try:
        _send_items(worker, call, generator, ready)
    finally:
        close = getattr(generator, "close", None)
        if close is not None:
            close()
    _end(worker, call, RESULT, _STREAM_ENDED, b"")
    return True


def _send_items(worker: object, call: Call, generator: object, ready: object) -> None:
    service = worker.service
    items = iter(generator)
    while True:
        while call.credit <= 0 and not call.cancelled:
            ready.acquire()
        if call.cancelled:
            return
        try:
            item = next(items)
        except StopIteration:
            return
        call.credit -= 1
        send_item(worker, call, service, item)


def send_item(worker: object, call: Call, service: object, item: object) -> None:
    """Send one item of a stream at once, with the output that came before it."""
    head, body, buffers = encode(service, item, call.shared)
    if call.lines is not None:
        call.lines.flush(output.STDOUT)
        call.lines.flush(output.STDERR)
    worker.send(YIELD, call.number, head, body, buffers)
    worker.flush()


def _start_coroutine(worker: object, call: Call, coroutine: object) -> bool:
    from leanto.worker import event_loop

    event_loop.start(worker, call, coroutine)
    return True


def _start_async_generator(worker: object, call: Call, generator: object) -> bool:
    from leanto.worker import event_loop

    event_loop.start(worker, call, event_loop.send_items(worker, call, generator))
    return True


class Items:
    """An iterator whose items are to be streamed, as a generator's are."""

    __slots__ = ("items",)

    def __init__(self, items: object) -> None:
        self.items = items

    def __iter__(self) -> object:
        return iter(self.items)


_SPECIAL = {
    types.GeneratorType: _stream_generator,
    types.CoroutineType: _start_coroutine,
    types.AsyncGeneratorType: _start_async_generator,
    Items: _stream_generator,
}
