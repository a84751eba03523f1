"""How a worker goes over to the next daemon when its own was killed in the middle of a durable run."""

from __future__ import annotations

import os
import socket
import time

from leanto import _msgpack
from leanto.worker import lifeline as lifelines

_NOTICE = 5.0  # seconds until a zygote surely has seen that its daemon is gone


def find_next_node(worker: object) -> bool:
    """Give `worker` its connections to the next daemon, with the reading held. False: the process is to end."""
    line = worker.durable.lifeline
    if line is None or not worker.durable or not _wait_for_node(line):
        return False
    try:
        return _go_there(worker, line)
    except Exception:
        import traceback

        traceback.print_exc()
        return False


def _go_there(worker: object, line: lifelines.WorkerLifeline) -> bool:
    while True:
        line.join()
        connection = lifelines.connect(line.directory)
        try:
            if connection is not None:
                return _introduce(worker, connection)
        except OSError:
            pass
        finally:
            if connection is not None:
                connection.close()
        if not _wait_for_node(line):  # that one is gone again
            return False


def _wait_for_node(line: lifelines.WorkerLifeline) -> bool:
    """Wait until the next daemon has taken the zygote back."""
    began = time.monotonic()
    while time.monotonic() - began < lifelines.LIMIT:
        if line.has_next_node():
            return True
        if not line.node_is_gone() and time.monotonic() - began > _NOTICE:
            return False  # it's there, and only this worker was sent away
        time.sleep(lifelines.PAUSE)
    return False


def _introduce(worker: object, connection: socket.socket) -> bool:
    """Say what runs here, and go on with those calls that the daemon knows. False: it knows none."""
    main, node_main = socket.socketpair()
    side, node_side = socket.socketpair()
    try:
        connection.settimeout(lifelines.LIMIT)
        given = [node_main.fileno(), node_side.fileno(), *worker.ends_for_node()]
        socket.send_fds(connection, [_msgpack.encode(_said(worker))], given)
        answer = connection.recv(lifelines.MESSAGE_SIZE)
    except OSError:
        main.close()
        side.close()
        raise
    finally:
        node_main.close()
        node_side.close()
    said = _msgpack.decode(answer) if answer else {}
    if said.get("op") != "welcome":
        main.close()
        side.close()
        return False
    worker.go_on_with(main, side, set(said["calls"]))
    return True


def _said(worker: object) -> dict:
    service = worker.service
    target = service.target if service.instance is None else type(service.instance)
    from leanto.worker import secrets
    from leanto.worker.service import describe

    return {
        "op": "worker",
        "pid": os.getpid(),
        "nonce": worker.nonce,
        "calls": [_said_of_call(worker, stream) for stream in worker.durable.streams()],
        "workspace": service.words.get("workspace", ""),
        "devices": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "secrets": secrets.values(),
        "cls": getattr(service.target, "__qualname__", ""),
        "describe": describe(target),
    }


def _said_of_call(worker: object, stream: int) -> dict:
    call = worker.running.get(stream)
    return {"n": stream, "cancelled": call is not None and call.cancelled}
