"""A real server, by Prefect's own test harness, for all tests of a session; a served flow; what of both says how it goes."""

import os
import pathlib
import subprocess
import sys
import tempfile
import uuid

import pytest
from conftest import wait_until

PROJECT = pathlib.Path(__file__).parent.parent / "project"
sys.path.insert(0, str(PROJECT))

_home = tempfile.TemporaryDirectory(prefix="leanto-prefect-", ignore_cleanup_errors=True)
# Before Prefect is imported: nothing is dialled that no test has made, and nothing of the user's is read.
os.environ.update(
    PREFECT_HOME=_home.name,
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
    PREFECT_RUNNER_POLL_FREQUENCY="1",
    PREFECT_LOGGING_TO_API_BATCH_INTERVAL="0.2",
)
STOP_LIMIT = 60  # seconds


class Server:
    """What its API says."""

    def __init__(self):
        from prefect.client.orchestration import get_client

        self.client = get_client(sync_client=True)

    def state_of(self, flow_run):
        return self.client.read_flow_run(flow_run.id).state

    def last_flow_run(self):
        from prefect.client.schemas.sorting import FlowRunSort

        return self.client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1)[0]

    def log_of(self, flow_run):
        """Return all that the flow run and its task runs have logged so far."""
        from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

        chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run.id]))
        return "\n".join(log.message for log in self.client.read_logs(log_filter=chosen))


class Served:
    """The process of `served.serve(...)`, which runs each flow run in a process of its own."""

    def __init__(self, server):
        self.server = server
        self.name = f"served-{uuid.uuid4().hex[:8]}"
        self.log = open(pathlib.Path(_home.name) / f"{self.name}.log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, str(PROJECT / "flows.py"), self.name],
            env={**os.environ, **_api(), "PYTHONUNBUFFERED": "1"},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def start(self, **parameters):
        """Have it run the flow; return the flow run."""
        from prefect.exceptions import ObjectNotFound

        found = []

        def is_there():
            try:
                found.append(self.server.client.read_deployment_by_name(f"served/{self.name}"))
            except ObjectNotFound:
                return False
            return True

        assert wait_until(is_there, STOP_LIMIT), self.said()
        return self.server.client.create_flow_run_from_deployment(
            found[0].id, parameters=parameters
        )

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        finally:
            self.process.kill()
            self.process.wait()
            self.log.close()


def _api():
    from prefect.settings import PREFECT_API_URL

    return {"PREFECT_API_URL": PREFECT_API_URL.value()}


@pytest.fixture(scope="session")
def server(shared_home):
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield Server()


@pytest.fixture(scope="session")
def served(server):
    served = Served(server)
    yield served
    served.stop()
