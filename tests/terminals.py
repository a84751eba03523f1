"""A terminal for commands: a pty of a given size, and what a command writes there."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from clients import LIMIT

ESCAPE = re.compile(rb"\x1b(\[[0-9;?]*[A-Za-z]|.)")


class Terminal:
    """A command in a terminal of its own: `text` is all that it has written, `press` types."""

    def __init__(self, *command, columns=100, rows=30, env=None):
        self._master, slave = pty.openpty()
        self.written = b""
        self.resize(columns, rows)
        self.before = termios.tcgetattr(slave)
        environment = {**os.environ, "TERM": "xterm", **(env or {})}
        self.process = subprocess.Popen(
            [os.environ["LEANTO_BINARY"], *command],
            stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self._slave = slave

    def resize(self, columns, rows):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self._master, keys)

    def _read(self, seconds):
        readable, _, _ = select.select([self._master], [], [], seconds)
        if readable:
            self.written += os.read(self._master, 65536)
        return bool(readable)

    def read_until(self, pattern):
        """Read until what was written matches; forgets it."""
        end = time.monotonic() + LIMIT
        while not re.search(pattern, self.written):
            assert time.monotonic() < end, self.written
            self._read(0.1)
        written, self.written = self.written, b""
        return written

    def finish(self):
        """Wait for the end of the command; returns its exit code."""
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < end, self.written
            self._read(0.05)
        while self._read(0):
            pass
        return self.process.returncode

    def is_as_before(self):
        """Whether keys are echoed and lines edited as before the command."""
        return termios.tcgetattr(self._slave) == self.before

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(LIMIT)
        os.close(self._master)
        os.close(self._slave)


def written_on_terminal(*command, columns=100, env=None):
    """Run a command in a terminal; returns its exit code, and what it wrote, escapes included."""
    with Terminal(*command, columns=columns, env=env) as terminal:
        code = terminal.finish()
        return code, terminal.written


def without_escapes(written):
    return ESCAPE.sub(b"", written).decode()
