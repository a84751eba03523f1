"""Runs and the end of a node: a restart that somebody asked for, a stop, and a node that is killed while it stops a run."""

import json
import os
import signal
import sys

import pytest
from clients import Client
from conftest import ROOT, alive, leanto, node_status, wait_until

for project in ("chaotic", "workshop"):
    sys.path.insert(0, str(ROOT / "tests" / "projects" / project))
import chaotic  # noqa: E402
import workshop  # noqa: E402

LIMIT = 60


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def kill(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not any(alive(pid) for pid in pids))


def node_pid():
    return node_status()["pid"]


def is_there():
    return json.loads(leanto("status", "--json", check=False)).get("running", True)


@pytest.fixture
def noting(own_home, lt, tmp_path):
    """Submit a run that notes its name and goes on until it's released; return it once it runs."""
    notes, released = tmp_path / "notes", tmp_path / "released"
    remote = lt.function(workshop.note_and_hold).options(concurrency=1).to(lt.here)

    def submit(name, **options):
        run = remote.options(**options).submit(str(notes), name, str(released))
        assert wait_until(lambda: name in lines_of(notes))
        return run

    submit.remote, submit.notes, submit.released = remote, notes, released
    return submit


@pytest.fixture
def deaf(own_home, lt, tmp_path):
    """Submit a run that nothing but a kill ends; return it, and its worker's process."""

    def submit(**options):
        history = tmp_path / "history"
        history.touch()
        remote = lt.function(chaotic.deaf).options(concurrency=1, grace=600).to(lt.here)
        run = remote.options(**options).submit(str(history), "k", 600)
        assert wait_until(history.read_text)
        return run, int(history.read_text().split()[3])

    return submit


# A restart


def test_runs_go_on_beyond_a_restart_of_the_node(lt, noting):
    running = noting("running", key="restarted")
    queued = noting.remote.submit(str(noting.notes), "queued", str(noting.released))
    worker = node_status()["workers"][0]["pid"]
    before = node_pid()
    assert "has been restarted" in leanto("restart", "--node"), "nothing is lost, so it doesn't ask"
    assert node_pid() != before
    assert wait_until(lambda: running.status == "running")
    assert alive(worker)
    noting.released.touch()
    assert running.result(timeout=LIMIT) == "running"
    assert queued.result(timeout=LIMIT) == "queued"
    assert sorted(lines_of(noting.notes)) == ["queued", "running"]
    assert lt.run("restarted").record()["attempt"] == 1


def test_restarts_again_and_again_lose_no_submission(own_home, lt):
    with Client(ROOT / "tests" / "projects" / "workshop") as client:
        client.do("import workshop; f = lt.function(workshop.bytes_of).to(lt.here)")
        client.start("[f.options(key=f'k{i}').submit(i).id for i in range(200)]")
        for _ in range(3):
            leanto("restart", "--node", "--yes")
            assert wait_until(is_there), "the program may have started it, and is not done yet"
        ids = client.answer()
    assert len(set(ids)) == 200
    for i, id_ in enumerate(ids):
        run = lt.run(id_)
        assert len(run.result(timeout=LIMIT)) == i and run.record()["attempt"] == 1


def test_an_object_with_a_run_goes_on_too_and_is_not_among_what_is_lost(own_home, lt, tmp_path):
    started, released = tmp_path / "started", tmp_path / "released"
    shelf = lt.cls(workshop.Shelf).to(lt.here).options(name="shelf")(str(tmp_path / "lines"))
    run = shelf.add_slowly.submit("line", str(started), str(released))
    assert wait_until(started.exists)
    leanto("restart", "--node")
    released.touch()
    run.result(timeout=LIMIT)
    assert lt.here.keys() == ["shelf"]


# A stop


def test_a_stop_ends_what_runs_and_says_so(lt, noting):
    running = noting("running")
    worker = node_status()["workers"][0]["pid"]
    leanto("stop")
    assert wait_until(lambda: not alive(worker))
    leanto("node", "--detach")
    record = lt.run(running.id).record()
    assert record["status"] == "lost" and "was stopped" in record["reason"]
    assert record["error"]["kind"] == "node_lost"
    with pytest.raises(lt.NodeLostError, match="was stopped"):
        running.result(timeout=LIMIT)


def test_a_run_that_was_being_cancelled_when_the_node_stopped_is_cancelled(lt, deaf):
    run, worker = deaf()
    assert run.cancel("enough")
    leanto("stop")
    assert wait_until(lambda: not alive(worker))
    leanto("node", "--detach")
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result(timeout=LIMIT)
    record = run.record()
    assert (record["status"], record["reason"]) == ("cancelled", "enough")


# A node that is killed while it stops a run


def test_what_was_cancelled_is_cancelled_though_node_and_worker_are_killed(lt, deaf):
    run, worker = deaf()
    assert run.cancel("enough")
    kill(node_pid(), worker)
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result(timeout=LIMIT)
    record = run.record()
    assert (record["status"], record["reason"]) == ("cancelled", "enough")
    assert record["attempts"][0]["outcome"] == "cancelled"


def test_a_timeout_is_one_though_node_and_worker_are_killed(lt, deaf):
    run, worker = deaf(timeout=1)
    assert wait_until(lambda: run.record()["stop"] is not None)
    assert run.record()["stop"]["cause"] == "timeout"
    kill(node_pid(), worker)
    with pytest.raises(lt.TimeoutError, match="timeout of 1"):
        run.result(timeout=LIMIT)
    assert run.record()["error"]["kind"] == "timeout"


def test_the_next_node_goes_on_with_the_stop(lt, deaf):
    """The worker lives on; it's terminated and killed by the next node."""
    run, worker = deaf(grace=1)
    assert run.cancel("enough")
    kill(node_pid())
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result(timeout=LIMIT)
    assert not alive(worker)


def test_a_queued_run_that_was_cancelled_is_not_started_by_the_next_node(lt, noting):
    running = noting("running")
    queued = noting.remote.submit(str(noting.notes), "queued", str(noting.released))
    assert queued.cancel("enough")
    kill(node_pid())
    noting.released.touch()
    with pytest.raises(lt.CancelledError, match="enough"):
        queued.result(timeout=LIMIT)
    assert running.result(timeout=LIMIT) == "running"
    assert lines_of(noting.notes) == ["running"]
