"""The programs that submit: what each has to, and that one which was killed is started again."""

from __future__ import annotations

import random
import subprocess

from chaos.scene import Scene
from chaos.tasks import Task, share_out

AT_ONCE = 4


class Callers:
    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene = scene
        self._seed = seed
        self._running: dict[int, subprocess.Popen] = {}
        self.tasks: dict[str, Task] = {}  # of all, by their keys
        self.count = 0

    def __bool__(self) -> bool:
        """Whether some are still at it."""
        return bool(self._running)

    def start(self, tasks: list[Task]) -> None:
        """Have some more callers submit `tasks`."""
        self.tasks |= {task.key: task for task in tasks}
        for share in share_out(tasks, AT_ONCE, self._seed):
            self._scene.write_tasks(self.count, share)
            self._running[self.count] = self._scene.start_caller(self.count)
            self.count += 1

    def kill_one(self, chance: random.Random) -> None:
        self._scene.kill("caller", self._running[chance.choice(list(self._running))].pid)

    def look_after(self) -> None:
        for number, process in list(self._running.items()):
            status = process.poll()
            if status is None:
                continue
            if status == 0:
                del self._running[number]
            elif status > 0:
                said = (self._scene.directory / f"said{number}").read_text()
                raise RuntimeError(f"the caller {number} failed:\n{said[-4000:]}")
            else:
                self._running[number] = self._scene.start_caller(number)

    def end(self) -> None:
        """Kill them, if something went wrong here."""
        for process in self._running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
