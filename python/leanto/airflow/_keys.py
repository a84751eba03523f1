"""Under which key a task's run stands. Plain functions of values; nothing of Airflow is imported.

Airflow gives each try a new id and a new number, a retry as well as a clear, so neither says which of the two it is. What does is
how many tries there were before the task was last cleared: a clear sets ``max_tries`` to the tries so far plus ``retries``, and a
retry leaves it as it is (`models/taskinstance.py`, `clear_task_instances`). A DAG run that was deleted and made again under
the same id starts at another time.
"""

from __future__ import annotations

import hashlib

LONGEST = 440  # bytes; a node takes 512, and what follows here is "/NUMBER" and "#NUMBER"


def tries_before_clear(max_tries: int, retries: int) -> int:
    """Return how many tries there were before the last clear: what a clear changes and a retry doesn't."""
    return max(0, max_tries - (retries or 0))


def task_key(dag_id: str, run_id: str, task_id: str, map_index: int, started: str) -> str:
    """Return what all keys of a task in a DAG run begin with; `started` is when the DAG run did."""
    key = f"airflow/{dag_id}/{run_id}/{task_id}/{map_index}/{started}"
    if len(key.encode()) <= LONGEST:
        return key
    return f"airflow/{hashlib.sha256(key.encode()).hexdigest()}"


def run_key(task: str, cleared_after: int) -> str:
    """Return the key of the run that tries after that clear share; `task` is the `task_key`."""
    return f"{task}/{cleared_after}"


def keys_before(task: str, cleared_after: int) -> list[str]:
    """Return the keys that runs of this task may have from before it was cleared, the newest first."""
    return [run_key(task, number) for number in range(cleared_after - 1, -1, -1)]


def keys_of(context: dict) -> tuple[str, list[str]]:
    """Return the key of the task that Airflow runs with this context, and those from before it was cleared."""
    ti, dag_run = context["ti"], context["dag_run"]
    started = getattr(dag_run, "start_date", None)
    task = task_key(
        ti.dag_id,
        ti.run_id,
        ti.task_id,
        -1 if ti.map_index is None else ti.map_index,
        f"{started.timestamp():.6f}" if started is not None else "",
    )
    cleared_after = tries_before_clear(ti.max_tries, context["task"].retries)
    return run_key(task, cleared_after), keys_before(task, cleared_after)
