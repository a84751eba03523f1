"""Runs are tried again: after errors, when their worker died, with more memory after an out-of-memory."""

import asyncio
import os
import threading

import flaky
import pytest
from conftest import wait_until


@pytest.fixture
def calls(tmp_path):
    """A file that the functions count in; calling it says how often they were called."""

    class Calls(str):
        def __call__(self):
            return os.path.getsize(self) if os.path.exists(self) else 0

    return Calls(tmp_path / "calls")


def soon(lt, times, **more):
    """So many times after the first attempt."""
    return lt.Retry(times + 1, delay=0.01, jitter=0, **more)


def test_a_run_that_fails_is_tried_again(lt, sent, calls):
    run = sent(flaky.fail_until).options(retries=soon(lt, 3)).submit(str(calls), 3)
    assert run.result() == 3
    record = run.record()
    assert record["attempt"] == 3
    outcomes = [
        (attempt["outcome"], (attempt["error"] or {}).get("type")) for attempt in record["attempts"]
    ]
    assert outcomes == [("failed", "flaky.VeryFlaky")] * 2 + [("succeeded", None)]
    lines = [line.text for line in run.logs()]
    assert lines == ["attempt 1", "attempt 2", "attempt 3"]
    assert [line.text for line in run.logs(offset=record["attempts"][2]["log_offset"])] == [
        "attempt 3"
    ]


def test_after_the_last_attempt_the_error_is_raised(lt, sent, calls):
    run = sent(flaky.fail_until).options(retries=soon(lt, 2)).submit(str(calls), 100)
    with pytest.raises(flaky.VeryFlaky, match="the attempt 3"):
        run.result()
    assert calls() == 3


@pytest.mark.parametrize("on", [flaky.Flaky, (KeyError, flaky.VeryFlaky), "flaky.Flaky", Exception])
def test_an_error_counts_with_its_subclasses(lt, sent, calls, on):
    assert (
        sent(flaky.fail_until).options(retries=soon(lt, 1, on=on)).submit(str(calls), 2).result()
        == 2
    )


def test_other_errors_do_not_count(lt, sent, calls):
    with pytest.raises(KeyError):
        sent(flaky.fail_with_key).options(retries=soon(lt, 5, on=ValueError)).submit(
            str(calls)
        ).result()
    assert calls() == 1


@pytest.mark.parametrize("more", [{}, {"on": "X"}, {"on": (ValueError, OSError)}])
def test_a_worker_that_died_counts_where_all_errors_do(lt, sent, calls, more):
    run = sent(flaky.die_until).options(retries=soon(lt, 1, **more)).submit(str(calls), 2)
    if more:
        with pytest.raises(lt.WorkerDiedError):
            run.result()
    else:
        assert run.result() == 2


def test_a_plain_call_with_retries_is_a_run_that_is_waited_for(lt, sent, calls, capsys):
    f = sent(flaky.fail_until).options(retries=soon(lt, 3))
    assert f(str(calls), 3) == 3
    assert capsys.readouterr().out.splitlines() == ["attempt 1", "attempt 2", "attempt 3"]
    assert asyncio.run(await_it(f, str(calls), 4)) == 4
    assert f.options(stream_logs=False)(str(calls), 5) == 5
    assert capsys.readouterr().out == ""
    [record] = lt.runs(service=f.name, limit=1)
    assert record["policy"]["retries"]["attempts"] == 4


async def await_it(function, *args):
    return await function.aio(*args)


def test_an_await_that_is_cancelled_cancels_the_run(lt, sent, calls):
    f = sent(flaky.wait).options(retries=2)

    async def begin():
        task = asyncio.ensure_future(await_it(f, str(calls), 60))
        while not calls():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(begin())
    assert wait_until(lambda: lt.runs(service=f.name, limit=1)[0]["status"] == "cancelled")
    assert calls() == 1


def test_one_that_waits_for_its_next_attempt_can_be_cancelled(lt, sent, calls):
    f = sent(flaky.fail_until).options(retries=lt.Retry(3, delay="1h", max_delay="1h"))
    run = f.submit(str(calls), 2)
    assert wait_until(lambda: run.record()["not_before"])
    assert run.status == "queued"
    assert "retry 1 of 2 comes after" in run.record()["reason"]
    assert run.cancel("enough")
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result()
    assert calls() == 1


def test_a_timeout_is_for_all_attempts(lt, sent, calls):
    f = sent(flaky.fail_until).options(retries=lt.Retry(3, delay=60), timeout=0.3)
    with pytest.raises(lt.TimeoutError):
        f.submit(str(calls), 2).result()


def test_no_attempt_begins_after_the_limit(lt, sent, calls):
    f = sent(flaky.fail_until).options(retries=lt.Retry(3, delay=60, limit=30))
    with pytest.raises(flaky.VeryFlaky):
        f.submit(str(calls), 2).result()


def test_more_memory_follows_an_out_of_memory(lt, sent, calls):
    f = sent(flaky.grow_until).options(
        memory="120MB", on_oom=lt.bigger(memory=2.0, max_memory="400MB")
    )
    run = f.submit(str(calls), 200 << 20, 2)
    assert run.result() == 2
    attempts = run.record()["attempts"]
    assert [attempt["memory_limit"] for attempt in attempts] == [120_000_000, 240_000_000]
    assert attempts[0]["error"]["kind"] == "out_of_memory"
    assert attempts[0]["memory_peak"] > 50_000_000 > attempts[1]["memory_peak"] > 0
    assert run.record()["memory_peak"] == max(attempt["memory_peak"] for attempt in attempts)


def test_sizes_can_be_said_one_by_one_and_end(lt, sent, calls):
    f = sent(flaky.grow_until).options(memory="100MB", on_oom=["120MB", "140MB"])
    with pytest.raises(lt.OutOfMemoryError, match="140 MB"):
        f(str(calls), 400 << 20, 9)
    assert calls() == 3


def test_a_size_that_the_node_does_not_have_is_a_clear_error(lt, sent, calls):
    f = sent(flaky.grow_until).options(memory="120MB", on_oom=["900TB"])
    with pytest.raises(lt.CapacityError, match="900 TB"):
        f.submit(str(calls), 300 << 20, 9).result()


def test_a_run_that_waits_for_a_run_of_its_own_worker_ends(sent, calls):
    assert sent(flaky.submit_again)(str(calls), 2) == 1


def test_retries_are_the_same_run_for_the_same_key(lt, sent, calls):
    f = sent(flaky.fail_until).options(retries=soon(lt, 3), key="tried-again")
    runs = []
    threads = [
        threading.Thread(target=lambda: runs.append(f.submit(str(calls), 3))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run.result() for run in runs} == {3}
    assert calls() == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda lt: lt.Retry(0),
        lambda lt: lt.Retry("3"),
        lambda lt: lt.Retry(1, on=3),
        lambda lt: lt.Retry(1, backoff="fast"),
        lambda lt: lt.Retry(1, backoff=0.5),
        lambda lt: lt.Retry(1, jitter=2),
        lambda lt: lt.Retry(1, delay=-1),
        lambda lt: lt.Retry(1, delay="soon"),
        lambda lt: lt.bigger(memory=1),
        lambda lt: lt.bigger(memory="2GB"),
        lambda lt: lt.function(flaky.wait).options(retries="3"),
        lambda lt: lt.function(flaky.wait).options(on_oom="8GB"),
        lambda lt: lt.function(flaky.wait).options(on_oom=[]),
        lambda lt: lt.function(flaky.wait).options(on_oom=["much"]).to(lt.here).submit("x", 0),
    ],
)
def test_what_makes_no_sense_is_refused(lt, make):
    with pytest.raises(lt.InvalidRequestError):
        make(lt)


def test_maps_and_values_that_stay_are_not_tried_again(lt, sent):
    f = sent(flaky.wait).options(retries=1)
    with pytest.raises(lt.InvalidRequestError, match="submit one run for each item"):
        list(f.map(["x"]))
    with pytest.raises(lt.InvalidRequestError, match="not tried again"):
        f.remote("x", 0)


def test_the_record_says_what_a_run_has_used(sent):
    run = sent(flaky.burn).submit(0.3)
    run.result()
    record = run.record()
    assert 0.1 < record["cpu_time"] < 30
    assert record["attempts"][0]["cpu_time"] == record["cpu_time"]
    assert record["memory_peak"] > 5_000_000
