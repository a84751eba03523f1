"""Replay: the call of a run made again, by the same code with the same arguments, as a run or under a debugger."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import flaky
import pytest
import shop
from clients import Client, Failed, edit, run_script, write_project
from conftest import ROOT, leanto, wait_until

LIMIT = 60  # seconds for what takes milliseconds: reached only if something hangs
LARGE = 3_000_000  # bytes, which lie in a file beside the database

APP = """
import asyncio
import json

def work(rows, broken=False):
    total = 0
    for row in rows:
        total += row
    if broken:
        json.loads("{broken")
    return {"total": total}

def make(factor):
    return lambda x: x / (factor - 3)

async def later(x):
    await asyncio.sleep(0)
    return 1 / x

def typed(count: int, name: str = "a") -> str:
    return name * count

class Kept:
    def __init__(self):
        self.sum = 0

    def add(self, n):
        self.sum += n
        return self.sum

    @classmethod
    def twice(cls, n):
        return [n, n][2]
"""


SEND = "lt.function({}).options(keep_args=True).to(lt.here)"


@pytest.fixture
def kept(sent):
    """Send a function whose runs keep their arguments."""
    return lambda function, **options: sent(function, keep_args=True, **options)


@pytest.fixture
def app(tmp_path):
    """A project of its own, which may be edited, and a program that uses it."""
    project = write_project(tmp_path / "app", {"app.py": APP, "pyproject.toml": "[project]\n"})
    with Client(project) as client:
        client.do("import app")
        yield project, client


def submitted(client, call):
    """Submit a call of the program's and wait for its end; return the run's id."""
    client.do(f"run = {call}\nrun.exception()")
    return client.do("run.id")


def ended(run):
    run.exception(timeout=LIMIT)
    return run


def files_of(run):
    """The names of the files that the node has of a run."""
    runs = pathlib.Path(os.environ["HOME"], ".local/state/leanto/runs")
    return {path.name.partition(".")[2] for path in runs.glob(f"{run.id}.*")}


def replay(*arguments, typed=""):
    """Run `leanto replay` with text typed into it."""
    command = [os.environ["LEANTO_BINARY"], "replay", *arguments]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=LIMIT)


def left_over():
    return [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("leanto-replay-")]


# As a run


def test_a_replay_is_a_new_run_of_the_same_call(lt, kept):
    run = ended(kept(shop.add, key="first").submit(1, b=2))
    again = lt.run("first").replay()
    assert again.result(timeout=LIMIT) == 3
    assert again.id != run.id and again.key is None
    first, second = run.record(), again.record()
    assert second["replays"] == run.id and first["replays"] is None
    same = ("service", "version", "snapshot", "arguments_size", "policy", "timeout", "grace")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert second["caller"]["pid"] == os.getpid()
    assert second["keep_args"] and again.replay().result(timeout=LIMIT) == 3, (
        "it can be replayed too"
    )


def test_the_arguments_are_those_of_then_and_the_code_too(app):
    project, client = app
    client.do("f = lt.function(app.work).options(keep_args=True).to(lt.here)")
    client.do("rows = [1, 2]\nrun = f.submit(rows)\nrows.append(3)")
    assert client.do("run.result()") == {"total": 3}
    edit(project / "app.py", "total = 0", "total = 1000")
    assert client.do("lt.function(app.work).to(lt.here)([1])") == {"total": 1001}
    assert client.do("run.replay().result()") == {"total": 3}


def test_without_kept_arguments_it_says_how_to_keep_them(lt, sent):
    run = ended(sent(shop.add).submit(1))
    with pytest.raises(lt.NotFoundError, match=r"\.options\(keep_args=True\)"):
        run.replay()
    assert run.record()["keep_args"] is False
    done = replay(run.id)
    assert done.returncode == 1 and "keep_args=True" in done.stderr
    assert replay(run.id, "--debug").returncode == 1 and left_over() == []


def test_a_call_may_say_it_and_is_of_the_same_version(lt, sent):
    remote = sent(shop.add)
    keeping = remote.options(keep_args=True)
    assert keeping.version == remote.version
    run = ended(keeping.submit(5))
    assert run.replay().result(timeout=LIMIT) == 5
    named = remote.save("replay.add")
    by_name = ended(lt.function(name="replay.add").options(keep_args=True).submit(6))
    assert named.version == remote.version and by_name.replay().result(timeout=LIMIT) == 6


def test_what_the_service_says_holds_for_all_who_call_it_by_name(lt, kept):
    kept(shop.add).save("replay.kept")
    by_name = lt.function(name="replay.kept")
    assert ended(by_name.submit(7)).replay().result(timeout=LIMIT) == 7
    not_kept = ended(by_name.options(keep_args=False).submit(8))
    with pytest.raises(lt.NotFoundError, match="not kept"):
        not_kept.replay()


def test_one_that_runs_is_replayed_without(lt, sent, tmp_path):
    project = ROOT / "tests" / "projects" / "workshop"
    sys.path.insert(0, str(project))
    import workshop

    started, released = tmp_path / "started", tmp_path / "released"
    run = sent(workshop.hold).submit(str(started), str(released))
    assert wait_until(started.exists)
    again = run.replay()
    assert again.record()["replays"] == run.id
    released.touch()
    assert again.result(timeout=LIMIT) > 0 and run.result(timeout=LIMIT) > 0
    assert files_of(run) <= {"log"}


@pytest.mark.parametrize("keep", [True, False])
def test_large_arguments_lie_in_a_file_that_goes_with_them(lt, sent, keep):
    value = os.urandom(1000) * (LARGE // 1000)
    run = ended(sent(shop.double).options(keep_args=keep).submit(value))
    assert ("arguments" in files_of(run)) is keep
    if keep:
        assert run.replay().result(timeout=LIMIT) == value * 2


def test_one_that_was_tried_again_is_replayed_with_its_policy(lt, kept, tmp_path):
    retries = lt.Retry(3, delay=0.01, jitter=0)
    calls = tmp_path / "calls"
    run = ended(kept(flaky.fail_until, retries=retries).submit(str(calls), 3))
    assert run.record()["attempt"] == 3
    calls.unlink()
    again = run.replay()
    assert again.result(timeout=LIMIT) == 3
    record = again.record()
    assert record["attempt"] == 3 and record["policy"] == run.record()["policy"]
    assert record["started_at"] == record["attempts"][0]["started_at"]


def test_a_method_is_replayed_on_the_object_as_it_is_now(lt, app):
    _, client = app
    client.do("kept = lt.cls(app.Kept).options(keep_args=True).to(lt.here)()")
    client.do("run = kept.add.submit(2)\nassert run.result() == 2")
    assert client.do("run.replay().result()") == 4
    done = replay(client.do("run.id"), "--debug")
    assert done.returncode == 1 and "live object" in done.stderr and left_over() == []


def test_a_method_of_an_object_that_is_gone_is_not_replayed(lt, app):
    _, client = app
    client.do("kept = lt.cls(app.Kept).options(keep_args=True, name='gone soon').to(lt.here)()")
    id_ = submitted(client, "kept.add.submit(2)")
    lt.here.delete("gone soon")
    with pytest.raises(lt.NotFoundError, match="live object, and that is gone"):
        lt.run(id_).replay()


def test_a_method_of_an_object_with_other_code_is_not_replayed(app):
    project, client = app
    client.do("kept = lt.cls(app.Kept).options(keep_args=True, name='changed').to(lt.here)()")
    client.do("run = kept.add.submit(2)\nrun.result()")
    edit(project / "app.py", "self.sum += n", "self.sum += 2 * n")
    client.do("lt.cls(app.Kept).options(keep_args=True).to(lt.here, keep_state=True)")
    with pytest.raises(Failed, match="NotFoundError: .* code was replaced since"):
        client.do("run.replay()")
    client.do("lt.here.delete('changed')")


def test_a_version_that_is_not_here_any_more_is_named(own_home, lt, sent):
    import sqlite3

    run = ended(sent(shop.add).options(keep_args=True).submit(1))
    version = run.record()["version"]
    leanto("stop")
    [ledger] = (own_home / ".local/state/leanto").glob("ledger*.sqlite")
    with sqlite3.connect(ledger) as database:
        assert database.execute("DELETE FROM services WHERE version = ?", (version,)).rowcount == 1
    sent(shop.nothing)()
    with pytest.raises(lt.NotFoundError, match=f"the code of the run .* at version {version}"):
        lt.run(run.id).replay()


def test_arguments_of_json_are_replayed_too(app, lt):
    from leanto import _frames, _nodes

    _, client = app
    version = client.do("lt.function(app.typed).to(lt.here).version")
    call = {"v": version, "data": "json", "keep_args": True}
    head = _frames.encode_head({"op": "submit", "call": call})
    said = _frames.decode_head(_nodes.here.converse(_frames.ASK, head, b'{"count": 3}', [])[2])
    run = lt.run(said["id"])
    assert run.result(timeout=LIMIT) == "aaa"
    assert run.replay().result(timeout=LIMIT) == "aaa"
    done = replay(run.id, "--debug")
    assert done.returncode == 0 and "it returned 'aaa'" in done.stderr


def test_the_command_line_replays(lt, kept):
    run = ended(kept(shop.add, key="by the command line").submit(3))
    said = leanto("replay", "by the command line")
    again = lt.run(said.split()[0])
    assert again.result(timeout=LIMIT) == 3 and f"replays {run.id}" in said
    assert f"replays     {run.id}" in leanto("run", again.id)
    assert again.record()["caller"]["user"] == run.record()["caller"]["user"]
    said = json.loads(leanto("replay", run.id, "--to", "here", "--json"))
    assert said["replays"] == run.id and lt.run(said["id"]).result(timeout=LIMIT) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["x", "--to", "aws"], 1, "aws"),
        (["x", "--to", "aws", "--debug"], 2, "in this terminal"),
        (["x", "--debug", "--json"], 2, "a debugger needs a terminal"),
        (["nobody-has-it"], 1, "nobody-has-it"),
        (["nobody-has-it", "--debug"], 1, "nobody-has-it"),
    ],
)
def test_the_command_line_says_what_it_can_not_do(lt, sent, arguments, code, text):
    sent(shop.nothing)()
    done = replay(*arguments)
    assert done.returncode == code and text in done.stderr and not done.stdout


# Under a debugger


def test_a_debugger_takes_over_where_it_raised_at_the_users_own_line(app):
    project, client = app
    id_ = submitted(client, SEND.format("app.work") + ".submit([1, 2], broken=True)")
    edit(project / "app.py", "total += row", "total += 100 * row")
    done = replay(id_, "--debug", typed="p rows, total\nup\nq\n")
    assert done.returncode == 1, done.stderr
    assert "([1, 2], 3)" in done.stdout, "the innermost frame is json's, and the code that of then"
    assert 'json.loads("{broken")' in done.stdout and "Oldest frame" in done.stdout
    assert done.stderr.count("File ") == done.stderr.count("json/") + 1, "no frame of ours"
    assert "JSONDecodeError" in done.stderr and left_over() == []


def test_a_call_that_returns_leaves_the_debugger_alone(app):
    _, client = app
    id_ = submitted(client, SEND.format("app.work") + ".submit([1, 2])")
    done = replay(id_, "--debug")
    assert (
        done.returncode == 0
        and "it returned {'total': 3}" in done.stderr
        and "Pdb" not in done.stdout
    )


def test_a_debugger_stops_at_the_first_line_if_told_to(app):
    _, client = app
    id_ = submitted(client, SEND.format("app.work") + ".submit([1, 2])")
    done = replay(id_, "--step", typed="n\nn\np rows\nc\n")
    assert done.returncode == 0 and "total = 0" in done.stdout and "[1, 2]" in done.stdout
    assert replay(id_, "--step", typed="q\n").returncode == 1 and left_over() == []


def test_a_coroutine_and_a_class_method_are_debugged(app):
    _, client = app
    later = submitted(client, SEND.format("app.later") + ".submit(0)")
    done = replay(later, "--debug", typed="p x\nq\n")
    assert done.returncode == 1 and "(Pdb) 0" in done.stdout and "asyncio" not in done.stderr
    twice = submitted(
        client, "lt.cls(app.Kept).options(keep_args=True).to(lt.here).twice.submit(4)"
    )
    done = replay(twice, "--debug", typed="p n, cls.__name__\nq\n")
    assert done.returncode == 1 and "(4, 'Kept')" in done.stdout


def test_code_that_travelled_as_text_is_debugged(app):
    _, client = app
    id_ = submitted(client, SEND.format("app.make(3)") + ".submit(8)")
    done = replay(id_, "--debug", typed="p x, factor\nq\n")
    assert done.returncode == 1 and "(8, 3)" in done.stdout and "ZeroDivisionError" in done.stderr


def test_a_scripts_function_is_debugged(tmp_path):
    script = """
        import leanto as lt
        def f(x):
            y = x + 1
            return y / 0
        if __name__ == "__main__":
            run = lt.function(f).options(keep_args=True).to(lt.here).submit(1)
            run.exception()
            print(run.id)
    """.replace("\n        ", "\n")
    project = write_project(tmp_path / "script", {"main.py": script, "pyproject.toml": ""})
    id_ = run_script(project, "main.py").stdout.strip()
    done = replay(id_, "--debug", typed="p y\nq\n")
    assert done.returncode == 1 and "(Pdb) 2" in done.stdout, done.stderr


def test_variables_and_secrets_are_there_as_in_a_worker(own_home, tmp_path):
    text = "import os\ndef look(): return os.environ['COLOUR'], os.environ['HUB_TOKEN'][::-1]\n"
    project = write_project(tmp_path / "p", {"app.py": text, "pyproject.toml": ""})
    with Client(project, HUB_TOKEN="tok-12345") as client:
        client.do("import app\nimage = lt.Image().secrets(['HUB_TOKEN'])")
        client.do(
            "f = lt.function(app.look).options(image=image, env={'COLOUR': 'red'}, keep_args=True).to(lt.here)"
        )
        assert client.do("f.submit().replay().result()") == ["red", "54321-kot"]
        done = replay(client.do("f.submit().id"), "--debug")
        assert "('red', '54321-kot')" in done.stderr and done.returncode == 0
        id_ = submitted(client, "f.submit()")
        leanto("restart", "--node")
        done = replay(id_, "--debug")
        assert (
            done.returncode == 1
            and "the secrets of p/app.look (HUB_TOKEN) are not here" in done.stderr
        )


# How long arguments are kept


def test_kept_arguments_survive_a_restart_and_go_with_the_run(own_home, lt, kept):
    run = ended(kept(shop.double).submit("x" * LARGE))
    leanto("stop")
    assert kept(shop.nothing)() is None
    assert lt.run(run.id).replay().result(timeout=LIMIT) == "x" * 2 * LARGE
    assert files_of(run) == {"arguments", "result"}
    leanto("runs", "prune", "--keep-count", "0")
    assert files_of(run) == set()
    with pytest.raises(lt.NotFoundError):
        lt.run(run.id)


def test_kept_arguments_count_for_the_size_that_is_kept(own_home, lt, sent):
    small = ended(sent(shop.pid).submit())
    large = ended(sent(shop.call).options(keep_args=True).submit(len, "x" * LARGE))
    plain = ended(sent(shop.call).submit(len, "x" * LARGE))
    said = json.loads(leanto("runs", "prune", "--dry-run", "--keep-size", "1MB", "--json"))
    assert [run["id"] for run in said["runs"]] == [small.id, large.id]
    assert said["runs"][1]["size"] > LARGE and plain.record()["arguments_size"] > LARGE
