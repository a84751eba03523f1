"""What a benchmark says of the machine that it ran on, and the programs that it needs."""

import datetime
import os
import platform
import sys


def find_programs():
    """Return the paths of the binary and of the relay; ends the program if one is missing."""
    binary = os.path.abspath(os.environ.get("LEANTO_BINARY", "leanto"))
    relay = os.environ.get("LEANTO_BENCH_RELAY") or os.path.join(
        os.path.dirname(binary), "bench/baseline/relay"
    )
    for name, path in (("LEANTO_BINARY", binary), ("the relay", relay)):
        if not os.access(path, os.X_OK):
            sys.exit(
                f"bench: {name}: {path} is not a program; ./dev bench makes both and names them"
            )
    return binary, relay


def describe_machine():
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
    }
