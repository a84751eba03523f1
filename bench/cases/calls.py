"""Calls of a warm function: one at a time, and 1,000 in flight, each beside the bare path, pinned
and unpinned."""

import contextlib
import functools
import os

from harness import processes, projects
from harness.measure import Summary, interleave
from harness.report import Reach, Row

IN_FLIGHT = 1000


def run(context):
    project = os.path.join(context.directory, "calls")
    projects.write_small(project)
    return [
        *_one_at_a_time(context, project),
        *_in_flight(context, project),
        *_mapped(context, project),
    ]


def _one_at_a_time(context, project):
    rows = []
    arguments = {"calls": context.scale.calls}
    for where, sides in _in_turns(context, project, "empty", arguments, "latencies", "latencies"):
        for key in ("p50", "p99"):
            summaries = (Summary(result[key] for result in side) for side in sides)
            what = f"synchronous call of an empty function, {key}, {where}"
            rows.append(Row(what, "µs", *summaries, "bare path", Reach("<=", 2)))
    return rows


def _in_flight(context, project):
    rows = []
    arguments = {"in_flight": IN_FLIGHT, "waves": context.scale.waves}
    for where, sides in _in_turns(
        context, project, "echo", arguments, "rate", "rate", "gather_rate"
    ):
        ours, bare, gathered = map(Summary, sides)
        what = f"{IN_FLIGHT:,} calls in flight from one client, {where}"
        rows.append(Row(what, "calls/s", ours, bare, "bare path", Reach(">=", 0.5)))
        beside = "  beside the bare path under asyncio.gather"
        rows.append(Row(beside, "calls/s", ours, gathered, "bare path, asyncio"))
    return rows


def _mapped(context, project):
    rows = []
    arguments = {"in_flight": IN_FLIGHT, "waves": context.scale.waves}
    for where, sides in _in_turns(context, project, "echo", arguments, "map_rate", "rate"):
        what = f"{IN_FLIGHT:,} calls in flight from one client, f.map, {where}"
        rows.append(Row(what, "calls/s", *map(Summary, sides), "bare path", Reach(">=", 0.5)))
    return rows


def _in_turns(context, project, function, arguments, do, *bare_orders):
    """Yield (placement, results of each side): leanto's `do`, then each order to the bare path."""
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(context.home())
        bare = stack.enter_context(context.bare_path(function))
        client = stack.enter_context(context.leanto_client(home, project))
        client.order("send", module="service", function=function)
        client.order("call", x=1)
        home.wait_until_warm()
        node, *workers = home.pids()
        ours = (node, [*workers, client.pid])
        for place in (_apart, _on_one_core):
            context.say(f"{do} of '{function}', {place.__doc__}")
            sides = [functools.partial(_placed, place, context, ours, client, do, arguments)]
            for order in bare_orders:
                base = (bare.pids[0], bare.pids[1:])
                sides.append(
                    functools.partial(_placed, place, context, base, bare.client, order, arguments)
                )
            interleave(1, *sides)  # warms all up
            yield place.__doc__, interleave(context.scale.rounds, *sides)


def _placed(place, context, pids, subject, order, arguments):
    place(*pids, context.cores)
    return subject.order(order, **arguments)


def _on_one_core(middle, others, cores):
    """pinned"""
    processes.pin([middle, *others], {max(cores)})


def _apart(middle, others, cores):
    """unpinned"""
    processes.set_apart(middle, others, cores)
