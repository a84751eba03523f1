"""What the tests of orchestrators call: it says by files what it does, fails in all ways, and takes memory."""

import os
import sys
import time


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)


def note(path, text):
    with open(path, "a") as file:
        file.write(f"{text}\n")


def add(a, b=1):
    print(f"adding {a} and {b}")
    return a + b


def hold(directory, value):
    """Note which process runs it, say lines, and return when it may; the directory's files say how it goes."""
    note(f"{directory}/started", os.getpid())
    print("holding", flush=True)
    wait_for(f"{directory}/released")
    print("released", flush=True)
    return value


def meet(directory, mine, other):
    """Return when the other is there: two of these can only end side by side."""
    note(f"{directory}/{mine}", "here")
    wait_for(f"{directory}/{other}")
    return mine


def die_once(directory):
    note(f"{directory}/attempts", os.getpid())
    with open(f"{directory}/attempts") as file:
        if len(file.readlines()) == 1:
            os._exit(7)
    return "alive"


def grow(megabytes):
    print(f"growing to {megabytes} MB", flush=True)
    return len(bytearray(os.urandom(1_000_000)) * megabytes)


def fail(text):
    print("about to fail", file=sys.stderr)
    raise ValueError(text)


def start_child(directory):
    """Have a child process, and hold."""
    import subprocess

    child = subprocess.Popen(["sleep", "600"])
    note(f"{directory}/child", child.pid)
    return hold(directory, None)


def report(rows, pipes=None):
    """Say by Dagster Pipes what was made, and that it was looked at."""
    from dagster_pipes import PipesMappingParamsLoader, open_dagster_pipes

    loader = PipesMappingParamsLoader(pipes or {})
    with open_dagster_pipes(params_loader=loader) as pipes:
        print("between the messages")
        pipes.log.info(f"counting {rows} rows for {pipes.extras['whom']}")
        metadata = {"rows": rows, "notes": "x" * 100_000}
        pipes.report_asset_materialization(metadata=metadata)
        pipes.report_asset_check("enough", passed=rows > 2)
    return rows


def numbers(count):
    import numpy

    return numpy.arange(count)


def total(numbers):
    return int(numbers.sum())
