"""The zygote: a warm, single-threaded process from which workers are forked.

It is started by the node with one end of a socket pair as descriptor 3, and does what the messages there say; each is one
msgpack map.

    node → zygote   {"op": "preload", "modules": [...]}           import these ahead
                    {"op": "fork", "id": n, "nonce": bytes}       and the worker's descriptors
                    {"op": "end"}                                 end, with everything that was started from here
    zygote → node   {"op": "warm", "refused": [[module, why], ...], "tainted": bool}
                    {"op": "forked", "id": n, "pid": pid}
                    {"op": "exited", "pid": pid, "status": wait status}

When the node is gone (end of file) everything that was started from here ends too, however it was killed, except for workers
with durable runs, which the next daemon takes back (`leanto.worker.survival`): the zygote adopts the orphans of its workers (it's
their subreaper), so it can find them all.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys

from leanto import _msgpack
from leanto.worker import lifeline as lifelines
from leanto.worker import survival

CONTROL = 3
WORKER_FDS = 8
MESSAGE_SIZE = 1 << 18
GPU_DEVICES = ("/dev/nvidia", "/dev/kfd")


class Forked:
    """A worker, as the zygote knows it: its place in the lifeline, and the pipe that makes one of its threads read."""

    __slots__ = ("_pass_write", "place")

    def __init__(self, place: int, pass_write: int) -> None:
        self.place = place
        self._pass_write = pass_write

    def wake(self) -> None:
        """Have the worker see that its daemon is gone, also if none of its threads reads just now."""
        try:
            os.write(self._pass_write, b"p")
        except OSError:
            pass

    def close(self) -> None:
        os.close(self._pass_write)


def main(directory: str) -> None:
    """Serve the node until it goes away. Never returns in the zygote; in a worker it ends the process.

    `directory` is where the next daemon will listen (`leanto.worker.lifeline`); if it's empty nothing outlives this one.
    """
    control = socket.socket(fileno=CONTROL)
    os.set_inheritable(CONTROL, False)
    from leanto.worker import output, serve, service  # imported here once, not in each worker

    output.prepare()
    lifeline = lifelines.Lifeline(directory) if directory else None
    workers: dict = {}  # pid → Forked
    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(CONTROL, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    # What workers will need, done while nobody waits: (after how many idle milliseconds, what).
    idle_work = [(200, import_ahead), (50, service.library_places), (0, output.prepare_c_stdio)]

    while True:
        ready = poll.poll(idle_work[-1][0] if idle_work else None)
        if not ready:
            _, work = idle_work.pop()
            work()
            continue
        for descriptor, _ in ready:
            if descriptor == wake_read:
                os.read(wake_read, 4096)
                report_exits(control, workers, lifeline)
                continue
            message, descriptors = receive(control)
            if message is None:
                control = next_control(control, workers, lifeline)
                continue
            if message["op"] == "end":
                survival.end_everything(workers, lifeline)
            if message["op"] == "preload":
                reply(control, preload(message["modules"]))
                continue
            place = lifeline.take() if lifeline else 0
            pid = os.fork()
            if pid == 0:
                become_worker(control, (wake_read, wake_write), workers)
                line = lifeline.worker(place) if lifeline else None
                serve.main(descriptors, message["nonce"], line)
            pass_write = descriptors.pop(serve.PASS_WRITE)
            for end in descriptors:
                os.close(end)
            workers[pid] = Forked(place, pass_write)
            reply(control, {"op": "forked", "id": message["id"], "pid": pid})


def import_ahead() -> None:
    """Import what most workers need sooner or later."""
    import asyncio  # noqa: F401
    import traceback  # noqa: F401

    from leanto.worker import event_loop, out_of_memory, script, typed  # noqa: F401


def receive(control: socket.socket) -> tuple:
    """Return (message, descriptors), (None, []) when the node is gone."""
    try:
        data, descriptors, _, _ = socket.recv_fds(control, MESSAGE_SIZE, WORKER_FDS)
    except OSError:  # it was killed before it had read all that was said to it
        return None, []
    return (_msgpack.decode(data) if data else None), descriptors


def reply(control: socket.socket, message: dict) -> None:
    """Tell the node something; that it is gone is noticed where messages are received."""
    try:
        control.sendall(_msgpack.encode(message))
    except OSError:
        pass


def next_control(
    control: socket.socket, workers: dict, lifeline: lifelines.Lifeline | None
) -> socket.socket:
    """Return the connection to the next daemon, as descriptor 3, too."""
    following = survival.find_next_node(workers, lifeline)
    control.detach()
    os.dup2(following.fileno(), CONTROL, inheritable=False)
    following.close()
    return socket.socket(fileno=CONTROL)


def become_worker(control: socket.socket, wake: tuple, others: dict) -> None:
    """Shed in a fresh child what is the zygote's."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    control.close()
    for end in wake:
        os.close(end)
    for forked in others.values():
        forked.close()


def report_exits(
    control: socket.socket, workers: dict, lifeline: lifelines.Lifeline | None
) -> None:
    """Reap what has ended, and tell the node of its workers."""
    for pid, status in survival.reap(workers):
        if pid not in workers:
            continue
        forked = workers.pop(pid)
        forked.close()
        if lifeline:
            lifeline.give_back(forked.place)
        reply(control, {"op": "exited", "pid": pid, "status": status})


def preload(modules: list[str]) -> dict:
    """Import modules ahead; say which cannot be, and whether one has made this process unfit for forking.

    Then this zygote is tainted, and the node makes another one without the module.
    """
    refused = []
    for name in modules:
        failed = import_or_say_why(name)
        unfit = unfit_for_fork()  # also after one that failed halfway
        if failed or unfit:
            refused.append([name, failed or unfit])
        if unfit:
            return {"op": "warm", "refused": refused, "tainted": True}
    freeze()
    return {"op": "warm", "refused": refused, "tainted": False}


def import_or_say_why(name: str) -> str:
    """Import a module; whatever it does then must not end the zygote."""
    try:
        __import__(name)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def unfit_for_fork() -> str:
    """Return why this process's children would lack something that they need; "" if nothing is known.

    A library may start threads and stop them itself around a fork (OpenBLAS does), so threads are counted after a fork; those
    that stay would be missing in the workers. A GPU that was begun with (by `torch.cuda.is_available()`, say) can't be used
    in a fork, and the workers have others, besides.
    """
    if holds_gpu():
        return "it opens a GPU when it's imported"
    if thread_count() > 1 and threads_survive_fork():
        return "it leaves threads behind"
    return ""


def holds_gpu(descriptors: str = "/proc/self/fd") -> bool:
    """Whether a device of a GPU's driver is open: NVIDIA's nvidia0, nvidiactl and nvidia-uvm, AMD's kfd."""
    for name in os.listdir(descriptors):
        try:
            path = os.readlink(f"{descriptors}/{name}")
        except OSError:  # the one that lists them
            continue
        if path.startswith(GPU_DEVICES):
            return True
    return False


def thread_count() -> int:
    return len(os.listdir("/proc/self/task"))


def threads_survive_fork() -> bool:
    """Whether threads are still there after a fork, at which libraries that know of forks stop theirs."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        os.waitpid(pid, 0)
    except OSError as error:
        if error.errno != errno.ECHILD:
            raise
    return thread_count() > 1


def freeze() -> None:
    """Keep the garbage collector of the workers off what they share with the zygote: touching it would copy it."""
    import gc

    gc.collect()
    gc.freeze()


def run() -> None:
    """Start as the node starts it: `python -c "...; zygote.run()" PACKAGE DIRECTORY`."""
    try:
        main(sys.argv[2])
    except KeyboardInterrupt:
        os._exit(1)
    except OSError as error:
        print(f"the zygote ends: {error}", file=sys.stderr)
        os._exit(1)
