"""Runs: submitted calls with a durable record, as futures of the standard library."""

import asyncio
import concurrent.futures
import os
import pickle
import sys
import threading

import pytest
import shop
from clients import Client, run_script
from conftest import ROOT, alive, leanto, wait_until

WORKSHOP = ROOT / "tests" / "projects" / "workshop"
sys.path.insert(0, str(WORKSHOP))
import workshop  # noqa: E402

LIMIT = 60  # seconds for what takes milliseconds: reached only if something hangs


@pytest.fixture
def held(sent, tmp_path):
    """A run that has begun and goes on until the file `released` is there: (run, the file)."""
    started, released = tmp_path / "started", tmp_path / "released"
    run = sent(workshop.hold).submit(str(started), str(released))
    assert wait_until(started.exists)
    yield run, released
    released.touch()


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


# A run and its outcome


def test_a_run_has_an_id_a_status_and_a_result(lt, sent):
    run = sent(shop.add).submit(1, b=2)
    assert run.result(timeout=LIMIT) == 3
    assert run.result() == 3
    assert run.exception() is None
    assert run.done() and run.status == "succeeded" and not run.cancelled()
    assert len(run.id) == 19 and run.id.startswith("r")
    assert isinstance(run, concurrent.futures.Future) and isinstance(run, lt.Run)


def test_its_record_says_who_what_and_when(sent):
    remote = sent(shop.add)
    run = remote.submit(1)
    run.result(timeout=LIMIT)
    record = run.record()
    assert record["service"] == "sample/shop.add" and record["version"] == remote.version
    assert record["caller"]["pid"] == os.getpid()
    assert record["caller"]["session"].startswith(f"{os.getpid()}-")
    assert record["caller"]["host"] and record["caller"]["user"] and record["node"]
    assert record["created_at"] <= record["started_at"] <= record["ended_at"]
    assert record["attempt"] == 1 and record["error"] is None and record["queue_time"] >= 0
    assert record["result_size"] > 0 and record["key"] is None


def test_ids_are_in_the_order_of_submission(sent):
    remote = sent(shop.nothing)
    ids = [remote.submit().id for _ in range(20)]
    assert ids == sorted(ids) and len(set(ids)) == 20


def test_arguments_are_those_of_the_moment_of_submission(sent):
    values = ["one"]
    run = sent(shop.change).submit(values)
    values.append("changed here")
    assert run.result(timeout=LIMIT) == ["one", "changed"]


def test_what_it_raises_is_raised_as_its_own_class(lt, sent):
    run = sent(shop.raise_stock_error).submit()
    with pytest.raises(shop.helpers.StockError, match="out of stock") as caught:
        run.result(timeout=LIMIT)
    assert caught.value.shelf == 7
    assert "in raise_stock_error" in str(caught.value.__cause__)
    assert run.exception() is caught.value
    error = run.record()["error"]
    assert run.status == "failed"
    assert error["kind"] == "user" and error["type"].endswith("StockError")
    assert "raise_stock_error" in error["traceback"]


def test_a_dead_worker_fails_its_run(lt, sent):
    run = sent(shop.die).submit("9")
    with pytest.raises(lt.WorkerDiedError) as caught:
        run.result(timeout=LIMIT)
    assert caught.value.signal == 9
    assert run.record()["error"]["kind"] == "worker_died"


def test_result_waits_no_longer_than_its_timeout_and_the_run_goes_on(lt, held):
    run, released = held
    with pytest.raises(lt.TimeoutError, match="it goes on"):
        run.result(timeout=0.01)
    with pytest.raises(TimeoutError):
        run.exception(timeout=0.01)
    assert run.status == "running" and run.running() and not run.done()
    released.touch()
    assert run.result(timeout=LIMIT) > 0


def test_a_timeout_of_the_run_ends_it(lt, sent, tmp_path):
    hold = sent(workshop.hold).options(timeout=0.2)
    run = hold.submit(str(tmp_path / "started"), str(tmp_path / "never"))
    with pytest.raises(lt.TimeoutError, match="longer than its timeout of 0.2 s"):
        run.result(timeout=LIMIT)
    assert run.status == "failed" and run.record()["error"]["kind"] == "timeout"


@pytest.mark.parametrize("size", [65_000, 70_000, 3_000_000])
def test_large_arguments_and_results_are_the_same_afterwards(sent, size):
    value = os.urandom(1000) * (size // 1000)
    run = sent(workshop.call).submit(bytearray, value)
    assert run.result(timeout=LIMIT) == bytearray(value)
    assert run.record()["result_size"] >= size


def test_large_arrays_go_on_record_whole(lt, sent):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(500_000, dtype=float)
    run = sent(workshop.call).submit(numpy.negative, array)
    result = run.result(timeout=LIMIT)
    assert (result == -array).all() and result.flags.writeable
    again = lt.run(run.id).result(timeout=LIMIT)
    assert (again == -array).all()
    assert run.record()["arguments_size"] > 4_000_000 < run.record()["result_size"]


def test_an_async_function_and_a_method_can_be_submitted(sent):
    assert sent(shop.add_later).submit(1, 2).result(timeout=LIMIT) == 3
    counter = sent(shop.Counter)(10)
    run = counter.increase.submit(by=5)
    assert run.result(timeout=LIMIT) == 15
    record = run.record()
    assert record["member"] == "increase" and record["object"]
    assert counter.value == 15


def test_a_method_that_returns_its_object_gives_its_handle(lt, sent):
    counter = sent(shop.Counter).options(name="of-a-run")(10)
    try:
        run = counter.itself.submit()
        assert run.result(timeout=LIMIT) is counter
        assert lt.run(run.id).result(timeout=LIMIT) == counter
    finally:
        lt.here.delete("of-a-run")
    with pytest.raises(lt.NotFoundError, match="gone"):
        lt.run(run.id).result(timeout=LIMIT)


def test_a_generator_is_refused_and_one_that_comes_unawares_is_an_error(lt, sent):
    with pytest.raises(lt.InvalidRequestError, match="generator"):
        sent(shop.count).submit(3)
    run = sent(workshop.hidden_generator).submit(3)
    with pytest.raises(lt.InvalidRequestError, match="generator"):
        run.result(timeout=LIMIT)


def test_a_run_can_be_submitted_from_a_run(sent):
    inner = sent(shop.double)
    assert sent(workshop.submit_inside).submit(inner, 21).result(timeout=LIMIT) == 42


# As futures


def test_the_standard_librarys_functions_take_runs(sent, held):
    run, released = held
    add = sent(shop.add)
    quick = [add.submit(i, 1) for i in range(20)]
    done, pending = concurrent.futures.wait(
        [*quick, run], timeout=LIMIT, return_when="FIRST_COMPLETED"
    )
    assert run in pending and done
    done, pending = concurrent.futures.wait(quick, timeout=LIMIT)
    assert done == set(quick) and not pending
    released.touch()
    values = {
        each.result() for each in concurrent.futures.as_completed([*quick, run], timeout=LIMIT)
    }
    assert values == {*range(1, 21), run.result()}


def test_callbacks_are_called_when_a_run_ends(sent, held):
    run, released = held
    called = threading.Event()
    run.add_done_callback(lambda ended: ended is run and called.set())
    assert not called.is_set()
    released.touch()
    assert called.wait(LIMIT)


def test_runs_are_awaitable_and_gather_takes_them(sent):
    add = sent(shop.add)

    async def main():
        one = await add.submit(1, 1)
        values = await asyncio.gather(*(add.submit(i, 1) for i in range(10)))
        results = await asyncio.gather(
            add.submit(1, 2), sent(shop.raise_stock_error).submit(), return_exceptions=True
        )
        return one, values, results

    one, values, (three, error) = asyncio.run(main())
    assert one == 2 and values == list(range(1, 11)) and three == 3
    assert isinstance(error, shop.helpers.StockError)


def test_a_task_that_stops_waiting_leaves_the_run_alone(held):
    run, released = held

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(run, 0.01)
        assert run.status == "running"
        released.touch()
        return await run

    assert asyncio.run(main()) == run.result()


def test_many_threads_submit_and_each_gets_its_own(sent):
    add = sent(shop.add)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        runs = list(pool.map(lambda i: add.submit(i, 1000), range(256)))
    assert [run.result(timeout=LIMIT) for run in runs] == [i + 1000 for i in range(256)]


def test_plain_calls_do_not_import_what_runs_need(sent, tmp_path):
    sent(shop.add).save("imports-nothing")
    code = (
        "import sys, leanto as lt; lt.function(name='imports-nothing')(1);"
        "assert 'concurrent.futures' not in sys.modules and 'leanto._runs' not in sys.modules"
    )
    run_script(tmp_path, "-c", code)


# Keys


def test_the_same_key_and_arguments_are_the_same_run(sent, tmp_path):
    note = sent(workshop.note).options(key=f"{tmp_path}-same")
    first = note.submit(str(tmp_path / "notes"), "once")
    assert first.result(timeout=LIMIT) == "once"
    again = note.submit(str(tmp_path / "notes"), "once")
    assert again.id == first.id and again.key == f"{tmp_path}-same"
    assert again.result(timeout=LIMIT) == "once"
    assert lines_of(tmp_path / "notes") == ["once"]


def test_racing_submissions_with_one_key_start_once(sent, tmp_path):
    note = sent(workshop.note).options(key=f"{tmp_path}-race")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(lambda _: note.submit(str(tmp_path / "notes"), "once"), range(48)))
    assert {run.result(timeout=LIMIT) for run in runs} == {"once"}
    assert len({run.id for run in runs}) == 1
    assert lines_of(tmp_path / "notes") == ["once"]


def test_the_same_key_for_another_call_is_a_conflict_that_shows_both(lt, sent, tmp_path):
    key = f"{tmp_path}-conflict"
    add = sent(shop.add)
    run = add.options(key=key).submit(1, 2)
    with pytest.raises(lt.KeyConflictError) as caught:
        add.options(key=key).submit(1, 3)
    text = str(caught.value)
    assert run.id in text and key in text and text.count("sample/shop.add") == 2
    assert "on_conflict" in text
    with pytest.raises(lt.KeyConflictError, match=r"sample/shop\.double"):
        sent(shop.double).options(key=key).submit(1)
    with pytest.raises(lt.KeyConflictError):
        add.options(key=key, env={"ANOTHER": "version"}).submit(1, 2)
    assert add.options(key=key).submit(1, 2).id == run.id


def test_a_run_can_be_replaced_and_is_gone_before_the_new_one_starts(lt, sent, tmp_path):
    key, notes = f"{tmp_path}-replace", tmp_path / "notes"
    hold = sent(workshop.note_and_hold).options(key=key, on_conflict="replace")
    first = hold.submit(str(notes), "first", str(tmp_path / "never"))
    assert wait_until(lambda: lines_of(notes) == ["first"])
    (tmp_path / "now").touch()
    second = hold.submit(str(notes), "second", str(tmp_path / "now"))
    assert first.exception(timeout=LIMIT) is not None and first.status == "cancelled"
    assert second.result(timeout=LIMIT) == "second"
    assert second.record()["started_at"] >= first.record()["ended_at"]
    assert "replaced" in first.record()["reason"]
    assert lt.run(key).id == second.id
    third = hold.submit(str(notes), "third", str(tmp_path / "now"))
    assert third.result(timeout=LIMIT) == "third", "one that has ended gives way, too"
    assert second.status == "succeeded", "and stays what it was"


def test_a_plain_call_with_a_key_is_refused(lt, sent):
    with pytest.raises(lt.InvalidRequestError, match=r"\.submit\("):
        sent(shop.add).options(key="k")(1)
    for wrong in ({"key": ""}, {"key": 7}, {"grace": -1}, {"on_conflict": "later"}):
        with pytest.raises(lt.InvalidRequestError):
            sent(shop.add).options(**wrong)


# Cancelling


def test_a_queued_run_is_cancelled_at_once(lt, sent, tmp_path):
    note = sent(workshop.note_and_hold, concurrency=1)
    notes, released = tmp_path / "notes", tmp_path / "released"
    first = note.submit(str(notes), "first", str(released))
    assert wait_until(lambda: lines_of(notes) == ["first"])
    second = note.submit(str(notes), "second", str(released))
    assert second.status == "queued"
    assert second.cancel("not needed") is True
    with pytest.raises(lt.CancelledError):
        second.result(timeout=LIMIT)
    assert second.status == "cancelled" and second.cancelled()
    assert second.record()["attempt"] == 0 and second.record()["reason"] == "not needed"
    released.touch()
    assert first.result(timeout=LIMIT) == "first"
    assert lines_of(notes) == ["first"]


def test_a_running_one_is_interrupted_and_its_worker_lives_on(lt, sent, tmp_path):
    hold = sent(workshop.hold)
    run = hold.submit(str(tmp_path / "started"), str(tmp_path / "never"))
    assert wait_until((tmp_path / "started").exists)
    assert run.cancel("enough") is True
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result(timeout=LIMIT)
    assert run.status == "cancelled"
    assert run.cancel() is False, "it has ended"
    (tmp_path / "now").touch()
    assert hold.submit(str(tmp_path / "again"), str(tmp_path / "now")).result(timeout=LIMIT) > 0


def test_one_that_ignores_the_interrupt_is_terminated_after_its_grace(lt, sent, tmp_path):
    ignore = sent(workshop.ignore_interrupts).options(grace=0.1)
    pid = sent(workshop.ignore_interrupts).submit(str(tmp_path / "x"), str(tmp_path / "x"))
    pid = pid.result(timeout=LIMIT)
    run = ignore.submit(str(tmp_path / "started"), str(tmp_path / "never"))
    assert wait_until((tmp_path / "started").exists)
    assert alive(pid)
    run.cancel()
    with pytest.raises(lt.CancelledError, match="terminated"):
        run.result(timeout=LIMIT)
    assert not alive(pid), "it is gone when that is said"
    assert run.status == "cancelled" and run.record()["grace"] == 0.1


def test_a_worker_that_serves_others_is_not_killed_for_one(lt, sent, tmp_path):
    ignore = sent(workshop.ignore_interrupts).options(grace=0)
    other = ignore.submit(str(tmp_path / "other"), str(tmp_path / "other done"))
    run = ignore.submit(str(tmp_path / "started"), str(tmp_path / "done"))
    assert wait_until(lambda: (tmp_path / "started").exists() and (tmp_path / "other").exists())
    run.cancel()
    assert wait_until(lambda: "1 other calls" in run.record()["reason"])
    assert run.status == "running" and other.status == "running"
    (tmp_path / "other done").touch()
    assert other.result(timeout=LIMIT) > 0
    with pytest.raises(lt.CancelledError):
        run.result(timeout=LIMIT)


# Output


def test_logs_have_the_lines_with_their_streams_and_can_be_resumed_at_each(lt, sent):
    texts = ["one", "!two", "", "drei ü €", "!four", "five"]
    run = sent(workshop.print_lines).submit(texts)
    run.result(timeout=LIMIT)
    lines = list(run.logs())
    assert [line.text for line in lines] == texts
    assert [line.stream for line in lines] == [
        "stderr" if text.startswith("!") else "stdout" for text in texts
    ]
    assert all(line.time > 1.6e9 and not line.gap for line in lines)
    assert run.record()["log_size"] == run.seen
    for n in range(len(texts) + 1):
        first = lt.run(run.id)
        logs = first.logs(follow=True)
        seen = [next(logs).text for _ in range(n)]
        logs.close()
        rest = [line.text for line in lt.run(run.id).logs(follow=True, offset=first.seen)]
        assert seen + rest == texts
        if n < len(texts):
            assert first.seen == lines[n].offset


def test_following_gives_each_line_as_it_is_written(sent, tmp_path):
    run = sent(workshop.print_when_told).submit(str(tmp_path), 5)
    logs = run.logs(follow=True)
    for i in range(5):
        (tmp_path / str(i)).touch()
        assert next(logs).text == f"line {i}"
    assert list(logs) == []
    assert run.result(timeout=LIMIT) is None


def test_runs_that_overlap_have_logs_of_their_own(sent):
    print_lines = sent(workshop.print_lines)
    runs = [print_lines.submit([f"{i} {j}" for j in range(50)]) for i in range(8)]
    for i, run in enumerate(runs):
        assert [line.text for line in run.logs(follow=True)] == [f"{i} {j}" for j in range(50)]


def test_a_line_without_an_end_is_there_at_the_end(sent):
    run = sent(workshop.call).submit(print, "no end", end="")
    run.result(timeout=LIMIT)
    assert [line.text for line in run.logs()] == ["no end"]


# From other processes


def test_a_run_outlives_its_caller_and_is_found_by_id_and_key(lt, tmp_path):
    key, released = f"{tmp_path}-outlives", tmp_path / "released"
    with Client(WORKSHOP) as client:
        client.do("import workshop")
        submit = f"lt.function(workshop.hold).options(key={key!r}).to(lt.here).submit"
        id_ = client.do(f"{submit}({str(tmp_path / 'started')!r}, {str(released)!r}).id")
        assert wait_until((tmp_path / "started").exists)
    by_id, by_key = lt.run(id_), lt.run(key)
    assert by_id.status == by_key.status == "running" and by_key.id == id_
    released.touch()
    assert by_id.result(timeout=LIMIT) == by_key.result(timeout=LIMIT) > 0
    with pytest.raises(lt.NotFoundError, match="nobody-has-it"):
        lt.run("nobody-has-it")


def test_a_pickled_run_is_the_same_run_elsewhere(held, tmp_path):
    run, released = held
    copy = pickle.loads(pickle.dumps(run))
    assert copy.id == run.id and copy is not run
    with Client(tmp_path) as client:
        client.do(f"import pickle; run = pickle.loads({pickle.dumps(run)!r})")
        assert client.do("run.status") == "running"
        released.touch()
        assert client.do("run.result()") == copy.result(timeout=LIMIT) == run.result()


def test_runs_are_listed(lt, sent, tmp_path):
    add = sent(shop.add)
    first, second = add.submit(1), add.submit(2)
    failed = sent(shop.raise_stock_error).submit()
    concurrent.futures.wait([first, second, failed], timeout=LIMIT)
    ids = [record["id"] for record in lt.runs(limit=3)]
    assert ids == [failed.id, second.id, first.id]
    of_service = lt.runs(service="sample/shop.add", limit=2)
    assert [record["id"] for record in of_service] == [second.id, first.id]
    assert lt.runs(status="failed", limit=1)[0]["id"] == failed.id
    since = second.record()["created_at"] / 1000
    assert first.id not in {record["id"] for record in lt.runs(since=since)} or (
        first.record()["created_at"] == second.record()["created_at"]
    )
    with pytest.raises(lt.InvalidRequestError, match="sleeping"):
        lt.runs(status="sleeping")


# The command line


def test_the_command_line_lists_shows_waits_and_prints_logs(sent):
    import json

    run = sent(workshop.print_lines).submit(["hello", "!there"])
    assert leanto("wait", run.id) == "succeeded\n"
    assert run.id in leanto("runs", "--service", "workshop/workshop.print_lines")
    assert run.id in {record["id"] for record in json.loads(leanto("runs", "--json"))}
    assert "workshop/workshop.print_lines" in leanto("run", run.id)
    assert json.loads(leanto("run", run.id, "--json"))["status"] == "succeeded"
    assert leanto("logs", run.id) == "hello\n"  # the other is on stderr
    assert leanto("logs", run.id, "-f", "-n", "2") == "hello\n"
    assert leanto("logs", run.id, "-n", "1") == ""
    records = [json.loads(line) for line in leanto("logs", run.id, "--json").splitlines()]
    assert [record["text"] for record in records] == ["hello\n", "!there\n"]


def test_the_command_line_finds_the_log_of_a_run_by_its_key(sent):
    sent(workshop.print_lines, key="log by key").submit(["hello"]).result()
    assert leanto("logs", "log by key") == "hello\n"
    with pytest.raises(AssertionError, match="no service is named 'no such key'"):
        leanto("logs", "no such key")


def test_the_exit_code_of_wait_is_the_outcome(sent, held):
    import subprocess

    def code(*arguments):
        command = [os.environ["LEANTO_BINARY"], *arguments]
        return subprocess.run(command, capture_output=True, timeout=LIMIT).returncode

    failed = sent(shop.raise_stock_error).submit()
    assert code("wait", failed.id) == 1
    assert failed.id in leanto("runs", "--failed", "--since", "1h")
    run, _ = held
    assert "is being cancelled" in leanto("cancel", run.id, "--reason", "by hand")
    assert code("wait", run.id) == 4
    assert run.record()["reason"] == "by hand"
    assert "has ended already: cancelled" in leanto("cancel", run.id)
    assert code("wait", "nobody-has-it") == 1
    assert code("runs", "--since", "yesterday") == 2
