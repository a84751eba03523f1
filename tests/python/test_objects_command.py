"""`leanto objects`: what is kept in the node's memory, and deleting it."""

import json
import os
import subprocess
import sys

import pytest
from clients import LIMIT
from conftest import ROOT, alive, leanto, wait_until

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
import counter  # noqa: E402


def objects():
    return json.loads(leanto("objects", "--json"))


def named(key):
    return next((row for row in objects() if row["key"] == key), None)


def run(*arguments):
    command = [os.environ["LEANTO_BINARY"], "objects", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)


@pytest.fixture
def total(lt):
    lt.cls(counter.Counter).to(lt.here).options(name="ob-total")(5)
    yield "ob-total"
    if lt.here.exists("ob-total"):
        lt.here.delete("ob-total")


def test_an_instance_has_its_class_its_service_and_its_process(own_home, total):
    row = named(total)
    assert (row["kind"], row["type"], row["service"]) == (
        "instance",
        "Counter",
        "counter/counter.Counter",
    )
    assert alive(row["pid"]) and row["memory"] > 1 << 20 and row["calls"] == 0
    assert len(row["version"]) == 32 and "session" not in row
    text = leanto("objects")
    assert f"counter.Counter@{row['version'][:8]}" in text and "its key" in text


def test_a_value_has_its_type_and_its_size(lt):
    lt.here.put("ob-value", b"x" * 300_000)
    try:
        row = named("ob-value")
        assert (row["kind"], row["type"]) == ("value", "bytes")
        assert 300_000 <= row["size"] < 301_000
        lt.here.put("ob-value", counter.Point(1, 2))
        assert named("ob-value")["type"] == "counter.Point"
        since = named("ob-value")["since"]
        lt.here.rename("ob-value", "ob-other")
        assert named("ob-value") is None and named("ob-other")["since"] == since
    finally:
        for key in ("ob-value", "ob-other"):
            if lt.here.exists(key):
                lt.here.delete(key)


def test_what_has_no_key_is_held_by_its_program(lt):
    lt.here.keys()  # the node runs
    others = of_this_program()  # of tests before this one
    held = lt.cls(counter.Counter).to(lt.here)(5)
    result = lt.function(counter.echo).to(lt.here).remote("x" * 1000)
    ours = [row for row in of_this_program() if row not in others]
    assert sorted(row["kind"] for row in ours if row["key"] is None) == ["instance", "result"]
    assert next(row for row in ours if row["kind"] == "result")["size"] > 1000
    assert f"program {os.getpid()}" in leanto("objects")
    del held, result
    lt.here.keys()  # which says that they are let go

    def gone():
        ids = {row["id"] for row in of_this_program()}
        return not ids & {row["id"] for row in ours}

    assert wait_until(gone)


def of_this_program():
    return [row for row in objects() if row.get("session", "").startswith(f"{os.getpid()}-")]


def test_delete_ends_objects_by_name(lt, total):
    lt.here.put("ob-value", 1)
    pid = named(total)["pid"]
    assert json.loads(run("delete", total, "ob-value", "--json").stdout) == {
        "deleted": [total, "ob-value"]
    }
    assert named(total) is None and named("ob-value") is None
    assert wait_until(lambda: not alive(pid))


def test_what_is_not_there_exits_6_and_the_rest_is_deleted(lt):
    lt.here.put("ob-value", 1)
    done = run("delete", "ob-valeu", "ob-value")
    assert done.returncode == 6
    assert "did you mean ob-value" in done.stderr
    assert done.stdout == "'ob-value' is gone\n"
    assert named("ob-value") is None
