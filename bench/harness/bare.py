"""The bare path, started: client program → relay → worker program, over Unix sockets."""

import contextlib
import os
import subprocess
import sys
import tempfile

from harness import orders

BASELINE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "baseline")


class BarePath:
    """A context manager; `client` takes orders, `pids` are all three processes. Leaving it ends
    them."""

    def __init__(self, relay, function):
        self._relay = relay
        self._function = function
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="leanto-bare-"))
            front, back = (os.path.join(directory, name) for name in ("client", "worker"))
            relay = stack.enter_context(_ended(self._relay, front, back, stdout=subprocess.PIPE))
            if relay.stdout.readline() != b"ready\n":
                raise orders.SubjectError(
                    f"the relay {self._relay} did not start; what it wrote is above"
                )
            worker_file = os.path.join(BASELINE, "worker.py")
            worker = stack.enter_context(_ended(sys.executable, worker_file, back, self._function))
            client_argv = [sys.executable, os.path.join(BASELINE, "client.py"), front]
            self.client = stack.enter_context(orders.Subject("the bare client", client_argv))
            self.pids = [relay.pid, worker.pid, self.client.pid]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)


@contextlib.contextmanager
def _ended(*argv, **options):
    """A process that is ended at the end."""
    process = subprocess.Popen(argv, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
