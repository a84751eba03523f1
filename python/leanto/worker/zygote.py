"""The zygote: a warm, single-threaded process from which workers are forked.

It is started by the node with one end of a socket pair as descriptor 3, and does what the messages there say; each is one
msgpack map.

    node → zygote   {"op": "preload", "modules": [...]}           import these ahead
                    {"op": "fork", "id": n, "nonce": bytes}       and the worker's descriptors
    zygote → node   {"op": "warm", "refused": [[module, why], ...], "tainted": bool}
                    {"op": "forked", "id": n, "pid": pid}
                    {"op": "exited", "pid": pid, "status": wait status}

When the node is gone (end of file) everything that was started from here ends too, however it was killed: the zygote adopts
the orphans of its workers (it's their subreaper), so it can find them all.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys

from leanto import _msgpack

CONTROL = 3
WORKER_FDS = 6
MESSAGE_SIZE = 1 << 18
KILL_ROUNDS = 100


def main() -> None:
    """Serve the node until it goes away. Never returns in the zygote; in a worker it ends the process."""
    control = socket.socket(fileno=CONTROL)
    os.set_inheritable(CONTROL, False)
    from leanto.worker import output, serve, service  # imported here once, not in each worker

    output.prepare()
    workers: set = set()
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
                report_exits(control, workers)
                continue
            message, descriptors = receive(control)
            if message is None:
                end_everything(workers)
            if message["op"] == "preload":
                reply(control, preload(message["modules"]))
                continue
            pid = os.fork()
            if pid == 0:
                become_worker(control, (wake_read, wake_write))
                serve.main(descriptors, message["nonce"])
            for end in descriptors:
                os.close(end)
            workers.add(pid)
            reply(control, {"op": "forked", "id": message["id"], "pid": pid})


def import_ahead() -> None:
    """Import what most workers need sooner or later."""
    import asyncio  # noqa: F401
    import traceback  # noqa: F401

    from leanto.worker import event_loop, script, typed  # noqa: F401


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


def become_worker(control: socket.socket, wake: tuple) -> None:
    """Shed in a fresh child what is the zygote's."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    control.close()
    for end in wake:
        os.close(end)


def report_exits(control: socket.socket, workers: set) -> None:
    """Reap what has ended; of a worker's process group nothing stays behind."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        pid = ended.si_pid
        if pid in workers:
            kill_group(pid)  # before it's reaped, so that its number can't be somebody else's
        _, status = os.waitpid(pid, 0)
        if pid in workers:
            workers.discard(pid)
            reply(control, {"op": "exited", "pid": pid, "status": status})


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def end_everything(workers: set) -> None:
    """The node is gone: kill the workers with their groups, and what they have left behind, and leave."""
    for pid in workers:
        kill_group(pid)
    for _ in range(KILL_ROUNDS):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        for pid in children_of(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        select.select([], [], [], 0.01)
    os._exit(0)


def children_of(parent: int) -> list[int]:
    """Return the pids of the processes whose parent is `parent`, from /proc."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(name))
    return found


def preload(modules: list[str]) -> dict:
    """Import modules ahead; say which cannot be, and whether one has left threads behind.

    A library may start threads and stop them itself around a fork (OpenBLAS does), so threads are counted after a fork.
    Threads that stay would be missing in the workers: then this zygote is tainted, and the node makes another one
    without the module.
    """
    refused = []
    for name in modules:
        try:
            __import__(name)
        except (
            BaseException
        ) as error:  # whatever a module does when it's imported must not end the zygote
            refused.append([name, f"{type(error).__name__}: {error}"[:500]])
            continue
        if thread_count() > 1 and threads_survive_fork():
            refused.append([name, "it leaves threads behind"])
            return {"op": "warm", "refused": refused, "tainted": True}
    freeze()
    return {"op": "warm", "refused": refused, "tainted": False}


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
    """Start as the node starts it: `python -c "...; zygote.run()"`."""
    try:
        main()
    except KeyboardInterrupt:
        os._exit(1)
    except OSError as error:
        print(f"the zygote ends: {error}", file=sys.stderr)
        os._exit(1)
