"""Another machine over ssh, without delay and at 20 ms round trip: edits, calls, an array and
`leanto up`, each beside what bare ssh or rsync does on the same way."""

import importlib.util
import itertools
import os
import shutil
import sys
from typing import NamedTuple

from harness import daemon, far_hosts, processes, projects
from harness.context import Context
from harness.measure import Summary, interleave
from harness.report import Missing, Reach, Row

ROUND_TRIP = 0.02
NEAR, FAR = "no delay", f"{ROUND_TRIP * 1000:g} ms round trip"
LIBRARY = "numpy"
MIB = 1 << 20
ECHO = "ssh HOST cat, its echo"
RSYNC = "rsync -a"
CAT = "ssh HOST cat >/dev/null"
TRUE = "ssh HOST true"


def run(context):
    why = missing()
    if why:
        return [Missing("another machine over ssh", why)]
    files = context.scale.directories * projects.FILES_A_DIRECTORY
    context.say(f"a project of {files:,} files for other machines")
    path = os.path.join(context.directory, "machines")
    project = projects.LargeProject(path, context.scale.directories, LIBRARY)
    with far_hosts.far_hosts(ROUND_TRIP) as hosts, context.home() as home:
        hosts[0].let_reach(home)
        rows = []
        for host, where in zip(hosts, (NEAR, FAR)):
            rows += _rows(Place(context, project, home, host, where))
        context.say("the hosts and what is on them is removed")
        return rows


def missing():
    """Why this can't be measured here; "" where it can."""
    for found, why in (
        (
            importlib.util.find_spec(LIBRARY),
            f"this Python has no {LIBRARY}; ./dev setup installs it",
        ),
        (shutil.which("rsync"), "no `rsync` here; ./dev bench installs it"),
    ):
        if not found:
            return why
    return far_hosts.missing()


class Place(NamedTuple):
    """What the rows of one host are measured with."""

    context: Context
    project: projects.LargeProject
    home: daemon.Home
    host: far_hosts.FarHost
    where: str

    def rsync(self):
        return self.host.rsync_milliseconds(self.project.path, self.home.env)


def _rows(place):
    place.context.say(f"leanto and the project go to a host, {place.where}")
    with (
        place.context.leanto_client(place.home, place.project.path) as client,
        place.host.echo() as echo,
    ):
        client.order("use", host=place.host.alias, python=sys.executable)
        client.order("send", module="entry", function="value")
        client.order("call", x=1)
        rows = [*_edits(place, client, echo), _nothing_new(place, client)]
        rows.append(_calls(place, client, echo))
        if place.where == NEAR:
            rows.append(_array(place, client))
    return rows + _up(place)


def _edits(place, client, echo):
    """Each edit travels twice: by `.to()`, which also has its code called, then by rsync."""
    sides = interleave(
        place.context.scale.starts + 1,
        _editor(client, place.project),
        _copier(place),
        lambda: echo(5),
    )
    edits, copies, echoes = (side[1:] for side in sides)  # the first takes what is read once
    whole, to = (Summary(edit[key] for edit in edits) for key in ("all", "to"))
    reach = Reach("<=", 30, "ms", bases=3) if place.where == FAR else None
    what = f"edit one file of {place.project.files:,}: .to() and call, {place.where}"
    return [
        Row(what, "ms", whole, Summary(echoes), ECHO, reach),
        _faster(f"  of that, .to(), {place.where}", to, copies, 5),
    ]


def _editor(client, project):
    """Return what makes the next edit. Each has another length: rsync looks at that and at whole
    seconds only."""
    values = (10**digits for digits in itertools.count())

    def edit():
        daemon.wait_until_warm(lambda: client.order("zygotes"), modules=1)
        value = next(values)
        text = project.edited_text(value)
        return client.order("edit", path=project.edited, text=text, expected=value)

    return edit


def _copier(place):
    edited = os.path.relpath(place.project.edited, place.project.path)

    def copy():
        took = place.rsync()
        with open(place.project.edited) as file:
            if place.host.copied(edited) != file.read():
                raise RuntimeError(f"rsync left another {edited} on {place.host.alias}")
        return took

    return copy


def _nothing_new(place, client):
    again, copies = interleave(
        place.context.scale.starts, lambda: client.order("resend"), place.rsync
    )
    return _faster(f".to() with nothing changed, {place.where}", Summary(again), copies, 20)


def _faster(what, ours, copies, times):
    """A row for a target that says how many times faster than rsync."""
    return Row(what, "ms", ours, Summary(copies), RSYNC, Reach("<=", 1 / times))


def _calls(place, client, echo):
    place.context.say(f"calls to a host, {place.where}")
    count = max(1, place.context.scale.calls // (10 if place.where == NEAR else 60))
    ours, echoes = interleave(
        place.context.scale.rounds,
        lambda: client.order("latencies", calls=count)["p50"] / 1000,
        lambda: echo(count),
    )
    what, reach = f"warm call, p50, {place.where}", Reach("<=", 1, "ms", bases=1)
    return Row(what, "ms", Summary(ours), Summary(echoes), ECHO, reach)


def _array(place, client):
    what = f"{place.context.scale.far_mib} MiB of numpy as an argument"
    place.context.say(what)
    size = place.context.scale.far_mib * MIB
    client.order("send", module="entry", function="length")
    client.order("argument_time", size=size)
    ours, base = interleave(
        max(1, place.context.scale.rounds // 2),
        lambda: size / client.order("argument_time", size=size) / 1000,
        lambda: place.host.stream_rate(size),
    )
    return Row(what, "MB/s", Summary(ours), Summary(base), CAT, Reach(">=", 0.9))


def _up(place):
    place.context.say(f"leanto up, {place.where}")
    binary, alias, env = place.home.binary, place.host.alias, place.home.env

    def node_runs():
        place.home.stop()
        # Both, because `leanto up` alone says that no node runs here.
        return place.home.start() + processes.run_milliseconds([binary, "up", alias], env)

    def node_stopped():
        place.home.stop()  # first, because it would start the one there anew
        place.host.stop_node(env)
        return node_runs()

    sides = interleave(
        place.context.scale.starts,
        node_runs,
        node_stopped,
        lambda: place.host.true_milliseconds(env),
    )
    running, stopped, base = map(Summary, sides)
    return [
        Row(f"leanto up, {which}, {place.where}", "ms", ours, base, TRUE, Reach("<=", 1.5))
        for which, ours in (("the node there runs", running), ("the node there stopped", stopped))
    ]
