"""The daemon when nobody asks it anything: memory, processor time, and how soon it is ready."""

import os
import time

from harness import processes, projects
from harness.measure import Summary
from harness.report import Reach, Row

MEMORY = Reach("<=", 10, "MiB")
READY = Reach("<=", 10, "ms")
CPU = Reach("<=", 0.005, "%")  # what is printed as 0.00%


def run(context):
    project = os.path.join(context.directory, "idle")
    projects.write_small(project)
    rows = _starts(context)
    with context.home() as home:
        home.start()
        rows.extend(_idle(context, home, "nothing sent yet"))
        with context.leanto_client(home, project) as client:
            client.order("send", module="service", function="echo")
            client.order("latencies", calls=context.scale.calls)
            home.wait_until_warm()
            rows.extend(_idle(context, home, f"after {context.scale.calls:,} calls"))
    return rows


def _starts(context):
    context.say("starts of the daemon")
    with context.home() as kept:
        kept.start()
        kept.stop()
        known = Summary(_start(kept) for _ in range(context.scale.starts))
    fresh = Summary(_start_in_a_new_home(context) for _ in range(context.scale.starts))
    return [
        Row("daemon: start to ready, second or later start", "ms", known, reach=READY),
        Row("daemon: start to ready, very first start", "ms", fresh, reach=READY),
    ]


def _start(home):
    try:
        return home.start()
    finally:
        home.stop()


def _start_in_a_new_home(context):
    with context.home() as home:
        return _start(home)


def _idle(context, home, when):
    context.say(f"an idle daemon, {when}")
    pid = home.status()["pid"]
    time.sleep(0.2)  # the end of what went before is not part of being idle
    before = processes.cpu_seconds(pid)
    time.sleep(context.scale.idle_seconds)
    used = 100 * (processes.cpu_seconds(pid) - before) / context.scale.idle_seconds
    return [
        Row(f"daemon: memory, {when}", "MiB", Summary([processes.resident_mib(pid)]), reach=MEMORY),
        Row(f"daemon: processor while idle, {when}", "%", Summary([used]), reach=CPU),
    ]
