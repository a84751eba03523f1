"""What the node has on record when all is quiet."""

from __future__ import annotations

import json
import time

from chaos.caller import outcome_of
from chaos.evidence import Recorded
from chaos.tasks import Task

LIMIT = 60  # seconds for what takes a moment


class Quiet:
    """Looks at a node that nothing happens to. `lt` is the leanto package, in the home of the scene."""

    def __init__(self, lt, tasks: dict[str, Task]) -> None:
        self._lt = lt
        self._tasks = tasks

    def wait_for_ends(self) -> None:
        """Until no run is queued or runs, or for a limit: what hasn't ended then hangs."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if not self._lt.runs(status=["queued", "running"], limit=1):
                return
            time.sleep(0.05)

    def records(self, with_logs: bool) -> dict[str, Recorded]:
        """id → what is on record."""
        found = {}
        for row in self._lt.runs(limit=10_000):
            run = self._lt.run(row["id"])
            ended = row["ended_at"] is not None
            outcome = tuple(outcome_of(run)) if ended else (row["status"], "")
            attempts = tuple((one["number"], one["outcome"]) for one in run.record()["attempts"])
            log = None
            task = self._tasks.get(row["key"])
            if with_logs and task is not None and task.kind == "talk":
                log = tuple(line.text for line in run.logs())
            found[run.id] = Recorded(
                run.id, row["key"] or "", row["status"], attempts, outcome, log
            )
        return found

    def what_is_busy(self, status: str) -> list[str]:
        """What `leanto status --json` says is held although nothing runs; a call that needs all slots must find them."""
        import chaotic

        said = json.loads(status)
        busy = []
        if said["calls"] or said["waiting_for_slots"]:
            busy.append(f"{said['calls']} calls, {said['waiting_for_slots']} wait for slots")
        for worker in said["workers"]:
            if worker["calls"]:
                busy.append(
                    f"the worker {worker['pid']} of {worker['service']} has {worker['calls']} calls"
                )
        for service in said["services"]:
            if service["running"] or service["waiting"]:
                busy.append(
                    f"{service['service']}: {service['running']} run, {service['waiting']} wait"
                )
        cpus = int(said["slots"].split(" CPU")[0].split()[-1])
        wide = self._lt.function(chaotic.wide).options(cpus=cpus, timeout=LIMIT).to(self._lt.here)
        try:
            wide()
        except self._lt.LeantoError as error:
            busy.append(f"a worker that needs all {cpus} CPUs: {error}")
        return busy
