"""Durable submissions: one at a time beside one fsync of the same disk, and many from 64 threads
beside one fsync for each."""

import os

from harness import projects
from harness.measure import Summary, interleave
from harness.report import Reach, Row

THREADS = 64
RECORD = 512  # bytes, about what a run's record has


def run(context):
    project = os.path.join(context.directory, "runs")
    projects.write_small(project)
    count = context.scale.runs
    with context.home() as home, context.leanto_client(home, project) as client:
        client.order("send", module="service", function="empty")
        client.order("submit_latencies", count=10)
        home.wait_until_warm()
        directory = home.env["HOME"]  # the disk that the node writes to
        context.say("submissions, one at a time")
        single = interleave(
            context.scale.rounds,
            lambda: client.order("submit_latencies", count=count // 10)["p50"],
            lambda: client.order("fsyncs", directory=directory, count=count // 10, size=RECORD)[
                "p50"
            ],
        )
        context.say(f"{count} runs from {THREADS} threads")
        many = interleave(
            max(2, context.scale.rounds // 3),
            lambda: client.order("submit_and_wait", count=count, threads=THREADS),
            lambda: client.order("fsyncs", directory=directory, count=count, size=RECORD)["all"],
        )
    ours, base = map(Summary, single)
    all_ours, all_base = map(Summary, many)
    return [
        Row("durable submit, p50", "µs", ours, base, "one fsync", Reach("<=", 2)),
        Row(
            f"{count:,} runs submitted and ended, {THREADS} threads",
            "ms",
            all_ours,
            all_base,
            "an fsync for each",
            Reach("<=", 5),
        ),
    ]
