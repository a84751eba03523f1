"""`leanto call --key --wait`: a run as a shell script, cron and CI make it."""

import json
import os
import signal
import subprocess
import sys

import flaky
import pytest
from clients import LIMIT
from conftest import ROOT, leanto, wait_until

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
import counter  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def services():
    import leanto as lt

    for each in ("add", "shout", "fail", "wait_for", "die", "unsayable"):
        lt.function(getattr(counter, each)).to(lt.here).save(f"c.{each}")
    lt.function(flaky.fail_until).to(lt.here).save("c.fail_until")


def command(*arguments):
    return [os.environ["LEANTO_BINARY"], "call", *map(str, arguments)]


def call(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=LIMIT)


def args(*values):
    return "--args", json.dumps(values)


def begun(path, *arguments):
    """Start a command whose run waits for a file to go; return its process once that runs."""
    words = command("c.wait_for", *args(str(path)), "--wait", *arguments)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert wait_until(path.exists), process.communicate(timeout=LIMIT)
    return process


def test_the_same_key_is_the_same_run_with_its_output_and_its_value(lt):
    first = call("c.shout", *args("hey"), "--key", "c-shout", "--wait")
    assert (first.returncode, first.stdout) == (0, '"HEY"\n')
    assert sorted(first.stderr.splitlines()) == ["hey", "to stderr"]
    again = call("c.shout", *args("hey"), "--key", "c-shout", "--wait")
    assert (again.returncode, again.stdout) == (0, '"HEY"\n')
    assert sorted(again.stderr.splitlines()) == ["hey", "to stderr"]
    record = lt.run("c-shout").record()
    assert record["attempt"] == 1 and record["caller"]["pid"] > 0
    assert [row["key"] for row in lt.runs()].count("c-shout") == 1
    assert lt.run("c-shout").result(timeout=LIMIT) == "HEY"


def test_other_arguments_under_the_key_are_refused(lt):
    assert call("c.add", *args(1), "--key", "c-add", "--wait").stdout == "3\n"
    done = call("c.add", *args(2), "--key", "c-add", "--wait")
    assert (done.returncode, done.stdout) == (1, "") and "'c-add' stands for the run" in done.stderr


def test_without_wait_it_says_the_id_and_leaves(lt, tmp_path):
    path = tmp_path / "running"
    asked = ("c.wait_for", *args(str(path)), "--key", "c-left")
    done = call(*asked)
    assert done.returncode == 0 and "its key is c-left" in done.stdout
    assert wait_until(path.exists)
    said = json.loads(call(*asked, "--json").stdout)
    assert said["id"] == done.stdout.split()[0] and said["new"] is False
    path.unlink()
    assert lt.run("c-left").result(timeout=LIMIT) == "waited"
    assert call(*asked, "--wait").stdout == '"waited"\n'


def test_a_method_of_an_object(lt):
    lt.cls(counter.Counter).to(lt.here).options(name="c-total")(5)
    try:
        assert call("c-total", "add", *args(4), "--key", "c-sum", "--wait").stdout == "9\n"
        assert call("c-total", "add", *args(4), "--key", "c-sum", "--wait").stdout == "9\n"
        done = call("c-total", "me", "--key", "c-me", "--wait")
        assert done.stdout == '{"object":"c-total"}\n'
    finally:
        lt.here.delete("c-total")


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (["c.fail"], 1, "user"),
        (["c.die"], 1, "worker_died"),
        (["c.unsayable"], 1, "not_acceptable"),
        (["c.nobody"], 6, "not_found"),
        (["c.wait_for", "--args", "[]"], 1, "invalid"),  # its worker says so, so the run failed
    ],
)
def test_each_failure_has_its_exit_code_each_time(arguments, code, kind):
    key = f"c-fails-{arguments[0]}-{code}"
    for _ in range(2):
        done = call(*arguments, "--key", key, "--wait")
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert done.stderr
        done = call(*arguments, "--key", key, "--wait", "--json")
        assert done.returncode == code
        assert json.loads(done.stdout)["error"]["kind"] == kind


def test_a_timeout_exits_124_each_time(tmp_path):
    asked = ("c.wait_for", *args(str(tmp_path / "w")), "--key", "c-late", "--timeout", "50ms")
    for _ in range(2):
        done = call(*asked, "--wait")
        assert done.returncode == 124 and "timeout of 0.05 s" in done.stderr


def test_retries_count_all_attempts(lt, tmp_path):
    asked = ("c.fail_until", *args(str(tmp_path / "calls"), 2), "--wait")
    done = call(*asked, "--key", "c-flaky", "--retries", "2")
    assert done.returncode == 0, done.stderr
    assert lt.run("c-flaky").record()["attempt"] == 2


def test_a_cancelled_run_exits_4(lt, tmp_path):
    process = begun(tmp_path / "running", "--key", "c-cancelled")
    leanto("cancel", "c-cancelled", "--reason", "enough")
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (4, "") and "enough" in err


def test_ctrl_c_leaves_the_run_and_says_how_to_find_it(lt, tmp_path):
    path = tmp_path / "running"
    process = begun(path, "--key", "c-goes-on")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (130, "")
    assert "goes on" in err and "leanto cancel c-goes-on" in err
    assert lt.run("c-goes-on").status == "running"
    path.unlink()
    assert lt.run("c-goes-on").result(timeout=LIMIT) == "waited"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_cancels_it_where_that_was_asked_for(lt, tmp_path, number, code):
    key = f"c-cancel-{code}"
    process = begun(tmp_path / "running", "--key", key, "--cancel-on-interrupt")
    process.send_signal(number)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == code, err
    record = lt.run(key).record()
    assert record["status"] == "cancelled" and "interrupted" in record["reason"]


@pytest.mark.parametrize(
    "arguments",
    [["--wait"], ["--retries", "2"], ["--key", "k", "--retries", "0"], ["--key", ""],
     ["--key", "k", "--cancel-on-interrupt"]],
)  # fmt: skip
def test_what_makes_no_sense_exits_2(arguments):
    done = call("c.add", *args(1), *arguments)
    assert done.returncode == 2 and done.stderr


def test_it_waits_beyond_a_restart_of_the_node(own_home, lt, tmp_path):
    lt.function(counter.wait_for).to(lt.here).save("c.wait_for")
    path = tmp_path / "running"
    process = begun(path, "--key", "c-beyond")
    leanto("restart", "--node")
    assert process.poll() is None
    path.unlink()
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (0, '"waited"\n'), err
