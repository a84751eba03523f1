"""Whether an outcome on record is one that its run can have, given what was done to it."""

from __future__ import annotations

import hashlib

from chaos.evidence import Evidence, Recorded, Start
from chaos.tasks import KINDS, LARGE, RETRIES, Kind, Task


def value_of(task: Task) -> str:
    """What a caller sees of the value of a task that succeeds."""
    value = hashlib.sha256(task.key.encode()).hexdigest()[:16]
    return f"{LARGE} bytes {value}" if task.kind == "large" else value


def excuse_for(evidence: Evidence, record: Recorded, lines: list[Start]) -> str:
    """Return what is wrong with the outcome; nothing if it's as it should be or something explains it."""
    task = evidence.tasks[record.key]
    kind = KINDS[task.kind]
    status, said = record.outcome
    if record.status != status:
        return f"it is on record as {record.status}"
    if status == "succeeded":
        return _check_success(task, said, lines)
    if status == "cancelled":
        asked = any(one.what == "cancel" and one.key == task.key for one in evidence.seen)
        # A caller that is killed may have asked without having noted it.
        if asked or task.cancel_after is not None:
            return ""
        # A node that was killed knew that it was a timeout that interrupted it; for the next one, whose clock was set
        # back, there is time left.
        timed_out = "TimeoutError" in kind.ends and "clock" in evidence.faults
        return "" if timed_out and _has_died(evidence, ("daemon",)) else "nobody cancelled it"
    if status == "lost":
        if kind.retries_loss and not _may_be_given_up(evidence, record):
            return f"it should have been tried again after {len(record.attempts)} attempts"
        return "" if _has_died(evidence, ("daemon", "stopped")) else "no daemon died"
    return _check_failure(evidence, record, kind, said.partition(":")[0], lines)


def _check_success(task: Task, said: str, lines: list[Start]) -> str:
    if said != value_of(task):
        return f"its value should be {value_of(task)}"
    if not any(line.what == "end" for line in lines):
        return "its function never came to its end"
    return ""


def _check_failure(
    evidence: Evidence, record: Recorded, kind: Kind, error: str, lines: list[Start]
) -> str:
    if error in kind.ends:
        return ""
    if error == "Flaky" and kind.retries and _may_be_given_up(evidence, record):
        return ""
    if error == "WorkerDiedError":
        if (kind.retries or kind.retries_loss) and not _may_be_given_up(evidence, record):
            return f"it was given up after {len(record.attempts)} attempts"
        return "" if kind.retries or _lost_its_worker(evidence, record, lines) else "none died"
    if error == "CapacityError":
        return "" if evidence.faults & {"ENOSPC", "EIO", "full disk"} else "there was room"
    if error == "LeantoError":
        return "" if "EIO" in evidence.faults else "no error was injected"
    return "nothing explains it"


def _may_be_given_up(evidence: Evidence, record: Recorded) -> bool:
    """After an input or output error the next attempt can't be recorded."""
    return len(record.attempts) > RETRIES or "EIO" in evidence.faults


def _has_died(evidence: Evidence, kinds: tuple) -> bool:
    return any(killed.what in kinds for killed in evidence.killed)


def _lost_its_worker(evidence: Evidence, record: Recorded, lines: list[Start]) -> bool:
    """Whether a worker that ran it was killed, or one could have been before its function began."""
    if _has_died(evidence, ("zygote",)):
        return True
    workers = {killed.pid for killed in evidence.killed if killed.what == "worker"}
    starts = [line for line in lines if line.what == "start"]
    return any(line.pid in workers for line in starts) or (
        bool(workers) and len(starts) < len(record.attempts)
    )
