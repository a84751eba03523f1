"""Leanto's functions in assets and jobs of the real Dagster: with no adapter, and with `leanto.dagster`; and what becomes of the
remote run when the process of a job is killed or interrupted."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest
from conftest import alive, wait_until

PROJECT = pathlib.Path(__file__).parent.parent / "project"
sys.path.insert(0, str(PROJECT))
GRACE = 15  # seconds until a cancelled run's processes are killed
LIMIT = 90  # seconds for what takes some: reached only if something hangs


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """Dagster's own database, which its commands use, too."""
    from dagster import DagsterInstance

    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with DagsterInstance.get() as instance:
        yield instance


@pytest.fixture
def defs(instance, tmp_path, monkeypatch):
    monkeypatch.setenv("ORCHESTRATED_DIRECTORY", str(tmp_path))
    import defs

    monkeypatch.setattr(defs, "DIRECTORY", str(tmp_path))
    return defs


def texts(instance, run_id):
    """All that the run's log says, with the errors of its steps."""
    events = instance.all_logs(run_id)
    found = [event.user_message for event in events]
    for event in events:
        data = event.dagster_event and event.dagster_event.event_specific_data
        if getattr(data, "error", None) is not None:
            found.append(data.error.to_string())
    return "\n".join(found)


def command(*arguments):
    program = str(pathlib.Path(sys.executable).parent / "dagster")
    return [program, *arguments]


def test_a_plain_call_in_an_asset_works(defs, instance):
    from dagster import materialize

    made = materialize([defs.plain], instance=instance)
    assert made.success and made.output_for_node("plain") == 2


def test_what_a_function_reports_by_pipes_is_the_assets(defs, instance):
    from dagster import materialize

    made = materialize([defs.reported], instance=instance, resources=defs.RESOURCES)
    (materialized,) = made.asset_materializations_for_node("reported")
    assert materialized.metadata["rows"].value == 3
    assert len(materialized.metadata["notes"].value) == 100_000
    assert materialized.metadata["leanto run"].value.startswith("r")
    (check,) = made.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("enough", True)
    said = texts(instance, made.run_id)
    assert "counting 3 rows for you" in said and "between the messages" in said


def test_pipes_in_a_process_that_is_used_again_is_refused(lt, defs):
    from dagster import build_op_context

    with pytest.raises(lt.InvalidRequestError, match="fresh=True"):
        defs.PipesLeantoClient().run(
            context=build_op_context(), function=defs.here(defs.work.report), args=(3,)
        )


def test_values_stay_on_the_cluster(lt, defs, instance):
    from dagster import materialize

    made = materialize([defs.numbers, defs.total], instance=instance, resources=defs.RESOURCES)
    assert made.success
    assert lt.here.get("dagster/total") == 499_999_500_000
    assert len(lt.here.get("dagster/numbers")) == 1_000_000
    assert "adding" not in texts(instance, made.run_id)
    (materialized,) = made.asset_materializations_for_node("numbers")
    assert materialized.metadata["leanto key"].value == "dagster/numbers"


def test_assets_are_materialised_by_the_command_line(lt, defs, instance):
    arguments = ("asset", "materialize", "--select", "*", "-f", str(PROJECT / "defs.py"))
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=LIMIT, cwd=PROJECT
    )
    assert done.returncode == 0, done.stderr
    (run,) = instance.get_runs()
    assert run.is_success and "counting 3 rows for you" in texts(instance, run.run_id)
    assert lt.here.get("dagster/total") == 499_999_500_000


def test_the_users_exception_is_in_the_log_with_its_own_traceback(defs, instance):
    done = defs.failing.execute_in_process(instance=instance, raise_on_error=False)
    said = texts(instance, done.run_id)
    assert not done.success
    assert "about to fail" in said and "the loss is not a number" in said and "in fail" in said


def test_a_worker_that_dies_is_a_typed_error_and_the_retry_another_attempt(
    lt, defs, instance, tmp_path
):
    done = defs.dying_once.execute_in_process(instance=instance)
    assert done.success and "WorkerDiedError" in texts(instance, done.run_id)
    assert len((tmp_path / "attempts").read_text().splitlines()) == 2
    keys = [run["key"] for run in lt.runs() if done.run_id in (run["key"] or "")]
    assert sorted(key.partition("#")[2] for key in keys) == ["", "2"]


def test_an_out_of_memory_goes_to_the_bigger_size_and_the_log_says_so(defs, instance):
    done = defs.growing.execute_in_process(instance=instance)
    assert done.output_for_node("grow") == 300_000_000
    said = texts(instance, done.run_id)
    assert "attempt 1 failed (out_of_memory: " in said
    assert "; attempt 2 runs with 600 MB" in said


# Processes that end


@pytest.fixture
def start(defs, tmp_path):
    """Have Dagster's command line execute a job that holds; return its process, once the run has started."""
    started = []

    def start(job):
        arguments = ("job", "execute", "-f", str(PROJECT / "defs.py"), "-j", job)
        with open(tmp_path / "log", "w") as log:
            process = subprocess.Popen(command(*arguments), stdout=log, stderr=log, cwd=PROJECT)
        started.append(process)
        begun = wait_until(lambda: ends_a_line(tmp_path / "started"), LIMIT)
        assert begun, (tmp_path / "log").read_text()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def ends_a_line(path):
    return path.exists() and path.read_text().endswith("\n")


def test_a_job_that_was_killed_finds_its_run_again(lt, defs, instance, start, tmp_path):
    from dagster import ReexecutionOptions, execute_job, reconstructable

    process = start("holding")
    assert lt.runs(status="running")[0]["caller"]["pid"] == process.pid
    process.send_signal(signal.SIGKILL)
    process.wait()
    (tmp_path / "released").touch()
    (killed,) = instance.get_runs()
    again = ReexecutionOptions(parent_run_id=killed.run_id)
    with execute_job(
        reconstructable(defs.holding), instance=instance, reexecution_options=again
    ) as done:
        assert done.success and done.output_for_node("hold") == 42
    assert len((tmp_path / "started").read_text().splitlines()) == 1

    # What has succeeded is done again by who executes it again.
    again = ReexecutionOptions(parent_run_id=done.run_id)
    with execute_job(
        reconstructable(defs.holding), instance=instance, reexecution_options=again
    ) as done:
        assert done.success
    assert len((tmp_path / "started").read_text().splitlines()) == 2


@pytest.mark.parametrize("job", ["holding", "holding_with_child"])
def test_a_job_that_is_interrupted_ends_its_run_with_all_its_processes(
    lt, defs, start, tmp_path, job
):
    process = start(job)
    assert wait_until(lambda: job == "holding" or ends_a_line(tmp_path / "child"))
    run = lt.runs(status="running")[0]["id"]
    process.send_signal(signal.SIGINT)
    ended = wait_until(lambda: lt.run(run).status == "cancelled", LIMIT)
    assert ended, (tmp_path / "log").read_text()
    if job == "holding_with_child":
        pids = [int((tmp_path / name).read_text()) for name in ("started", "child")]
        assert wait_until(lambda: not any(map(alive, pids)), GRACE)
    process.wait(LIMIT)


def test_importing_the_adapter_imports_little_besides_dagster():
    code = (
        "import dagster, sys\n"
        "before = set(sys.modules)\n"
        "import leanto.dagster\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
    )
    environment = {**os.environ, "DAGSTER_HOME": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.stdout.strip() == "['leanto']", done.stdout + done.stderr
