"""`leanto restart`: new workers for services, and a new daemon."""

import json
import os
import subprocess
import sys

import pytest
from clients import LIMIT, Client
from conftest import ROOT, alive, leanto, node_status, wait_until
from terminals import Terminal

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
sys.path.insert(0, str(ROOT / "tests" / "projects" / "workshop"))
import counter  # noqa: E402
import workshop  # noqa: E402

HOLD = "workshop/workshop.hold"


def restart(*arguments, env=None):
    command = [os.environ["LEANTO_BINARY"], "restart", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT, env=env, stdin=subprocess.DEVNULL
    )


def workers_of(service):
    """The workers that take calls; of those that leave, some may be gone before the node hears of it."""
    rows = [row for row in node_status()["workers"] if row["service"] == service]
    return [row["pid"] for row in rows if not row["leaving"]]


def test_a_service_gets_a_new_worker(lt):
    add = lt.function(counter.add).to(lt.here)
    assert add(1) == 3
    (before,) = workers_of("counter/counter.add")
    done = restart("counter/counter.add")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"counter/counter.add: 1 worker replaced (pid {before})\n"
    (after,) = workers_of("counter/counter.add")
    assert after != before and not alive(before)
    assert add(1) == 3
    assert workers_of("counter/counter.add") == [after], "it was ready"


def test_calls_that_run_are_finished_and_new_ones_go_to_the_new_worker(lt, tmp_path):
    hold = lt.function(workshop.hold).to(lt.here)
    run = hold.submit(str(tmp_path / "runs"), str(tmp_path / "go"))
    assert wait_until((tmp_path / "runs").exists)
    (before,) = workers_of(HOLD)
    done = restart(HOLD, "--limit", "0s", "--json")
    assert done.returncode == 124, "it still runs"
    (row,) = json.loads(done.stdout)["services"]
    assert (row["workers"], row["running"], row["interrupted"]) == ([before], 1, 0)
    (tmp_path / "released").touch()
    assert hold(str(tmp_path / "other"), str(tmp_path / "released")) != before
    (tmp_path / "go").touch()
    assert run.result() == before
    assert wait_until(lambda: not alive(before))


def test_now_interrupts_what_runs(lt, tmp_path):
    run = (
        lt.function(workshop.hold)
        .to(lt.here)
        .submit(str(tmp_path / "runs"), str(tmp_path / "never"))
    )
    assert wait_until((tmp_path / "runs").exists)
    (before,) = workers_of(HOLD)
    done = restart(HOLD, "--now")
    assert done.returncode == 0, done.stderr
    assert "1 call interrupted" in done.stdout
    with pytest.raises(lt.CancelledError):
        run.result()
    assert not alive(before)


def test_objects_stay(lt):
    total = lt.cls(counter.Counter).to(lt.here).options(name="rs-total")(5)
    try:
        assert total.add(1) == 6
        assert restart("counter/counter.Counter").returncode == 0
        assert total.add(1) == 7
    finally:
        lt.here.delete("rs-total")


def test_a_service_without_a_worker_is_left_alone_and_an_unknown_one_exits_6(lt):
    lt.function(counter.add).to(lt.here)
    done = restart("counter/counter.ad")
    assert done.returncode == 6
    assert "counter/counter.add" in done.stderr


def test_all_services_get_new_workers(own_home, lt):
    add, echo = lt.function(counter.add).to(lt.here), lt.function(counter.echo).to(lt.here)
    assert (add(1), echo(2)) == (3, 2)
    before = {row["pid"] for row in node_status()["workers"]}
    services = json.loads(restart("--all", "--json").stdout)["services"]
    assert {pid for row in services for pid in row["workers"]} == before
    after = {row["pid"] for row in node_status()["workers"]}
    assert len(after) == len(before) == 2 and not before & after
    assert (add(1), echo(2)) == (3, 2)
    leanto("stop")
    leanto("node", "--detach")
    assert restart("--all").stdout == "No service has a worker; the next call starts one.\n"


# The node


def test_the_node_is_restarted_as_it_was_started(own_home, lt):
    leanto("node", "--detach", "--listen", "127.0.0.1:0")
    add = lt.function(counter.add).to(lt.here)
    before = node_status()
    done = restart("--node")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"it was pid {before['pid']}" in done.stdout
    after = node_status()
    assert after["pid"] != before["pid"] and not alive(before["pid"])
    assert after["http"].startswith("127.0.0.1:")
    assert add(1) == 3


def test_what_would_be_lost_is_said_and_kept_unless_yes(own_home, lt):
    lt.cls(counter.Counter).to(lt.here).options(name="total")(5)
    lt.here.put("data", [1, 2])
    pid = node_status()["pid"]
    done = restart("--node")
    assert done.returncode == 1
    assert "'total' (Counter, " in done.stderr and "'data' (list, " in done.stderr
    assert "--yes" in done.stderr
    done = restart("--node", "--json")
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["would_end"]) == 2
    assert node_status()["pid"] == pid and lt.here.keys() == ["data", "total"]
    assert restart("--node", "--yes").returncode == 0
    assert node_status()["pid"] != pid and lt.here.keys() == []


def test_on_a_terminal_it_asks(own_home, lt):
    lt.here.put("data", [1, 2])
    pid = node_status()["pid"]
    for answer, code in ((b"n\n", 1), (b"\n", 1), (b"y\n", 0)):
        assert node_status()["pid"] == pid
        with Terminal("restart", "--node") as terminal:
            assert b"'data' (list, " in terminal.read_until(rb"Restart\? \[y/N\] ")
            terminal.press(answer)
            assert terminal.finish() == code
    assert node_status()["pid"] != pid


def test_calls_that_run_are_among_what_would_be_lost(own_home, lt, tmp_path):
    with Client(ROOT / "tests" / "projects" / "workshop") as client:
        client.do("import workshop")
        client.start(
            "lt.function(workshop.hold).to(lt.here)"
            f"({str(tmp_path / 'runs')!r}, {str(tmp_path / 'go')!r})"
        )
        assert wait_until((tmp_path / "runs").exists)
        done = restart("--node")
        assert done.returncode == 1 and f"1 call of {HOLD}" in done.stderr
        (tmp_path / "go").touch()
        client.answer()
