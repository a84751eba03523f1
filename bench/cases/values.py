"""Large values: an array as an argument and as a result, each beside one copy of it in memory."""

import os

from harness import projects
from harness.measure import Summary, interleave
from harness.report import Reach, Row

COPY = Reach("<=", 1.6)
MIB = 1 << 20


def run(context):
    project = os.path.join(context.directory, "values")
    projects.write_small(project)
    size = context.scale.value_mib
    with context.home() as home, context.leanto_client(home, project) as client:
        rows = []
        for what, function, order in (
            (f"{size} MiB of numpy as an argument", "length", "argument_time"),
            (f"{size} MiB of numpy as a result", "zeros", "result_time"),
        ):
            context.say(what)
            client.order("send", module="service", function=function)
            cold = client.order(order, size=size * MIB)
            ours, copies = interleave(
                context.scale.rounds,
                lambda order=order: client.order(order, size=size * MIB),
                lambda: client.order("copy_time", size=size * MIB),
            )
            rows.append(Row(what, "ms", Summary(ours), Summary(copies), "one memcpy", COPY))
            rows.append(Row("  the first one", "ms", Summary([cold])))
        return rows
