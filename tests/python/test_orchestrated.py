"""What the adapters for orchestrators share: keys that outlive a process, logs that can't fail a task, ends passed on."""

import asyncio
import contextlib
import json
import sys
import uuid

import pytest
from clients import run_script
from conftest import ROOT, wait_until
from leanto import _orchestrated

for project in ("workshop", "hungry"):
    sys.path.insert(0, str(ROOT / "tests" / "projects" / project))
import hungry  # noqa: E402
import workshop  # noqa: E402

LIMIT = 60


@pytest.fixture
def key():
    return f"task-{uuid.uuid4()}"


@pytest.fixture
def said():
    """(lines, warnings), as `follow` and `attend` are given places for them."""
    return [], []


def attend(run, said):
    return _orchestrated.attend(run, said[0].append, said[1].append)


def test_the_same_call_under_a_key_is_found_again(sent, tmp_path, key, said):
    note = sent(workshop.note_and_hold)
    arguments = (str(tmp_path / "notes"), "once", str(tmp_path / "released"))
    first = _orchestrated.submit(note, arguments, {}, key)
    again = _orchestrated.submit(note, arguments, {}, key)
    (tmp_path / "released").touch()
    assert (again.id, attend(again, said)) == (first.id, "once")
    assert _orchestrated.submit(note, arguments, {}, key).id == first.id
    assert (tmp_path / "notes").read_text() == "once\n"


def test_what_ended_in_vain_is_followed_by_another(sent, tmp_path, key):
    fail = sent(workshop.fail_when_told)
    arguments = (str(tmp_path), "no")
    runs = []
    for _ in range(3):
        runs.append(_orchestrated.submit(fail, arguments, {}, key))
        assert str(runs[-1].exception(LIMIT)) == "no"
    assert [run.key for run in runs] == [key, f"{key}#2", f"{key}#3"]


def test_a_call_that_was_changed_waits_for_the_end_of_the_other(lt, sent, tmp_path, key):
    released = tmp_path / "released"
    hold = sent(workshop.hold)
    first = _orchestrated.submit(hold, (str(tmp_path / "a"), str(released)), {}, key)
    with pytest.raises(lt.KeyConflictError, match=key):
        _orchestrated.submit(hold, (str(tmp_path / "b"), str(released)), {}, key)
    released.touch()
    first.result(LIMIT)
    second = _orchestrated.submit(hold, (str(tmp_path / "b"), str(released)), {}, key)
    assert second.key == f"{key}#2" and second.result(LIMIT)


def test_lines_are_given_while_it_runs_and_from_an_offset(sent, tmp_path, key, said):
    run = _orchestrated.submit(sent(workshop.print_when_told), (str(tmp_path), 3), {}, key)

    def write(line):
        said[0].append(line)
        (tmp_path / str(len(said[0]))).touch()

    (tmp_path / "0").touch()
    _orchestrated.follow(run, write, said[1].append)
    assert [line.text for line in said[0]] == ["line 0", "line 1", "line 2"]
    again = []
    _orchestrated.follow(run, again.append, said[1].append, offset=said[0][1].offset)
    assert [line.text for line in again] == ["line 1", "line 2"] and said[1] == []


def test_a_broken_log_fails_nothing(sent, key, said):
    run = _orchestrated.submit(sent(workshop.burst), (20,), {}, key)

    def write(line):
        raise OSError("the disk is full")

    assert _orchestrated.attend(run, write, said[1].append) is None
    assert len(said[1]) == 1 and "the disk is full" in said[1][0]


def test_a_log_that_fails_once_goes_on_with_the_next_line(sent, key, said):
    run = _orchestrated.submit(sent(workshop.burst), (5,), {}, key)

    def write(line):
        said[0].append(line.text)
        if line.text == "line 2":
            raise OSError("just now")

    _orchestrated.attend(run, write, said[1].append)
    assert said == ([f"line {i}" for i in range(5)], [])


def test_who_is_interrupted_cancels(lt, sent, tmp_path, key, said):
    started = tmp_path / "started"
    run = _orchestrated.submit(sent(workshop.print_when_told), (str(tmp_path), 10), {}, key)
    (tmp_path / "0").touch()

    def write(line):
        started.touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _orchestrated.attend(run, write, said[1].append)
    with pytest.raises(lt.CancelledError, match="KeyboardInterrupt"):
        run.result(LIMIT)
    assert run.record()["status"] == "cancelled"


def test_who_is_interrupted_as_it_begins_cancels(lt, sent, tmp_path, key, said):
    def begun(run):
        raise KeyboardInterrupt

    hold = sent(workshop.hold)
    arguments = (str(tmp_path / "started"), str(tmp_path / "released"))
    with pytest.raises(KeyboardInterrupt):
        _orchestrated.call(hold, arguments, {}, key, said[0].append, said[1].append, begun)
    assert wait_until(lambda: lt.run(key).status == "cancelled")


def test_who_is_interrupted_while_it_submits_cancels(lt, sent, tmp_path, key, said, monkeypatch):
    real = _orchestrated.submit

    def submit(*words):
        real(*words)
        raise KeyboardInterrupt

    monkeypatch.setattr(_orchestrated, "submit", submit)
    arguments = (str(tmp_path / "started"), str(tmp_path / "released"))
    places = (said[0].append, said[1].append)
    with pytest.raises(KeyboardInterrupt):
        _orchestrated.call(sent(workshop.hold), arguments, {}, key, *places)
    assert wait_until(lambda: lt.run(key).status == "cancelled")


def test_attempts_of_the_node_are_told(lt, sent, key, said):
    fill = sent(hungry.take, memory="150MB", on_oom=lt.bigger(memory=4, max_memory="2GB"))
    run = _orchestrated.submit(fill, (300,), {}, key)
    assert attend(run, said) == 300_000_000
    assert len(said[1]) == 1
    assert said[1][0].startswith("attempt 1 failed (out_of_memory: ")
    assert said[1][0].endswith("; attempt 2 runs with 600 MB")


def test_an_event_loop_is_not_blocked(sent, tmp_path, key, said):
    print_lines = sent(workshop.print_when_told)

    async def main():
        waiting = [
            asyncio.ensure_future(
                _orchestrated.call_later(
                    print_lines,
                    (str(tmp_path), 1),
                    {},
                    f"{key}-{i}",
                    said[0].append,
                    said[1].append,
                )
            )
            for i in range(20)
        ]
        await asyncio.sleep(0)
        (tmp_path / "0").touch()  # had this loop been blocked, nobody would
        return await asyncio.gather(*waiting)

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)) == [None] * 20
    assert [line.text for line in said[0]] == ["line 0"] * 20


async def cancel_when(condition, waiting):
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)  # it has begun
    while not condition():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_who_is_cancelled_in_an_event_loop_cancels(lt, sent, tmp_path, key, said):
    arguments = (str(tmp_path / "started"), str(tmp_path / "released"))
    places = (said[0].append, said[1].append)
    waiting = _orchestrated.call_later(sent(workshop.hold), arguments, {}, key, *places)
    asyncio.run(asyncio.wait_for(cancel_when((tmp_path / "started").exists, waiting), LIMIT))
    assert wait_until(lambda: lt.run(key).status == "cancelled")


def test_who_is_cancelled_while_it_submits_cancels(lt, sent, tmp_path, key, said):
    arguments = (str(tmp_path / "started"), str(tmp_path / "released"))
    places = (said[0].append, said[1].append)
    waiting = _orchestrated.call_later(sent(workshop.hold), arguments, {}, key, *places)
    asyncio.run(asyncio.wait_for(cancel_when(lambda: True, waiting), LIMIT))

    def is_cancelled():
        with contextlib.suppress(lt.NotFoundError):
            return lt.run(key).status == "cancelled"

    assert wait_until(is_cancelled)


def test_a_reference_is_words_that_lead_to_the_value(sent, key):
    run = _orchestrated.submit(sent(workshop.note), ("/dev/null", "value"), {}, key)
    words = json.loads(json.dumps(_orchestrated.reference(run)))
    assert _orchestrated.run_of(words).result(LIMIT) == "value"


def test_the_package_imports_none_of_it(tmp_path):
    (tmp_path / "main.py").write_text(
        "import sys\nimport leanto\nprint([m for m in sys.modules if 'orchestrated' in m])\n"
    )
    assert run_script(tmp_path, "main.py").stdout.strip() == "[]"
