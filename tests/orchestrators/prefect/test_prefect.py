"""Leanto's functions in tasks and flows of the real Prefect: with no adapter, and with `leanto.prefect`; and what becomes of the
remote run when the process of a flow is killed or cancelled."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from conftest import alive, wait_until

pytest_plugins = ("prefect_server",)

GRACE = 15  # seconds until a cancelled run's processes are killed
LIMIT = 90  # seconds for what takes some: reached only if something hangs


@pytest.fixture
def flows(server):
    import flows

    return flows


def keys_of(lt, server):
    flow_run = str(server.last_flow_run().id)
    return [run["key"] for run in lt.runs() if flow_run in (run["key"] or "")]


def log_has(server, *texts):
    flow_run = server.last_flow_run()
    has = wait_until(lambda: all(text in server.log_of(flow_run) for text in texts))
    assert has, server.log_of(flow_run)


def test_calls_in_tasks_are_plain_ones_or_runs_of_their_task(lt, server, flows):
    assert flows.calls() == (2, 3, [4, 4, 5])
    keys = keys_of(lt, server)
    assert len(keys) == len(set(keys)) == 4 and all("/add-" in key for key in keys)
    log_has(server, "adding 1 and 2", "adding 3 and 2")


@pytest.mark.parametrize("name", ["plain_side_by_side", "calls_side_by_side"])
def test_an_async_flow_is_not_blocked(server, flows, tmp_path, name):
    made = getattr(flows, name)(str(tmp_path))
    assert asyncio.run(asyncio.wait_for(made, LIMIT)) == ["a", "b"]


def test_the_users_exception_is_in_the_log_with_its_own_traceback(server, flows):
    with pytest.raises(ValueError, match="the loss is not a number"):
        flows.failing()
    log_has(server, "about to fail", "in fail", "raise ValueError(text)")


def test_a_worker_that_dies_is_a_typed_error_and_the_retry_another_attempt(
    lt, server, flows, tmp_path
):
    assert flows.dying_once(str(tmp_path)) == "alive"
    assert len((tmp_path / "attempts").read_text().splitlines()) == 2
    first, second = sorted(keys_of(lt, server))
    assert second == f"{first}#2"
    log_has(server, "WorkerDiedError")


def test_an_out_of_memory_goes_to_the_bigger_size_and_the_log_says_so(server, flows):
    assert flows.growing() == 300_000_000
    log_has(server, "attempt 1 failed (out_of_memory: ", "; attempt 2 runs with 600 MB")


def test_outside_of_a_flow_it_says_what_to_do(lt, flows):
    with pytest.raises(lt.InvalidRequestError, match="call it in a @task or a @flow"):
        flows.tracked(flows.here(flows.work.add))(1)


def test_a_block_leads_to_a_node_and_hides_its_token(lt, server):
    from leanto.prefect import LeantoNode

    word = "leanto://box:7433?fingerprint=" + "ab" * 32 + "&token=lt_secret"
    LeantoNode(address=word, cluster_name="box").save("box", overwrite=True)
    block = LeantoNode.load("box")
    assert block.cluster() == lt.cluster("box", url=word)
    assert "lt_secret" not in repr(block)


def test_importing_the_adapter_imports_little_besides_prefect():
    code = (
        "import prefect.blocks.core, prefect.context, prefect.exceptions, prefect.logging, sys\n"
        "before = set(sys.modules)\n"
        "import leanto.prefect\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "['leanto']", done.stderr


# Processes that end


def is_there(path):
    return path.exists() and path.read_text().endswith("\n")


def process_of(lt, directory):
    """The process of Prefect's that has submitted the run which holds in that directory."""
    worker = int((directory / "started").read_text())
    running = [run for run in lt.runs(status="running") if run["key"]]
    assert len(running) == 1 and alive(worker)
    return running[0]["caller"]["pid"]


@pytest.mark.parametrize("how", ["called", "submitted"])
def test_a_flow_that_was_killed_finds_its_run_again(lt, server, served, tmp_path, how):
    flow_run = served.start(directory=str(tmp_path), how=how)
    assert wait_until(lambda: is_there(tmp_path / "started"), LIMIT), served.said()
    os.kill(process_of(lt, tmp_path), signal.SIGKILL)
    assert wait_until(lambda: server.state_of(flow_run).is_crashed(), LIMIT), served.said()

    from prefect.states import AwaitingRetry

    server.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    assert wait_until(lambda: server.state_of(flow_run).is_running(), LIMIT), served.said()
    (tmp_path / "released").touch()
    assert wait_until(lambda: server.state_of(flow_run).is_final(), LIMIT), served.said()
    assert server.state_of(flow_run).is_completed(), served.said()
    assert server.state_of(flow_run).result(raise_on_failure=True) == 42
    assert len((tmp_path / "started").read_text().splitlines()) == 1


@pytest.mark.parametrize("how", ["called", "child"])
def test_a_flow_that_is_cancelled_ends_its_run_with_all_its_processes(
    lt, server, served, tmp_path, how
):
    flow_run = served.start(directory=str(tmp_path), how=how)
    assert wait_until(lambda: is_there(tmp_path / "started"), LIMIT), served.said()
    pids = [int((tmp_path / "started").read_text())]
    if how == "child":
        pids.append(int((tmp_path / "child").read_text()))
    run = lt.runs(status="running")[0]["id"]

    from prefect.states import Cancelling

    server.client.set_flow_run_state(flow_run.id, Cancelling(), force=True)
    assert wait_until(lambda: lt.run(run).status == "cancelled", LIMIT), served.said()
    if how == "child":
        assert wait_until(lambda: not any(map(alive, pids)), GRACE)
    assert wait_until(lambda: server.state_of(flow_run).is_cancelled(), LIMIT), served.said()
