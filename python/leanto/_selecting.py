"""Event loops that can't be told of sockets, as the default one on Windows: a thread looks at the socket, and tells the loop."""

from __future__ import annotations

import select
import socket
import threading


class Selecting:
    """Looks at one socket for one loop, with the methods that other loops have for it. Ends with the last callback."""

    def __init__(self, loop: object) -> None:
        self._loop = loop
        self._sock = None
        self._callbacks: dict = {}  # "r" or "w" → what is called when the socket is ready for that
        self._armed: set = set()  # what is looked at; not while a callback is on its way
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)

    def add_reader(self, sock, callback) -> None:
        self._add("r", sock, callback)

    def add_writer(self, sock, callback) -> None:
        self._add("w", sock, callback)

    def remove_reader(self, sock) -> None:
        self._remove("r")

    def remove_writer(self, sock) -> None:
        self._remove("w")

    def _add(self, what: str, sock, callback) -> None:
        with self._lock:
            is_first = self._sock is None
            self._sock = sock
            self._callbacks[what] = callback
            self._armed.add(what)
        if is_first:
            threading.Thread(target=self._work, name="leanto-socket", daemon=True).start()
        self._wake()

    def _remove(self, what: str) -> None:
        with self._lock:
            self._callbacks.pop(what, None)
            self._armed.discard(what)
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"w")
        except OSError:
            pass  # there is plenty in it, or the thread has ended

    def _work(self) -> None:
        try:
            while True:
                with self._lock:
                    if not self._callbacks:
                        return
                    reads = [self._sock] if "r" in self._armed else []
                    writes = [self._sock] if "w" in self._armed else []
                readable, writable, _ = select.select([*reads, self._wake_read], writes, [])
                if self._wake_read in readable:
                    self._wake_read.recv(4096)
                for what, ready in (("r", readable), ("w", writable)):
                    if self._sock in ready:
                        with self._lock:
                            self._armed.discard(what)
                        self._loop.call_soon_threadsafe(self._call, what)
        except (OSError, ValueError, RuntimeError):
            pass  # the socket or the loop was closed
        finally:
            self._wake_read.close()
            self._wake_write.close()

    def _call(self, what: str) -> None:
        with self._lock:
            callback = self._callbacks.get(what)
        if callback is None:
            return
        callback()
        with self._lock:
            if what in self._callbacks:
                self._armed.add(what)
        self._wake()
