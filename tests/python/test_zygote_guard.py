"""The zygote guards what was started from it: when the node is gone, everything ends."""

import os
import select
import socket
import subprocess
import sys

from conftest import ROOT, alive, wait_until
from leanto import _msgpack
from leanto.worker.zygote import children_of


def start_zygote():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    code = (
        "import os, sys; os.dup2(int(sys.argv[2]), 3); sys.path[0] = sys.argv[1]; "
        "from leanto.worker import zygote; zygote.run()"
    )
    arguments = [sys.executable, "-c", code, str(ROOT / "python"), str(theirs.fileno())]
    zygote = subprocess.Popen(arguments, pass_fds=[theirs.fileno()])
    theirs.close()
    return zygote, ours


def fork_worker(zygote, control):
    """Have a worker forked; its answer stays unread. Returns its pid and our ends of its descriptors."""
    main, side = socket.socketpair(), socket.socketpair()
    passing, out, err = os.pipe(), os.pipe(), os.pipe()
    given = [main[1].fileno(), side[1].fileno(), *passing, out[1], err[1]]
    message = _msgpack.encode({"op": "fork", "id": 1, "nonce": bytes(16)})
    socket.send_fds(control, [message], given)
    assert select.select([control], [], [], 60)[0], "it has said that it forked"
    (pid,) = children_of(zygote.pid)
    return pid, (main, side)


def test_workers_end_with_a_node_that_is_killed_before_it_has_read_everything():
    zygote, control = start_zygote()
    pid, ours = fork_worker(zygote, control)
    assert alive(pid)
    control.close()  # with an answer unread: the other side sees a reset, not an end of file
    zygote.wait(timeout=60)
    assert wait_until(lambda: not alive(pid))
    del ours
