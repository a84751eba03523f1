"""What the adapters for orchestrators have in common: a call under a key that names the orchestrator's task, whose lines go
to the task's log, and which ends with the task. Imported by an adapter; `import leanto` doesn't.

The orchestrator's process may be killed at any point. Its next one submits the same call under the same key, and so finds the
run that goes on or has succeeded; one that failed, was cancelled or lost is followed by another, under KEY#2, KEY#3, ...
"""

from __future__ import annotations

from leanto import _node
from leanto._runs import ENDED, Run, run
from leanto.errors import KeyConflictError, LeantoError, NotFoundError

MAX_ATTEMPTS = 1000  # runs under one key
PATIENCE = 2  # seconds that a question for lines waits: how late an orchestrator's thread may hear that it's to end
LOST_IN_A_ROW = 5  # failures of the log stream, after which only the outcome is waited for


def submit(callable_: object, args: tuple, kwargs: dict, key: str) -> Run:
    """Submit the call under `key`, and return its run: the one that is there, unless it ended in vain.

    A run under the key that goes on or succeeded is the answer if it's the same call. One that ended otherwise, or that was
    another call (its code or arguments have changed) and has ended, is followed by a new one. Raises KeyConflictError for another
    call that still goes on, and what `Callable.submit` does.
    """
    for number in range(1, MAX_ATTEMPTS + 1):
        numbered = key if number == 1 else f"{key}#{number}"
        try:
            submitted = callable_.options(key=numbered).submit(*args, **kwargs)
        except KeyConflictError:
            if run(numbered).status not in ENDED:
                raise
            continue
        if submitted._final in ("", "succeeded"):
            return submitted
    raise KeyConflictError(
        f"{MAX_ATTEMPTS} runs under the key {key!r} have ended in vain; `leanto runs` lists them. "
        "Begin anew in the orchestrator, so that its task has another id"
    )


def find(key: str) -> Run | None:
    """Return the newest run under `key`, KEY#2, ..., whatever its call; None if there is none or it ended in vain."""
    found = None
    for number in range(1, MAX_ATTEMPTS + 1):
        try:
            found = run(key if number == 1 else f"{key}#{number}")
        except NotFoundError:
            break
    if found is None or found.status not in ("queued", "running", "unknown", "succeeded"):
        return None
    return found


def follow(followed: Run, write: object, warn: object, offset: int = 0) -> None:
    """Call `write(line)` for each `Line` from `offset` on until the run ends; ``followed.seen`` says how far that came.

    A stream that breaks goes on where it was, and after some failures `warn(text)` is called and it ends: it never raises for the
    stream's sake, nor for what `write` raises. `warn` is also told of attempts that the node made after another failed.
    """
    followed.seen = offset
    followed._log_wait = PATIENCE
    attempts = _Attempts(followed, warn)
    failures = 0
    while failures < LOST_IN_A_ROW:
        try:
            for line in followed.logs(follow=True, offset=followed.seen):
                attempts.look_at(line)
                write(line)
                failures = 0
            attempts.look()
            return
        except Exception as error:
            failures += 1
            why = error
            _node.pause(0.1 * failures)
    _warn(warn, f"the log of {followed.id} is shown no further: {why}; the run goes on")


class _Attempts:
    """Says once of each attempt why the one before it failed, when its first line comes or all is over."""

    def __init__(self, followed: Run, warn: object) -> None:
        self._run = followed
        self._warn = warn
        self._said = 1
        self._looked = 0.0

    def look_at(self, line: object) -> None:
        """Ask the node, if it's a second later in the run than when it was last asked."""
        if line.time - self._looked >= 1:
            self._looked = line.time
            self.look()

    def look(self) -> None:
        try:
            attempts = self._run.record()["attempts"]
        except LeantoError:
            return
        while self._said < len(attempts):
            before, attempt = attempts[self._said - 1 : self._said + 1]
            self._said += 1
            _warn(self._warn, _say_attempt(before, attempt, self._said))


def _say_attempt(before: dict, attempt: dict, number: int) -> str:
    error = before["error"] or {}
    what = error.get("type") or error.get("kind") or before["outcome"]
    message = (error.get("message") or "").partition("\n")[0]
    memory = attempt.get("memory_limit")
    bigger = f" with {memory / 1e6:,.0f} MB" if memory != before.get("memory_limit") else ""
    return f"attempt {number - 1} failed ({what}: {message}); attempt {number} runs{bigger}"


def call(
    callable_: object,
    args: tuple,
    kwargs: dict,
    key: str,
    write: object,
    warn: object,
    begun: object = None,
) -> object:
    """Submit and attend. Whenever this is interrupted, the run is cancelled."""
    try:
        submitted = submit(callable_, args, kwargs, key)
    except Exception:
        raise
    except BaseException:
        submitted = find(key)  # whether the node has heard of it isn't known here
        if submitted is not None:
            end(submitted, warn, "its task was interrupted")
        raise
    return attend(submitted, write, warn, begun)


def attend(attended: Run, write: object, warn: object, begun: object = None) -> object:
    """Follow the run until it ends and return its value, or raise what it raised. If this is interrupted, it's cancelled, also in
    ``begun(attended)``, which is called first."""
    try:
        if begun is not None:
            begun(attended)
        follow(attended, write, warn)
        return attended.result()
    except BaseException as error:
        end(attended, warn, f"its task ended: {type(error).__name__}")
        raise


async def attend_later(attended: Run, write: object, warn: object) -> object:
    """The same in an event loop, which is never blocked."""
    import asyncio

    try:
        following = _in_thread(follow, attended, write, warn)
        value = await attended
        await asyncio.wrap_future(following)
        return value
    except BaseException as error:
        end(attended, warn, f"its task ended: {type(error).__name__}")
        raise


async def call_later(
    callable_: object, args: tuple, kwargs: dict, key: str, write: object, warn: object
) -> object:
    """Submit and attend in an event loop, which is never blocked. Whenever this is cancelled, the run is."""
    import asyncio

    submitting = _in_thread(submit, callable_, args, kwargs, key)
    try:
        submitted = await asyncio.shield(asyncio.wrap_future(submitting))
    except asyncio.CancelledError:
        submitting.add_done_callback(
            lambda it: it.exception() or end(it.result(), warn, "its task was cancelled")
        )
        raise
    return await attend_later(submitted, write, warn)


def _in_thread(called: object, *args: object) -> object:
    """Return the future of a call in a thread of its own: those of the loop's pool are few, and a log is followed for long."""
    import concurrent.futures
    import contextvars
    import threading

    future: concurrent.futures.Future = concurrent.futures.Future()
    context = contextvars.copy_context()  # by which orchestrators know whose log it is

    def work() -> None:
        try:
            future.set_result(context.run(called, *args))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="leanto run", daemon=True).start()
    return future


def end(ended: Run, warn: object, reason: str) -> None:
    """Cancel the run unless it has ended; a node that can't be reached is only said."""
    if ended._final:
        return
    try:
        ended.cancel(reason)
    except LeantoError as error:
        _warn(warn, f"the run {ended.id} could not be cancelled, and goes on: {error}")


def reference(referred: Run) -> dict:
    """Return what stands for the run's value in an orchestrator's database: words that JSON takes. `run_of` gives the run."""
    return {"leanto_run": referred.id, "service": referred.service, "key": referred.key}


def run_of(reference: dict) -> Run:
    """Return the run of a `reference`; its ``result()`` is the value. Raises NotFoundError if it isn't kept any more."""
    return run(reference["leanto_run"])


def _warn(warn: object, text: str) -> None:
    try:
        warn(text)
    except Exception:
        pass  # a logger that fails must not fail the task
