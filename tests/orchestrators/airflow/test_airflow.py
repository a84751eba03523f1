"""Leanto's tasks in a real Airflow: in one process, in another one's command line, and under `airflow standalone`."""

import json
import os
import re
import signal
import textwrap

import leanto as lt
import pytest
from airflow_standalone import DAGS as DAGS_FOLDER
from airflow_standalone import Standalone, free_ports, run_airflow, settings, write_metadata
from conftest import ROOT, wait_until

RUN_DAGS = ROOT / "tests" / "orchestrators" / "airflow" / "run_dags.py"
DAGS = (
    "plain",
    "adapted",
    "decorated",
    "held",
    "held_in_worker",
    "died",
    "hungry",
    "failed",
    "late",
)


@pytest.fixture(scope="session")
def env(shared_home, tmp_path_factory):
    """The environment of an Airflow with an empty database."""
    metadata = tmp_path_factory.mktemp("metadata")
    write_metadata(metadata)
    env = settings(tmp_path_factory.mktemp("airflow"), metadata)
    run_airflow(env, "-m", "airflow", "db", "migrate")
    return env


@pytest.fixture(scope="session")
def airflow(env, shared_home):
    """One Airflow for all tests of this file."""
    log = os.path.join(env["AIRFLOW_HOME"], "standalone.log")
    airflow = Standalone(env, log)
    try:
        airflow.wait_until_ready(DAGS)
        yield airflow
    except AssertionError as error:
        with open(log, errors="replace") as file:
            raise AssertionError(f"{error}\n{file.read()[-5000:]}") from None
    finally:
        airflow.close()


def notes(directory):
    try:
        return (directory / "notes").read_text().splitlines()
    except FileNotFoundError:
        return []


def runs_of(dag_run):
    """The records of the runs that were made for a DAG run, the oldest first."""
    found = [run for run in lt.runs(limit=1000) if dag_run.id in (run["key"] or "")]
    return found[::-1]


def wait_for_start(directory, count=1):
    assert wait_until(lambda: len(notes(directory)) == count, 60), notes(directory)


# One process


@pytest.fixture(scope="session")
def tested(env):
    """What DAGs wrote that were run by `dag.test()`, by name; all have succeeded."""
    names = ("plain", "adapted", "decorated")
    said = run_airflow(env, RUN_DAGS, *names)
    assert all(f"STATE {name} success" in said for name in names), said
    return {name: said.split(f"BEGIN {name}\n")[1].split(f"STATE {name}")[0] for name in names}


def test_a_plain_task_calls_a_function_without_an_adapter(tested):
    assert "Returned value was: 42" in tested["plain"]


def test_tasks_of_leanto_pass_references_and_their_values_arrive(tested):
    said = tested["adapted"]
    assert "VALUE 84" in said, said
    assert re.search(r"doubling 42 .*offset=0", said), said


def test_airflow_tasks_test_runs_one(env):
    said = run_airflow(env, "-m", "airflow", "tasks", "test", "adapted", "doubled")
    assert "doubling 21" in said and "adapted/" in said, said


def test_a_task_may_be_written_in_the_dag_file(tested):
    assert "VALUE 20" in tested["decorated"], tested["decorated"]


def test_the_example_trains_and_a_second_dag_reads(env):
    place = ROOT / "examples" / "digits"
    said = run_airflow({**env, "AIRFLOW__CORE__DAGS_FOLDER": str(place)}, place / "airflow_dag.py")
    assert said.count("STATE success") == 2 and "epoch 5: accuracy" in said, said
    assert re.search(r"Returned value was: \[\d", said), said


def test_what_the_page_shows_makes_a_dag(env, tmp_path):
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "airflow.md").read_text(), re.DOTALL
    )
    lines = [
        "import leanto as lt",
        "import leanto.airflow",
        "import work",
        "from airflow.sdk import DAG, task",
    ]
    lines += ["trained = 3", 'with DAG("page", schedule=None) as dag:']
    lines.append(textwrap.indent("\n".join(blocks), "    "))
    lines.append(
        "    print(doubled(trained).operator.task_id, preprocess().operator.task_id, train.task_id)"
    )
    page = tmp_path / "page.py"
    page.write_text("\n".join(lines))
    here = {**env, "PYTHONPATH": os.pathsep.join([env["PYTHONPATH"], str(DAGS_FOLDER)])}
    assert run_airflow(here, page).splitlines()[-1] == "doubled preprocess train"


def test_what_going_through_costs_is_measured(env):
    """How much it may be is for whoever reads it: a busy machine is slow."""
    said = json.loads(run_airflow(env, "overhead.py").splitlines()[-1])
    assert min(said.values()) > 0, said


# What goes wrong, under `airflow standalone`


def test_it_waits_in_the_triggerer_and_leaves_a_reference(airflow, tmp_path):
    dag_run = airflow.trigger("held", directory=str(tmp_path))
    wait_for_start(tmp_path)
    dag_run.wait("deferred")
    airflow.wait(lambda: "holding held" in dag_run.log(), "the log to show its line while it runs")
    (tmp_path / "released").touch()
    dag_run.wait("success")
    log = dag_run.log()
    assert log.count("holding held") == 1 and log.count('"released held"') == 1, log
    (record,) = runs_of(dag_run)
    said = dag_run.xcom()
    said = json.loads(said) if isinstance(said, str) else said
    assert said["leanto_run"] == record["id"] and "held" not in said.values()


def test_a_worker_that_is_killed_is_followed_by_one_that_finds_the_run(airflow, tmp_path):
    dag_run = airflow.trigger("held_in_worker", directory=str(tmp_path))
    wait_for_start(tmp_path)
    dag_run.wait("running")
    os.kill(dag_run.task()["pid"], signal.SIGKILL)
    airflow.wait(
        lambda: dag_run.task()["try_number"] == 2 and dag_run.state == "running", "the retry"
    )
    (tmp_path / "released").touch()
    dag_run.wait("success")
    assert len(notes(tmp_path)) == 1 and [run["status"] for run in runs_of(dag_run)] == [
        "succeeded"
    ]
    assert "released held" in dag_run.log(2)


def test_a_triggerer_that_is_killed_leaves_the_run_alone(airflow, tmp_path):
    dag_run = airflow.trigger("held", directory=str(tmp_path))
    wait_for_start(tmp_path)
    dag_run.wait("deferred")
    airflow.kill("triggerer")
    airflow.start("triggerer")
    (tmp_path / "released").touch()
    dag_run.wait("success")
    assert len(notes(tmp_path)) == 1 and [run["status"] for run in runs_of(dag_run)] == [
        "succeeded"
    ]


def test_a_function_that_dies_fails_the_task_and_a_retry_calls_it_again(airflow, tmp_path):
    dag_run = airflow.trigger("died", directory=str(tmp_path))
    dag_run.wait("success")
    first = dag_run.log(1)
    assert "WorkerDiedError" in first and "about to die" in first, first
    assert [run["status"] for run in runs_of(dag_run)] == ["failed", "succeeded"]


def test_an_out_of_memory_goes_on_with_more_and_the_log_says_so(airflow):
    dag_run = airflow.trigger("hungry")
    dag_run.wait("success")
    assert "attempt 1 failed (out_of_memory" in dag_run.log(), dag_run.log()
    assert "attempt 2 runs with 600 MB" in dag_run.log()


def test_an_exception_shows_its_own_traceback(airflow):
    dag_run = airflow.trigger("failed")
    dag_run.wait("failed")
    log = dag_run.log()
    assert "return price[text]" in log and "work.py" in log and "KeyError: 'pear'" in log, log


@pytest.mark.parametrize("dag", ["held", "held_in_worker"])
def test_who_marks_the_task_cancels_the_run(airflow, tmp_path, dag):
    dag_run = airflow.trigger(dag, directory=str(tmp_path))
    wait_for_start(tmp_path)
    dag_run.wait("deferred" if dag == "held" else "running")
    # Airflow has nobody who could hear of it before the triggerer has the task.
    airflow.wait(lambda: "holding held" in dag_run.log(), "its line in the log")
    dag_run.mark("failed")
    airflow.wait(lambda: runs_of(dag_run)[-1]["status"] == "cancelled", "the run to be cancelled")


def test_a_task_that_takes_too_long_is_cancelled(airflow, tmp_path):
    dag_run = airflow.trigger("late", directory=str(tmp_path))
    dag_run.wait("failed")
    airflow.wait(lambda: runs_of(dag_run)[-1]["status"] == "cancelled", "the run to be cancelled")


def test_a_clear_cancels_the_run_and_starts_anew(airflow, tmp_path):
    dag_run = airflow.trigger("held", directory=str(tmp_path))
    wait_for_start(tmp_path)
    dag_run.wait("deferred")
    dag_run.clear()
    wait_for_start(tmp_path, 2)
    (tmp_path / "released").touch()
    dag_run.wait("success")
    assert [run["status"] for run in runs_of(dag_run)] == ["cancelled", "succeeded"]
    dag_run.wait_for_end()
    dag_run.clear()  # of one that has ended
    wait_for_start(tmp_path, 3)
    dag_run.wait("success")


# The connection type


def test_a_connection_is_tested_by_its_button(airflow):
    def say(**words):
        words = {"connection_id": "leanto_test", "conn_type": "leanto", **words}
        return airflow.ask("POST", "/api/v2/connections/test", words)

    assert say()["status"] is True
    (port,) = free_ports(1)
    nobody = say(
        host="127.0.0.1",
        port=port,
        password="lt_nobody",
        extra=json.dumps({"fingerprint": "0" * 64}),
    )
    assert nobody["status"] is False and "127.0.0.1" in nobody["message"], nobody
    types = airflow.ask("GET", "/ui/connections/hook_meta")
    assert "leanto" in [each["connection_type"] for each in types], types
