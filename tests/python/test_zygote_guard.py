"""The zygote guards what was started from it: when the node is gone, everything ends but what durable runs need."""

import fcntl
import os
import pickle
import select
import socket
import subprocess
import sys
import time

from conftest import ROOT, alive, wait_until
from leanto import _frames, _msgpack
from leanto.worker import zygote as zygotes
from leanto.worker.survival import children_of


def start_zygote(directory="", before="pass"):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    code = (
        "import os, sys; os.dup2(int(sys.argv[3]), 3); sys.path[0] = sys.argv[1]; "
        f"from leanto.worker import zygote; {before}; zygote.run()"
    )
    arguments = [sys.executable, "-c", code, ROOT / "python", directory, str(theirs.fileno())]
    zygote = subprocess.Popen(arguments, pass_fds=[theirs.fileno()])
    theirs.close()
    return zygote, ours


def fork_worker(zygote, control):
    """Have a worker forked; its answer stays unread. Returns its pid and our ends of its sockets."""
    before = set(children_of(zygote.pid))
    main, side = socket.socketpair(), socket.socketpair()
    passing, out, err = os.pipe(), os.pipe(), os.pipe()
    given = [main[1].fileno(), side[1].fileno(), *passing, out[1], err[1], out[0], err[0]]
    message = _msgpack.encode({"op": "fork", "id": 1, "nonce": bytes(16)})
    socket.send_fds(control, [message], given)
    assert select.select([control], [], [], 60)[0], "it has said that it forked"
    (pid,) = set(children_of(zygote.pid)) - before
    return pid, (main[0], side[0])


def begin_run(main, seconds):
    """Have the worker sleep, as a durable run."""
    words = {"op": "load", "version": "v", "module": "time", "qualname": "sleep", "is_main": False}
    main.sendall(_frames.frame(_frames.ASK, 0, _frames.encode_head(words)))
    reader = _frames.FrameReader(main)
    assert reader.read()[0] == _frames.READY
    call = _frames.encode_head({"v": "v", "run": True})
    main.sendall(_frames.frame(_frames.CALL, 7, call, pickle.dumps(((seconds,), {}))))
    return reader


def test_workers_end_with_a_node_that_is_killed_before_it_has_read_everything():
    zygote, control = start_zygote()
    pid, ours = fork_worker(zygote, control)
    assert alive(pid)
    control.close()  # with an answer unread: the other side sees a reset, not an end of file
    zygote.wait(timeout=60)
    assert wait_until(lambda: not alive(pid))
    del ours


def test_a_worker_with_a_run_waits_for_the_next_node_but_not_for_ever(tmp_path):
    zygote, control = start_zygote(
        tmp_path, "from leanto.worker import lifeline; lifeline.LIMIT = 2.0"
    )
    pid, (main, side) = fork_worker(zygote, control)
    control.recv(1 << 18)  # that it was forked
    idle, _sockets = fork_worker(zygote, control)
    begin_run(main, 1000)
    time.sleep(0.5)  # it has surely begun
    assert lock_is_held(tmp_path / str(zygote.pid))
    control.close(), main.close(), side.close()
    assert wait_until(lambda: not alive(idle)), "nothing is lost with it"
    assert alive(pid) and zygote.poll() is None
    assert zygote.wait(timeout=60) == 0
    assert wait_until(lambda: not alive(pid))
    assert os.listdir(tmp_path) == []


def test_a_worker_whose_run_is_on_record_does_not_wait(tmp_path):
    zygote, control = start_zygote(tmp_path)
    pid, (main, side) = fork_worker(zygote, control)
    reader = begin_run(main, 0)
    frame = reader.read()
    while frame[0] != _frames.RESULT:
        frame = reader.read()
    main.sendall(_frames.frame(_frames.RECORDED, 7))
    time.sleep(0.5)  # it has surely heard that
    control.close(), main.close(), side.close()
    assert zygote.wait(timeout=30) == 0
    assert wait_until(lambda: not alive(pid))


def test_told_to_end_it_ends_everything(tmp_path):
    zygote, control = start_zygote(tmp_path)
    pid, (main, _side) = fork_worker(zygote, control)
    begin_run(main, 1000)
    time.sleep(0.5)
    control.send(_msgpack.encode({"op": "end"}))
    assert zygote.wait(timeout=30) == 0
    assert wait_until(lambda: not alive(pid))


def test_a_worker_dies_with_a_zygote_that_is_killed(tmp_path):
    """In the same moment, whether it reads or not, and though the node is there."""
    zygote, control = start_zygote(tmp_path)
    pid, (main, _side) = fork_worker(zygote, control)
    control.recv(1 << 18)
    other, _ends = fork_worker(zygote, control)
    begin_run(main, 1000)
    time.sleep(0.5)
    assert alive(pid) and alive(other)
    zygote.kill()
    assert wait_until(lambda: not alive(pid) and not alive(other))
    assert zygote.wait(timeout=30) != 0
    assert not lock_is_held(tmp_path / str(zygote.pid))


def lock_is_held(path):
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_who_has_a_gpus_driver_open_is_not_forked_from(tmp_path):
    assert not zygotes.holds_gpu()
    for name, target, held in (
        ("0", "/dev/null", False),
        ("1", "socket:[4711]", False),
        ("2", "/dev/nvidia-uvm", True),
        ("3", "/dev/nvidia0", True),
        ("4", "/dev/kfd", True),
    ):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "7").symlink_to(target)
        (directory / "8").write_text("which is no link")
        assert zygotes.holds_gpu(str(directory)) is held, target


def test_a_module_that_opens_a_gpu_and_then_fails_leaves_no_warm_zygote(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("raise RuntimeError('no configuration')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(zygotes, "holds_gpu", lambda: "half_there" in said["asked"])
    said = {"asked": []}
    monkeypatch.setattr(zygotes, "import_or_say_why", importing(said, zygotes.import_or_say_why))
    answer = zygotes.preload(["json", "half_there", "csv"])
    assert answer["tainted"] is True
    assert answer["refused"] == [["half_there", "RuntimeError: no configuration"]]
    assert said["asked"] == ["json", "half_there"], "nobody else is blamed"


def importing(said, how):
    def note(name):
        said["asked"].append(name)
        return how(name)

    return note
