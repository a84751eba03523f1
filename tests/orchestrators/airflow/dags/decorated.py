"""Functions that stand in the DAG file; where they run, there is no Airflow to import."""

import work
from airflow.sdk import dag, task
from leanto.airflow import value

FACTOR = 3


def times(x):
    return FACTOR * x


@dag(schedule=None)
def decorated():
    offset = 1

    @task.leanto(options={"env": {"PLACE": "there"}})
    def tripled(x: int):
        import os
        import sys

        print("in", os.environ["PLACE"])
        assert "airflow" not in sys.modules
        return times(work.double(x)) + offset

    @task.leanto
    def added(numbers, ds=None):
        print("on", ds)
        return sum(numbers)

    @task
    def shown(reference):
        print("VALUE", value(reference))

    shown(added(tripled.expand(x=[1, 2])))


dag = decorated()
