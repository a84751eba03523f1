"""Requests about runs that are lost on their way, answers that are lost on theirs, and repeats of what is still being done."""

import os
import subprocess
import threading

import pytest
from conftest import ROOT, leanto, wait_until
from proxies import Proxy

CHAOS = ROOT / "build" / "chaos" / "leanto"
FAULTS = ["request", "response", "early"]
LIMIT = 60


@pytest.fixture
def proxy(own_home, lt, monkeypatch, tmp_path):
    """Between this process and its node, from when the node runs."""
    from leanto import _nodes

    leanto("node", "--detach")
    node = own_home / ".local" / "state" / "leanto" / "node.sock"
    stands = Proxy(tmp_path / "between", node)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "between"))
    yield stands
    monkeypatch.delenv("XDG_STATE_HOME")
    stands.close()
    _nodes.here._idle.clear()


@pytest.fixture
def note(lt, proxy, tmp_path):
    """A function that notes each of its executions; `note.lines()` has them."""
    import sys

    sys.path.insert(0, str(ROOT / "tests" / "projects" / "workshop"))
    import workshop

    class Note:
        path = tmp_path / "notes"
        hold = tmp_path / "go"
        module = workshop

        def __init__(self, **options):
            self.function = lt.function(workshop.note).options(**options).to(lt.here)
            self.holding = lt.function(workshop.note_and_hold).to(lt.here)

        def submit(self, text, **options):
            return self.function.options(**options).submit(str(self.path), text)

        def submit_holding(self, text, **options):
            return self.holding.options(**options).submit(str(self.path), text, str(self.hold))

        def lines(self):
            return self.path.read_text().splitlines() if self.path.exists() else []

    return Note()


def records(key):
    import json

    return [row for row in json.loads(leanto("runs", "--json")) if row["key"] == key]


# Submitting


@pytest.mark.parametrize("faults", [*([one] for one in FAULTS), FAULTS], ids="-".join)
def test_a_submission_with_a_key_is_one_run_however_often_it_is_said(lt, proxy, note, faults):
    proxy.lose("submit", *faults)
    run = note.submit("a", key="k")
    assert run.result(timeout=LIMIT) == "a"
    assert note.lines() == ["a"]
    assert [row["id"] for row in records("k")] == [run.id]
    assert proxy.heard["submit"] == len(faults) + 1
    assert proxy.passed["submit"] == len(faults) + 1 - faults.count("request")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_submission_without_a_key_is_said_once_and_the_error_says_what_is_not_known(
    lt, proxy, note, fault
):
    proxy.lose("submit", fault)
    with pytest.raises(lt.NodeError, match="whether the run was recorded is not known") as caught:
        note.submit("a")
    assert "key=" in str(caught.value) and "leanto runs" in str(caught.value)
    assert proxy.heard["submit"] == 1
    if fault == "request":
        assert note.lines() == []
    else:
        assert wait_until(lambda: note.lines() == ["a"])
    assert note.submit("b").result(timeout=LIMIT) == "b"
    assert note.lines().count("b") == 1


@pytest.mark.parametrize("fault", ["response", "early"])
def test_a_replacement_is_one_run_too(lt, proxy, note, fault):
    first = note.submit_holding("a", key="k")
    assert wait_until(lambda: note.lines() == ["a"])
    proxy.lose("submit", fault)
    second = note.submit("b", key="k", on_conflict="replace")
    assert second.result(timeout=LIMIT) == "b"
    assert note.lines() == ["a", "b"]
    assert first.status == "cancelled" and [row["id"] for row in records("k")] == [second.id]


def test_a_conflict_is_said_also_the_second_time(lt, proxy, note):
    note.submit("a", key="k").result(timeout=LIMIT)
    proxy.lose("submit", "response")
    with pytest.raises(lt.KeyConflictError):
        note.submit("b", key="k")
    assert proxy.passed["submit"] == 3 and note.lines() == ["a"]


# Everything else can be said again


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("op", "ask"),
    [
        ("run_record", lambda lt, run: run.record()["status"]),
        ("run_record", lambda lt, run: lt.run("k").id == run.id and "succeeded"),
        ("runs", lambda lt, run: lt.runs(limit=1)[0]["status"]),
        ("run_result", lambda lt, run: lt.run(run.id).result() == "a" and "succeeded"),
        ("run_logs", lambda lt, run: list(run.logs()) == [] and "succeeded"),
        ("run_cancel", lambda lt, run: run.cancel() is False and "succeeded"),
    ],
    ids=["record", "run", "runs", "result", "logs", "cancel"],
)
def test_a_question_is_asked_again(lt, proxy, note, op, ask, fault):
    run = note.submit("a", key="k")
    run.result(timeout=LIMIT)
    before = proxy.heard[op]
    proxy.lose(op, fault)
    assert ask(lt, run) == "succeeded"
    assert proxy.lost[op] == 1 and proxy.heard[op] >= before + 2
    assert note.lines() == ["a"]


@pytest.mark.parametrize("fault", FAULTS)
def test_who_waits_goes_on_waiting(lt, proxy, note, fault):
    """The question is with the node for as long as the run runs; "early" has it asked again meanwhile."""
    proxy.lose("run_wait", fault, fault)
    run = note.submit_holding("a")
    assert wait_until(lambda: proxy.lost["run_wait"] >= (1 if fault == "response" else 2))
    assert not run.done()
    note.hold.touch()
    assert run.result(timeout=LIMIT) == "a"
    assert note.lines() == ["a"]


@pytest.mark.parametrize("fault", FAULTS)
def test_logs_go_on_where_they_were(lt, proxy, note, tmp_path, fault):
    run = lt.function(note.module.print_when_told).to(lt.here).submit(str(tmp_path), 6)
    logs = run.logs(follow=True)
    texts = []
    for number in range(6):
        proxy.lose("run_logs", fault)
        (tmp_path / str(number)).touch()
        texts.append(next(logs).text)
    texts += [line.text for line in logs]
    assert texts == [f"line {number}" for number in range(6)]
    assert proxy.lost["run_logs"] >= 5


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cancel_is_one_cancel(lt, proxy, note, fault):
    run = note.submit_holding("a")
    assert wait_until(lambda: note.lines() == ["a"])
    proxy.lose("run_cancel", fault)
    accepted = run.cancel("enough")
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result(timeout=LIMIT)
    # If the first one was heard, its run may have ended before the second came.
    assert accepted or fault != "request"
    assert run.record()["attempt"] == 1 and note.lines() == ["a"]


def test_repeats_of_what_is_still_being_done_share_its_outcome(lt, own_home, monkeypatch, request):
    """The node is slow to sync; meanwhile the same is submitted again, and again, on other connections."""
    if not CHAOS.exists():
        pytest.skip("./dev build chaos makes the binary")
    monkeypatch.setenv("LEANTO_BINARY", str(CHAOS))
    monkeypatch.setenv("LEANTO_FAILPOINTS", "journal.commit=sleep(200)@3+")
    proxy, note = request.getfixturevalue("proxy"), request.getfixturevalue("note")
    proxy.lose("submit", "early", "early", "early")
    runs = []
    threads = [
        threading.Thread(target=lambda: runs.append(note.submit("a", key="k"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert len(runs) == 3 and len({run.id for run in runs}) == 1
    assert proxy.passed["submit"] == 6, "three of them while the first was being written"
    assert [run.result(timeout=LIMIT) for run in runs] == ["a"] * 3
    assert note.lines() == ["a"] and len(records("k")) == 1


# Commands


def command(*arguments):
    return subprocess.Popen(
        [os.environ["LEANTO_BINARY"], *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_commands_ask_again(lt, proxy, note, fault):
    run = note.submit_holding("a", key="k")
    assert wait_until(lambda: note.lines() == ["a"])
    for op, words in (("runs", ["runs"]), ("run_record", ["run", "k"])):
        proxy.lose(op, fault)
        assert "running" in leanto(*words)
        assert proxy.lost[op] == 1
    with command("wait", "k") as wait:
        if fault != "response":  # the answer comes when the run has ended
            assert wait_until(lambda: proxy.passed["run_wait"] >= 2)
            proxy.lose("run_wait", fault)
        proxy.lose("run_cancel", fault)
        assert "r1" in leanto("cancel", "k", "--reason", "enough")
        assert wait.wait(LIMIT) == 4, wait.stderr.read()
    assert run.status == "cancelled" and note.lines() == ["a"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_logs_command_goes_on_where_it_was(lt, proxy, note, tmp_path, fault):
    run = lt.function(note.module.print_when_told).to(lt.here).submit(str(tmp_path), 3)
    with command("logs", run.id, "-f") as logs:
        for number in range(3):
            proxy.lose("run_logs", fault)
            (tmp_path / str(number)).touch()
            assert logs.stdout.readline() == f"line {number}\n"
        assert logs.stdout.read() == "" and logs.wait(LIMIT) == 0


def test_a_command_that_waits_says_when_its_node_stays_away(lt, proxy, note):
    run = note.submit_holding("a")
    assert wait_until(lambda: note.lines() == ["a"])
    heard = proxy.heard["run_wait"]
    with command("wait", run.id) as wait:
        assert wait_until(lambda: proxy.heard["run_wait"] > heard)
        proxy.refuse_all()
        assert wait.wait(LIMIT) == 3
        assert "hung up before it answered" in wait.stderr.read()
    proxy.accept_all()
    note.hold.touch()
    assert run.result(timeout=LIMIT) == "a", "who waits here goes on waiting"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plain_call_is_said_once(lt, proxy, note, fault):
    note_now = note.function
    note_now(str(note.path), "a")
    proxy.lose("call", fault)
    with pytest.raises(lt.NodeError, match="whether the code has done its work is not known"):
        note_now(str(note.path), "b")
    assert proxy.heard["call"] == 2
    if fault != "request":
        assert wait_until(lambda: note.lines() == ["a", "b"])
    assert note_now(str(note.path), "c") == "c"
    assert note.lines() == (["a", "c"] if fault == "request" else ["a", "b", "c"])
