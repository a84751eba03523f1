"""How the harness talks to a measured program: one line of JSON each way.

A program that is measured (a *subject*: ours, the bare path, later each peer in an environment of
its own) gets orders on its standard input, ``{"do": "latencies", "calls": 1000}``, and answers each
with ``{"value": ...}`` or ``{"error": "..."}``. So both sides of a comparison live in processes of
their own, stay warm, and can be asked in turns.

This file is imported by the subjects and needs nothing but the standard library.
"""

import json
import os
import select
import subprocess
import sys
import time

ORDER_LIMIT = 900  # seconds; only so that nothing waits for ever


def obey(actions):
    """Answer orders until standard input ends. What the actions print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"value": actions[order.pop("do")](**order)}
        except Exception as error:
            import traceback

            answer = {"error": f"{type(error).__name__}: {error}\n{traceback.format_exc()}"}
        print(json.dumps(answer), file=answers, flush=True)


def latencies(call, calls):
    """Return the median and the 99th percentile of `calls` calls one after the other, in
    microseconds."""
    clock = time.perf_counter_ns
    times = []
    for x in range(calls):
        start = clock()
        call(x)
        times.append(clock() - start)
    times.sort()
    return {"p50": times[calls // 2] / 1000, "p99": times[calls * 99 // 100] / 1000}


class SubjectError(Exception):
    """A subject could not do what it was asked, or has ended."""


class Subject:
    """The harness's side: a program that takes orders. A context manager; leaving it ends the
    program."""

    def __init__(self, name, argv, env=None, **options):
        self.name = name
        self._process = subprocess.Popen(
            argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
        )

    @property
    def pid(self):
        return self._process.pid

    def order(self, do, limit=ORDER_LIMIT, **arguments):
        """Have something done within `limit` seconds and return its value. Raises SubjectError with
        what the subject says."""
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
            if not select.select([self._process.stdout], [], [], limit)[0]:
                raise SubjectError(f"{self.name} did not do '{do}' within {limit:g} s")
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            raise SubjectError(
                f"{self.name} ended while it was to do '{do}'; what it wrote is above"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise SubjectError(f"{self.name} could not do '{do}': {answer['error']}")
        return answer["value"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._process.stdin.close()
        except OSError:
            pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
