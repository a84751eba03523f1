"""A run that leaves no process behind and, where that is allowed, reaches no other machine.

Peers start daemons that leave their parent. So a run has two processes: one adopts and reaps whatever
loses its parent, as init does, and the other, its child, does the work. All others below the first one
belong to what is being measured.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import time

from harness.processes import descendants, is_zombie

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
INTERVAL = 0.01  # seconds


def run_adopting(work):
    """Call `work` in a child, and end this process with what it returns when nothing else is left."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    worker = os.fork()
    if worker == 0:
        sys.exit(work())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker has it, too, and ends what runs
    signal.signal(signal.SIGTERM, lambda *_: os.kill(worker, signal.SIGINT))
    ended = status = 0
    while ended != worker:
        ended, status = os.waitpid(-1, 0)
    _end(lambda: descendants(os.getpid())[1:], 0, _reap)
    sys.exit(max(os.waitstatus_to_exitcode(status), 0) if os.WIFEXITED(status) else 1)


def others():
    """Return the processes of what is being measured; called by the work of `run_adopting`."""
    ours = {os.getppid(), os.getpid()}
    return [pid for pid in descendants(os.getppid()) if pid not in ours and not is_zombie(pid)]


def end_others(grace=5.0):
    """End them; who doesn't within `grace` seconds is killed."""
    _end(others, grace, lambda: None)


def _end(find, grace, reap):
    deadline = time.monotonic() + grace
    asked = set()
    while True:
        reap()
        living = find()
        if not living:
            return
        late = time.monotonic() > deadline
        for pid in living:
            if late or pid not in asked:
                asked.add(pid)
                _signal(pid, signal.SIGKILL if late else signal.SIGTERM)
        if time.monotonic() > deadline + 10:
            raise RuntimeError(f"the processes {living} don't end")
        time.sleep(INTERVAL)


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def enter_own_network():
    """Have this process and its children reach nothing but themselves, through a loopback interface of
    their own; return whether that is allowed."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket() as any_socket:
        request = struct.pack("16sH14x", b"lo", IFF_UP)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)
    return True
