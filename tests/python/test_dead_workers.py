"""A worker that dies ends its calls at once, says how, and the next call gets another."""

import asyncio
import os
import signal
import sys
import threading

import pytest
import shop
from conftest import ROOT, alive, node_status, wait_until

sys.path.insert(0, str(ROOT / "tests" / "projects" / "workshop"))
import workshop  # noqa: E402


@pytest.mark.parametrize(
    ("how", "signal_number", "exit_code"),
    [
        ("9", signal.SIGKILL, None),
        ("exit", None, 7),
        ("segfault", signal.SIGSEGV, None),
        ("6", signal.SIGABRT, None),
    ],
)
def test_a_dead_worker_says_how_it_ended_and_what_it_wrote_last(
    lt, sent, how, signal_number, exit_code
):
    die = sent(shop.die)
    with pytest.raises(lt.WorkerDiedError) as caught:
        die(how)
    assert (caught.value.signal, caught.value.exit_code) == (signal_number, exit_code)
    assert "about to die" in caught.value.last_lines
    assert "about to die" in str(caught.value)
    assert "sample/shop.die" in str(caught.value)
    with pytest.raises(lt.WorkerDiedError):
        die(how)


def test_the_next_call_gets_a_new_worker(lt, sent):
    call = sent(workshop.call)
    pid = call(os.getpid)
    with pytest.raises(lt.WorkerDiedError):
        call(os._exit, 5)
    assert call(os.getpid) != pid
    assert not alive(pid)


def test_last_lines_hold_an_unfinished_one(lt, sent):
    with pytest.raises(lt.WorkerDiedError) as caught:
        sent(workshop.print_then_die).options(stream_logs=False)(30)
    assert caught.value.signal == signal.SIGABRT
    assert "last words 29" in caught.value.last_lines
    assert "without an end" in caught.value.last_lines
    assert "last words 0" not in caught.value.last_lines, "they are the last ones, not all"


def outcome_of(errors, call, *args):
    try:
        errors.append(call(*args))
    except Exception as error:
        errors.append(error)


def test_a_dead_worker_ends_all_its_calls(lt, sent, tmp_path):
    hold = sent(workshop.hold, concurrency=20, workers=1)
    released = tmp_path / "go"
    outcomes = []
    threads = [
        threading.Thread(
            target=outcome_of, args=(outcomes, hold, str(tmp_path / f"started {i}"), str(released))
        )
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: len(list(tmp_path.glob("started *"))) == 8)
    early = tmp_path / "early"
    early.touch()
    os.kill(hold(str(tmp_path / "also"), str(early)), signal.SIGKILL)
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert [type(outcome) for outcome in outcomes] == [lt.WorkerDiedError] * 8
    assert {outcome.signal for outcome in outcomes} == {signal.SIGKILL}
    assert alive(hold(str(tmp_path / "also"), str(early)))


def test_a_dead_worker_ends_streams_and_awaited_calls(lt, sent, tmp_path):
    call, early = sent(workshop.hold_later, concurrency=20, workers=1), tmp_path / "early"
    early.touch()

    async def main():
        calls = [
            asyncio.ensure_future(call.aio(str(tmp_path / f"a{i}"), str(tmp_path / "never")))
            for i in range(5)
        ]
        os.kill(await call.aio(str(tmp_path / "b"), str(early)), signal.SIGKILL)
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(main())
    assert [type(outcome) for outcome in outcomes] == [lt.WorkerDiedError] * 5

    items = sent(workshop.hold_stream)(str(tmp_path / "started"), str(tmp_path / "never"))
    assert next(items) == 1
    workers = node_status()["workers"]
    pid = next(
        worker["pid"] for worker in workers if worker["service"] == "workshop/workshop.hold_stream"
    )
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(lt.WorkerDiedError):
        next(items)


def test_an_object_whose_process_died_says_so(lt, sent):
    counter = sent(shop.Counter).options(name="mortal")(1)
    with pytest.raises(lt.WorkerDiedError) as caught:
        counter.die()
    assert caught.value.exit_code == 3
    for use in (counter.increase, lambda: counter.value, lambda: len(counter)):
        with pytest.raises(
            lt.NotFoundError, match=r"'mortal'.* is gone: its process: .*3.*make it again"
        ) as gone:
            use()
        assert str(gone.value).count("mortal") == 1, "it is said once"
    with pytest.raises(lt.NotFoundError, match="'mortal' any more: .*3"):
        lt.here.get("mortal")
    assert not lt.here.exists("mortal")
    again = sent(shop.Counter).options(name="mortal")(5)
    assert again.increase() == 6
    lt.here.delete("mortal")


def test_an_object_killed_from_outside_ends_its_waiting_calls(lt, sent, tmp_path):
    counter = sent(shop.Counter)(1)
    outcomes = []
    thread = threading.Thread(
        target=outcome_of, args=(outcomes, counter.wait_for, str(tmp_path / "never"))
    )
    thread.start()
    os.kill(counter.pid(), signal.SIGKILL)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert type(outcomes[0]) in (lt.WorkerDiedError, lt.NotFoundError)
