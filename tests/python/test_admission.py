"""Calls that wait for their turn: fair by caller, with a position that can be seen; and those that may not wait."""

import json
import os
import sys
import threading

import pytest
from clients import LIMIT, Client
from conftest import ROOT, leanto, node_status, wait_until
from http_clients import post

QUEUEING = ROOT / "tests" / "projects" / "queueing"
sys.path.insert(0, str(QUEUEING))
import queueing  # noqa: E402

ONE = {"concurrency": 1}


class Busy:
    """A service whose only worker runs a call until `release`; `waiting` is how many calls wait for it."""

    def __init__(self, sent, tmp_path, **options):
        self.path = str(tmp_path / "order")
        self._released = tmp_path / "released"
        # A variable of its own makes it another version than that of other tests.
        self.options = {**ONE, "env": {"TEST": str(tmp_path)}, **options}
        self.call = sent(queueing.note, **self.options)
        self.run = self.call.submit(self.path, "the first", str(self._released))
        assert wait_until(lambda: self.order() == ["the first"])

    def release(self):
        self._released.touch()

    def order(self):
        return open(self.path).read().split("\n")[:-1] if os.path.exists(self.path) else []

    def waiting(self):
        rows = [row for row in node_status()["services"] if row["version"] == self.call.version]
        return rows[0]["waiting"]

    def count_runs(self):
        """Return how many runs are on record, of this version."""
        runs = json.loads(leanto("runs", "--json", "-n", "10000"))
        return sum(run["version"] == self.call.version for run in runs)


@pytest.fixture
def busy(sent, tmp_path):
    made = Busy(sent, tmp_path)
    yield made
    made.release()
    made.run.result(timeout=LIMIT)


# Fair by caller


GREEDY = {
    "runs": "runs = [f.submit(path, 'greedy') for _ in range(200)]",
    "calls": "import asyncio\nasync def call():\n"
    "    await asyncio.gather(*(f.aio(path, 'greedy') for _ in range(200)))\n"
    "asyncio.run(call())",
}


@pytest.mark.parametrize("kind", ["runs", "calls"])
def test_one_call_of_a_program_is_not_kept_waiting_by_many_of_another(busy, kind):
    with Client(QUEUEING) as greedy:
        greedy.do(f"import queueing\npath = {busy.path!r}")
        greedy.do(f"f = lt.function(queueing.note).options(**{busy.options!r}).to(lt.here)")
        greedy.start(GREEDY[kind])
        assert wait_until(lambda: busy.waiting() == 200)
        modest = threading.Thread(target=busy.call, args=(busy.path, "modest"))
        modest.start()
        assert wait_until(lambda: busy.waiting() == 201)
        busy.release()
        modest.join(timeout=LIMIT)
        assert not modest.is_alive()
        assert busy.order()[:3] == ["the first", "greedy", "modest"]
        greedy.answer()


def test_runs_are_fair_after_a_restart_too(own_home, sent, tmp_path):
    busy = Busy(sent, tmp_path)
    with Client(QUEUEING) as greedy:
        greedy.do(f"import queueing\npath = {busy.path!r}")
        greedy.do(f"f = lt.function(queueing.note).options(**{busy.options!r}).to(lt.here)")
        greedy.do("runs = [f.submit(path, 'greedy') for _ in range(20)]")
    modest = busy.call.submit(busy.path, "modest")
    leanto("stop")
    busy.release()
    assert busy.call.submit(busy.path, "afterwards").result(timeout=LIMIT) == "afterwards"
    assert modest.result(timeout=LIMIT) == "modest"
    assert busy.order()[:4] == ["the first", "greedy", "modest", "greedy"]


# Where a run stands


def test_a_queued_run_says_how_many_are_before_it_and_what_it_waits_for(busy):
    first, second = (busy.call.submit(busy.path, who) for who in ("a", "b"))
    with Client(QUEUEING) as other:
        other.do(f"import queueing\npath = {busy.path!r}")
        other.do(f"f = lt.function(queueing.note).options(**{busy.options!r}).to(lt.here)")
        other.do("run = f.submit(path, 'other')")
        assert other.do("run.record()['queue_position']") == 1
        assert first.record()["queue_position"] == 0
        assert second.record()["queue_position"] == 2
        assert first.record()["waits_for"] == {"what": "worker", "text": "the worker: it is busy"}
        assert busy.run.record()["queue_position"] is None
        shown = leanto("run", second.id)
        assert "queued, 2 before it" in shown and "the worker: it is busy" in shown
        assert "queued, 2 before it" in leanto("runs")
        other.do("run.cancel()")
    assert wait_until(lambda: second.record()["queue_position"] == 1)
    first.cancel()
    assert wait_until(lambda: second.record()["queue_position"] == 0)
    assert busy.waiting() == 1
    assert "note: 1 call, for the worker: it is busy" in leanto("status")
    busy.release()
    assert second.result(timeout=LIMIT) == "b"
    assert second.record()["queue_position"] is None and second.record()["waits_for"] is None


def test_a_run_says_which_slots_it_waits_for(config, sent, tmp_path):
    config("accelerators = {A10G = 1}\n")
    busy = Busy(sent, tmp_path, accelerators="A10G")
    other = sent(queueing.note, env={"OTHER": "yes"}, accelerators="A10G")
    run = other.submit(busy.path, "other")
    text = "slots: 1 x A10G in use by others"
    assert wait_until(lambda: run.record()["waits_for"] == {"what": "slots", "text": text})
    busy.release()
    assert run.result(timeout=LIMIT) == "other"


# Now or not at all


def test_a_call_that_may_not_wait_fails_at_once(lt, busy):
    with pytest.raises(lt.CapacityError, match=r"note is busy: .*max_queue=0 allows no waiting"):
        busy.call.options(max_queue=0)(busy.path, "no")
    with pytest.raises(lt.CapacityError, match="is busy"):
        busy.call.options(max_queue=0).remote(busy.path, "no")
    assert busy.waiting() == 0


def test_a_run_that_may_not_wait_is_not_recorded(lt, busy):
    before = busy.count_runs()
    with pytest.raises(lt.CapacityError, match="is busy"):
        busy.call.options(max_queue=0).submit(busy.path, "no")
    assert busy.count_runs() == before
    next_one = busy.call.options(max_queue=1)
    run = next_one.submit(busy.path, "the next")
    with pytest.raises(lt.CapacityError, match="1 of the calls that wait would be served before"):
        next_one.submit(busy.path, "no")
    busy.release()
    assert run.result(timeout=LIMIT) == "the next"


def test_a_key_gives_its_run_although_another_one_would_have_to_wait(lt, busy):
    keyed = busy.call.options(key=f"of {busy.path}", max_queue=1)
    run = keyed.submit(busy.path, "keyed")
    again = keyed.options(max_queue=0).submit(busy.path, "keyed")
    assert again.id == run.id
    busy.release()
    assert again.result(timeout=LIMIT) == "keyed"


def test_a_worker_that_must_be_started_first_is_now(sent, tmp_path):
    call = sent(queueing.note, env={"COLD": str(tmp_path)}, max_queue=0, **ONE)
    assert call(str(tmp_path / "order"), "first") == "first"
    assert call.submit(str(tmp_path / "order"), "second").result(timeout=LIMIT) == "second"


def test_slots_that_others_use_are_not_waited_for_and_those_of_idle_ones_are(
    lt, config, sent, tmp_path
):
    config("accelerators = {A10G = 1}\n")
    busy = Busy(sent, tmp_path, accelerators="A10G")
    other = sent(queueing.note, env={"OTHER": "yes"}, accelerators="A10G", max_queue=0)
    shelf = sent(queueing.Shelf, accelerators="A10G", max_queue=0)
    with pytest.raises(lt.CapacityError, match="is busy"):
        other(busy.path, "no")
    with pytest.raises(lt.CapacityError, match="others use the 1 x A10G"):
        shelf()
    busy.release()
    busy.run.result(timeout=LIMIT)
    assert other(busy.path, "other") == "other"
    assert shelf().size() == 3


def test_over_http_it_is_503_and_says_when_to_come_again(busy):
    busy.call.save("queueing")
    arguments = [busy.path, "no"]
    answer = post("/v1/services/queueing?max_queue=0", arguments)
    assert (answer.status, answer.error["kind"]) == (503, "capacity")
    assert answer.headers["Retry-After"] == "1"
    assert post("/v1/services/queueing?max_queue=none", arguments).status == 400
    failed = leanto("call", "queueing", "--args", json.dumps(arguments), "--max-queue", "0", "--json",
                    check=False)  # fmt: skip
    assert json.loads(failed)["error"]["kind"] == "capacity"
    busy.release()
    busy.run.result(timeout=LIMIT)
    assert post("/v1/services/queueing?max_queue=0", [busy.path, "yes"]).json == "yes"


@pytest.mark.parametrize("value", [-1, 1.5, "0", True, 10**7])
def test_a_number_of_calls_that_makes_no_sense_is_refused_here(lt, value):
    with pytest.raises(lt.InvalidRequestError, match="max_queue="):
        lt.function(queueing.note).options(max_queue=value)
