"""A run goes on in its worker when the daemon is killed, and the next daemon takes it back."""

import os
import signal
import subprocess
import sys
import time

import pytest
import shop
from conftest import ROOT, alive, leanto, node_status, wait_until
from test_runs_survive import LIMIT, kill_node, lines_of, node_or_start

WORKSHOP = ROOT / "tests" / "projects" / "workshop"
sys.path.insert(0, str(WORKSHOP))
import workshop  # noqa: E402


def texts_of(run):
    return [line.text for line in run.logs()]


def is_idle():
    """Whether no worker runs anything, and none holds anything."""
    return not any(row["calls"] for row in node_status()["workers"])


def test_a_run_goes_on_in_the_same_process(own_home, lt, tmp_path):
    run = (
        lt.function(workshop.print_when_told).options(key="k").to(lt.here).submit(str(tmp_path), 4)
    )
    logs = run.logs(follow=True)
    (tmp_path / "0").touch()
    assert next(logs).text == "line 0"
    kill_node()
    (tmp_path / "1").touch()  # nobody reads it just now
    assert node_or_start(lt)
    (tmp_path / "2").touch()
    (tmp_path / "3").touch()
    assert [line.text for line in logs] == ["line 1", "line 2", "line 3"]
    assert run.result(timeout=LIMIT) is None
    record = run.record()
    assert (record["status"], record["attempt"], len(record["attempts"])) == ("succeeded", 1, 1)
    assert record["reason"] == "" and record["log_size"] == run.seen


def test_it_is_unknown_until_its_worker_is_back(own_home, lt, tmp_path):
    started, released = tmp_path / "started", tmp_path / "released"
    run = lt.function(workshop.hold).to(lt.here).submit(str(started), str(released))
    assert wait_until(started.exists)
    (worker,) = node_status()["workers"]
    os.kill(worker["pid"], signal.SIGSTOP)
    kill_node()
    try:
        assert node_or_start(lt)
        assert run.status == "unknown"
        assert "waited for" in run.record()["reason"]
        assert [record["status"] for record in lt.runs()] == ["unknown"]
        command = [os.environ["LEANTO_BINARY"], "wait", run.id]
        waiting = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
    finally:
        os.kill(worker["pid"], signal.SIGCONT)
    assert wait_until(lambda: run.status == "running")
    released.touch()
    assert run.result(timeout=LIMIT) == worker["pid"]
    assert waiting.communicate(timeout=LIMIT) == ("succeeded\n", None) and waiting.returncode == 0


def test_one_that_ends_while_there_is_no_daemon_is_not_lost(own_home, lt, tmp_path):
    notes, released = tmp_path / "notes", tmp_path / "released"
    submit = lt.function(workshop.note_and_hold).options(concurrency=4).to(lt.here).submit
    runs = [submit(str(notes), f"{i}", str(released)) for i in range(3)]
    failing = lt.function(workshop.fail_when_told).to(lt.here).submit(str(released), "no luck")
    assert wait_until(lambda: len(lines_of(notes)) == 3 and failing.status == "running")
    kill_node()
    released.touch()
    time.sleep(0.5)  # they end by then, most likely
    assert node_or_start(lt)
    assert [run.result(timeout=LIMIT) for run in runs] == ["0", "1", "2"]
    assert isinstance(failing.exception(timeout=LIMIT), ValueError)
    assert sorted(lines_of(notes)) == ["0", "1", "2"]


def test_a_daemon_may_be_killed_again_and_again(own_home, lt, tmp_path):
    started, released = tmp_path / "started", tmp_path / "released"
    run = lt.function(workshop.hold).to(lt.here).submit(str(started), str(released))
    assert wait_until(started.exists)
    (worker,) = node_status()["workers"]
    for _ in range(3):
        kill_node()
        assert node_or_start(lt)
        assert wait_until(lambda: run.status == "running")
    released.touch()
    assert run.result(timeout=LIMIT) == worker["pid"]
    assert run.record()["attempt"] == 1
    assert wait_until(lambda: not alive(worker["pid"]), LIMIT), "it's not needed any more"


def test_an_object_lives_on_with_a_run(own_home, lt, tmp_path):
    counter = lt.cls(shop.Counter).options(name="c").to(lt.here)()
    counter.increase(), counter.increase()
    run = counter.wait_for.submit(str(tmp_path / "released"))
    assert wait_until(lambda: run.status == "running")
    idle = lt.cls(shop.Counter).options(name="idle").to(lt.here)()
    assert idle.increase() == 1
    kill_node()
    assert node_or_start(lt)
    assert wait_until(lambda: run.status == "running")
    again = lt.here.get("c")
    assert again.increase() == 3, "its state is there, and it takes other calls"
    (tmp_path / "released").touch()
    run.result(timeout=LIMIT)
    assert again.increase() == 4
    with pytest.raises(lt.NotFoundError, match="restarted"):
        lt.here.get("idle")
    again.increase.submit().result(timeout=LIMIT)
    lt.here.delete("c")


def test_what_its_children_write_is_not_lost(own_home, lt, tmp_path):
    code = (
        "import os, sys, time\n"
        "print('before', flush=True)\n"
        "open(sys.argv[1], 'w').close()\n"
        "while not os.path.exists(sys.argv[2]): time.sleep(0.001)\n"
        "print('after', flush=True)\n"
    )
    started, released = str(tmp_path / "started"), str(tmp_path / "released")
    command = [sys.executable, "-c", code, started, released]
    run = lt.function(workshop.run_command).to(lt.here).submit(command)
    assert wait_until(lambda: os.path.exists(started) and texts_of(run) == ["before"])
    kill_node()
    assert node_or_start(lt)
    assert wait_until(lambda: run.status == "running")
    (tmp_path / "released").touch()
    assert run.result(timeout=LIMIT) == 0
    assert texts_of(run) == ["before", "after"]


def test_it_can_be_cancelled(own_home, lt, tmp_path):
    started = tmp_path / "started"
    run = lt.function(workshop.hold).to(lt.here).submit(str(started), str(tmp_path / "never"))
    assert wait_until(started.exists)
    (worker,) = node_status()["workers"]
    kill_node()
    assert node_or_start(lt)
    run.cancel(reason="enough")
    with pytest.raises(lt.CancelledError):
        run.result(timeout=LIMIT)
    assert run.status == "cancelled"
    assert wait_until(lambda: not alive(worker["pid"]), LIMIT)


def test_its_timeout_goes_on(own_home, lt, tmp_path):
    started = tmp_path / "started"
    hold = lt.function(workshop.hold).options(timeout=3).to(lt.here)
    run = hold.submit(str(started), str(tmp_path / "never"))
    assert wait_until(started.exists)
    kill_node()
    assert node_or_start(lt)
    with pytest.raises(lt.TimeoutError, match="3"):
        run.result(timeout=LIMIT)


def test_it_keeps_its_slots_and_its_memory_limit(own_home, lt, tmp_path):
    started, released = tmp_path / "started", tmp_path / "released"
    options = {"cpus": os.cpu_count(), "memory": "300MB"}
    grow = lt.function(workshop.allocate_when_told).options(**options).to(lt.here)
    run = grow.submit(str(started), str(released), 600 << 20)
    assert wait_until(started.exists)
    kill_node()
    assert node_or_start(lt)
    next_one = grow.submit(str(tmp_path / "started2"), str(released), 1)
    assert wait_until(lambda: run.status == "running")
    assert next_one.status == "queued", "all processors are held"
    released.touch()
    with pytest.raises(lt.OutOfMemoryError):
        run.result(timeout=LIMIT)
    assert next_one.result(timeout=LIMIT) == 1


def test_one_that_dies_meanwhile_is_lost_and_tried_again_if_asked(own_home, lt, tmp_path):
    notes, released = tmp_path / "notes", tmp_path / "released"
    note = lt.function(workshop.note_and_hold).to(lt.here)
    run = note.submit(str(notes), "lost", str(released))
    again = note.options(retries=lt.Retry(2, on=lt.NodeLostError, delay=0)).submit(
        str(notes), "again", str(released)
    )
    assert wait_until(lambda: len(lines_of(notes)) == 2)
    workers = [row["pid"] for row in node_status()["workers"]]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)  # so that it doesn't notice
    kill_node()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    released.touch()
    assert node_or_start(lt)
    with pytest.raises(lt.NodeLostError, match="restarted"):
        run.result(timeout=LIMIT)
    assert again.result(timeout=LIMIT) == "again"
    assert sorted(lines_of(notes)) == ["again", "again", "lost"]
    assert again.record()["attempt"] == 2


def test_retries_follow_on_an_attempt_that_went_on(own_home, lt, tmp_path):
    released = tmp_path / "released"
    fail = lt.function(workshop.fail_when_told).options(retries=lt.Retry(2, delay=0)).to(lt.here)
    run = fail.submit(str(released), "no luck")
    assert wait_until(lambda: run.status == "running")
    kill_node()
    assert node_or_start(lt)
    released.touch()
    assert isinstance(run.exception(timeout=LIMIT), ValueError)
    assert [row["outcome"] for row in run.record()["attempts"]] == ["failed", "failed"]


def test_its_secrets_stay_hidden(own_home, lt, tmp_path):
    secret = "correct-horse-battery"
    (tmp_path / "token").write_text(secret)
    image = lt.Image().secrets([lt.Secret.from_file(str(tmp_path / "token"), name="TOKEN")])
    shout = lt.function(workshop.print_variable_when_told).options(image=image).to(lt.here)
    run = shout.submit("TOKEN", str(tmp_path / "released"))
    assert wait_until(lambda: run.status == "running")
    kill_node()
    assert node_or_start(lt)
    assert wait_until(lambda: run.status == "running")
    (tmp_path / "released").touch()
    run.result(timeout=LIMIT)
    assert texts_of(run) == ["***"]


def test_a_large_result_arrives(own_home, lt, tmp_path):
    released = tmp_path / "released"
    run = lt.function(workshop.bytes_when_told).to(lt.here).submit(str(released), 3 << 20)
    assert wait_until(lambda: run.status == "running")
    kill_node()
    released.touch()
    assert node_or_start(lt)
    assert run.result(timeout=LIMIT) == b"x" * (3 << 20)


def test_a_stopped_node_takes_everything_with_it(own_home, lt, tmp_path):
    started = tmp_path / "started"
    run = lt.function(workshop.hold).to(lt.here).submit(str(started), str(tmp_path / "never"))
    assert wait_until(started.exists)
    (worker,) = node_status()["workers"]
    kill_node()
    assert node_or_start(lt)
    assert wait_until(lambda: run.status == "running")
    leanto("stop")
    assert wait_until(lambda: not alive(worker["pid"]))
    assert node_or_start(lt)
    with pytest.raises(lt.NodeLostError):
        run.result(timeout=LIMIT)
    assert wait_until(is_idle)
