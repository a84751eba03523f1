"""What can go wrong, as exceptions.

    LeantoError
    ├── InvalidRequestError (ValueError)   the request makes no sense
    ├── ProtocolError                      bytes that are not Leanto's protocol, or of another version
    ├── NotFoundError (KeyError)           no such service, object or key
    ├── AlreadyExistsError                 the name is taken
    ├── KeyConflictError                   a run's key stands for another run already
    ├── CapacityError                      nobody can offer what was asked, or a bound was reached
    ├── WorkerDiedError                    the process that ran the call is gone
    ├── OutOfMemoryError (MemoryError)     the process went over its memory limit, or an allocation failed in it
    ├── TimeoutError (builtins.TimeoutError)
    ├── CancelledError
    ├── SnapshotError                      the source tree cannot travel
    ├── ImageError                         the environment cannot be made
    ├── AccessDeniedError (PermissionError)
    ├── NodeLostError                      a node can't be reached, or ended while the run ran
    ├── NodeError                          the node on this machine cannot be started or reached
    ├── ValueTransportError (TypeError)    a value cannot be pickled, or not unpickled over there
    └── RemoteError                        user code raised something that cannot be rebuilt here

The user's own exception is raised as its own class; the text of the remote traceback is its ``__cause__``.
"""

from __future__ import annotations

import builtins


class LeantoError(Exception):
    """The root of what the infrastructure raises, as opposed to the user's own code.

    ``unheard`` is True where the node can't have heard of what was asked, so that it may be asked elsewhere.

    >>> issubclass(lt.WorkerDiedError, lt.LeantoError)
    True
    """

    unheard = False


class InvalidRequestError(LeantoError, ValueError):
    """The request makes no sense; the message says which part and what would.

    >>> lt.function(count_words).options(timeout="soon")
    Traceback (most recent call last):
    leanto.errors.InvalidRequestError: 'soon' is not a duration; write a number of seconds, or text like '90s', '30m', '6h'
    """


class ProtocolError(LeantoError):
    """A peer speaks something else, or another version."""


class NotFoundError(LeantoError, KeyError):
    """There is no service, object or key of that name.

    >>> lt.here.get("nothing")
    Traceback (most recent call last):
    leanto.errors.NotFoundError: there is no object named 'nothing'
    """

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return Exception.__str__(self)


class AlreadyExistsError(LeantoError):
    """The name is taken.

    >>> first = lt.cls(Counter).to(lt.here).options(name="taken")()
    >>> lt.cls(Counter).to(lt.here).options(name="taken")()
    Traceback (most recent call last):
    leanto.errors.AlreadyExistsError: there is an object named 'taken' already; get it with .get('taken') or ...
    """


class KeyConflictError(LeantoError):
    """A run's key stands for a run with other arguments, or of another version; the message shows both.

    >>> count = lt.function(count_words).options(key="othello").to(lt.here)
    >>> run = count.submit("to be")
    >>> count.submit("not to be")
    Traceback (most recent call last):
    leanto.errors.KeyConflictError: the key 'othello' stands for the run ...
    """


class CapacityError(LeantoError):
    """Nobody can offer what was asked, or a bound was reached; the message lists who was asked.

    >>> lt.function(count_words).options(memory="1000TB").to(lt.here)("to be")
    Traceback (most recent call last):
    leanto.errors.CapacityError: documented/story.count_words asks for 1000 TB of memory in each worker, and this node has ...
    """


class WorkerDiedError(LeantoError):
    """The process that ran the call is gone.

    ``signal`` is the number of the signal that ended it or None, ``exit_code`` its exit code or None,
    ``last_lines`` the last lines that the call wrote.

    >>> try:
    ...     lt.function(leave).to(lt.here)(3)
    ... except lt.WorkerDiedError as error:
    ...     print(error.exit_code, error.signal, error.last_lines)
    3 None []
    """

    signal: int | None = None
    exit_code: int | None = None
    last_lines: list[str] = []


class OutOfMemoryError(LeantoError, MemoryError):
    """There was not enough memory.

    Either the call's process went over its limit, and is gone: then ``limit`` is the limit in bytes, ``peak`` the most
    that was used (None where the kernel doesn't say) and ``last_lines`` the last lines that the call wrote. Or an
    allocation failed in user code, and the process lives on: then ``limit`` and ``peak`` are None, and the user's own
    exception, a MemoryError or one of a GPU's library, is the ``__cause__``. ``device`` is "cpu" or "gpu".

    It's no WorkerDiedError: a larger machine helps against this one, and trying again doesn't.

    >>> try:
    ...     lt.function(fill).options(memory="100MB").to(lt.here)(1000)
    ... except lt.OutOfMemoryError as error:
    ...     print(error.limit)
    100000000
    """

    limit: int | None = None
    peak: int | None = None
    device: str = "cpu"
    last_lines: list[str] = []


class TimeoutError(LeantoError, builtins.TimeoutError):  # noqa: A001 - the word that users look for
    """The call took longer than its timeout.

    >>> lt.function(rest).options(timeout=0.1).to(lt.here)(10)
    Traceback (most recent call last):
    leanto.errors.TimeoutError: the call of documented/story.rest took longer than its timeout of 0.1 s
    """


class CancelledError(LeantoError):
    """The call was cancelled.

    >>> run = lt.function(rest).to(lt.here).submit(10)
    >>> run.cancel("not needed")
    True
    >>> run.result()
    Traceback (most recent call last):
    leanto.errors.CancelledError: ...not needed...
    """


class SnapshotError(LeantoError):
    """The source tree, or a callable in it, cannot travel; the message names the file and the way out.

    >>> lt.function(Counter().add).to(lt.here)
    Traceback (most recent call last):
    leanto.errors.SnapshotError: Counter.add can't be sent: it is a method bound to an instance; send the class Counter, ...
    """


class ImageError(LeantoError):
    """The environment that a service needs cannot be made.

    >>> lt.function(count_words).options(image=lt.Image().run("false"), stream_logs=False).to(lt.here)
    Traceback (most recent call last):
    leanto.errors.ImageError: the image cannot be built: step 1 of 1, `false`, failed with exit code 1...
    """


class AccessDeniedError(LeantoError, PermissionError):
    """The caller lacks the right."""


class NodeLostError(LeantoError):
    """A node can't be reached, or it ended while the run ran: then whether its code has done its work is not known."""


class NodeError(LeantoError):
    """The node on this machine cannot be started or reached."""


class ValueTransportError(LeantoError, TypeError):
    """A value cannot be pickled, or cannot be rebuilt on the other side.

    >>> import threading
    >>> lt.function(join).to(lt.here)("to", threading.Lock())
    Traceback (most recent call last):
    leanto.errors.ValueTransportError: a value cannot be pickled (argument 2: lock): ...
    """


class RemoteError(LeantoError):
    """User code raised an exception that cannot be rebuilt here.

    ``type_name`` is the dotted name of its class, ``text`` what ``str`` gave, ``traceback`` the remote traceback.

    >>> try:
    ...     lt.function(give_up).to(lt.here)()
    ... except lt.RemoteError as error:
    ...     print(error.type_name, error.text)
    SystemExit 2
    """

    def __init__(self, type_name: str, text: str, traceback: str) -> None:
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name = type_name
        self.text = text
        self.traceback = traceback

    def __reduce__(self):
        return RemoteError, (self.type_name, self.text, self.traceback)


class RemoteTraceback(Exception):
    """The text of a remote traceback, as the ``__cause__`` of the exception that it belongs to."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return "\n\n" + self.text.rstrip()


def type_name(cls: type) -> str:
    """Return the dotted name of an exception's class, as errors and retries say it; those of Python itself have no module."""
    name = cls.__qualname__
    return name if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{name}"


# The names of the error table in src/base/error.h, tests/python/test_errors.py compares them.
BY_KIND = {
    "internal": LeantoError,
    "invalid": InvalidRequestError,
    "protocol": ProtocolError,
    "not_found": NotFoundError,
    "already_exists": AlreadyExistsError,
    "key_conflict": KeyConflictError,
    "capacity": CapacityError,
    "worker_died": WorkerDiedError,
    "out_of_memory": OutOfMemoryError,
    "timeout": TimeoutError,
    "cancelled": CancelledError,
    "snapshot": SnapshotError,
    "image": ImageError,
    "access_denied": AccessDeniedError,
    "node_lost": NodeLostError,
    "not_acceptable": ValueTransportError,
}
