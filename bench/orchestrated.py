#!/usr/bin/env python3
"""What a call costs in a task of an orchestrator, beside the same body inline in that task, and what importing the adapter adds.

    build/orchestrators/NAME/bin/python bench/orchestrated.py NAME [CALLS]      NAME: prefect, dagster

Environment: LEANTO_BINARY, and PYTHONPATH with python/. Prints medians in ms; `./dev orchestrators NAME` makes the environment.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "orchestrators" / "project"))
LIMIT = 600  # seconds
# What a flow's file imports anyway, and the adapter.
IMPORTS = {
    "prefect": ("import prefect.blocks.core", "import leanto.prefect"),
    "dagster": ("import dagster", "import leanto.dagster"),
}


def measure(calls, plain, tracked):
    """Return the medians of the body inline, of a plain call and of a tracked one, in turn."""
    import work

    found = {"inline": [], "plain call": [], "tracked call": []}
    for n in range(calls):
        for name, call in zip(found, (work.add, plain, tracked)):
            start = time.perf_counter()
            call(n)
            found[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values[len(values) // 10 :]) for name, values in found.items()}


def in_prefect(calls):
    import leanto as lt
    import work
    from leanto.prefect import tracked
    from prefect import flow, task
    from prefect.testing.utilities import prefect_test_harness

    @task
    def measuring():
        add = lt.function(work.add).to(lt.here)
        return measure(calls, add, tracked(add))

    @flow
    def all_of_it():
        return measuring()

    with prefect_test_harness(server_startup_timeout=120):
        return all_of_it()


def in_dagster(calls):
    import dagster
    import leanto as lt
    import work
    from leanto.dagster import tracked

    @dagster.op
    def measuring(context: dagster.OpExecutionContext):
        add = lt.function(work.add).to(lt.here)
        return measure(calls, add, tracked(add, context))

    @dagster.job
    def job():
        measuring()

    return job.execute_in_process().output_for_node("measuring")


def import_cost(name):
    """Return how many ms the adapter's import takes in a fresh process that has imported the orchestrator."""
    first, adapter = IMPORTS[name]
    code = (
        f"{first}\nimport time\nstart = time.perf_counter()\n{adapter}\n"
        "print(1000 * (time.perf_counter() - start))"
    )
    command = [sys.executable, "-c", code]
    took = [
        float(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=LIMIT).stdout)
        for _ in range(5)
    ]
    return statistics.median(took)


def main(name, calls="200"):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ.update(HOME=home, DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")
        os.environ.update(PREFECT_HOME=home, DAGSTER_HOME="")
        try:
            found = {"prefect": in_prefect, "dagster": in_dagster}[name](int(calls))
        finally:
            subprocess.run([os.environ["LEANTO_BINARY"], "stop"], timeout=60)
        for what, median in found.items():
            print(f"{name}: {what}: {median:.2f} ms")
        print(f"{name}: importing the adapter: {import_cost(name):.0f} ms")


if __name__ == "__main__":
    main(*sys.argv[1:])
