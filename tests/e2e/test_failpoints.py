"""Failpoints do what they are told, in the binary that has them; what is shipped has none."""

import os
import subprocess

import pytest
from conftest import ROOT, alive, leanto, node_status, wait_until

CHAOS = ROOT / "build" / "chaos" / "leanto"

pytestmark = pytest.mark.skipif(not CHAOS.exists(), reason="./dev build chaos makes the binary")


@pytest.fixture
def fail_at(own_home, monkeypatch, tmp_path):
    """Have the node of this test, and each one after it, follow a line of rules."""
    log = tmp_path / "failpoints"

    def set_lines(*lines):
        plan = tmp_path / "plan"
        plan.write_text("".join(line + "\n" for line in lines))
        monkeypatch.setenv("LEANTO_BINARY", str(CHAOS))
        monkeypatch.setenv("LEANTO_FAILPOINTS", f"file:{plan}")
        monkeypatch.setenv("LEANTO_FAILPOINTS_LOG", str(log))
        return lambda: [line.split()[2:] for line in log.read_text().splitlines()]

    return set_lines


def start_node(**variables):
    return subprocess.run(
        [os.environ["LEANTO_BINARY"], "node", "--detach"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_point_kills_the_node_the_time_it_is_told_and_the_next_line_is_the_next_nodes(
    fail_at, lt, sent
):
    import shop

    hits = fail_at("run.submit.synced=kill@2", "")
    add = sent(shop.add)
    assert add.options(key="a").submit(1, 2).result(timeout=60) == 3
    first = node_status()["pid"]
    try:
        add.options(key="b").submit(1, 3)
    except lt.NodeError:
        pass  # whether it was recorded isn't known
    assert wait_until(lambda: not alive(first))
    assert add.options(key="b").submit(1, 3).result(timeout=60) == 4
    assert ["kill", "run.submit.synced", "2"] in hits()
    assert node_status()["pid"] != first


def test_a_step_fails_as_on_a_full_disk(fail_at, lt, sent):
    import shop

    fail_at("journal.commit=error(ENOSPC)@3+")
    add = sent(shop.add)
    with pytest.raises(lt.CapacityError, match="the disk is full"):
        add.submit(1, 2)


@pytest.mark.parametrize(
    "rules", ["run.start.sunk=kill", "run.start.synced=error(EIO)", "journal.sync=twice", "list"]
)
def test_what_does_not_exist_is_an_error_that_says_what_does(own_home, monkeypatch, rules):
    monkeypatch.setenv("LEANTO_BINARY", str(CHAOS))
    done = start_node(LEANTO_FAILPOINTS=rules)
    assert done.returncode != 0
    assert f"there is no failpoint '{rules.split('=')[0]}'" in done.stderr
    for name in ("run.start.synced", "journal.commit (may fail)", "journal.sync=skip"):
        assert f"\n  {name}\n" in done.stderr


def test_rules_that_make_no_sense_are_an_error(own_home, monkeypatch):
    monkeypatch.setenv("LEANTO_BINARY", str(CHAOS))
    done = start_node(LEANTO_FAILPOINTS="run.start.synced")
    assert done.returncode != 0 and "'run.start.synced' is no rule" in done.stderr


def test_what_is_shipped_has_no_failpoints(own_home):
    """Nor does it read the variable."""
    binary = ROOT / "build" / "release" / "leanto"
    if not binary.exists():
        pytest.skip("./dev build makes it")
    assert b"LEANTO_FAILPOINTS" in CHAOS.read_bytes()
    assert b"LEANTO_FAILPOINTS" not in binary.read_bytes()
    assert b"run.start.synced" not in binary.read_bytes()
    done = subprocess.run(
        [binary, "node", "--detach"],
        env={**os.environ, "LEANTO_FAILPOINTS": "list"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0
    leanto("stop")


def test_a_node_that_dies_when_it_kills_a_cancelled_run_leaves_neither(fail_at, lt, tmp_path):
    """The last step of a cancel; the chaos suite kills too often to get there."""
    import sys

    sys.path.insert(0, str(ROOT / "tests" / "projects" / "chaotic"))
    import chaotic

    hits = fail_at("run.cancel.killed=kill", "")
    history = tmp_path / "history"
    history.touch()
    deaf = lt.function(chaotic.deaf).options(concurrency=1, grace=0.05)
    run = deaf.to(lt.here).submit(str(history), "k", 60)
    assert wait_until(lambda: history.read_text())
    worker = int(history.read_text().split()[3])
    assert run.cancel("enough")
    with pytest.raises((lt.NodeLostError, lt.CancelledError)):
        run.result(timeout=60)
    assert ["kill", "run.cancel.killed", "1"] in hits()
    assert wait_until(lambda: not alive(worker))
    assert run.record()["attempt"] == 1
    assert history.read_text().count("start") == 1
