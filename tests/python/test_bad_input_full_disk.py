"""A disk that is full, at each thing that the node writes: it is said, nothing is lost, and it goes on when there is room.

The disks are real, two small tmpfs at the places of the node's state and cache, so these tests need root.
"""

import importlib
import json
import os
import resource
import sys

import pytest
from clients import edit, run_script, write_project
from conftest import leanto, node_status, wait_until
from disks import Disk
from wheels import make_wheel

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")

APP = """
import os, time

def f(x=1):
    return x

def tell(path, count):
    print("it began")
    open(path + ".began", "w").close()
    while not os.path.exists(path):
        time.sleep(0.01)
    for number in range(count):
        print("line", number, "." * 60)
    return "precious"
"""


@pytest.fixture
def disks(own_home):
    made = [
        Disk(own_home / ".local" / "state" / "leanto", "8m"),
        Disk(own_home / ".cache" / "leanto", "48m"),
    ]
    yield made
    leanto("stop", check=False)
    for disk in made:
        disk.remove()


@pytest.fixture
def state(disks):
    return disks[0]


@pytest.fixture
def cache(disks):
    return disks[1]


@pytest.fixture
def app(disks, lt, tmp_path, monkeypatch):
    """The module of a project, on a node that must be the same at the end."""
    project = write_project(tmp_path / "p", {"app.py": APP, "pyproject.toml": ""})
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.delitem(sys.modules, "app", raising=False)
    app = importlib.import_module("app")
    lt.here.keys()
    pid = node_status()["pid"]
    yield app
    assert lt.function(app.f).to(lt.here)(5) == 5
    assert node_status()["pid"] == pid
    del sys.modules["app"]


def begin(run_of, tmp_path):
    """Submit a run that waits for a file; return both, when it has begun."""
    go = tmp_path / "go"
    run = run_of(str(go))
    assert wait_until(lambda: os.path.exists(f"{go}.began"))
    return run, go


# Runs


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_submission_is_refused_and_leaves_nothing(app, state, lt, size):
    f = lt.function(app.f).to(lt.here)
    state.fill()
    with pytest.raises(lt.CapacityError, match="the disk is full; make room there") as caught:
        f.options(key="k").submit(b"x" * size)
    assert str(state.place / "runs") in str(caught.value)
    assert lt.runs() == []
    assert f(2) == 2, "plain calls need no disk"
    state.free()
    assert f.options(key="k").submit(b"x" * size).result(timeout=60) == b"x" * size
    assert len(lt.runs()) == 1


def test_a_run_that_ends_keeps_its_value_and_its_lines_until_there_is_room(
    app, state, lt, tmp_path
):
    tell = lt.function(app.tell).to(lt.here)
    run, go = begin(lambda path: tell.submit(path, 2000), tmp_path)
    assert wait_until(lambda: len(list(run.logs())) == 1)
    state.fill()
    go.touch()
    assert wait_until(lambda: "the disk is full" in run.record()["reason"])
    assert run.status == "running", "nobody hears of an outcome that is not on disk"
    with pytest.raises(lt.TimeoutError, match=r"it goes on \(it has ended, and its outcome waits"):
        run.result(timeout=0.1)
    state.free()
    assert run.result(timeout=60) == "precious"
    assert run.record()["reason"] == ""
    texts = [line.text.split(" .")[0] for line in run.logs()]
    assert texts == ["it began", *(f"line {number}" for number in range(2000))]


def test_a_queued_run_starts_when_there_is_room(app, state, lt, tmp_path):
    tell = lt.function(app.tell).options(workers=1, concurrency=1).to(lt.here)
    first, go = begin(lambda path: tell.submit(path, 1), tmp_path)
    second = tell.submit(str(go), 1)
    state.fill()
    go.touch()
    assert wait_until(lambda: "the disk is full" in first.record()["reason"])
    assert second.status == "queued"
    state.free()
    assert first.result(timeout=60) == second.result(timeout=60) == "precious"
    assert second.record()["attempt"] == 1


def test_a_run_can_be_cancelled_while_it_waits_for_room(app, state, lt, tmp_path):
    tell = lt.function(app.tell).options(workers=1, concurrency=1).to(lt.here)
    first, go = begin(lambda path: tell.submit(path, 1), tmp_path)
    second = tell.submit(str(go), 1)
    state.fill()
    go.touch()
    assert wait_until(lambda: "the disk is full" in second.record()["reason"])
    assert second.cancel("not needed")
    state.free()
    with pytest.raises(lt.CancelledError):
        second.result(timeout=60)
    assert first.result(timeout=60) == "precious"


# Logs


def test_the_log_of_a_service_has_its_lines_when_there_is_room(app, state, lt, tmp_path):
    tell = lt.function(app.tell).to(lt.here)
    go = tmp_path / "go"
    go.touch()
    tell(str(go), 1)
    name = "p/app.tell"
    assert wait_until(lambda: leanto("logs", name).count("\n") == 2)
    state.fill()
    tell(str(go), 2000)
    state.free()
    expected = [f"line {number}" for number in [0, *range(2000)]]

    def lines():
        return [line.split(" .")[0] for line in leanto("logs", "-n", "9999", name).splitlines()]

    assert wait_until(lambda: len(lines()) == 2003)
    assert [line for line in lines() if line != "it began"] == expected


# Sending


def test_sending_an_edit_fails_by_the_ledger_and_the_version_before_serves_on(
    app, state, lt, tmp_path
):
    lt.function(app.f).to(lt.here).save("kept")
    state.fill()
    edit(tmp_path / "p" / "app.py", "return x", "return (x, 'edited')")
    with pytest.raises(lt.CapacityError, match="ledger.sqlite: the disk is full; make room there"):
        lt.function(app.f).to(lt.here)
    assert lt.function(name="kept")(3) == 3
    assert lt.function(name="p/app.f")(3) == 3
    with pytest.raises(lt.CapacityError, match="the disk is full"):
        lt.function(name="kept").save("another")
    state.free()
    assert lt.function(app.f).to(lt.here)(3) == (3, "edited")
    assert lt.function(name="kept")(3) == 3
    edit(tmp_path / "p" / "app.py", "return (x, 'edited')", "return x")


def test_sending_an_edit_fails_by_the_snapshot_and_the_version_before_serves_on(
    app, cache, lt, tmp_path
):
    f = lt.function(app.f).to(lt.here)
    assert f(1) == 1
    cache.fill()
    write_project(tmp_path / "p", {"data.txt": "x" * 2_000_000})
    with pytest.raises(lt.CapacityError, match="blobs.*: the disk is full; make room there"):
        lt.function(app.f).to(lt.here)
    assert f(2) == 2
    cache.free()
    assert lt.function(app.f).to(lt.here)(3) == 3


def test_a_worker_whose_workspace_finds_no_room_fails_its_call_and_not_the_next(
    app, cache, lt, tmp_path
):
    for number in range(300):
        write_project(tmp_path / "p", {f"d{number}/e/f/{i}.txt": "" for i in range(9)})
    cache.fill()
    with pytest.raises(lt.CapacityError, match="the disk is full; make room there"):
        lt.function(app.f).to(lt.here)
    cache.free()
    assert lt.function(app.f).to(lt.here)(4) == 4


def test_an_image_that_finds_no_room_says_so_and_is_built_when_there_is(app, cache, lt, tmp_path):
    wheel = make_wheel(tmp_path / "w", "lt_spice", "1.0", "NAME = 'saffron'\n")
    image = lt.Image().pip_install([str(wheel)], options=["--no-index"])
    lt.function(app.f).to(lt.here)
    cache.fill()
    with pytest.raises((lt.ImageError, lt.CapacityError)) as caught:
        lt.function(app.f).options(image=image).to(lt.here)
    assert "No space left on device" in str(caught.value) or "disk is full" in str(caught.value)
    assert json.loads(leanto("images", "--json"))["images"] == []
    cache.free()
    assert lt.function(app.f).options(image=image).to(lt.here)(6) == 6


# The node itself


@pytest.mark.parametrize("which", [0, 1])
def test_a_node_that_finds_no_room_to_start_says_where(disks, lt, which):
    disks[which].fill()
    with pytest.raises(lt.NodeError, match="the disk is full; make room there") as caught:
        lt.here.keys()
    assert str(disks[which].place) in str(caught.value)
    disks[which].free()
    assert lt.here.keys() == []


def test_a_value_that_finds_no_room_is_refused_and_the_others_stay(own_home, state, lt):
    config = '[values]\nmemory = "1MB"\ndisk = "100MB"\n'
    write_project(own_home, {".config/leanto/node.toml": config})
    lt.here.put("kept", b"k" * 2_000_000)
    state.fill()
    with pytest.raises(lt.CapacityError, match="values: the disk is full; make room there"):
        lt.here.put("more", b"m" * 2_000_000)
    assert lt.here.get("kept") == b"k" * 2_000_000
    state.free()
    lt.here.put("more", b"m" * 2_000_000)
    assert lt.here.get("more") == b"m" * 2_000_000


def test_large_values_go_through_the_socket_where_shared_memory_has_no_room(app, lt, tmp_path):
    """A limit on the size of files holds for shared memory, too; beyond it a signal would end the node."""
    pid = node_status()["pid"]
    code = (
        "import app, json, os, subprocess, leanto as lt\n"
        "f = lt.function(app.f).to(lt.here)\n"
        "assert f(b'x' * 5_000_000) == b'x' * 5_000_000\n"
        "command = [os.environ['LEANTO_BINARY'], 'status', '--json']\n"
        "print(json.loads(subprocess.check_output(command))['values']['memory'])\n"
    )
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    assert run_script(tmp_path / "p", "-c", code).stdout == "0\n"
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert int(run_script(tmp_path / "p", "-c", code).stdout) > 5_000_000
