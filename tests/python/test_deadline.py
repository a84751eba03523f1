"""A deadline is a time that all calls of a block share."""

import asyncio
import threading
import time

import limits
import pytest


@pytest.fixture
def sleep(sent):
    return sent(limits.sleep)


def timeouts(call):
    return [head.get("timeout") for head in limits.heads_of_calls(call)]


def test_a_call_that_goes_over_it_ends(lt, sleep):
    with lt.deadline(0.3), pytest.raises(lt.TimeoutError, match="longer than its timeout of 0"):
        sleep(60)
    assert sleep(0) == 0


def test_calls_in_it_have_what_is_left(lt, sleep):
    with lt.deadline("1h"):
        [first] = timeouts(lambda: sleep(1))
        time.sleep(0.05)
        [second] = timeouts(lambda: sleep(1))
        assert timeouts(lambda: sleep.options(timeout=7)(1)) == [7]
        assert timeouts(lambda: sleep.options(timeout="2h")(1))[0] < 3600
    assert 3590 < second < first < 3600
    assert first - second >= 0.05
    assert timeouts(lambda: sleep(1)) == [None]


def test_after_it_no_call_is_made(lt, sleep, tmp_path):
    with lt.deadline(0.01):
        time.sleep(0.02)
        for call in (sleep, sleep.remote, sleep.submit):
            with pytest.raises(lt.TimeoutError, match="was over before the call"):
                call(0)
        with pytest.raises(lt.TimeoutError):
            list(sleep.map([0, 0]))
        with pytest.raises(lt.TimeoutError):
            asyncio.run(call_later(sleep))


async def call_later(function):
    return await function.aio(0)


def test_one_within_another_only_shortens_it(lt, sleep):
    with lt.deadline(100):
        with lt.deadline(1000):
            assert timeouts(lambda: sleep(1))[0] <= 100
        with lt.deadline(10):
            assert timeouts(lambda: sleep(1))[0] <= 10
        assert 10 < timeouts(lambda: sleep(1))[0] <= 100


def test_one_deadline_can_be_used_again(lt, sleep):
    limit = lt.deadline(100)
    for _ in range(2):
        with limit:
            assert 99 < timeouts(lambda: sleep(1))[0] <= 100


def test_tasks_have_it_and_other_threads_do_not(lt, sleep):
    seen = []

    async def look():
        seen.extend(timeouts(lambda: sleep(1)))

    async def start():
        with lt.deadline(100):
            task = asyncio.create_task(look())
        await task

    asyncio.run(start())
    with lt.deadline(100):
        thread = threading.Thread(target=lambda: seen.extend(timeouts(lambda: sleep(1))))
        thread.start()
        thread.join()
    assert seen[0] <= 100
    assert seen[1] is None


def test_an_await_in_it_ends(lt, sleep):
    async def wait():
        with lt.deadline(0.3):
            await sleep.aio(60)

    with pytest.raises(lt.TimeoutError):
        asyncio.run(wait())


def test_a_run_in_it_has_what_is_left(lt, sleep):
    with lt.deadline("1h"):
        run = sleep.submit(0)
    assert run.result() == 0
    assert 3500 < run.record()["timeout"] <= 3600


def test_a_map_in_it_ends(lt, sleep):
    with lt.deadline(0.5), pytest.raises(lt.TimeoutError):
        list(sleep.map([0, 60]))


@pytest.mark.parametrize("function", [limits.inner_timeouts, limits.inner_timeouts_later])
def test_in_a_worker_calls_have_what_the_running_call_has_left(sent, sleep, function):
    outer = sent(function)
    free, short, long = outer(sleep)
    assert (free, short, long) == (None, 0.5, 10_000)
    free, short, long = outer.options(timeout=50)(sleep)
    assert 0 < free <= 50
    assert short == 0.5
    assert 0 < long <= 50


def test_a_deadline_reaches_through_calls(lt, sent, sleep):
    outer = sent(limits.inner_timeouts)
    with lt.deadline(50):
        assert 0 < outer(sleep)[0] <= 50
        assert 0 < outer(sleep, 5)[0] <= 5
        assert 5 < outer(sleep, 5000)[0] <= 50


@pytest.mark.parametrize("limit", [0, -1, "soon", None, float("nan"), 1e12])
def test_a_limit_that_makes_no_sense_is_refused(lt, limit):
    with pytest.raises(lt.InvalidRequestError):
        lt.deadline(limit)
