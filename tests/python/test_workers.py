"""How many workers a service has, what they do first, and when they end."""

import os
import signal
import sys
import threading

import pytest
from clients import run_script, write_project
from conftest import ROOT, alive, node_status, wait_until

sys.path.insert(0, str(ROOT / "tests" / "projects" / "hungry"))
import hungry  # noqa: E402


def pids_of(function):
    return sorted(
        row["pid"] for row in node_status()["workers"] if row["version"] == function.version
    )


@pytest.fixture
def short_idle(own_home):
    """A node whose idle workers end at once."""
    directory = own_home / ".config" / "leanto"
    directory.mkdir(parents=True)
    (directory / "node.toml").write_text('[workers]\nidle_timeout = "100ms"\n')


def call_many(function, count, tmp_path):
    """Make so many calls that run at the same time; return the processes that they ran in."""
    pids, released = [], tmp_path / "released"

    def call(i):
        pids.append(function(str(tmp_path / f"started {i}"), str(released))[0])

    threads = [threading.Thread(target=call, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: len(list(tmp_path.glob("started *"))) == count)
    released.touch()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    return pids


# How many


def test_the_least_number_of_workers_is_ready_before_anybody_calls(sent):
    function = sent(hungry.pid, workers=(2, 4))
    assert wait_until(lambda: len(pids_of(function)) == 2)
    assert function() in pids_of(function)


def test_a_worker_that_died_is_replaced(sent):
    function = sent(hungry.pid, workers=(1, 3))
    before = function()
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: len(pids_of(function)) == 1 and pids_of(function) != [before])


def test_more_are_started_when_calls_wait_and_go_when_they_are_idle(sent, short_idle, tmp_path):
    function = sent(hungry.hold, workers=(1, 3), concurrency=1)
    assert len(set(call_many(function, 3, tmp_path))) == 3
    assert wait_until(lambda: len(pids_of(function)) == 1)
    left = pids_of(function)
    other = sent(hungry.pid)  # without a least number
    other()
    assert wait_until(lambda: pids_of(other) == [])
    assert pids_of(function) == left


def test_a_newer_version_ends_the_workers_of_the_one_before(sent):
    old = sent(hungry.pid, workers=(2, 3))
    assert wait_until(lambda: len(pids_of(old)) == 2)
    new = sent(hungry.pid, workers=(1, 3))
    assert wait_until(lambda: pids_of(old) == [])
    assert len(pids_of(new)) == 1


def test_a_single_number_is_the_most(sent, tmp_path):
    function = sent(hungry.hold, workers=2, concurrency=1)
    assert len(set(call_many(function, 2, tmp_path))) == 2


@pytest.mark.parametrize("workers", [(2, 1), (0, 0), (1,), (1, 2, 3), (-1, 1), (1.5, 2), 0])
def test_numbers_of_workers_that_make_no_sense_are_refused(lt, sent, workers):
    with pytest.raises(lt.InvalidRequestError, match="workers="):
        sent(hungry.pid, workers=workers)


# Warming up


def test_a_worker_warms_up_once_before_its_first_call(sent):
    function = sent(hungry.warmth, warmup="warm_up")
    warmed_up, pid = function()
    assert warmed_up == [pid]
    assert function() == (warmed_up, pid)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: pids_of(function) == [])
    warmed_up, another = function()
    assert warmed_up == [another] != [pid]


def test_an_object_warms_up_after_it_was_made(sent):
    assert sent(hungry.Warm, warmup="load")().steps == ["made", "loaded"]
    with pytest.raises(RuntimeError, match="the weights are not there"):
        sent(hungry.Warm, warmup="fail")()


def test_a_class_method_warms_up_when_the_class_was_imported(sent):
    of_class, pid = sent(hungry.Warm, warmup="load_all").loaded_for()
    assert of_class == [pid]


def test_a_warm_up_that_fails_is_said_when_the_service_is_sent(lt, sent):
    with pytest.raises(lt.SnapshotError, match="RuntimeError: the weights are not there") as caught:
        sent(hungry.warmth, warmup="fail_to_warm_up")
    assert "warmup='fail_to_warm_up'" in str(caught.value)
    assert f'File "{hungry.__file__}"' in str(caught.value)
    with pytest.raises(lt.SnapshotError, match="hungry has no such function"):
        sent(hungry.warmth, warmup="worm_up")
    with pytest.raises(lt.SnapshotError, match="class Warm has no such method"):
        sent(hungry.Warm, warmup="worm_up")
    with pytest.raises(lt.SnapshotError, match="must be a plain one"):
        sent(hungry.warmth, warmup="warm_up_later")
    with pytest.raises(lt.InvalidRequestError, match="warmup="):
        sent(hungry.warmth, warmup=hungry.warm_up)


def test_a_script_takes_its_warm_up_along(tmp_path):
    main = """\
import leanto as lt

model = None


def load():
    global model
    model = "loaded"


def f():
    return model


if __name__ == "__main__":
    print(lt.function(f).options(warmup="load").to(lt.here)())
"""
    project = write_project(tmp_path / "p", {"main.py": main})
    assert run_script(project, "main.py").stdout == "loaded\n"


# A fresh process for each call


def test_each_call_has_a_process_of_its_own(sent):
    function = sent(hungry.pid, fresh=True)
    pids = [function() for _ in range(5)]
    assert len(set(pids)) == 5
    assert wait_until(lambda: not any(map(alive, pids)))


def test_fresh_processes_run_side_by_side_up_to_the_most(sent, tmp_path):
    function = sent(hungry.hold, fresh=True, workers=(1, 3))
    assert len(set(call_many(function, 3, tmp_path))) == 3


def test_a_stream_and_an_error_end_a_fresh_process_too(sent):
    pid, *rest = sent(hungry.items, fresh=True)(3)
    assert rest == [0, 1, 2]
    assert wait_until(lambda: not alive(pid))
    failing = sent(hungry.raise_memory_error, fresh=True)
    for _ in range(2):
        with pytest.raises(MemoryError):
            failing()
    assert wait_until(lambda: pids_of(failing) == [])


def test_a_fresh_process_is_for_functions(lt, sent):
    with pytest.raises(lt.InvalidRequestError, match="fresh=True is for functions"):
        sent(hungry.Warm, fresh=True)


# A signal to leave comes again at the nth line of what ends a worker, in a process for each n.
ASKED_AGAIN = """
import os, signal, sys
from leanto.worker import serve

class Leaving:
    def start(self):
        global lines
        lines = 0
        sys.exit(0)

def trace(frame, event, argument):
    global lines
    if frame.f_code not in (serve._work_and_exit.__code__, serve._work.__code__):
        return None
    lines += 1
    if lines == asked_again_at:
        os.write(1, b"asked again\\n")
        signal.raise_signal(serve.LEAVE)
    return trace

signal.signal(serve.LEAVE, serve._on_leave_signal)
for asked_again_at in range(1, 20):
    lines = -1000
    pid = os.fork()
    if pid == 0:
        sys.settrace(trace)
        try:
            serve._work_and_exit(Leaving())
        finally:
            os.write(1, b"it ends as a program does\\n")
            os._exit(9)
    os.waitpid(pid, 0)
"""


def test_a_worker_that_is_asked_to_leave_twice_leaves_at_once(tmp_path):
    """It hung where the second time came late: found by the chaos suite."""
    said = run_script(tmp_path, "-c", ASKED_AGAIN).stdout.splitlines()
    assert set(said) == {"asked again"} and len(said) > 8
