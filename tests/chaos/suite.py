"""One run of the suite: the scene, the killing, the evidence."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import sys
import time
from collections.abc import Iterator

from chaos import evidence, plan
from chaos.callers import Callers
from chaos.evidence import Evidence, Killed
from chaos.killer import PATIENCE, Killer
from chaos.scene import PROJECT, Scene
from chaos.tasks import make_tasks

BATCH = 200  # runs that are submitted more, as long as there are points to die at


def run(
    directory: pathlib.Path, binary: str, runs: int, seed: int, broken: str = "", each: bool = False
) -> tuple[Evidence, dict]:
    """Return the evidence, and the points that daemons passed and died at.

    `each`: a daemon dies at each point, one after the other, and nothing else is killed; `runs` are at least so many.
    """
    scene = Scene(directory, binary, 32_000 + 60 * runs)
    points = plan.points_of(binary, scene.env)
    order, lines = plan.make_lines_for_each(points, seed, broken)
    if not each:
        lines = plan.make_lines(points, seed, 1000, broken)
    scene.set_plan(lines)
    with contextlib.ExitStack() as stack:
        stack.callback(scene.remove)
        callers = Callers(scene, seed)
        stack.callback(callers.end)
        callers.start(make_tasks(runs, seed))
        killer = Killer(scene, callers, seed)
        limit = 60 + runs * 0.1
        if each:
            finished = killer.work_through(order, limit + PATIENCE * len(order), _batches(seed))
        else:
            finished = killer.work(limit)
        callers.end()
        used = lines[: scene.daemons_so_far()]
        found = _look_at_quiet(scene, callers.tasks)
        found.faults = plan.faults_of(used) | ({"full disk"} if killer.filled else set())
        found.seen = evidence.read_seen([directory / f"seen{i}" for i in range(callers.count)])
        if not finished:
            ended = {seen.key for seen in found.seen if seen.what == "outcome"}
            found.unfinished = [key for key in callers.tasks if key not in ended]
        found.processes = _wait_for_nobody(scene)
        passes = evidence.read_failpoints(scene.failpoints)
        hits = [Killed("daemon", pid, time, point) for time, pid, what, point, _ in passes
                if what == "kill"]  # fmt: skip
        found.killed = sorted([*scene.killed, *hits], key=lambda killed: killed.time)
        reached = {point for _, _, what, point, _ in passes if what == "reached"}
    return found, {"points": set(points), "reached": reached}


def _batches(seed: int) -> Iterator[list]:
    for number in itertools.count(1):
        yield make_tasks(BATCH, f"{seed}.{number}")


def _look_at_quiet(scene: Scene, tasks: dict) -> Evidence:
    """Read what is on record, kill the daemon, and read it once more."""
    from chaos.collect import Quiet

    scene.set_plan(plan.CALM)
    _end_daemon(scene)
    os.environ.clear()
    os.environ.update(scene.env)
    sys.path.insert(0, str(PROJECT))
    import leanto as lt

    quiet = Quiet(lt, tasks)
    lt.here.keys()
    quiet.wait_for_ends()
    records = quiet.records(with_logs=True)
    recorded_at = time.monotonic_ns()
    _end_daemon(scene)
    again = quiet.records(with_logs=False)
    busy = quiet.what_is_busy(scene.leanto("status", "--json"))
    history = evidence.read_history(str(scene.history))
    scene.leanto("stop")
    return Evidence(tasks, history, [], [], records, again, busy=busy, recorded_at=recorded_at)


def _end_daemon(scene: Scene) -> None:
    """The one that runs, with what it was told."""
    end = time.monotonic() + 30
    while (pid := scene.daemon()) is not None and time.monotonic() < end:
        scene.kill("daemon", pid)
        time.sleep(0.01)


def _wait_for_nobody(scene: Scene) -> list[str]:
    """The processes that are left after a while."""
    end = time.monotonic() + 20
    while scene.processes() and time.monotonic() < end:
        time.sleep(0.02)
    return [f"{describe(pid)}: {command}" for pid, command in scene.processes().items()]


def describe(pid: int) -> str:
    """Say what a process is at that shouldn't be there."""
    said = [str(pid)]
    try:
        place = pathlib.Path(f"/proc/{pid}")
        rows = dict(row.split(":\t", 1) for row in (place / "status").read_text().splitlines())
        said += [f"parent {rows['PPid']}", rows["State"], f"{rows['Threads']} threads"]
        said.append(f"waits in {(place / 'wchan').read_text()}")
        said += sorted(os.readlink(file) for file in (place / "fd").iterdir())
    except (OSError, KeyError, ValueError) as error:
        said.append(str(error))
    return ", ".join(said)
