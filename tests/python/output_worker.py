"""A worker with real pipes, and what reads them as the daemon does; for the tests of output.

The worker is forked from a small zygote, as a node does it. LEANTO_TEST_PYTHONS (paths, separated
by colons) names the interpreters; without it, the one that runs the tests.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = os.environ.get("LEANTO_TEST_PYTHONS", sys.executable).split(":")
NONCE = bytes(range(0xF0, 0x100))

# Runs in the interpreter under test: a zygote with a logging handler, and the worker that it forks.
# `run(*functions)` runs each as a call of its own, at the same time, with numbers from 1 on.
WORKER = """
import os, socket, sys
from leanto.worker import output
NONCE, OUT, ERR, DAEMON = bytes.fromhex(sys.argv[1]), *map(int, sys.argv[2:5])
output.prepare()
output.prepare_c_stdio()
import logging
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
if pid := os.fork():
    os.close(OUT), os.close(ERR), os.close(DAEMON)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os.dup2(OUT, 1), os.dup2(ERR, 2), os.close(OUT), os.close(ERR)
daemon = socket.socket(fileno=DAEMON)

def register(call, *fds):
    socket.send_fds(daemon, [call.number.to_bytes(4, "little")], fds)
    for fd in fds:
        os.close(fd)

output.install(NONCE, register)
import threading, contextvars

def serve(number, function):
    call = output.CallOutput(number)
    token = output.current_call.set(call)
    try:
        function()
    except Exception:
        import traceback
        traceback.print_exc()
    finally:
        output.finish(call)
        output.current_call.reset(token)

def run(*functions):
    threads = [threading.Thread(target=serve, args=p) for p in enumerate(functions, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


class Daemon:
    """Reads the pipes of one worker and notes who wrote what, in the order of arrival."""

    def __init__(self):
        self.pieces = []  # (call number or None, stream, bytes)
        self.selector = selectors.DefaultSelector()
        self.shared = []

    def add(self, fd, number, stream):
        os.set_blocking(fd, False)
        reader = [fd, number, stream, b""]
        self.selector.register(fd, selectors.EVENT_READ, reader)
        return reader

    def drain(self, reader):
        """Reads what is there; removes the pipe at its end."""
        fd, number, stream, _ = reader
        while True:
            try:
                data = os.read(fd, 65536)
            except BlockingIOError:
                return
            if not data:
                self.selector.unregister(fd)
                os.close(fd)
                return
            self.parse(reader, data)

    def parse(self, reader, data):
        _, number, stream, held = reader
        data = held + data
        while data:
            start = data.find(NONCE)
            if start != 0:
                raw = data if start < 0 else data[:start]
                self.pieces.append((number, stream, raw))
                data = data[len(raw) :]
                continue
            size = int.from_bytes(data[21:23], "little")
            if len(data) < 23 or len(data) < 23 + size:
                break
            call = int.from_bytes(data[16:20], "little")
            self.pieces.append((call, data[20], data[23 : 23 + size]))
            data = data[23 + size :]
        reader[3] = data

    def serve(self, out, err, control):
        self.shared = [self.add(out, None, 1), self.add(err, None, 2)]
        self.selector.register(control, selectors.EVENT_READ, "control")
        while self.selector.get_map():
            events = sorted(self.selector.select(), key=lambda e: e[0].data != "control")
            for key, _ in events:
                if key.data == "control":
                    self.register(control)
                elif key.fd in self.selector.get_map():
                    self.drain(key.data)

    def register(self, control):
        message, fds, _, _ = socket.recv_fds(control, 4, 2)
        if not message:
            self.selector.unregister(control)
            return
        for reader in self.shared:
            if reader[0] in self.selector.get_map():
                self.drain(reader)
        number = int.from_bytes(message, "little")
        for stream, fd in enumerate(fds, 1):
            self.add(fd, number, stream)

    def joined(self):
        """The pieces, with neighbours of the same origin made one."""
        joined = []
        for *origin, text in self.pieces:
            if joined and joined[-1][:2] == tuple(origin):
                text = joined.pop()[2] + text
            joined.append((*origin, text))
        return joined

    def text(self, number, stream=None):
        wanted = (p[2] for p in self.pieces if p[0] == number and stream in (None, p[1]))
        return b"".join(wanted).decode()


def run_worker(python, body, expect_code=0):
    """Runs `body` in a worker and returns the Daemon that read it, when all pipes have ended."""
    out_read, out = os.pipe()
    err_read, err = os.pipe()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    fds = (out, err, theirs.fileno())
    with subprocess.Popen(
        [python, "-c", WORKER + textwrap.dedent(body), NONCE.hex(), *map(str, fds)],
        pass_fds=fds,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "python"),
            "PYTHONWARNINGS": "ignore::DeprecationWarning",  # of fork beside threads, from 3.12 on
        },
        stdout=subprocess.PIPE,
    ) as zygote:
        os.close(out), os.close(err), theirs.close()
        daemon = Daemon()
        daemon.serve(out_read, err_read, ours)
        ours.close()
    daemon.pieces = [piece for piece in daemon.pieces if piece[2]]
    assert zygote.returncode == expect_code, daemon.pieces[-20:]
    return daemon
