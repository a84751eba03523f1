"""`leanto call`: JSON in, JSON out, output on stderr, and exit codes that mean something."""

import json
import os
import signal
import subprocess
import sys

import pytest
from clients import LIMIT
from conftest import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
import counter  # noqa: E402


@pytest.fixture(scope="module")
def services():
    import leanto as lt

    for each in (
        "add",
        "shout",
        "fail",
        "count_up",
        "count_for_ever",
        "wait_for",
        "echo",
        "unsayable",
        "die",
    ):
        lt.function(getattr(counter, each)).to(lt.here).save(f"k.{each}")
    lt.cls(counter.Counter).to(lt.here).save("k.Counter")


def call(*arguments, env=None):
    command = [os.environ["LEANTO_BINARY"], "call", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=env)


def test_a_call_prints_its_value_as_json(services):
    done = call("k.add", "--args", "[1]", "--kwargs", '{"b": 5}')
    assert (done.returncode, done.stdout, done.stderr) == (0, "6\n", "")
    assert call("k.echo", "--args", '["ä\\u0000"]').stdout == '"ä\\u0000"\n'
    assert call("k.echo").stdout == "null\n"


def test_what_it_prints_comes_to_stderr(services):
    done = call("k.shout", "--args", '["hey"]')
    assert json.loads(done.stdout) == "HEY"
    assert sorted(done.stderr.splitlines()) == ["hey", "to stderr"]


def test_a_generators_items_are_lines(services):
    done = call("k.count_up", "--args", "[100]")
    assert [int(line) for line in done.stdout.splitlines()] == list(range(100))
    assert done.returncode == 0


def test_objects_and_classes_are_called_by_name(lt, services):
    lt.cls(counter.Counter).to(lt.here).options(name="k-total")(5)
    try:
        assert call("k-total", "add", "--kwargs", '{"n": 4}').stdout == "9\n"
        assert call("k-total", "me").stdout == '{"object":"k-total"}\n'
        assert call("k.Counter", "twice", "--args", "[4]").stdout == "8\n"
    finally:
        lt.here.delete("k-total")


def test_what_user_code_raises_is_shown_with_its_traceback_and_exits_1(services):
    done = call("k.fail", "--args", '["so it goes"]')
    assert done.returncode == 1
    assert done.stdout == ""
    assert counter.__file__ in done.stderr
    assert done.stderr.endswith("ValueError: so it goes\n")


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (["k.fail"], 1, "user"),
        (["k.die"], 1, "worker_died"),
        (["k.unsayable"], 1, "not_acceptable"),
        (["k.add", "--args", "[]"], 2, "invalid"),
        (["k.add", "--args", "{}"], 2, "invalid"),
        (["k.add", "--kwargs", "[]"], 2, "invalid"),
        (["k.add", "--args", "[1"], 2, "invalid"),
        (["k.add", "--timeout", "soon"], 2, "invalid"),
        (["k.nobody"], 6, "not_found"),
    ],
)
def test_each_failure_has_its_exit_code_and_with_json_its_kind(services, arguments, code, kind):
    done = call(*arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr
    done = call(*arguments, "--json")
    assert done.returncode == code
    assert json.loads(done.stdout)["error"]["kind"] == kind


def test_a_timeout_exits_124(services, tmp_path):
    done = call("k.wait_for", "--args", json.dumps([str(tmp_path / "w")]), "--timeout", "50ms")
    assert done.returncode == 124
    assert "timeout of 0.05 s" in done.stderr


def test_without_a_node_it_exits_3(own_home):
    done = call("anything")
    assert done.returncode == 3
    assert "no node is running here" in done.stderr


def test_ctrl_c_cancels_the_call(services, tmp_path):
    running = tmp_path / "running"
    process = subprocess.Popen(
        [os.environ["LEANTO_BINARY"], "call", "k.wait_for", "--args", json.dumps([str(running)])],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert wait_until(running.exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130, err
    assert out == b""


def test_a_reader_who_leaves_ends_the_stream(services, tmp_path):
    closed = tmp_path / "closed"
    command = (
        f"'{os.environ['LEANTO_BINARY']}' call k.count_for_ever --args '[\"{closed}\"]' | head -n 3"
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=LIMIT)
    assert done.stdout == "0\n1\n2\n"
    assert wait_until(closed.exists)
