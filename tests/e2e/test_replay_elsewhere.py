"""A run of one machine replayed on another: its code and its arguments travel, in both directions."""

import json
import os
import shutil
import subprocess

import pytest
from clients import Client, Failed, edit, write_project
from conftest import leanto
from leanto import _nodes

LIMIT = 60

APP = """
import helper

def work(rows, broken=False):
    print("working")
    total = helper.first(rows)
    if broken:
        raise ValueError(f"no total of {total}")
    return {"total": total, "data": bytes(100_000)}

def where():
    import os
    return os.environ["HOME"]

class Kept:
    def add(self, n):
        return n
"""
SEND = "f = lt.function(app.work).options(keep_args=True).to({})"


@pytest.fixture
def app(world, tmp_path):
    """A project, and a program that uses it."""
    texts = {"app.py": APP, "helper.py": "def first(rows):\n    return rows[0]\n"}
    project = write_project(tmp_path / "app", {**texts, "pyproject.toml": "[project]\n"})
    with Client(project) as client:
        client.do("import app; box = lt.cluster('box')")
        yield project, client


def submitted(client, call, where):
    """Submit a call there, wait for its end and return the run's id."""
    client.do(SEND.format(where))
    client.do(f"run = {call}\nrun.exception()")
    return client.do("run.id")


def change(project):
    edit(project / "helper.py", "rows[0]", "'other code'")


def forget_code(world):
    """The node here starts anew, without any code of anybody."""
    leanto("stop")
    for name in ("blobs", "workspaces"):
        shutil.rmtree(world.home / ".cache" / "leanto" / name)
    assert leanto("node", "--detach") == ""
    leanto("up", "box")


def debug(id_):
    """Look at a run that failed with the rows [7], as a process here does it again."""
    done = subprocess.run(
        [os.environ["LEANTO_BINARY"], "replay", id_, "--debug"],
        input="p rows, total\nq\n", capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "([7], 7)" in done.stdout
    assert "ValueError: no total of 7" in done.stdout + done.stderr


def test_a_run_of_here_is_replayed_there_by_the_code_of_then(app, lt, box):
    project, client = app
    id_ = submitted(client, "f.submit([7, 8])", "lt.here")
    change(project)
    client.do("named = lt.function(app.work).to(box).save('elsewhere.work')")
    again = lt.run(id_).replay(to=box)
    assert again.result(timeout=LIMIT)["total"] == 7
    assert [line.text for line in again.logs()] == ["working"]
    assert again.node.name == "box"
    record, first = again.record(), lt.run(id_).record()
    assert record["replays"] == id_ and record["snapshot"] == first["snapshot"]
    assert record["keep_args"] and record["key"] is None
    assert again.replay().result(timeout=LIMIT)["total"] == 7, "it can be replayed there in turn"
    assert client.do("lt.function(name='elsewhere.work')([1])['total']") == "other code"


def test_no_name_stands_for_the_code_that_came_with_a_replay(app, lt, box):
    project, client = app
    id_ = submitted(client, "f.submit([7])", "lt.here")
    change(project)
    client.do("g = lt.function(app.work).to(box)")
    service = client.do("run.service")
    assert lt.run(id_).replay(to=box).result(timeout=LIMIT)["total"] == 7
    version = _nodes.far("box").ask("lookup", name=service, kind="function")[0]["v"]
    assert version == client.do("g.version")


def test_a_run_of_there_is_replayed_here(app, lt, box):
    project, client = app
    id_ = submitted(client, "f.submit([7, 8])", "box")
    change(project)
    again = lt.run(id_).replay(to=lt.here)
    assert again.result(timeout=LIMIT)["total"] == 7
    assert not again.node.is_far and again.record()["replays"] == id_


def test_its_code_is_fetched_if_it_is_not_here(app, lt, box, world):
    project, client = app
    id_ = submitted(client, "f.submit([7], broken=True)", "box")
    change(project)
    forget_code(world)
    again = lt.run(id_).replay(to=lt.here)
    with pytest.raises(ValueError, match="no total of 7"):
        again.result(timeout=LIMIT)
    assert not again.node.is_far


def test_a_run_that_began_elsewhere_is_replayed_anywhere(app, lt, box, world):
    """It's kept here, and its code is only there."""
    project, client = app
    retries = "retries=lt.Retry(2, elsewhere=[lt.here])"
    client.do(f"f = lt.function(app.work).options(keep_args=True, {retries}).to(box)")
    client.do("failed = f.submit([7], broken=True)\nfailed.exception()")
    client.do("run = f.submit([7])\nrun.exception()")
    id_ = client.do("run.id")
    assert client.do("run.node.name") == ""
    assert [row["node"] for row in lt.run(id_).record()["attempts"]] == ["box"]
    change(project)
    forget_code(world)
    for to in (None, lt.here, box):
        again = lt.run(id_).replay(to=to)
        assert again.result(timeout=LIMIT)["total"] == 7
        assert again.node.name == ("box" if to is box else "")
        assert again.record()["replays"] == id_
    said = leanto("replay", id_, "--to", "here")
    assert lt.run(said.split()[0]).result(timeout=LIMIT)["total"] == 7
    debug(client.do("failed.id"))


def test_code_that_is_nowhere_any_more_is_an_error_that_says_so(app, lt, box, world):
    project, client = app
    id_ = submitted(client, "f.submit([7])", "lt.here")
    change(project)
    forget_code(world)
    with pytest.raises(lt.SnapshotError, match=r"not here any more; send it again with \.to"):
        lt.run(id_).replay(to=box)


def test_the_command_line_finds_it_and_replays_it_anywhere(app, lt, box):
    project, client = app
    there = submitted(client, "f.submit([7])", "box")
    change(project)
    said = leanto("replay", there, "--to", "here")
    assert lt.run(said.split()[0]).result(timeout=LIMIT)["total"] == 7
    assert f"replays {there}" in said and "--on" not in said
    said = leanto("replay", said.split()[0], "--to", "box")
    assert ", on box; `leanto --on box wait" in said
    assert lt.run(said.split()[0]).node.name == "box"
    said = json.loads(leanto("replay", there, "--json"))
    assert said["node"] == "box" and said["replays"] == there
    assert lt.run(said["id"]).result(timeout=LIMIT)["total"] == 7


def test_a_run_of_there_is_debugged_here(app, lt, box, world):
    project, client = app
    id_ = submitted(client, "f.submit([7], broken=True)", "box")
    change(project)
    forget_code(world)
    debug(id_)


def test_json_arguments_travel_too(app, lt, box):
    _, client = app
    client.do("lt.function(app.work).options(keep_args=True).to(lt.here).save('elsewhere.json')")
    leanto("call", "elsewhere.json", "--args", "[[9]]", "--kwargs", '{"broken": true}',
           "--key", "elsewhere-json", "--wait", check=False)  # fmt: skip
    again = lt.run("elsewhere-json").replay(to=box)
    assert "no total of 9" in str(again.exception(timeout=LIMIT))


@pytest.mark.parametrize("to", ["box", "lt.here"])
def test_what_can_not_travel_is_said(app, to):
    _, client = app
    where = "lt.here" if to == "box" else "box"
    client.do(f"kept = lt.cls(app.Kept).options(keep_args=True).to({where})()")
    client.do("run = kept.add.submit(2)\nrun.result()")
    with pytest.raises(Failed, match="live object.*can't be called on another machine"):
        client.do(f"run.replay(to={to})")
    client.do("import os; os.environ['TOKEN'] = 'xyzzy'")
    client.do("image = lt.Image().secrets(['TOKEN'])")
    client.do(f"f = lt.function(app.where).options(keep_args=True, image=image).to({where})")
    client.do("run = f.submit()\nrun.result()")
    with pytest.raises(Failed, match="has secrets"):
        client.do(f"run.replay(to={to})")


def test_a_cluster_that_does_not_exist(app, lt):
    _, client = app
    id_ = submitted(client, "f.submit([7])", "lt.here")
    with pytest.raises(AssertionError, match="aws"):
        leanto("replay", id_, "--to", "aws")
    with pytest.raises(lt.InvalidRequestError, match="takes a cluster"):
        lt.run(id_).replay(to="aws")
