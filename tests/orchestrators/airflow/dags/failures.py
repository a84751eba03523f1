"""One DAG for each way in which a task can end badly; where its files are comes with the DAG run."""

from datetime import timedelta

import leanto as lt
from airflow.sdk import dag
from leanto.airflow import LeantoOperator

DIRECTORY = "{{ dag_run.conf['directory'] }}"
AGAIN = {"retries": 1, "retry_delay": timedelta(0)}


def made(name, **words):
    """Make a DAG of one task."""

    @dag(dag_id=name, schedule=None)
    def one_task():
        LeantoOperator(task_id="task", **words)

    return one_task()


held = made("held", function="work:note_and_hold", op_args=[DIRECTORY, "held"], **AGAIN)
held_in_worker = made(
    "held_in_worker",
    function="work:note_and_hold",
    op_args=[DIRECTORY, "held"],
    deferrable=False,
    **AGAIN,
)
died = made("died", function="work:die_once", op_args=[DIRECTORY], **AGAIN)
hungry = made(
    "hungry",
    function="work:take",
    op_args=[300],
    options={"memory": "150MB", "on_oom": lt.bigger(memory=4, max_memory="2GB")},
)
failed = made("failed", function="work:fail", op_args=["pear"])

late = made(
    "late",
    function="work:note_and_hold",
    op_args=[DIRECTORY, "late"],
    execution_timeout=timedelta(seconds=4),
)
