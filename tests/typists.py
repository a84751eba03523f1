"""Those who type: a Jupyter kernel that is given cells, and a prompt of Python in a terminal."""

import os
import pty
import re
import select
import sys

from clients import LIMIT, Failed, environment


class Notebook:
    """A real IPython kernel, to which cells are given."""

    def __init__(self, directory, sockets, env=None):
        from jupyter_client.manager import KernelManager

        self._manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(sockets))
        self._manager.start_kernel(cwd=str(directory), env=env or environment())
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=LIMIT)

    def run(self, cell, with_stderr=False):
        """Run a cell; return what it printed, and the value of its last expression as text.

        The two streams have no order between them, so what is on stderr comes first. Raises Failed, whose `said` is what
        was printed before.
        """
        said, complained = [], []

        def hear(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                (said if content["name"] == "stdout" else complained).append(content["text"])
            elif message["msg_type"] == "execute_result":
                said.append(content["data"]["text/plain"])

        reply = self._client.execute_interactive(cell, output_hook=hear, timeout=LIMIT)["content"]
        output = "".join([*complained, *said] if with_stderr else said)
        if reply["status"] != "ok":
            trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(reply["traceback"]))
            failed = Failed(reply["ename"], reply["evalue"], trace)
            failed.said = output
            raise failed
        return output.rstrip("\n")

    def close(self):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


class Prompt:
    """An interactive Python in a terminal of its own, to which lines are typed; a context."""

    READY = (b">>> ", b"... ")

    def __init__(self, python, directory, **more):
        ours, theirs = pty.openpty()
        env = environment(**{"TERM": "dumb", "PYTHON_HISTORY": os.devnull, **more})
        self.pid = os.posix_spawn(
            sys.executable,
            # The terminal has to be the controlling one, and the directory the current one.
            [sys.executable, "-c", START, os.ttyname(theirs), str(directory), python, "-q"],
            env,
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs, fd) for fd in (0, 1, 2)],
            setsid=True,
        )
        os.close(theirs)
        self._terminal = ours
        self._is_ready = False

    def type(self, text):
        """Type lines; return what was printed between the echoes of the lines."""
        if not self._is_ready:
            self._read_until_ready()
        said = b""
        for line in text.splitlines():
            os.write(self._terminal, line.encode() + b"\n")
            said += self._read_until_ready().partition(b"\n")[2]
        return said.decode().replace("\r", "")

    def _read_until_ready(self):
        self._is_ready = True
        said = b""
        while not said.endswith(self.READY):
            if not select.select([self._terminal], [], [], LIMIT)[0]:
                raise AssertionError(f"the prompt hangs: {said.decode()}")
            try:
                said += os.read(self._terminal, 65536)
            except OSError:
                raise AssertionError(f"the prompt ended: {said.decode()}") from None
        return said[: -len(self.READY[0])]

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        os.close(self._terminal)  # which hangs up
        os.waitpid(self.pid, 0)


START = """
import fcntl, os, sys, termios
terminal, directory, *command = sys.argv[1:]
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.chdir(directory)
os.execv(command[0], command)
"""
