"""Under which key a task's run stands: what a retry leaves and a clear changes. No Airflow is needed for that."""

import datetime
import json
import subprocess
import sys
import types

from leanto.airflow import _keys, _provider, _references

STARTED = datetime.datetime(2025, 1, 31, tzinfo=datetime.timezone.utc)


def context(max_tries=0, retries=0, started=STARTED, map_index=-1, task_id="train"):
    ti = types.SimpleNamespace(
        dag_id="nightly",
        run_id="scheduled__1",
        task_id=task_id,
        map_index=map_index,
        max_tries=max_tries,
    )
    task = types.SimpleNamespace(retries=retries)
    return {"ti": ti, "task": task, "dag_run": types.SimpleNamespace(start_date=started)}


def key(**words):
    return _keys.keys_of(context(**words))[0]


def test_a_key_names_the_task():
    assert key() == "airflow/nightly/scheduled__1/train/-1/1738281600.000000/0"


def test_a_clear_changes_it_and_a_retry_does_not():
    # Airflow sets max_tries to `retries` at first, and to the tries so far + `retries` at a clear.
    assert key(max_tries=2, retries=2) == key()
    cleared = _keys.keys_of(context(max_tries=1 + 2, retries=2))
    assert cleared[0].endswith("/1") and cleared[1] == [key()]
    assert _keys.keys_of(context(max_tries=3 + 2, retries=2))[1] == [
        f"{key()[:-2]}/{number}" for number in (2, 1, 0)
    ]


def test_other_tasks_and_dag_runs_have_others():
    later = STARTED + datetime.timedelta(
        microseconds=1
    )  # deleted, and made again under the same id
    keys = [key(), key(map_index=0), key(map_index=1), key(task_id="test"), key(started=later)]
    assert len(set(keys)) == len(keys)


def test_a_key_is_never_longer_than_a_node_takes():
    longest = key(task_id="t" * 250 + "ü" * 200, max_tries=10)
    assert len(f"{longest}#1000".encode()) <= 512
    assert longest != key(task_id="t" * 250 + "ü" * 199 + "u", max_tries=10)


def test_more_retries_in_the_dag_than_the_task_has_makes_no_negative_number():
    assert key(max_tries=1, retries=3) == key()


def test_what_is_no_reference_is_no_reference():
    assert not any(map(_references.is_reference, (None, 3, {}, {"run": 1}, "leanto_run")))
    mixed = [1, ("a", {"b": {"c": 2}}), None]
    assert _references.resolved(mixed) == mixed


def test_what_airflow_reads_at_each_start_imports_nothing():
    code = (
        "import json, sys, leanto.airflow, leanto.airflow._provider as p; info = p.provider_info(); "
        "print(json.dumps([sorted(m for m in sys.modules if m.startswith('leanto')), 'asyncio' in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    modules = ["leanto", "leanto.airflow", "leanto.airflow._provider"]
    assert json.loads(done.stdout) == [modules, False]
    assert _provider.provider_info()["package-name"] == "leanto"
