"""Memory limits that hold, and slots that are counted."""

import os
import pathlib
import signal
import sys
import threading

import pytest
import shop
from clients import run_script, write_project
from conftest import ROOT, alive, leanto, node_status, wait_until

sys.path.insert(0, str(ROOT / "tests" / "projects" / "hungry"))
import hungry  # noqa: E402

LIMIT = 150_000_000


@pytest.fixture(params=["cgroup", "watched"])
def limits(request, config):
    """Limits by either means; what the node says of them."""
    config(f'[workers]\nmemory_limits = "{request.param}"\n')
    leanto_said = start_and_ask()
    if request.param == "cgroup" and not leanto_said.startswith("by cgroup"):
        pytest.skip(f"no control groups here: {leanto_said}")
    assert leanto_said.startswith("by cgroup" if request.param == "cgroup" else "watched every")
    return request.param


def start_and_ask():
    import leanto as lt

    lt.here.keys()
    return node_status()["memory_limits"]


def worker_of(name):
    return next(row for row in node_status()["workers"] if row["service"].endswith(name))


class Caller(threading.Thread):
    """A call in a thread of its own."""

    def __init__(self, function, *args):
        super().__init__()
        self.function, self.args = function, args
        self.outcome = None
        self.start()

    def run(self):
        try:
            self.outcome = self.function(*self.args)
        except Exception as error:
            self.outcome = error

    def result(self):
        self.join(timeout=60)
        assert not self.is_alive(), "the call hangs"
        return self.outcome


# Memory


def test_a_call_that_takes_too_much_ends_with_an_error_and_nobody_else_does(
    lt, sent, limits, tmp_path
):
    neighbour = sent(shop.Counter)(1)
    plain = sent(hungry.pid)
    before = neighbour.pid(), plain(), node_status()["pid"]
    take = sent(hungry.take, memory=LIMIT)
    assert take(20) == 20_000_000
    with pytest.raises(lt.OutOfMemoryError) as caught:
        take(1000)
    error = caught.value
    assert error.limit == LIMIT
    assert error.peak is not None and error.peak > LIMIT * 0.9
    assert error.last_lines[-1] == "taking 1000 MB"
    assert error.device == "cpu"
    assert "memory limit of 150 MB" in str(error) and "memory=" in str(error)
    assert isinstance(error, MemoryError) and not isinstance(error, lt.WorkerDiedError)
    assert (neighbour.pid(), plain(), node_status()["pid"]) == before
    assert take(20) == 20_000_000, "the next call gets another worker"


def test_all_calls_of_that_worker_end_so(lt, sent, limits, tmp_path):
    model = sent(hungry.Model, memory=LIMIT)()
    waiting = sent(hungry.hold, memory=LIMIT, concurrency=10)
    waits = Caller(waiting, str(tmp_path / "a"), str(tmp_path / "never"))
    assert wait_until((tmp_path / "a").exists)
    with pytest.raises(lt.OutOfMemoryError):
        model.take(1000)
    with pytest.raises(lt.NotFoundError, match="went over its memory limit of 150 MB"):
        model.where()
    os.kill(int((tmp_path / "a").read_text()), signal.SIGKILL)
    error = waits.result()
    assert type(error) is lt.WorkerDiedError, "somebody killed it: that's not the limit"
    assert error.signal == signal.SIGKILL


def test_what_child_processes_take_counts(lt, sent, limits):
    with pytest.raises(lt.OutOfMemoryError) as caught:
        sent(hungry.take_in_child, memory=LIMIT)(1000)
    assert caught.value.last_lines == ["my child takes it"]


def test_a_module_that_takes_too_much_when_it_is_imported(limits, tmp_path):
    greedy = """\
import sys

data = b"x" * (10**9 if "leanto.worker.serve" in sys.modules else 1)


def f():
    return len(data)
"""
    main = f"""\
import leanto as lt
import greedy

try:
    lt.function(greedy.f).options(memory={LIMIT}).to(lt.here)
except lt.OutOfMemoryError as error:
    print(error.limit, error.peak > 0.9 * error.limit, error)
"""
    project = write_project(tmp_path / "p", {"main.py": main, "greedy.py": greedy})
    said = run_script(project, "main.py").stdout
    assert said.startswith(f"{LIMIT} True p/greedy.f: the worker ended while its module was"), said
    assert "memory limit of 150 MB" in said


def test_status_says_how_memory_is_limited_and_what_each_worker_uses(sent, limits):
    take = sent(hungry.take, memory="150MB")
    take(50)
    wait_until(lambda: worker_of("hungry.take")["memory"] > 50_000_000)
    row = worker_of("hungry.take")
    assert row["memory_limit"] == LIMIT
    assert 50_000_000 < row["memory"] < LIMIT
    text = leanto("status")
    assert "143.1 MiB" in text
    assert ("by cgroup v" if limits == "cgroup" else "watched every 100 ms") in text


def test_control_groups_do_not_stay_behind(lt, sent, limits):
    if limits != "cgroup":
        pytest.skip("there are none")
    directory = pathlib.Path(node_status()["memory_limits"].partition(" in ")[2])
    take = sent(hungry.take, memory=LIMIT)
    take(1)
    assert len(groups_in(directory)) == 1
    with pytest.raises(lt.OutOfMemoryError):
        take(1000)
    assert wait_until(lambda: groups_in(directory) == [])
    take(1)
    node = node_status()["pid"]
    os.kill(node, signal.SIGKILL)
    assert wait_until(lambda: not alive(node))
    left = groups_in(directory)
    assert len(left) == 1, "nobody was there to remove it"
    assert wait_until(lambda: (directory / left[0] / "cgroup.procs").read_text() == "")
    take(1)
    assert left[0] not in groups_in(directory)
    leanto("stop")
    assert wait_until(lambda: not directory.exists())


def groups_in(directory):
    return [entry.name for entry in directory.iterdir() if entry.is_dir()]


def test_memory_errors_of_user_code_arrive_as_the_same_error(lt, sent):
    with pytest.raises(lt.OutOfMemoryError, match="no room for an array") as caught:
        sent(hungry.raise_memory_error)()
    assert caught.value.limit is None and caught.value.device == "cpu"
    assert type(caught.value.__cause__) is MemoryError
    assert "in raise_memory_error" in str(caught.value.__cause__.__cause__)
    with pytest.raises(lt.OutOfMemoryError, match="CUDA out of memory") as caught:
        sent(hungry.raise_gpu_memory_error)()
    assert caught.value.device == "gpu"


# Slots


def test_each_worker_sees_the_gpus_that_it_holds(lt, sent, config):
    config("accelerators = {A10G = 1, T4 = 2}\n")
    assert sent(hungry.devices, gpus=1)() == ("0", "0")
    assert sent(hungry.devices, accelerators={"T4": 2})() == ("1,2", "1,2")
    assert sent(hungry.devices)() == (None, None)
    model = sent(hungry.Model, accelerators="T4")()
    assert model.where() in ("1", "2")
    row = next(row for row in node_status()["workers"] if "object" in row)
    assert row["gpus"] == [{"name": model.where(), "share": 1}]


def test_parts_of_a_gpu_are_shared(lt, sent, config):
    config("accelerators = {A10G = 2}\n")
    models = [sent(hungry.Model, gpus=0.5)() for _ in range(4)]
    assert sorted(model.where() for model in models) == ["0", "0", "1", "1"]


def test_a_worker_that_does_not_fit_waits_until_slots_are_free(lt, sent, config, tmp_path):
    config("accelerators = {A10G = 1}\n")
    hold = sent(hungry.hold, gpus=1, workers=4, concurrency=1)
    first = Caller(hold, str(tmp_path / "a"), str(tmp_path / "go a"))
    assert wait_until((tmp_path / "a").exists)
    second = Caller(hold, str(tmp_path / "b"), str(tmp_path / "go b"))
    other = sent(hungry.devices, gpus=1)  # sending must not wait for what runs
    third = Caller(other)
    assert wait_until(lambda: node_status()["waiting_for_slots"] == 2)
    assert not (tmp_path / "b").exists()
    for name in ("go b", "go a"):
        (tmp_path / name).touch()
    assert first.result()[1] == second.result()[1] == "0"
    assert third.result() == ("0", "0"), "the idle worker has left to make room"
    assert node_status()["waiting_for_slots"] == 0


def test_an_object_waits_for_its_slots_too(lt, sent, config):
    config("accelerators = {A10G = 1}\n")
    make = sent(hungry.Model, gpus=1)
    first = make()
    second = Caller(make)
    assert wait_until(lambda: node_status()["waiting_for_slots"] == 1)
    del first
    lt.here.keys()  # a released handle is told of with the next request
    assert second.result().where() == "0"


def test_an_edit_of_a_service_that_holds_everything_takes_its_place(lt, sent, config):
    config("accelerators = {A10G = 1}\n")
    for count in (1, 2, 3):  # settings are part of the version
        assert sent(hungry.devices, gpus=1, concurrency=count)() == ("0", "0")


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({"gpus": 1}, "1 GPU"),
        ({"accelerators": {"H100": 2}}, "2 x H100"),
        ({"cpus": 9000}, "9000 CPUs"),
        ({"memory": "900TB"}, "900 TB of memory"),
    ],
)
def test_more_than_the_node_has_is_refused_when_it_is_sent(lt, sent, options, asked):
    with pytest.raises(lt.CapacityError) as caught:
        sent(hungry.pid, **options)
    assert f"hungry/hungry.pid asks for {asked}" in str(caught.value)
    assert "this node has no GPU" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"cpus": -1},
        {"cpus": "two"},
        {"memory": 5},
        {"memory": "lots"},
        {"gpus": 1.5},
        {"gpus": 0},
        {"accelerators": {}},
        {"accelerators": {"A10G": 1.5}},
        {"accelerators": "A10G:many"},
        {"gpus": 1, "accelerators": {"A10G": 1}},
    ],
)
def test_what_makes_no_sense_is_refused(lt, sent, options):
    with pytest.raises(lt.InvalidRequestError, match="|".join(options)):
        sent(hungry.pid, **options)
