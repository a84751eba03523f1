"""Hearing of runs that end: one thread of this process for each node, which asks by a long poll.

A run is told by its `_settle`, in that thread.
"""

from __future__ import annotations

import concurrent.futures
import os
import selectors
import socket
import threading
import time

from leanto import _connection, _frames, _node, _nodes
from leanto._frames import ASK, ERROR, RESULT
from leanto.errors import LeantoError, NodeLostError

BATCH = 100  # ids that one question asks for
WAIT = 30  # seconds that the node keeps a question
TAKEN_DOWN_PAUSE = 0.5  # seconds between two looks whether a node is up again
LONGEST_PAUSE = 5.0  # seconds between two attempts to reach a node that can't be reached
LOOK_EVERY = 1.0  # seconds between two looks whether a machine is still reached
GIVE_UP = 60.0  # seconds; the link, which ends first, has been given up for as long before
MANY = 1000  # runs; with more, a pause before each further question lets ends gather

_watchers: dict = {}  # the state directory of the node here, and the node → its watcher
_watching = threading.Lock()


def watch(run: object) -> Watcher | None:
    """Have the run told when it ends, by the watcher that is returned; None: it has ended."""
    if run.done():
        return None
    directory = "" if run.node.is_direct else _node.state_directory()
    key = (directory, run.node)
    with _watching:
        watcher = _watchers.get(key)
        if watcher is None:
            watcher = _watchers[key] = Watcher(*key)
        watcher.add(run)
        return watcher


def wait_while_reached(run: object, watcher: Watcher) -> None:
    """Wait until the run has ended. Raises NodeLostError when its machine has not been reached for a while."""
    while True:
        try:
            return concurrent.futures.Future.result(run, LOOK_EVERY)
        except concurrent.futures.TimeoutError:
            if not watcher.has_given_up():
                continue
        raise NodeLostError(
            f"{run.node.name} has not been reached for a while, so whether the run {run.id} of {run.service} has ended "
            f"is not known; it may go on there. Ask again later: lt.run({run.key or run.id!r}).result(), with a "
            "timeout= to wait for longer"
        )


class Watcher:
    """A thread with a connection of its own, which asks the node for runs that have ended. It ends when none is left."""

    def __init__(self, directory: str, node: object) -> None:
        self._directory = directory
        self._node = node
        self._runs: dict = {}  # id → the runs of that id here
        self._new: list = []
        self._was_answered = False
        self._silent_since: float | None = None
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._wake_read.setblocking(False)
        threading.Thread(target=self._work, name="leanto-runs", daemon=True).start()

    def add(self, run: object) -> None:
        """Called with `_watching` held."""
        known = self._runs.setdefault(run.id, [])
        if any(other is run for other in known):
            return
        known.append(run)
        if len(known) == 1:
            self._new.append(run.id)
            try:
                self._wake_write.send(b"w")
            except BlockingIOError:
                pass  # there is plenty in it

    def has_given_up(self) -> bool:
        """Whether a node on another machine has not been reached for `GIVE_UP` seconds. It's still looked for."""
        since = self._silent_since
        return self._node.is_far and since is not None and time.monotonic() - since > GIVE_UP

    def _work(self) -> None:
        failures = 0
        unheard = 0  # conversations in a row; a node on another machine is reached for each
        while True:
            try:
                sock = self._connect()
            except (OSError, LeantoError):
                self._note_silence()
                failures += 1
                _node.pause(min(0.02 * failures, 1.0))
                continue
            failures = 0
            try:
                with sock:
                    self._converse(sock)
                return
            except (OSError, EOFError, LeantoError):
                unheard = 0 if self._was_answered else unheard + 1
                self._was_answered = False
                self._note_silence()
                _node.pause(min(0.01 * 2 ** min(unheard, 10), LONGEST_PAUSE))
                while self._was_taken_down():
                    _node.pause(TAKEN_DOWN_PAUSE)

    def _note_silence(self) -> None:
        if self._silent_since is None:
            self._silent_since = time.monotonic()

    def _was_taken_down(self) -> bool:
        """Whether somebody has ended the node on another machine: then who waits for its runs doesn't start it again."""
        if (
            not self._node.is_far
            or self._node.is_direct
            or _node.state_directory() != self._directory
        ):
            return False
        try:
            said, _ = _nodes.here.ask("node_state", node=self._node.name)
        except LeantoError:
            return False
        return said["state"] in ("down", "stopping") and "error" not in said

    def _connect(self):
        """A node that crashed is started again; one that was stopped has taken its socket away, and is waited for."""
        if self._node.is_direct:
            return self._node.connect()
        try:
            return _node._connect(self._directory)
        except ConnectionRefusedError:
            if _node.state_directory() == self._directory:
                _node.start(self._directory)
            return _node._connect(self._directory)

    def _converse(self, sock) -> None:
        if not self._node.is_direct:
            sock.sendall(self._node.preface() + _connection.hello_frame(self._node.is_far))
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            self._ask_on(sock, selector)

    def _ask_on(self, sock, selector) -> None:
        reader = _frames.FrameReader(sock)
        asked: dict = {}  # stream → ids
        stream = 0
        with _watching:
            ids, self._new = list(self._runs), []
        while True:
            for at in range(0, len(ids), BATCH):
                stream += 1
                asked[stream] = ids[at : at + BATCH]
                head = _frames.encode_head({"op": "run_wait", "ids": asked[stream], "wait": WAIT})
                sock.sendall(_frames.frame(ASK, stream, head))
            if self._is_finished():
                return
            frame = reader.next_buffered()
            if frame is None:
                # Of what TLS has taken from the socket already nobody else says that it's there.
                ready = (
                    {sock} if _is_pending(sock) else {key.fileobj for key, _ in selector.select()}
                )
                if self._wake_read in ready:
                    self._wake_read.recv(4096)
                if sock in ready:
                    frame = reader.read()
            ids = self._take_new()
            if frame is not None and frame[1] in asked:
                ids += self._on_answer(asked.pop(frame[1]), *frame)

    def _take_new(self) -> list:
        with _watching:
            new, self._new = self._new, []
        return new

    def _is_finished(self) -> bool:
        with _watching:
            if self._runs:
                return False
            if _watchers.get((self._directory, self._node)) is self:
                del _watchers[self._directory, self._node]
        self._wake_read.close()
        self._wake_write.close()
        return True

    def _on_answer(self, ids: list, type_: int, stream: int, head: bytes, body: bytes) -> list:
        """Tell the runs that have ended; return the ids that are still to be asked for."""
        said = _frames.decode_head(head)
        if type_ == ERROR:
            _node.pause(1.0)
            return ids
        if type_ != RESULT:
            return []
        self._was_answered = True
        self._silent_since = None
        ended = {row["id"]: row["status"] for row in said["ended"]}
        ended.update((id_, "unknown") for id_ in said["unknown"])
        for id_, status in ended.items():
            with _watching:
                runs = self._runs.pop(id_, [])
            for run in runs:
                run._settle(status)
        left = [id_ for id_ in ids if id_ not in ended]
        if len(self._runs) > MANY:
            _node.pause(0.005)
        return left


def _is_pending(sock) -> bool:
    pending = getattr(sock, "pending", None)
    return pending is not None and pending() > 0


def _forget_after_fork() -> None:
    """The thread is the parent's; a run that the child waits for gets one of the child's."""
    global _watching
    _watching = threading.Lock()
    _watchers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
