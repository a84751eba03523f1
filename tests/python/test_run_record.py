"""The record of a run: everything that is known of it afterwards, and how long it's kept."""

import json
import os
import subprocess

import flaky
import pytest
import shop
from conftest import leanto

LIMIT = 60  # seconds for what takes milliseconds: reached only if something hangs
PRICE = 3.6  # an hour: a thousandth a second

KEYS = {
    *("id", "key", "replays", "service", "version", "object", "member", "snapshot", "image"),
    *(
        "caller",
        "node",
        "path",
        "status",
        "error",
        "reason",
        "stop",
        "attempt",
        "attempts",
        "policy",
        "not_before",
    ),
    *("created_at", "started_at", "ended_at", "queue_time", "timeout", "grace"),
    *("queue_position", "waits_for"),
    *("cpu_time", "gpu_time", "memory_peak", "cost", "keep_args"),
    *("arguments_size", "result_size", "log_size"),
}


def ended(run):
    run.exception(timeout=LIMIT)
    return run


def seconds_of(attempts):
    return sum(attempt["ended_at"] - attempt["started_at"] for attempt in attempts) / 1000


def ids_of(text):
    return [run["id"] for run in json.loads(text)["runs"]]


def test_it_has_all_that_is_promised_in_python_and_as_json(sent):
    run = ended(sent(shop.add).submit(1, b=2))
    record = run.record()
    assert set(record) == KEYS
    assert json.loads(leanto("run", run.id, "--json")) == record
    assert len(record["snapshot"]) == 64 and record["image"] is None
    assert record["gpu_time"] == 0 and record["cost"] is None
    shown = leanto("run", run.id)
    assert f"snapshot    {record['snapshot'][:12]}\n" in shown and "waited for" in shown
    assert "cost" not in shown and "gpu time" not in shown and "kept" not in shown


def test_the_snapshot_is_that_of_the_code(sent):
    first, second = ended(sent(shop.add).submit(1)), ended(sent(shop.nothing).submit())
    assert first.record()["snapshot"] == second.record()["snapshot"]
    assert first.record()["version"] != second.record()["version"]


def test_it_begins_with_the_first_attempt(lt, sent, tmp_path):
    retries = lt.Retry(2, delay=0.01, jitter=0)
    run = ended(sent(flaky.fail_until).options(retries=retries).submit(str(tmp_path / "calls"), 2))
    record = run.record()
    first, last = record["attempts"]
    assert record["started_at"] == first["started_at"] < last["started_at"]
    assert record["queue_time"] == (first["started_at"] - record["created_at"]) / 1000


def test_a_price_gives_the_cost_of_what_is_reserved(config, lt, sent):
    config(f"price_per_hour = {PRICE}\n")
    half = os.cpu_count() / 2
    run = ended(sent(shop.sleep, cpus=half, memory="64MB").submit(0.05))
    record = run.record()
    [attempt] = record["attempts"]
    assert attempt["price_per_hour"] == pytest.approx(PRICE / 2)
    assert record["cost"] == pytest.approx(PRICE / 2 * seconds_of([attempt]) / 3600)
    assert record["cost"] > 0 and "cost" in leanto("run", run.id)
    nothing_reserved = ended(sent(shop.add).submit(1)).record()
    assert nothing_reserved["cost"] is None


def test_gpus_count_as_long_as_attempts_run(config, lt, sent, tmp_path):
    config(f"accelerators = {{A10G = 2}}\nprice_per_hour = {PRICE}\n")
    retries = lt.Retry(2, delay=0.2, jitter=0)
    f = sent(flaky.fail_until, accelerators="A10G:1").options(retries=retries)
    record = ended(f.submit(str(tmp_path / "calls"), 2)).record()
    assert [attempt["gpus"] for attempt in record["attempts"]] == [1, 1]
    seconds = seconds_of(record["attempts"])
    assert record["gpu_time"] == pytest.approx(seconds)
    assert record["cost"] == pytest.approx(PRICE / 2 * seconds / 3600)
    assert seconds < (record["ended_at"] - record["started_at"]) / 1000, "not while it waited"


def test_an_image_is_named(own_home, lt, sent):
    run = ended(sent(shop.add).options(image=lt.Image().run("true")).submit(1))
    [image] = json.loads(leanto("images", "--json"))["images"]
    assert run.record()["image"] == image["digest"]
    assert f"image       {image['digest'][:12]}\n" in leanto("run", run.id)


# Retention


def test_what_would_go_is_said_and_stays(own_home, lt, sent):
    runs = [ended(sent(shop.double).submit("x" * 1000 * i)) for i in (1, 2, 3)]
    sizes = [run.record()["result_size"] for run in runs]
    assert json.loads(leanto("runs", "prune", "--dry-run", "--json")) == {
        "runs": [], "count": 0, "size": 0, "dry_run": True,
    }  # fmt: skip
    assert "No run can go" in leanto("runs", "prune", "--dry-run")
    said = json.loads(leanto("runs", "prune", "--dry-run", "--keep-count", "1", "--json"))
    assert [run["id"] for run in said["runs"]] == [runs[0].id, runs[1].id]
    assert [run["size"] for run in said["runs"]] == sizes[:2] and said["size"] == sum(sizes[:2])
    assert said["runs"][0]["service"] == "sample/shop.double"
    assert said["runs"][0]["status"] == "succeeded"
    shown = leanto("runs", "prune", "--dry-run", "--keep-count", "1")
    assert runs[0].id in shown and "2 runs, " in shown and "would be forgotten" in shown
    by_size = leanto("runs", "prune", "--dry-run", "--keep-size", "7KB", "--json")
    assert ids_of(by_size) == [runs[0].id, runs[1].id]
    assert ids_of(leanto("runs", "prune", "--dry-run", "--keep", "0s", "--json"))
    assert len(lt.runs()) == 3


def test_prune_forgets_them_and_no_others(own_home, lt, sent):
    first = ended(sent(shop.add).options(key="freed").submit(1))
    second = ended(sent(shop.add).submit(2))
    assert "1 run, " in leanto("runs", "prune", "--keep-count", "1")
    assert [record["id"] for record in lt.runs()] == [second.id]
    with pytest.raises(lt.NotFoundError):
        lt.run(first.id)
    again = sent(shop.add).options(key="freed").submit(9)
    assert again.result(timeout=LIMIT) == 9 and again.id != first.id


def test_one_that_has_not_ended_never_goes(own_home, lt, sent):
    run = sent(shop.sleep).submit(60)
    assert ids_of(leanto("runs", "prune", "--keep", "0s", "--keep-count", "0", "--json")) == []
    assert lt.run(run.id).status in ("queued", "running")
    run.cancel()
    ended(run)


def test_the_bounds_of_the_node_hold_where_none_are_said(config, lt, sent):
    config('[runs]\nmax_count = 1\nkeep = "1d"\n')
    first, second = ended(sent(shop.add).submit(1)), ended(sent(shop.add).submit(2))
    assert ids_of(leanto("runs", "prune", "--dry-run", "--json")) == [first.id]
    assert ids_of(leanto("runs", "prune", "--dry-run", "--keep-count", "5", "--json")) == []
    assert second.record()["status"] == "succeeded"


@pytest.mark.parametrize(
    "arguments", [["--keep", "yesterday"], ["--keep-size", "much"], ["--keep-count", "-1"]]
)
def test_bounds_that_make_no_sense_are_refused(arguments):
    command = [os.environ["LEANTO_BINARY"], "runs", "prune", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 2 and arguments[1] in done.stderr
