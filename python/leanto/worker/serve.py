"""A worker: reads calls and runs them.

Every serving thread does the same: whoever holds `_reading` reads one frame, lets go, and runs it; then it tries to read
again. So a call that comes alone costs no hand-over between threads. A spare thread waits on the pass pipe; the node writes
a byte there when a call has been running for a while and nobody has said that he reads (docs/adr/0002), and a call that is about
to wait writes one itself. Whoever gets the byte reads, and makes another spare if he was the last.

Results of calls that came together leave together: they are sent when there is no further frame to take up.
"""

from __future__ import annotations

import _thread
import collections
import os
import signal
import socket
import sys

from leanto import _calls, _deploy, _frames
from leanto._frames import ASK, CALL, CANCEL, CREDIT, HELLO, PIPES, READING, RECORDED
from leanto.errors import ProtocolError
from leanto.worker import calls, output
from leanto.worker.durable import DurableRuns
from leanto.worker.service import Service

MAX_THREADS = 2000
HANDOVER = 0.002  # seconds; who holds the reading for longer is waiting for a frame
SEND_EARLY = 32  # results; so that their callers work while this process does
LEAVE = (
    signal.SIGRTMAX - 5
)  # has the main thread leave; user code and its children keep what SIGTERM does by default
MAX_SPARES = 8  # a thread that finds so many waiting ends
PASS_WRITE = 3  # its place among a worker's descriptors


class Worker:
    """The process: its socket, its serving threads, its service."""

    def __init__(
        self, main: int, side: int, pass_read: int, pass_write: int, output_ends: list
    ) -> None:
        self._sock = socket.socket(fileno=main)
        self._side = socket.socket(fileno=side)
        self._output_ends = output_ends  # what is read of our stdout and stderr; for the next node
        self._pass_read = pass_read
        self._pass_write = pass_write
        self._reader = _frames.FrameReader(self._sock)
        self._reading = _thread.allocate_lock()
        self._sending = _thread.allocate_lock()
        self._counting = _thread.allocate_lock()
        self._out: collections.deque = collections.deque()
        self._taken_up = 0
        self._spares = 0
        self._threads = 1
        self._modules = 0
        self.service: Service | None = None
        self.running: dict = {}  # stream → Call that can be cancelled or given credit
        self.nonce = b""
        self.durable = DurableRuns(None)

    # Sending

    def send(
        self,
        type_: int,
        stream: int,
        head: bytes = b"",
        body: bytes = b"",
        buffers: list | tuple = (),
    ) -> None:
        """Queue a frame; `flush` sends it. Large ones are sent at once."""
        size = len(body)
        if not buffers and size < _frames.CHUNK:
            self._out.append(_frames.header(type_, stream, len(head), size) + head + body)
            return
        size += sum(buffer.nbytes for buffer in buffers)
        with self._sending:
            self._flush_queued()
            self._send_all([_frames.header(type_, stream, len(head), size) + head, body, *buffers])

    def flush(self) -> None:
        """Send what is queued."""
        with self._sending:
            self._flush_queued()

    def _flush_queued(self) -> None:
        out = self._out
        pieces = []
        try:
            while True:
                pieces.append(out.popleft())
        except IndexError:
            pass
        if pieces:
            self._send_all([pieces[0] if len(pieces) == 1 else b"".join(pieces)])

    def _send_all(self, pieces: list) -> None:
        """That the node is gone is noticed where frames are read."""
        try:
            for piece in pieces:
                self._sock.sendall(piece)
        except OSError:
            pass

    def register_pipes(self, call: object, out_fd: int, err_fd: int) -> None:
        """Hand the read ends of a call's own output pipes to the node."""
        try:
            self._send_pipes(call.number, (out_fd, err_fd))
        finally:
            if getattr(call, "is_run", False):
                call.pipe_ends = (out_fd, err_fd)  # for the next node
            else:
                os.close(out_fd)
                os.close(err_fd)

    def _send_pipes(self, stream: int, ends: tuple) -> None:
        socket.send_fds(self._side, [stream.to_bytes(4, "little")], ends)
        self.send(PIPES, stream)
        self.flush()

    # The next node

    def ends_for_node(self) -> list:
        """Return the descriptors that a node has of a worker, besides the sockets: pass pipe, stdout, stderr."""
        return [self._pass_write, *self._output_ends]

    def go_on_with(self, main: socket.socket, side: socket.socket, known: set) -> None:
        """Serve the next node, which knows the calls `known`; others are given up. With the reading held."""
        for stream in self.durable.others(known):
            calls.cancel(self, stream)
            self.durable.forget(stream)
        with self._sending:
            self._sock.close()
            self._side.close()
            self._out.clear()  # to a node that is gone
            self._sock, self._side = main, side
            self._reader.restart(main)
            self._taken_up = 0
        for stream in sorted(known):
            call = self.running.get(stream)
            ends = getattr(call, "pipe_ends", None)
            if ends and call.running:
                self._send_pipes(stream, ends)
            outcome = self.durable.outcome(stream)
            if outcome is not None:
                self.send(*outcome)
        self.flush()

    # Serving

    def serve(self, passed: bool = False) -> None:
        """What each serving thread does, until the node goes away or the process ends.

        `passed`: it was called to read by a byte in the pass pipe, because calls are long just now.
        """
        reading, reader = self._reading, self._reader
        while True:
            taken_up = self._taken_up
            if not (reading.acquire(True, HANDOVER) if passed else reading.acquire(False)):
                if passed:
                    self._say_reading(taken_up)  # whoever has read for so long goes on doing so
                self.flush()
                self._wait_for_pass()
                self.flush()  # results that wait behind a call which turned out to be long
                passed = True
                continue
            try:
                frame = reader.next_buffered()
                if frame is None:
                    if passed:
                        passed = False
                        self._say_reading(self._taken_up)
                    self.flush()
                    frame = reader.read()
                elif len(self._out) >= SEND_EARLY:
                    self.flush()
                if frame[0] == CALL:
                    self._taken_up += 1
            except (EOFError, OSError, ProtocolError):
                if self.durable and _finds_next_node(self):
                    continue
                self._leave()
                return
            finally:
                reading.release()
            self._handle(frame)

    def _serve_as_spare(self) -> None:
        """What a new thread does. It was counted as a spare when it was made, so that there is one at all times."""
        self._read_pass()
        self.flush()
        self.serve(passed=True)

    def _handle(self, frame: tuple) -> None:
        type_, stream, head, body = frame
        try:
            if type_ == CALL:
                calls.run(self, stream, head, body)
                if len(sys.modules) != self._modules:
                    self._report_imports()
            elif type_ == CREDIT:
                calls.grant(self, stream, head)
            elif type_ == CANCEL:
                calls.cancel(self, stream)
            elif type_ == RECORDED:
                self.durable.forget(stream)
            elif type_ == ASK:
                self._answer(_frames.decode_head(head), body)
            elif type_ != HELLO:
                raise ProtocolError(f"a worker was sent a frame of type {type_}")
        except KeyboardInterrupt:
            pass  # meant for a call that has ended meanwhile

    def pass_reading_on(self) -> None:
        """Let another thread read, because this one is about to wait or to run for long."""
        try:
            os.write(self._pass_write, b"p")
        except BlockingIOError:
            pass  # there is plenty in it

    def _wait_for_pass(self) -> None:
        """Be a spare thread until a byte comes; ends the thread if there are plenty."""
        with self._counting:
            if self._spares >= MAX_SPARES and _thread.get_ident() != _main_thread:
                self._threads -= 1
                _thread.exit()
            self._spares += 1
        self._read_pass()

    def _read_pass(self) -> None:
        os.read(self._pass_read, 1)
        with self._counting:
            self._spares -= 1
        self._make_spare()

    def _make_spare(self) -> None:
        with self._counting:
            if self._spares > 0 or self._threads >= MAX_THREADS:
                return
            self._threads += 1
            self._spares += 1
        _start_thread(self._serve_as_spare)

    def _say_reading(self, taken_up: int) -> None:
        self.send(READING, 0, _frames.encode_head({"n": taken_up}))
        self.flush()

    def _leave(self) -> None:
        """The node is gone, or wants this worker gone: end as a program ends, so that files are flushed."""
        if self.durable:
            os._exit(1)  # nobody waits for them any more, and another attempt may begin
        if _thread.get_ident() == _main_thread:
            raise SystemExit(0)
        signal.pthread_kill(_main_thread, LEAVE)

    # The service

    def start(self) -> None:
        """Serve with this thread and one spare."""
        self._modules = len(sys.modules)
        self._make_spare()
        self.serve()

    def _answer(self, words: dict, body: bytes) -> None:
        if words["op"] == "load":
            self._load(words, body)
            return
        from leanto.worker import reload

        self.pass_reading_on()  # importing takes a while, and calls go on meanwhile
        reload.run(self, words, body)
        self._report_imports()
        self.flush()

    def _load(self, words: dict, body: bytes) -> None:
        self.service = Service(words)
        self.service.load(self, body)
        self._report_imports()
        self.flush()

    def _report_imports(self) -> None:
        self._modules = len(sys.modules)
        modules = self.service.new_third_party_modules()
        if modules:
            self.send(_frames.IMPORTS, 0, _frames.encode_head({"modules": modules}))


_main_thread = 0


def _start_thread(target) -> None:
    _thread.start_new_thread(target, ())


def _finds_next_node(worker: Worker) -> bool:
    from leanto.worker import rejoin

    return rejoin.find_next_node(worker)


def main(descriptors: list[int], nonce: bytes, lifeline: object = None) -> None:
    """Be a worker from here on; called in a process that was just forked. Does not return."""
    global _main_thread
    _main_thread = _thread.get_ident()
    main_fd, side, pass_read, pass_write, out, err, *output_ends = descriptors
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.set_blocking(pass_write, False)
    worker = Worker(main_fd, side, pass_read, pass_write, output_ends)
    worker.nonce = bytes(nonce)
    worker.durable = DurableRuns(lifeline)
    output.install(nonce, worker.register_pipes)
    signal.signal(LEAVE, _on_leave_signal)
    signal.signal(signal.SIGINT, calls.on_interrupt_signal)
    _reseed()
    _calls.in_worker = True
    _calls.additions.append(calls.head_addition(worker))
    _deploy.sent_from = None
    os.register_at_fork(after_in_child=lambda: _close_in_child(worker))
    _work_and_exit(worker)


def _work_and_exit(worker: Worker) -> None:
    """Serve until it's time to leave, and end the process.

    Each thread that finds the node gone asks the main thread to leave, so that may come again at any moment, also here.
    However it does, the interpreter must not end in its own way: threads that vanish then may hold the locks of our output.
    """
    code = 0
    try:
        code = _work(worker)
    finally:
        os._exit(code)


def _work(worker: Worker) -> int:
    global _is_leaving
    code = 0
    try:
        worker.start()
    except SystemExit:
        pass
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    _is_leaving = True
    import atexit

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


_is_leaving = False


def _on_leave_signal(*_: object) -> None:
    if not _is_leaving:
        sys.exit(0)


def _close_in_child(worker: Worker) -> None:
    """A process that user code forks must not hold the worker's connections open."""
    worker._sock.close()
    worker._side.close()
    for descriptor in (worker._pass_read, worker._pass_write, *worker._output_ends):
        os.close(descriptor)
    if worker.durable.lifeline is not None:
        worker.durable.lifeline.close_in_child()
    _be_main_thread()
    if signal.getsignal(signal.SIGINT) is calls.on_interrupt_signal:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _be_main_thread() -> None:
    """The thread that forked is the child's main thread. Up to Python 3.12 `threading` can't end a process whose main
    thread it has not started itself: a child of `multiprocessing` would end with 1.
    """
    threading = sys.modules.get("threading")
    thread = threading.main_thread() if threading is not None else None
    if getattr(thread, "_tstate_lock", thread) is None:
        thread._set_tstate_lock()


def _reseed() -> None:
    """Workers of one zygote must not draw the same numbers; Python's own generator sees to itself."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()
