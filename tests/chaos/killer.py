"""What is killed while the callers submit: somebody, every now and then."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from chaos.callers import Callers
from chaos.scene import Scene
from chaos.tasks import Task

SHARES = {"worker": 50, "caller": 14, "daemon": 14, "stop": 4, "zygote": 6, "both": 3, "disk": 8}
LONGEST = 0.4  # seconds between two
SOON = 0.3  # seconds that a daemon has before it's stopped
PATIENCE = 4.0  # seconds that a daemon has to get to its point


class Killer:
    def __init__(self, scene: Scene, callers: Callers, seed: int) -> None:
        self._scene = scene
        self._callers = callers
        self._chance = random.Random(f"kills {seed}")
        self._free_disk_at: float | None = None
        self.filled = 0

    def work(self, limit: float) -> bool:
        """Kill until all callers have ended; False if they haven't after `limit` seconds."""
        end = time.monotonic() + limit
        while self._callers and time.monotonic() < end:
            time.sleep(self._chance.uniform(0.02, LONGEST))
            if self._free_disk_at is not None and time.monotonic() > self._free_disk_at:
                self._free_disk()
            self._do(self._chance.choices(list(SHARES), list(SHARES.values()))[0])
            self._callers.look_after()
        if self._free_disk_at is not None:
            self._free_disk()
        return not self._callers

    def work_through(
        self, points: list[str], limit: float, more_tasks: Iterator[list[Task]]
    ) -> bool:
        """The daemons to come die at `points`, one after the other: see to it that each gets there. As `work` otherwise.

        There are callers until the last has had its time, however fast what they submit is done.
        """
        end = time.monotonic() + limit
        at, since = -1, time.monotonic()
        while time.monotonic() < end:
            time.sleep(0.02)
            self._callers.look_after()
            now = self._scene.daemons_so_far() - 1
            if now != at:
                at, since = now, time.monotonic()
            if not self._callers:
                if at >= len(points):
                    return True
                self._callers.start(next(more_tasks))
            if not 0 <= at < len(points):
                continue
            waited = time.monotonic() - since
            if points[at].startswith("run.stop.") and waited > SOON:
                self._scene.stop()
            elif waited > PATIENCE:  # nothing comes by there
                self._scene.kill("daemon", self._scene.daemon())
        return False

    def _do(self, what: str) -> None:
        scene = self._scene
        if what == "worker":
            workers = scene.busy_workers()
            scene.kill("worker", self._chance.choice(workers) if workers else None)
        elif what == "caller":
            self._callers.kill_one(self._chance)
        elif what == "daemon":
            scene.kill("daemon", scene.daemon())
        elif what == "zygote":
            zygotes = scene.zygotes()
            scene.kill("zygote", self._chance.choice(zygotes) if zygotes else None)
        elif what == "both":  # workers are on their own
            for pid in [*scene.zygotes(), scene.daemon()]:
                scene.kill("daemon" if pid == scene.daemon() else "zygote", pid)
        elif what == "stop":
            scene.stop()
        elif scene.disk and self._free_disk_at is None:
            scene.disk.fill()
            self.filled += 1
            self._free_disk_at = time.monotonic() + self._chance.uniform(0.1, 1)

    def _free_disk(self) -> None:
        self._scene.disk.free()
        self._free_disk_at = None
