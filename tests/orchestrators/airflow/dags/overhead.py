"""What a Leanto call in a task costs beside the same body in that task, and what importing the adapter adds to a DAG file.

`python overhead.py` prints JSON, in milliseconds: medians of 1,000 calls, and of 3 imports in new processes that have imported
Airflow already.
"""

import json
import statistics
import subprocess
import sys
import time

import leanto as lt
import work
from airflow.sdk import dag, task

CALLS = 1_000
IMPORT = """
import time
from airflow.sdk import dag, task, BaseOperator
began = time.perf_counter()
from leanto.airflow import LeantoOperator
print(time.perf_counter() - began)
"""


def median_of_calls(called):
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        called()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def import_time():
    command = [sys.executable, "-c", IMPORT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return float(done.stdout.splitlines()[-1]) * 1000


@dag(schedule=None)
def overhead():
    @task
    def measure():
        remote = lt.function(work.nothing).to(lt.here)
        remote()
        return {"inline": median_of_calls(work.nothing), "leanto": median_of_calls(remote)}

    measure()


dag = overhead()

if __name__ == "__main__":
    (ti,) = dag.test().get_task_instances()
    measured = ti.xcom_pull(task_ids="measure")
    measured["import"] = statistics.median(import_time() for _ in range(3))
    print(json.dumps(measured))
