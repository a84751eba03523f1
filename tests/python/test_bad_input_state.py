"""What a node may find in its directories when it starts: each is said with the way out, and nothing of it is lost."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import venv

import pytest
import shop
from clients import Client, Failed, write_project
from conftest import alive, leanto, node_status, stop_node, wait_until

DAY = 86_400_000
WAITING = """
import os, time

def f(path):
    while not os.path.exists(path):
        time.sleep(0.01)
    return 1
"""


@pytest.fixture
def state(own_home):
    return own_home / ".local" / "state" / "leanto"


def start_daemon(*arguments):
    return subprocess.run(
        [os.environ["LEANTO_BINARY"], "node", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
    )


def kill_node():
    pid = node_status()["pid"]
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not alive(pid))


def change(database, sql):
    """Run a statement; return its rows. Afterwards all is in the file."""
    connection = sqlite3.connect(database)
    with connection:
        rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


# Files of another version, damaged files


@pytest.mark.parametrize("name", ["ledger.sqlite", "runs.sqlite"])
def test_a_state_directory_of_a_newer_version_is_refused_and_left_as_it_is(state, lt, name):
    run = lt.function(shop.add).to(lt.here).save("kept").submit(1, 2)
    assert run.result(timeout=60) == 3
    stop_node()
    [(version,)] = change(state / name, "PRAGMA user_version")
    change(state / name, "PRAGMA user_version = 999")
    before = (state / name).read_bytes()
    with pytest.raises(lt.NodeError) as caught:
        lt.here.keys()
    text = str(caught.value)
    assert f"{state / name} was made by a newer leanto (schema 999, this one knows up to" in text
    assert "it was not changed" in text and "XDG_STATE_HOME" in text
    assert (state / name).read_bytes() == before
    change(state / name, f"PRAGMA user_version = {version}")
    assert lt.function(name="kept")(2, 3) == 5
    assert lt.run(run.id).result(timeout=60) == 3


@pytest.mark.parametrize("name", ["ledger.sqlite", "runs.sqlite"])
def test_a_damaged_database_is_named_and_the_commands_that_it_suggests_work(state, lt, name):
    assert lt.function(shop.add).to(lt.here)(1, 2) == 3
    stop_node()
    (state / name).write_bytes(b"not a database " * 1000)
    with pytest.raises(lt.NodeError) as caught:
        lt.here.keys()
    suggested = re.search(r"\((mkdir damaged && mv .*)\)", str(caught.value))[1]
    assert f"{state / name}: the database is damaged" in str(caught.value)
    subprocess.run(suggested, shell=True, check=True, cwd=state)
    assert lt.function(shop.add).to(lt.here)(1, 2) == 3
    assert (state / "damaged" / name).read_bytes().startswith(b"not a database")


def test_a_file_in_the_place_of_the_socket_is_named_and_left_alone(state, lt):
    state.mkdir(parents=True, mode=0o700)
    (state / "node.sock").write_text("somebody's notes")
    with pytest.raises(lt.NodeError, match=r"node\.sock: it is there and no socket; move it away"):
        lt.here.keys()
    assert (state / "node.sock").read_text() == "somebody's notes"
    (state / "node.sock").unlink()
    assert lt.here.keys() == []


def test_a_stale_socket_is_replaced(state, lt):
    lt.here.keys()
    kill_node()
    assert (state / "node.sock").is_socket()
    assert "no node" in leanto("status", check=False).lower()
    assert lt.here.keys() == []


def test_a_directory_that_others_may_write_in_is_refused(state, lt):
    state.mkdir(parents=True, mode=0o700)
    state.chmod(0o777)
    with pytest.raises(lt.NodeError, match=f"{state}.*chmod"):
        lt.here.keys()
    state.chmod(0o700)
    assert lt.here.keys() == []


# A second daemon


def test_a_second_daemon_says_who_runs_and_harms_nothing(state, lt):
    lt.here.put("kept", 1)
    pid = node_status()["pid"]
    second = start_daemon()
    assert second.returncode == 1
    assert f"a node with process id {pid} runs on {state} already" in second.stderr
    assert start_daemon("--detach").returncode == 0, "a program asked for a node, and there is one"
    assert node_status()["pid"] == pid
    assert lt.here.get("kept") == 1


# No Python


def test_a_service_whose_python_is_gone_says_which_and_what_to_do(own_home, lt, tmp_path):
    project = write_project(tmp_path / "p", {"app.py": "def f():\n    return 1\n"})
    venv.create(tmp_path / "env", symlinks=True)
    python = tmp_path / "env" / "bin" / "python3"
    with Client(project, python=str(python)) as client:
        assert client.do("__import__('sys').executable") == str(python)
        assert client.do("import app") is None
        assert client.do("lt.function(app.f).to(lt.here)()") == 1
    stop_node()
    shutil.move(tmp_path / "env", tmp_path / "gone")
    f = lt.function(name="p/app.f")
    for _ in range(2):
        with pytest.raises(lt.LeantoError) as caught:
            f()
        assert str(python) in str(caught.value)
        assert ".to()" in str(caught.value)
    assert lt.function(shop.add).to(lt.here)(1, 2) == 3
    shutil.move(tmp_path / "gone", tmp_path / "env")
    assert f() == 1


def test_what_is_no_python_is_named_with_where_it_says_why(own_home, lt, tmp_path):
    project = write_project(tmp_path / "p", {"app.py": "def f():\n    return 1\n"})
    fake = tmp_path / "python3"
    fake.write_text("#!/bin/sh\necho 'this is no Python' >&2\nexit 3\n")
    fake.chmod(0o755)
    with Client(project) as client:
        client.do(f"import app, sys; sys.executable = {str(fake)!r}")
        with pytest.raises(Failed) as caught:
            client.do("lt.function(app.f).to(lt.here)()")
        assert str(fake) in caught.value.text and "leanto logs --node" in caught.value.text
        assert "this is no Python" in leanto("logs", "--node")
        client.do(f"sys.executable = {sys.executable!r}")
        assert client.do("lt.function(app.f).to(lt.here)()") == 1


# A clock that was set


def test_what_was_submitted_in_the_future_runs_and_keeps_its_timeout(state, lt, tmp_path):
    """As after a clock that was wrong by a day, and was set right while no node ran."""
    project = write_project(tmp_path / "p", {"app.py": WAITING})
    go, never = str(tmp_path / "go"), str(tmp_path / "never")
    with Client(project) as client:
        client.do("import app")
        client.do("f = lt.function(app.f).options(workers=1, concurrency=1).to(lt.here)")
        client.do(f"first = f.submit({go!r})")
        client.do(f"ids = [f.submit({go!r}).id, f.options(timeout=0.5).submit({never!r}).id]")
        runs = client.do("ids")
        client.do("while first.status != 'running': pass")
        kill_node()
    change(state / "runs.sqlite", f"UPDATE runs SET created_at = created_at + {DAY}")
    change(state / "ledger.sqlite", f"UPDATE names SET saved_at = saved_at + {DAY}")
    (tmp_path / "go").touch()
    assert lt.run(runs[0]).result(timeout=60) == 1
    with pytest.raises(lt.TimeoutError, match="longer than its timeout"):
        lt.run(runs[1]).result(timeout=60)
    assert lt.function(name="p/app.f")(go) == 1
