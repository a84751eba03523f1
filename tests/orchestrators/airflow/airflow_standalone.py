"""A real Airflow, as `airflow standalone` starts it, on ports of the loopback interface, and what its API says."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
DAGS = HERE / "dags"
ROOT = HERE.parent.parent.parent
BIN = pathlib.Path(sys.executable).parent
LIMIT = 150  # seconds that anything may take: reached only if something hangs


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def settings(home, metadata):
    """The environment of all of Airflow's processes; `metadata` is where what is installed is found, Leanto's entry point too."""
    api, worker_logs, trigger_logs = free_ports(3)
    words = {
        "CORE__DAGS_FOLDER": DAGS,
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 4,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
        "CORE__TEST_CONNECTION": "Enabled",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": True,
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api}/execution/",
        "API__HOST": "127.0.0.1",
        "API__PORT": api,
        "API__BASE_URL": f"http://127.0.0.1:{api}",
        "API__WORKERS": 1,
        "API_AUTH__JWT_SECRET": "only for tests, and long enough for HMAC with SHA-512, which wants 64",
        "LOGGING__WORKER_LOG_SERVER_PORT": worker_logs,
        "LOGGING__TRIGGER_LOG_SERVER_PORT": trigger_logs,
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.2,
        "SCHEDULER__JOB_HEARTBEAT_SEC": 1,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": 1,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 15,
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": 2,
        "SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": 1,
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
        "TRIGGERER__JOB_HEARTBEAT_SEC": 1,
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": 6,
        "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    own = {f"AIRFLOW__{name}": str(value) for name, value in words.items()}
    paths = [str(ROOT / "python"), str(metadata), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        **own,
        "AIRFLOW_HOME": str(home),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def write_metadata(directory):
    """What installing the package would leave beside it: its entry points, as pyproject.toml has them."""
    import tomllib

    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    info = directory / "leanto-0.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leanto\nVersion: 0.0.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in names.items())
        for group, names in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


def run_airflow(env, *arguments, check=True):
    """Run a program of Airflow's environment to its end; return what it wrote, both streams together."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=env,
        cwd=DAGS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def children_of(pid):
    """The processes that a process has started and that haven't ended, with their command lines."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found[int(child)] = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().decode()
        except OSError:
            continue
    return found


def descendants_of(pid):
    """The processes below a process."""
    found = set(children_of(pid))
    return found.union(*(descendants_of(child) for child in found))


class Standalone:
    """`airflow standalone`, with its scheduler, triggerer, DAG processor and API server, all in one process group."""

    def __init__(self, env, log):
        self.env = env
        self.address = env["AIRFLOW__API__BASE_URL"]
        self._log = open(log, "wb")
        self._token = None
        self._more = []
        self._process = self._start("standalone")

    def _start(self, command):
        return subprocess.Popen(
            [str(BIN / "airflow"), command],
            env=self.env,
            cwd=DAGS,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    # Its processes

    def kill(self, command):
        """Kill one of the processes that it started, like "triggerer", with all below it."""
        found = [pid for pid, line in children_of(self._process.pid).items() if command in line]
        assert len(found) == 1, (command, children_of(self._process.pid))
        for pid in [*descendants_of(found[0]), *found]:
            os.kill(pid, signal.SIGKILL)

    def start(self, command):
        """Start one anew, in place of one that was killed."""
        self._more.append(self._start(command))

    def close(self):
        """End all of it; Airflow takes its time for that, and a test has nothing to lose."""
        pids = {process.pid for process in (self._process, *self._more)}
        pids |= {below for pid in pids for below in descendants_of(pid)}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in (self._process, *self._more):
            process.wait(LIMIT)
        self._log.close()

    # Its API

    def ask(self, method, path, words=None):
        """Ask the API; return what it answers."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = None if words is None else json.dumps(words).encode()
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from None

    def wait_until_ready(self, dags):
        """Wait until all processes are up and these DAGs are known."""
        self.wait(lambda: self._is_healthy(), "Airflow to be up")
        self._token = self.ask("GET", "/auth/token")["access_token"]
        self.wait(lambda: set(dags) <= self._known_dags(), "the DAGs to be read")

    def _known_dags(self):
        return {each["dag_id"] for each in self.ask("GET", "/api/v2/dags?limit=100")["dags"]}

    def _is_healthy(self):
        try:
            said = self.ask("GET", "/api/v2/monitor/health")
        except OSError:
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all(said[part] and said[part]["status"] == "healthy" for part in parts)

    def wait(self, condition, what):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.2)
        raise AssertionError(f"waited {LIMIT} s for {what}")

    def trigger(self, dag, **conf):
        """Start a DAG; return its run."""
        words = {"logical_date": None, "conf": conf}
        said = self.ask("POST", f"/api/v2/dags/{dag}/dagRuns", words)
        return DagRun(self, dag, said["dag_run_id"])


class DagRun:
    """A run of a DAG whose only task is called "task"."""

    def __init__(self, airflow, dag, id):
        self._airflow = airflow
        self._dag = dag
        self._path = f"/api/v2/dags/{dag}/dagRuns/{id}/taskInstances/task"
        self.id = id

    def task(self):
        return self._airflow.ask("GET", self._path)

    @property
    def state(self):
        return self.task()["state"]

    def wait(self, *states):
        """Wait until the task is in one of these states; return which."""
        names = " or ".join(states)

        def reached():
            return (state := self.state) in states and state

        try:
            return self._airflow.wait(reached, f"the task to be {names}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.state}:\n{self.log()}") from None

    def log(self, attempt=None):
        """The task's log, as the web page shows it: one JSON text a line."""
        attempt = attempt or max(1, self.task()["try_number"])
        said = self._airflow.ask("GET", f"{self._path}/logs/{attempt}?full_content=true")
        return "\n".join(json.dumps(line) for line in said["content"])

    def clear(self):
        path = f"/api/v2/dags/{self._dag}/clearTaskInstances"
        words = {
            "dry_run": False,
            "only_failed": False,
            "task_ids": ["task"],
            "dag_run_id": self.id,
            "reset_dag_runs": True,
        }
        self._airflow.ask("POST", path, words)

    def wait_for_end(self):
        """Wait until the DAG run has ended, too: one whose last task just did can't be cleared yet."""
        path = self._path.rpartition("/taskInstances")[0]
        ended = ("success", "failed")
        self._airflow.wait(lambda: self._airflow.ask("GET", path)["state"] in ended, "its end")

    def mark(self, state):
        self._airflow.ask("PATCH", self._path, {"new_state": state})

    def xcom(self, key="return_value"):
        return self._airflow.ask("GET", f"{self._path}/xcomEntries/{key}?deserialize=false")[
            "value"
        ]
