"""Each call gets exactly the output that it wrote.

Several calls may run at once in a worker, on threads and on one asyncio loop, and they share one
`sys.stdout` and one pair of descriptors. The daemon owns the other ends of the pipes that are fd 1
and fd 2 here and reads them always. `sys.stdout` and `sys.stderr` are replaced by streams that ask
the context variable `current_call` who writes, and put each piece of text into the pipe of fd 1 as
a *record* (src/wire/output_records.h): one atomic write that names the call and the stream.

What is told apart, however many calls overlap:

* what Python code writes through `sys.stdout` and `sys.stderr` (also `.buffer`, `logging`,
  `warnings`, tracebacks), in the thread of the call, in its asyncio tasks, in threads that it
  starts by `threading.Thread`, and in what it hands to a `ThreadPoolExecutor`;
* what its children write: `subprocess`, `os.system`, `os.popen`, `os.posix_spawn`, `os.spawn*`,
  `os.fork`, asyncio's subprocesses, `multiprocessing` by fork and by spawn. The first child makes
  a pair of pipes for the call, and from then on the text of the call itself goes into its out pipe
  too, so that the order holds. Between a child's own stdout and stderr it does not.

What is not, so that the daemon gives it to the one call that runs, and else to the service's log:

* what C code in the worker prints (`printf`, `std::cout`), `os.write(1, ...)`, faulthandler;
* children that C code starts by itself (uvloop's, `system(3)`), children of a call that has ended
  or of no call, and those of `multiprocessing`'s fork server.

What lives long belongs to the call that started it, whoever gives it work later: a process pool, a
`multiprocessing.pool.ThreadPool`, a thread. What `_thread.start_new_thread` starts belongs to none.

`contextlib.redirect_stdout` and a `dup2` onto fd 1 or 2 work and, as everywhere, concern the whole
process. Streams are line-buffered, for each call and thread apart, so that the lines of threads
stay whole. `close()` only flushes, since other calls go on writing. A worker that is killed loses
at most unfinished lines.
"""

from __future__ import annotations

import _thread
import fcntl
import os
from contextvars import ContextVar

NONCE_SIZE = 16
RECORD_SIZE = 4096  # PIPE_BUF: a longer write to a pipe is not atomic
TEXT_SIZE = RECORD_SIZE - NONCE_SIZE - 7
LINE_SIZE = 3072  # an unfinished line longer than this is not waited for
STDOUT = 1
STDERR = 2

_HIGH_FD = 200  # our own descriptors lie above, out of the way of code that reuses low numbers


class CallOutput:
    """What this module knows about one call; a call object may derive from it.

    Threads that outlive the call keep it, so it should hold nothing large.
    """

    # Of the class, because most calls never change them.
    lines = None  # made when something is written
    ended = False

    def __init__(self, number):
        self.number = number  # 1 to 2**32 - 1, unique among the calls that this worker runs


# Who writes. The serving thread or coroutine sets it to a CallOutput before user code runs and
# resets it after; None is the service itself.
current_call: ContextVar = ContextVar("leanto_call", default=None)


class Process:
    """Where the output of this process goes; there is one, `process`."""

    def __init__(self):
        self.prepared = False
        self.nonce = b""  # empty until install(): text goes to fd 1 and 2 as it is
        self.record_fd = -1  # what fd 1 was at install(), kept from a dup2 of user code
        self.pipes = ()  # which files fd 1 and fd 2 were, as (device, inode)
        self.register_pipes = None  # hands pipes to the daemon; None in forked children
        self.service = CallOutput(0)  # who writes when current_call is None
        self.owners = set()  # the Lines that have pipes of their own

    def owns(self, fd):
        """Whether fd 1 or 2 is still one of the daemon's pipes, or closed, and not redirected."""
        try:
            status = os.fstat(fd)
        except OSError:
            return True
        return (status.st_dev, status.st_ino) in self.pipes


process = Process()
_making_lines = _thread.RLock()
_flush_c = None
_c_stdout = None


def install(nonce, register_pipes):
    """Turns records on, once, in a worker whose fd 1 and 2 are the daemon's pipes.

    `nonce` are the daemon's 16 random bytes for this worker. `register_pipes(call, out_fd, err_fd)`
    is called when a call starts its first process: it hands the two read ends to the daemon and
    closes them, also when it raises OSError; that child then writes to fd 1 and 2. The daemon
    empties the pipes of fd 1 and 2 before it reads from the new ones. ValueError: a wrong nonce.
    """
    if len(nonce) != NONCE_SIZE:
        raise ValueError(f"install output: the nonce has {len(nonce)} bytes, not {NONCE_SIZE}")
    prepare()
    process.record_fd = _high(os.dup(STDOUT))
    process.pipes = (_identity(STDOUT), _identity(STDERR))
    process.register_pipes = register_pipes
    process.nonce = bytes(nonce)


def prepare():
    """All of install() that can be done in the zygote, before anything of the user is imported."""
    if process.prepared:
        return
    process.prepared = True
    from leanto.worker import output_hooks, output_streams  # not above: they build on this module

    output_streams.replace_streams()
    output_hooks.install_hooks()


def prepare_c_stdio():
    """Makes C's stdout line-buffered and lets finish() flush it; for the zygote, before it forks.

    To a pipe C writes in blocks, so that the last lines would wait for the end of the process. It
    needs ctypes (4 ms), and does nothing where that is missing.
    """
    global _c_stdout, _flush_c
    try:
        import ctypes

        # PyDLL keeps the GIL: giving it up would cost each call more than the flush.
        c = ctypes.PyDLL(None)
        stdout = ctypes.c_void_p.in_dll(c, "stdout")
        c.setvbuf(stdout, None, 1, ctypes.c_size_t(0))  # 1 is _IOLBF
        c.fflush.argtypes = [ctypes.c_void_p]
    except (ImportError, OSError, ValueError, AttributeError):
        return
    _flush_c, _c_stdout = c.fflush, stdout


def finish(call):
    """Sends what a call has not yet sent and closes its pipes; before its result goes out.

    What threads left behind by the call write later still names it, without pipes of its own.
    """
    if _flush_c is not None:
        _flush_c(_c_stdout)
    call.ended = True
    if call.lines is not None:
        call.lines.end()


def flush_c_stdout():
    """Before a child is forked: it must not inherit, and write again, what C has buffered."""
    if _flush_c is not None:
        _flush_c(_c_stdout)


def lines_of(call):
    """The lines of a call, made on first use; None is the service."""
    if call is None:
        call = process.service
    if call.lines is None:
        with _making_lines:
            if call.lines is None:
                call.lines = Lines(call.number)
        if call.ended:  # finish() saw no lines, so that nobody else will end these
            call.lines.end()
    return call.lines


class Lines:
    """The unfinished lines of one call and, once it has started a process, its own pipes."""

    __slots__ = ("busy", "ended", "lock", "number", "pending", "pipes")

    def __init__(self, number):
        self.number = number
        self.lock = _thread.RLock()  # reentered by signal handlers, finalizers and fork hooks
        self.busy = False  # a put() is under way, and a second one in it keeps off `pending`
        self.ended = False
        self.pending = {}  # (stream, thread) → the unfinished line
        self.pipes = None  # write ends (out, err)

    def put(self, stream, data):
        """Adds bytes, and sends all up to the last end of a line."""
        with self.lock:
            if self.busy or self.ended:
                self.send(stream, data)
                return
            self.busy = True
            try:
                writer = (stream, _thread.get_ident())
                data = self.pending.pop(writer, b"") + data
                cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
                if len(data) - cut > LINE_SIZE:
                    cut = whole_characters(data, len(data))
                if cut < len(data):
                    self.pending[writer] = data[cut:]
                if cut:
                    self.send(stream, data[:cut])
            finally:
                self.busy = False

    def flush(self, stream):
        """Sends the unfinished line that this thread has in one stream."""
        with self.lock:
            self._flush((stream, _thread.get_ident()))

    def flush_all(self):
        """Sends the unfinished lines of all threads."""
        with self.lock:
            for writer in list(self.pending):
                self._flush(writer)

    def _flush(self, writer):
        if not self.busy:
            data = self.pending.pop(writer, None)
            if data:
                self.send(writer[0], data)

    def send(self, stream, data):
        """Writes bytes out; with the lock held."""
        if not process.nonce or not process.owns(stream):
            write_fully(stream, data)
            return
        fd = self.pipes[0] if self.pipes else process.record_fd
        try:
            for record in records(process.nonce, self.number, stream, data):
                write_fully(fd, record)
        except BrokenPipeError:
            pass  # the daemon is gone, which is no fault of the code that prints

    def own_pipes(self, call):
        """The pipes (out, err) for a process that the call starts; None: it inherits fd 1 and 2."""
        with self.lock:
            self.flush_all()
            if not self.pipes and not self.ended and process.register_pipes and call is not None:
                self.pipes = _make_pipes(call)
                if self.pipes:
                    process.owners.add(self)
            return self.pipes

    def end(self):
        """Flushes, and closes the call's own pipes."""
        with self.lock:
            self.flush_all()
            self.ended = True  # first, so that a child forked in between leaves the pipes alone
            self.close_pipes()

    def close_pipes(self):
        pipes, self.pipes = self.pipes, None
        process.owners.discard(self)
        for fd in pipes or ():
            os.close(fd)


def after_fork_in_child():
    """In a forked child: all it writes belongs to the call that forked, fd 1 and 2 included."""
    global _making_lines
    call = current_call.get() or process.service
    _making_lines = _thread.RLock()
    process.register_pipes = None
    process.service.lines = None
    for lines in [lines for lines in process.owners if lines is not call.lines]:
        lines.lock = _thread.RLock()
        lines.close_pipes()
    if call.lines is None:
        return
    # What the parent hasn't finished is the parent's to send, and its locks may be held by threads
    # that do not exist here.
    call.lines.lock = _thread.RLock()
    call.lines.busy = False
    call.lines.pending = {}
    if call.lines.pipes and not call.lines.ended:
        _become_child_of(call)


def _become_child_of(call):
    pipes = call.lines.pipes
    redirected = [stream for stream in (STDOUT, STDERR) if process.owns(stream)]
    for stream in redirected:
        os.dup2(pipes[stream - 1], stream)
    os.dup2(pipes[0], process.record_fd, inheritable=False)
    process.pipes = (_identity(pipes[0]), _identity(pipes[1]))
    process.service = call


def records(nonce, number, stream, data):
    """Yields the records that carry `data`, split between UTF-8 characters where it is UTF-8."""
    prefix = nonce + number.to_bytes(4, "little") + bytes((stream,))
    start = 0
    while start < len(data):
        end = start + TEXT_SIZE
        end = whole_characters(data, end) if end < len(data) else len(data)
        yield prefix + (end - start).to_bytes(2, "little") + data[start:end]
        start = end


def whole_characters(data, end):
    """`end`, less the first bytes of a UTF-8 character that goes on behind it."""
    for back in range(1, min(4, end + 1)):
        byte = data[end - back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return end if size <= back else end - back
    return end


def write_fully(fd, data):
    """Writes all bytes, also where a child has made the pipe non-blocking for everybody."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            import select

            waiting = select.poll()
            waiting.register(fd, select.POLLOUT)
            waiting.poll()


def _make_pipes(call):
    fds = []
    try:
        fds += os.pipe()
        fds += os.pipe()
        writers = [_high(fds.pop(1)), _high(fds.pop(2))]
    except OSError:
        _close(fds)
        return None
    try:
        process.register_pipes(call, *fds)
    except OSError:
        _close(writers)
        return None
    return tuple(writers)


def _close(fds):
    for fd in fds:
        os.close(fd)


def _high(fd):
    """Moves a descriptor up, or leaves it where the limit on descriptors is low."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH_FD)
    except OSError:
        return fd
    os.close(fd)
    return high


def _identity(fd):
    status = os.fstat(fd)
    return status.st_dev, status.st_ino
