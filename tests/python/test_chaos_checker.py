"""The checker of the chaos suite finds each broken promise in a history made by hand, and nothing in a good one."""

import dataclasses

import pytest
from chaos.checker import KINDS_OF_VIOLATION, check, history_of
from chaos.evidence import Evidence, Killed, Recorded, Seen, Start
from chaos.expected import value_of
from chaos.tasks import KINDS, Task, make_tasks, share_out

KEY = "k"
ID = "r1"


class Story:
    """A run that was submitted, ran and succeeded, and what a test changes of it."""

    def __init__(self, kind="quick", **more):
        self.task = Task(KEY, kind, **more)
        self.value = value_of(self.task)
        self.history = [Start("start", KEY, "t1", 10, 200), Start("end", KEY, "t1", 10, 300)]
        self.seen = [Seen("submitted", KEY, 100, ID)]
        self.killed = []
        self.faults = set()
        self.more = {}
        self.ends("succeeded", self.value)

    def ends(self, status, said, attempts=None):
        """Let this be the outcome, on record and in a caller's eyes."""
        attempts = attempts or ((1, status),)
        self.record = Recorded(ID, KEY, status, attempts, (status, said))
        self.again = self.record
        self.seen = [one for one in self.seen if one.what != "outcome"]
        self.seen.append(Seen("outcome", KEY, 400, ID, (status, said)))

    def starts(self, count):
        self.history = [
            Start(what, KEY, f"t{number}", 10 + number, 200 + 10 * number + after)
            for number in range(count)
            for after, what in enumerate(("start", "left"))
        ]

    def kill(self, what, pid=99, time=250):
        self.killed.append(Killed(what, pid, time))

    def violations(self):
        evidence = Evidence(
            {KEY: self.task},
            self.history,
            self.seen,
            self.killed,
            {self.record.id: self.record} if self.record else {},
            {self.again.id: self.again} if self.again else {},
            faults=self.faults,
            recorded_at=900,
            **self.more,
        )
        assert history_of(evidence, KEY)
        return [violation.kind for violation in check(evidence)]


@pytest.fixture
def story():
    return Story()


def test_a_good_history_breaks_nothing(story):
    assert story.violations() == []


def test_kinds_of_violations_are_described():
    story = Story()
    story.record = story.again = None
    assert set(story.violations()) <= set(KINDS_OF_VIOLATION)


# Submitted means on disk


def test_a_run_that_is_not_on_record_is_lost(story):
    story.record = story.again = None
    assert "lost" in story.violations()


def test_a_run_that_is_gone_after_the_last_kill_is_lost(story):
    story.again = None
    assert "lost" in story.violations()


def test_an_outcome_that_a_caller_could_not_get_is_lost(story):
    story.seen[-1] = Seen("outcome", KEY, 400, ID, ("unknown", "NotFoundError: ..."))
    assert "lost" in story.violations()


def test_a_key_with_two_runs_is_doubled(story):
    story.seen.insert(1, Seen("submitted", KEY, 150, "r2"))
    assert "doubled" in story.violations()


@pytest.mark.parametrize("what", ["conflict", "no conflict"])
def test_a_key_stands_for_its_arguments(story, what):
    story.seen.append(Seen(what, KEY, 150, ID))
    assert story.violations() == ["conflict"]


# Outcomes


def test_an_outcome_that_is_another_one_on_record_has_changed(story):
    story.seen[-1] = Seen("outcome", KEY, 400, ID, ("failed", "ValueError: k"))
    assert story.violations() == ["changed"]


def test_an_outcome_that_is_another_one_after_a_restart_has_changed(story):
    story.again = dataclasses.replace(story.record, outcome=("failed", "ValueError: k"))
    assert story.violations() == ["changed"]


def test_attempts_that_are_others_after_a_restart_have_changed(story):
    story.again = dataclasses.replace(story.record, attempts=((1, "succeeded"), (2, "succeeded")))
    assert story.violations() == ["changed"]


def test_a_wrong_value_is_wrong(story):
    story.ends("succeeded", "another")
    assert story.violations() == ["wrong"]


def test_success_without_an_end_of_the_function_is_wrong(story):
    del story.history[1]
    assert story.violations() == ["wrong"]


def test_a_run_that_has_not_ended_hangs(story):
    story.ends("queued", "")
    assert "hangs" in story.violations()


def test_a_run_that_a_caller_waits_for_hangs(story):
    story.more["unfinished"] = [KEY]
    assert story.violations() == ["hangs"]


@pytest.mark.parametrize(
    ("kind", "said", "ok"),
    [
        ("fail", "ValueError: k", True),
        ("quick", "ValueError: k", False),
        ("late", "TimeoutError: it took long", True),
        ("quick", "TimeoutError: it took long", False),
        ("quick", "RuntimeError: why", False),
        ("flaky", "Flaky: k", False),
    ],
)
def test_an_error_is_the_functions_own_or_wrong(kind, said, ok):
    story = Story(kind)
    story.ends("failed", said)
    assert story.violations() == ([] if ok else ["wrong"])


def test_a_run_is_cancelled_only_if_somebody_did(story):
    story.ends("cancelled", "CancelledError: it was cancelled")
    assert story.violations() == ["wrong"]
    story.seen.append(Seen("cancel", KEY, 150, ID))
    assert story.violations() == []


def test_a_timeout_is_taken_for_a_cancel_only_by_another_node_whose_clock_was_set():
    story = Story("late")
    story.ends("cancelled", "CancelledError: the call was cancelled")
    story.kill("daemon")
    assert story.violations() == ["wrong"]
    story.faults.add("clock")
    assert story.violations() == []


@pytest.mark.parametrize("what", ["daemon", "stopped"])
def test_a_run_is_lost_only_with_its_node(story, what):
    story.ends("lost", "NodeLostError: it was restarted")
    assert story.violations() == ["wrong"]
    story.kill(what)
    assert story.violations() == []


def test_a_run_that_is_to_be_tried_again_after_a_loss_is_not_lost():
    story = Story("again")
    story.kill("daemon")
    story.ends("lost", "NodeLostError: it was restarted")
    assert story.violations() == ["wrong"]


def test_a_worker_died_only_if_one_of_its_own_was_killed(story):
    story.ends("failed", "WorkerDiedError: signal 9")
    story.kill("worker", pid=11)
    assert story.violations() == ["wrong"]
    story.kill("worker", pid=10)
    assert story.violations() == []


@pytest.mark.parametrize(
    ("said", "fault"), [("CapacityError: full", "full disk"), ("LeantoError: io", "EIO")]
)
def test_trouble_with_the_disk_needs_trouble(story, said, fault):
    story.ends("failed", said)
    assert story.violations() == ["wrong"]
    story.faults.add(fault)
    assert story.violations() == []


# Starts


def test_two_starts_of_one_attempt_are_found(story):
    story.history.append(Start("start", KEY, "t2", 11, 310))
    assert story.violations() == ["started twice"]


def test_each_attempt_may_start_once():
    story = Story("flaky")
    story.starts(2)
    story.history.append(Start("start", KEY, "t3", 12, 350))
    story.history.append(Start("end", KEY, "t3", 12, 360))
    story.ends("succeeded", story.value, ((1, "failed"), (2, "failed"), (3, "succeeded")))
    assert story.violations() == []


def test_a_start_without_any_attempt_on_record_is_found(story):
    story.ends("lost", "NodeLostError: gone", ())
    story.kill("daemon")
    story.record = story.again = dataclasses.replace(story.record, attempts=())
    assert story.violations() == ["started twice"]


def test_a_start_after_the_outcome_is_found(story):
    story.history = [Start("end", KEY, "t1", 10, 300), Start("start", KEY, "t1", 10, 500)]
    assert story.violations() == ["started after its end"]


def test_what_is_lost_may_yet_begin(story):
    story.ends("lost", "NodeLostError: it was stopped")
    story.kill("stopped")
    story.history = [Start("start", KEY, "t1", 10, 500)]
    assert story.violations() == []


def test_a_function_that_goes_on_after_its_cancel_is_found(story):
    story.seen.append(Seen("cancel", KEY, 150, ID))
    story.ends("cancelled", "CancelledError: it was cancelled")
    story.history[1] = Start("end", KEY, "t1", 10, 500)
    assert story.violations() == ["alive after its cancel"]


@pytest.mark.parametrize(
    "attempts",
    [
        ((1, None),),
        ((2, "succeeded"),),
        ((1, "lost"), (1, "succeeded")),
        ((1, "succeeded"), (2, "succeeded")),
        ((1, "lost"), (3, "succeeded")),
    ],
)
def test_attempts_that_do_not_fit_together_are_found(story, attempts):
    story.ends("succeeded", story.value, attempts)
    assert story.violations() == ["attempts"]


# Logs, and what is left


def test_a_log_is_whole_if_nothing_was_killed_under_it():
    story = Story("talk")
    count = KINDS["talk"].arguments[0]
    lines = [f"t1 {number}" for number in range(count)]

    def violations_with(log):
        story.record = dataclasses.replace(story.record, log=tuple(log))
        return story.violations()

    assert violations_with(["t0 0", *lines]) == []
    assert violations_with(lines[:-1]) == ["log"]
    assert violations_with([lines[1], lines[0], *lines[2:]]) == ["log"]
    assert violations_with([*lines, lines[0]]) == ["log"]
    story.kill("caller")
    assert violations_with(lines[:-1]) == ["log"]
    story.kill("daemon")
    assert violations_with(lines[:-1]) == []


def test_what_is_left_is_found(story):
    story.more = {"processes": ["7: python"], "busy": ["1 calls"]}
    assert sorted(story.violations()) == ["orphan", "slot"]


def test_what_a_run_left_stays_only_where_a_zygote_was_killed(story):
    story.more = {"processes": ["7: sleep 600"]}
    assert story.violations() == ["orphan"]
    story.kill("zygote")
    assert story.violations() == []


# The plan


def test_a_seed_makes_the_same_tasks_again_and_all_kinds():
    tasks = make_tasks(2000, 5)
    assert tasks == make_tasks(2000, 5) != make_tasks(2000, 6)
    assert {task.kind for task in tasks} == set(KINDS)
    assert len({task.key for task in tasks}) == 2000
    shares = share_out(tasks, 4, 5)
    assert {task.key for share in shares for task in share} == {task.key for task in tasks}
    assert 2200 < sum(map(len, shares)) < 2600, "some are submitted twice"
