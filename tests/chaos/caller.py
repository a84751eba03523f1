"""A program that submits runs and says in a file what it has seen of them. It's killed and started again at any time.

python -m chaos.caller TASKS SEEN HISTORY
"""

from __future__ import annotations

import collections
import json
import os
import sys
import time

from chaos.tasks import KINDS, Task

WINDOW = 24  # runs that it waits for at once
PAUSE = 0.003


class Seen:
    """The file of what was seen: a JSON object a line, each with one write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, what: str, task: Task, **more: object) -> None:
        line = {"what": what, "key": task.key, "time": time.monotonic_ns(), **more}
        os.write(self._file, json.dumps(line).encode() + b"\n")


def settled_keys(path: str) -> set:
    """The keys whose outcome was seen before this program was killed."""
    if not os.path.exists(path):
        return set()
    with open(path) as file:
        return {line["key"] for line in map(json.loads, file) if line["what"] == "outcome"}


def outcome_of(run) -> list:
    """Return [status, value or error as text] of a run that has ended."""
    error = run.exception()
    status = run._final
    if error is not None:
        return [status, f"{type(error).__name__}: {error}"]
    value = run.result()
    return [
        status,
        value if isinstance(value, str) else f"{len(value)} bytes {value[:16].decode()}",
    ]


def callables(lt) -> dict:
    """Send the functions; kind → callable."""
    import chaotic

    made = {}
    for kind in KINDS.values():
        options = dict(kind.options)
        if kind.retries:
            options["retries"] = lt.Retry(8, delay=0.02, max_delay=0.2)
        if kind.retries_loss:
            options["retries"] = lt.Retry(
                8, on=(lt.NodeLostError, lt.WorkerDiedError), delay=0.02, max_delay=0.2
            )
        made[kind.name] = lt.function(getattr(chaotic, kind.function)).options(**options)
    return made


class Caller:
    def __init__(self, lt, tasks: list, seen: Seen, history: str) -> None:
        self._lt = lt
        self._seen = seen
        self._history = history
        self._waiting = collections.deque(tasks)
        self._running: list = []  # of (task, run, when to cancel it)
        self._made = callables(lt)
        self._sent: dict = {}

    def work(self) -> None:
        while self._waiting or self._running:
            progress = self._submit_next()
            progress = self._look_at_running() or progress
            if not progress:
                time.sleep(PAUSE)

    def _submit_next(self) -> bool:
        if not self._waiting or len(self._running) >= WINDOW:
            return False
        task = self._waiting[0]
        try:
            run = self._submit(task, KINDS[task.kind].arguments)
        except self._lt.KeyConflictError as error:
            self._seen.note("conflict", task, text=str(error))
            self._waiting.popleft()
            return True
        except self._lt.LeantoError as error:
            # It may have been recorded or not; the key makes it safe to say it again.
            self._seen.note("refused", task, text=f"{type(error).__name__}: {error}"[:300])
            time.sleep(0.02)
            return False
        self._waiting.popleft()
        self._seen.note("submitted", task, id=run.id)
        due = None
        if task.cancel_after is not None:
            due = time.monotonic() + task.cancel_after
        self._running.append([task, run, due])
        if task.ask_conflict:
            self._ask_conflict(task)
        return True

    def _submit(self, task: Task, arguments: tuple):
        if task.kind not in self._sent:
            self._sent[task.kind] = self._made[task.kind].to(self._lt.here)
        function = self._sent[task.kind].options(key=task.key)
        return function.submit(self._history, task.key, *arguments)

    def _ask_conflict(self, task: Task) -> None:
        try:
            run = self._submit(task, ("other arguments",))
        except self._lt.KeyConflictError:
            return
        except self._lt.LeantoError:
            return  # not answered: there's nothing to say about it
        self._seen.note("no conflict", task, id=run.id)

    def _look_at_running(self) -> bool:
        progress = False
        for entry in list(self._running):
            task, run, due = entry
            try:
                if due is not None and time.monotonic() >= due:
                    accepted = run.cancel("chaos")
                    self._seen.note("cancel", task, id=run.id, accepted=accepted)
                    entry[2] = None
                if not run.done():
                    continue
                outcome = outcome_of(run)
            except self._lt.LeantoError as error:
                if isinstance(error, self._lt.NotFoundError):  # the run is gone
                    self._seen.note("outcome", task, id=run.id, outcome=["gone", str(error)])
                    self._running.remove(entry)
                continue
            self._seen.note("outcome", task, id=run.id, outcome=outcome)
            self._running.remove(entry)
            progress = True
        return progress


def main() -> None:
    tasks_file, seen_file, history = sys.argv[1:]
    done = settled_keys(seen_file)
    with open(tasks_file) as file:
        tasks = [Task(**task) for task in json.load(file)]
    import leanto as lt

    Caller(lt, [task for task in tasks if task.key not in done], Seen(seen_file), history).work()


if __name__ == "__main__":
    main()
