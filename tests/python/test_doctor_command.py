"""`leanto doctor`: what it finds, with and without a node, and that it changes nothing."""

import json
import os
import socket
import sqlite3
import subprocess

import pytest
from clients import LIMIT, write_project
from conftest import leanto


def doctor(env=None):
    command = [os.environ["LEANTO_BINARY"], "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=env)
    said = json.loads(done.stdout)
    assert (done.returncode == 0) == said["healthy"], done.stderr
    return said["healthy"], {check["name"]: check for check in said["checks"]}


def verdicts(checks):
    return {name: check["verdict"] for name, check in checks.items()}


def test_without_a_node_it_starts_none_and_makes_nothing(own_home):
    healthy, checks = doctor()
    assert healthy, checks
    assert checks["node"]["found"] == "not running; it starts on first use"
    assert not (own_home / ".local").exists() and not (own_home / ".cache").exists()
    expected = {
        "python", "package", "config", "state", "cache", "node.toml", "node", "version", "clock",
        "memory limits", "inotify", "open files", "/dev/shm", "machine", "gpus", "git", "uv", "ssh",
    }  # fmt: skip
    assert set(checks) == expected


def test_with_a_node_it_asks_it(own_home):
    leanto("node", "--detach")
    healthy, checks = doctor()
    assert healthy, checks
    assert checks["node"]["found"].startswith("running on ")
    assert checks["ledger.sqlite"]["verdict"] == "ok" and checks["runs.sqlite"]["verdict"] == "ok"
    leanto("stop")
    assert doctor()[1]["ledger.sqlite"]["found"] != "schema 0"


def test_people_get_lines(own_home):
    text = leanto("doctor")
    assert text.startswith("ok    python") or "package" in text
    assert "warning" in text or text.endswith("Nothing is wrong here.\n")


def test_a_broken_configuration_fails(own_home):
    write_project(own_home, {".config/leanto/node.toml": "max_frame_size = 1\nnonsense = 2\n"})
    os.chmod(own_home / ".config" / "leanto", 0o700)
    healthy, checks = doctor()
    assert not healthy and checks["node.toml"]["verdict"] == "fail"
    assert "node.toml" in checks["node.toml"]["found"]


def test_a_directory_that_others_may_write_to_fails(own_home):
    state = own_home / ".local" / "state" / "leanto"
    state.mkdir(parents=True)
    state.chmod(0o777)
    healthy, checks = doctor()
    assert not healthy and "chmod go-w" in checks["state"]["found"]


def test_a_socket_that_is_left_over_is_no_failure(own_home):
    state = own_home / ".local" / "state" / "leanto"
    state.mkdir(parents=True, mode=0o700)
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(state / "node.sock"))
    healthy, checks = doctor()
    assert healthy and checks["node"]["verdict"] == "warn"


def test_a_database_of_a_newer_program_fails_and_stays_as_it_is(own_home):
    state = own_home / ".local" / "state" / "leanto"
    state.mkdir(parents=True, mode=0o700)
    database = sqlite3.connect(state / "ledger.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = (state / "ledger.sqlite").read_bytes()
    healthy, checks = doctor()
    assert not healthy and "schema 99" in checks["ledger.sqlite"]["found"]
    assert (state / "ledger.sqlite").read_bytes() == before


def test_an_old_python_and_none_fail(own_home, tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    healthy, checks = doctor({**os.environ, "PATH": str(empty)})
    assert not healthy and checks["python"]["verdict"] == "fail"
    assert "uv" in checks and checks["uv"]["verdict"] == "info"
    old = empty / "python3"
    old.write_text("#!/bin/sh\nprintf '3\\n7\\n3.7.2\\n/old/python3\\n\\n'\n")
    old.chmod(0o755)
    healthy, checks = doctor({**os.environ, "PATH": str(empty)})
    assert not healthy and checks["python"]["found"] == "3.7.2 (/old/python3), too old"


@pytest.mark.parametrize("variables", [{"HOME": ""}, {"HOME": "relative"}], ids=str)
def test_without_a_home_it_says_so(variables):
    healthy, checks = doctor({**os.environ, **variables})
    assert not healthy and "HOME" in checks["directories"]["advice"]
