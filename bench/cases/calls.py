"""Calls of a warm function: one at a time, and 1,000 in flight, each beside the bare path, pinned
and unpinned."""

import os

from harness import processes, projects
from harness.measure import Summary, interleave
from harness.report import Reach, Row

IN_FLIGHT = 1000


def run(context):
    project = os.path.join(context.directory, "calls")
    projects.write_small(project)
    return [*_one_at_a_time(context, project), *_in_flight(context, project)]


def _one_at_a_time(context, project):
    rows = []
    for where, (ours, base) in _both_sides(
        context, project, "empty", "latencies", {"calls": context.scale.calls}
    ):
        for key in ("p50", "p99"):
            summaries = (Summary(result[key] for result in side) for side in (ours, base))
            what = f"synchronous call of an empty function, {key}, {where}"
            rows.append(Row(what, "µs", *summaries, "bare path", Reach("<=", 2)))
    return rows


def _in_flight(context, project):
    rows = []
    arguments = {"in_flight": IN_FLIGHT, "waves": context.scale.waves}
    for where, (ours, base) in _both_sides(context, project, "echo", "rate", arguments):
        what = f"{IN_FLIGHT:,} calls in flight from one client, {where}"
        rows.append(
            Row(what, "calls/s", Summary(ours), Summary(base), "bare path", Reach(">=", 0.5))
        )
    return rows


def _both_sides(context, project, function, do, arguments):
    """Yield (placement, (leanto's results, the bare path's results)) of an order that both sides
    get in turns."""
    with (
        context.home() as home,
        context.bare_path(function) as bare,
        context.leanto_client(home, project) as client,
    ):
        client.order("send", module="service", function=function)
        client.order("call", x=1)
        home.wait_until_warm()
        for where, cores in context.placements():
            context.say(f"{do} of '{function}', {where}")
            processes.pin([*home.pids(), client.pid, *bare.pids], cores)
            sides = (
                lambda: client.order(do, **arguments),
                lambda: bare.client.order(do, **arguments),
            )
            interleave(1, *sides)  # warms both up
            yield where, interleave(context.scale.rounds, *sides)
