"""What was submitted is not lost, doubled or changed, however the daemon ends."""

import fcntl
import os
import signal
import sqlite3
import sys
import threading

import pytest
import shop
from clients import Client
from conftest import ROOT, alive, leanto, node_status, wait_until

WORKSHOP = ROOT / "tests" / "projects" / "workshop"
sys.path.insert(0, str(WORKSHOP))
import workshop  # noqa: E402

LIMIT = 60


def pid_of_node():
    try:
        return node_status()["pid"]
    except AssertionError:
        return None  # it is just being started


def kill_node():
    """Kill the daemon. Programs that wait for a run start the next one at once."""
    assert wait_until(pid_of_node)
    pid = pid_of_node()
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not alive(pid))


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def records_of(lt, runs):
    return {run.id: lt.run(run.id).record() for run in runs}


def test_after_a_kill_the_ended_stay_the_running_go_on_and_the_queued_are_run(
    own_home, lt, tmp_path
):
    notes, released = tmp_path / "notes", tmp_path / "released"
    note = lt.function(workshop.note_and_hold).options(concurrency=1).to(lt.here)
    raise_error = lt.function(shop.raise_stock_error).to(lt.here)
    ended = [
        lt.function(shop.add).to(lt.here).submit(1, 2),
        raise_error.submit(),
        lt.function(workshop.bytes_of).to(lt.here).submit(200_000),
    ]
    value = ended[2].result(timeout=LIMIT)
    ended[0].result(timeout=LIMIT), ended[1].exception(timeout=LIMIT)
    running = note.submit(str(notes), "running", str(released))
    assert wait_until(lambda: lines_of(notes) == ["running"])
    queued = [
        note.options(key=f"k{i}").submit(str(notes), f"queued {i}", str(released)) for i in range(5)
    ]
    before = records_of(lt, ended)
    assert [run.status for run in queued] == ["queued"] * 5

    kill_node()
    released.touch()

    # Whoever waited hears of it, without doing anything.
    assert running.result(timeout=LIMIT) == "running"
    assert [run.result(timeout=LIMIT) for run in queued] == [f"queued {i}" for i in range(5)]
    assert sorted(lines_of(notes)) == [
        "queued 0",
        "queued 1",
        "queued 2",
        "queued 3",
        "queued 4",
        "running",
    ]
    assert running.status == "succeeded" and running.record()["attempt"] == 1
    assert all(run.record()["attempt"] == 1 for run in queued)
    assert records_of(lt, ended) == before
    assert lt.run(ended[0].id).result() == 3
    with pytest.raises(shop.helpers.StockError):
        lt.run(ended[1].id).result()
    assert lt.run(ended[2].id).result() == value
    assert note.options(key="k3").submit(str(notes), "queued 3", str(released)).id == queued[3].id

    after = records_of(lt, [*ended, running, *queued])
    kill_node()
    assert records_of(lt, [*ended, running, *queued]) == after, "and it stays so"
    assert len(lines_of(notes)) == 6


def test_every_submission_that_was_confirmed_is_run_once(own_home, lt, tmp_path):
    """The daemon is killed again and again while programs submit."""
    notes = tmp_path / "notes"
    note = lt.function(workshop.note).to(lt.here)
    note.submit(str(notes), "warm").result(timeout=LIMIT)
    runs, lock, stop = {}, threading.Lock(), threading.Event()

    def submit_all(thread):
        for i in range(200):
            if stop.is_set():
                return
            name = f"{thread}-{i}"
            while True:
                try:
                    run = note.options(key=name).submit(str(notes), name)
                    break
                except lt.NodeError:
                    pass  # it's not known whether it was recorded: the key makes this safe
            with lock:
                runs[name] = run

    threads = [threading.Thread(target=submit_all, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for target in (100, 300, 500):
        assert wait_until(lambda target=target: len(runs) >= target, LIMIT)
        kill_node()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert len(runs) == 800 and len({run.id for run in runs.values()}) == 800
    lost = set()
    for name, run in runs.items():
        try:
            assert run.result(timeout=LIMIT) == name
        except lt.NodeLostError:
            lost.add(name)
    written = lines_of(notes)[1:]
    assert len(written) == len(set(written)), "none was run twice"
    assert set(runs) - lost <= set(written), "none was left out"
    assert set(written) <= set(runs)
    statuses = {record["key"]: record["status"] for record in lt.runs(limit=1000) if record["key"]}
    assert {name for name, status in statuses.items() if status == "lost"} == lost
    assert set(statuses.values()) <= {"succeeded", "lost"}


def test_a_stopped_node_says_what_is_lost_and_the_next_runs_what_was_queued(own_home, lt, tmp_path):
    notes, released = tmp_path / "notes", tmp_path / "released"
    note = lt.function(workshop.note_and_hold).options(concurrency=1).to(lt.here)
    running = note.submit(str(notes), "running", str(released))
    assert wait_until(lambda: lines_of(notes) == ["running"])
    queued = note.submit(str(notes), "queued", str(released))
    leanto("stop")
    with pytest.raises(lt.NodeLostError):
        # Heard before the node ended; the value is asked of the next one, which this starts.
        running.result(timeout=LIMIT)
    assert "was stopped" in running.record()["reason"]
    released.touch()
    assert queued.result(timeout=LIMIT) == "queued"
    assert lines_of(notes) == ["running", "queued"]


def kill_node_and_workers():
    """Kill the daemon, and the workers before it has seen that, so that they can't go on."""
    workers = [row["pid"] for row in node_status()["workers"]]
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    kill_node()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


def parent_of(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def test_a_worker_whose_zygote_is_killed_with_the_node_is_gone_before_its_run_is_said_to_be_lost(
    own_home, lt, tmp_path
):
    """Whatever the function does meanwhile. What it has forked isn't waited for."""
    started = tmp_path / "started"
    run = lt.function(workshop.fork_and_hold_on_to_everything).to(lt.here).submit(str(started))
    assert wait_until(lambda: lines_of(started))
    (worker,) = [row["pid"] for row in node_status()["workers"]]
    zygote, node = parent_of(worker), pid_of_node()
    try:
        os.kill(zygote, signal.SIGSTOP)  # neither notices that the other is gone
        os.kill(node, signal.SIGKILL)
        os.kill(zygote, signal.SIGKILL)
        with pytest.raises(lt.NodeLostError):
            run.result(timeout=LIMIT)
        assert not alive(worker)
    finally:
        os.kill(int(lines_of(started)[0]), signal.SIGKILL)


def test_logs_of_a_lost_run_stay_and_are_resumed(own_home, lt, tmp_path):
    run = lt.function(workshop.print_when_told).to(lt.here).submit(str(tmp_path), 4)
    logs = run.logs(follow=True)
    for i in range(2):
        (tmp_path / str(i)).touch()
        assert next(logs).text == f"line {i}"
    kill_node_and_workers()
    assert list(logs) == []
    assert run.exception(timeout=LIMIT) is not None
    assert [line.text for line in lt.run(run.id).logs(follow=True)] == ["line 0", "line 1"]
    assert lt.run(run.id).record()["log_size"] == run.seen


def test_a_queued_run_whose_object_is_gone_says_so(own_home, lt, tmp_path):
    counter = lt.cls(shop.Counter).options(name="c", concurrency=1).to(lt.here)()
    running = counter.wait_for.submit(str(tmp_path / "never"))
    assert wait_until(lambda: running.status == "running")
    queued = counter.increase.submit()
    kill_node_and_workers()
    with pytest.raises(lt.NotFoundError, match="gone"):
        queued.result(timeout=LIMIT)
    assert queued.status == "failed" and running.exception(timeout=LIMIT) is not None


def test_a_run_waits_for_nobody(own_home, lt, tmp_path):
    """Its program is killed while it's queued; the daemon is killed, too; the next one runs it."""
    notes, released = tmp_path / "notes", tmp_path / "released"
    with Client(WORKSHOP) as client:
        client.do("import workshop")
        client.do("note = lt.function(workshop.note_and_hold).options(concurrency=1).to(lt.here)")
        client.do(f"note.submit({str(notes)!r}, 'one', {str(released)!r})")
        assert wait_until(lambda: lines_of(notes) == ["one"])
        id_ = client.do(f"note.submit({str(notes)!r}, 'two', {str(released)!r}).id")
    kill_node()
    released.touch()
    assert node_or_start(lt)
    assert lt.run(id_).result(timeout=LIMIT) == "two"
    assert lines_of(notes) == ["one", "two"]


def test_a_node_that_is_just_ending_does_not_keep_the_next_one_from_being_started(own_home, lt):
    lt.here.keys()
    kill_node()
    lock = os.open(own_home / ".local" / "state" / "leanto" / "node.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)  # as a killed process has it until it's gone
    threading.Timer(1, os.close, [lock]).start()
    assert lt.here.keys() == []


def node_or_start(lt):
    lt.here.keys()
    return node_status()["pid"]


def test_the_node_forgets_what_is_over_its_bounds(own_home, lt):
    config = own_home / ".config" / "leanto" / "node.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[runs]\nkeep = "7d"\nmax_count = 2\nmax_value_size = "10KB"\n')
    call = lt.function(workshop.call).to(lt.here)
    runs = [call.options(key=f"k{i}").submit(abs, -i) for i in range(4)]
    assert [run.result(timeout=LIMIT) for run in runs] == [0, 1, 2, 3]
    with pytest.raises(lt.CapacityError, match="max_value_size"):
        call.submit(len, b"x" * 20_000)
    with pytest.raises(lt.CapacityError, match="max_value_size"):
        call.submit(bytes, 20_000).result(timeout=LIMIT)
    kill_node()
    lt.here.keys()
    assert wait_until(lambda: len(lt.runs()) == 2)
    with pytest.raises(lt.NotFoundError):
        lt.run("k0")
    again = call.options(key="k0").submit(abs, -7)
    assert again.result(timeout=LIMIT) == 7, "its key is free again"


def test_the_record_is_synced_before_submit_returns(own_home, lt):
    run = lt.function(shop.add).to(lt.here).submit(1)
    path = own_home / ".local" / "state" / "leanto" / "runs.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        found = database.execute("SELECT count(*) FROM runs WHERE id = ?", [run.id]).fetchone()
    assert found == (1,)
    assert run.result(timeout=LIMIT) == 1
    assert os.path.exists(path)
