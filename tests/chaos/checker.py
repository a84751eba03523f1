"""What must hold of a run of the suite, whatever was killed in it: a function from evidence to violations."""

from __future__ import annotations

import collections
import dataclasses

from chaos.evidence import Evidence, Killed, Recorded, Seen, Start
from chaos.expected import excuse_for
from chaos.tasks import KINDS

ENDED = ("succeeded", "failed", "cancelled", "lost")


@dataclasses.dataclass(frozen=True)
class Violation:
    kind: str  # of the list below
    key: str
    text: str


KINDS_OF_VIOLATION = {
    "lost": "a run that a caller was told of, or its outcome, is not on record",
    "doubled": "a key stands for several runs",
    "conflict": "a key's arguments were taken for others, or others for them",
    "changed": "an outcome is not the one that was seen or recorded before",
    "started twice": "more starts than attempts",
    "attempts": "the attempts on record don't fit together",
    "started after its end": "a function began after the outcome was known",
    "alive after its cancel": "a function went on after its run was said to be cancelled",
    "wrong": "an outcome that nothing explains",
    "hangs": "a run has not ended",
    "log": "lines are missing or out of order",
    "orphan": "a process is left when the node has stopped",
    "slot": "something is held when nothing runs",
}


def check(evidence: Evidence) -> list[Violation]:
    """Return everything that must not be, in no order."""
    found = [
        *_check_keys(evidence),
        *_check_submissions(evidence),
        *_check_outcomes(evidence),
        *_check_starts(evidence),
        *_check_what_is_left(evidence),
    ]
    for record in evidence.records.values():
        if record.key in evidence.tasks:
            found += _check_record(evidence, record)
    return found


def _check_keys(evidence: Evidence) -> list[Violation]:
    ids = collections.defaultdict(set)
    for seen in evidence.seen:
        if seen.what == "submitted":
            ids[seen.key].add(seen.id)
    for record in evidence.records.values():
        if record.key:
            ids[record.key].add(record.id)
    found = [
        Violation("doubled", key, f"it stands for {', '.join(sorted(some))}")
        for key, some in ids.items()
        if len(some) > 1
    ]
    for seen in evidence.seen:
        if seen.what == "conflict":
            found.append(Violation("conflict", seen.key, f"refused: {seen.text}"))
        elif seen.what == "no conflict":
            found.append(
                Violation("conflict", seen.key, f"other arguments became the run {seen.id}")
            )
    return found


def _check_submissions(evidence: Evidence) -> list[Violation]:
    """Submitted means on disk."""
    found = []
    submitted = set()
    for seen in evidence.seen:
        if seen.what != "submitted" or (seen.key, seen.id) in submitted:
            continue
        submitted.add((seen.key, seen.id))
        for when, records in (("at the end", evidence.records), ("then", evidence.again)):
            if seen.id not in records:
                found.append(
                    Violation("lost", seen.key, f"the run {seen.id} is not on record {when}")
                )
                break
    found += [Violation("hangs", key, "a caller still waits for it") for key in evidence.unfinished]
    return found


def _check_outcomes(evidence: Evidence) -> list[Violation]:
    """An outcome is recorded once and does not change."""
    found = []
    for seen in evidence.seen:
        if seen.what != "outcome":
            continue
        if seen.outcome[0] not in ENDED:
            found.append(Violation("lost", seen.key, f"a caller was told {seen.outcome}"))
            continue
        record = evidence.records.get(seen.id)
        if record is not None and record.outcome != seen.outcome:
            text = f"a caller saw {seen.outcome}, on record is {record.outcome}"
            found.append(Violation("changed", seen.key, text))
    for record in evidence.records.values():
        again = evidence.again.get(record.id)
        if again is None:
            found.append(Violation("lost", record.key, f"the run {record.id} is gone in the end"))
        elif (again.status, again.outcome, again.attempts) != (
            record.status,
            record.outcome,
            record.attempts,
        ):
            text = f"{record.outcome} became {again.outcome} when the node was killed"
            found.append(Violation("changed", record.key, text))
    return found


def _check_starts(evidence: Evidence) -> list[Violation]:
    """At most one start per attempt, none after the end."""
    found = []
    known = _first_outcomes(evidence.seen)
    attempts = collections.Counter()
    for record in evidence.records.values():
        attempts[record.key] += len(record.attempts)
    lines = collections.defaultdict(list)
    for line in evidence.history:
        lines[line.key].append(line)
    for key, of_key in lines.items():
        starts = [line for line in of_key if line.what == "start"]
        if len(starts) > attempts[key]:
            text = f"{len(starts)} starts, {attempts[key]} attempts"
            found.append(Violation("started twice", key, text))
        if key not in known:
            continue
        since, outcome = known[key]
        for line in of_key:
            # What is lost may yet begin: a node that ends says so before its workers are gone.
            if line.what == "start" and line.time > since and outcome[0] != "lost":
                text = f"pid {line.pid} began after {outcome} was known"
                found.append(Violation("started after its end", key, text))
            elif line.time > since and outcome[0] == "cancelled":
                text = f"pid {line.pid} went on until after it was said to be cancelled"
                found.append(Violation("alive after its cancel", key, text))
    return found


def _first_outcomes(seen: list[Seen]) -> dict:
    """key → (when it was first known, the outcome)."""
    known: dict = {}
    for one in seen:
        if one.what == "outcome" and one.key not in known:
            known[one.key] = (one.time, one.outcome)
    return known


def _check_record(evidence: Evidence, record: Recorded) -> list[Violation]:
    if record.status not in ENDED:
        return [Violation("hangs", record.key, f"it is {record.status}")]
    found = []
    numbers = [number for number, _ in record.attempts]
    open_ones = [number for number, outcome in record.attempts if outcome is None]
    if numbers != list(range(1, len(numbers) + 1)) or open_ones:
        text = f"its attempts are {record.attempts}, and it is {record.status}"
        found.append(Violation("attempts", record.key, text))
    # Nobody cancels an attempt, or ends it, but at the end of its run.
    if any(outcome in ("succeeded", "cancelled") for _, outcome in record.attempts[:-1]):
        text = f"attempts follow on {record.attempts}"
        found.append(Violation("attempts", record.key, text))
    lines = [line for line in evidence.history if line.key == record.key]
    problem = excuse_for(evidence, record, lines)
    if problem:
        found.append(Violation("wrong", record.key, f"{record.outcome}: {problem}"))
    return found + _check_log(evidence, record, lines)


def _check_log(evidence: Evidence, record: Recorded, lines: list[Start]) -> list[Violation]:
    """What the last execution wrote is all there if nothing was killed under it."""
    ends = [line for line in lines if line.what == "end"]
    if record.log is None or record.status != "succeeded" or not ends:
        return []
    token = ends[-1].token
    start = min(line.time for line in lines if line.token == token)
    until, _ = _first_outcomes(evidence.seen).get(record.key, (evidence.recorded_at, None))
    if any(start <= killed.time <= until for killed in _deaths(evidence)):
        return []
    count = KINDS[evidence.tasks[record.key].kind].arguments[0]
    expected = [f"{token} {number}" for number in range(count)]
    written = [line for line in record.log if line.startswith(token)]
    if written == expected:
        return []
    text = f"{len(written)} of {count} lines that {token} wrote are there, or not in order"
    return [Violation("log", record.key, text)]


def _deaths(evidence: Evidence) -> list[Killed]:
    return [killed for killed in evidence.killed if killed.what != "caller"]


# What a run left in a session of its own is found by its zygote, whose orphan it becomes. One whose
# zygote was killed is nobody's, and stays.
LEFT_BY_RUNS = "sleep 600"


def _check_what_is_left(evidence: Evidence) -> list[Violation]:
    zygotes = any(killed.what == "zygote" for killed in evidence.killed)
    left = [text for text in evidence.processes if not (zygotes and LEFT_BY_RUNS in text)]
    return [Violation("orphan", "", text) for text in left] + [
        Violation("slot", "", text) for text in evidence.busy
    ]


def history_of(evidence: Evidence, key: str) -> str:
    """Everything that happened to one key, in order, for people."""
    lines = [
        (line.time, f"{line.what:9} in {line.pid}, execution {line.token}")
        for line in evidence.history
        if line.key == key
    ]
    for seen in evidence.seen:
        if seen.key == key:
            said = " ".join(filter(None, [seen.id, str(seen.outcome or ""), seen.text]))
            lines.append((seen.time, f"seen: {seen.what} {said}"))
    if lines:
        first, last = min(lines)[0], max(lines)[0]
        lines += [
            (killed.time, f"-- {killed.what} {killed.pid} killed {killed.how}")
            for killed in evidence.killed
            if first <= killed.time <= last
        ]
    for name, records in (("on record", evidence.records), ("then", evidence.again)):
        for record in records.values():
            if record.key == key:
                lines.append(
                    (
                        evidence.recorded_at,
                        f"{name}: {record.id} {record.outcome} {record.attempts}",
                    )
                )
    began = min(time for time, _ in lines) if lines else 0
    return "\n".join(f"{(time - began) / 1e9:10.4f}  {text}" for time, text in sorted(lines))
