"""The daemon leaves nothing however it ends, and the next one knows the services."""

import asyncio
import os
import random
import signal
import sys
import threading
import time

import pytest
import shop
from clients import Client, run_script, write_project
from conftest import ROOT, alive, leanto, node_status, processes_of, wait_until
from test_node import daemons_of, socket_of

WORKSHOP = ROOT / "tests" / "projects" / "workshop"
sys.path.insert(0, str(WORKSHOP))
import workshop  # noqa: E402


def kill_node(home):
    """Kill the daemon and wait until everything of it is gone; returns the pid that it had."""
    (pid,) = daemons_of(home)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: processes_of(home) == []), f"left behind: {processes_of(home)}"
    return pid


def held(tmp_path, lt):
    """Have a worker in a call, with children of all kinds; returns (thread, outcomes, pids)."""
    pids = lt.function(workshop.start_children).to(lt.here)()
    assert all(alive(pid) for pid in pids)
    outcomes = []
    hold = lt.function(workshop.hold).to(lt.here)

    def call():
        try:
            outcomes.append(hold(str(tmp_path / "started"), str(tmp_path / "never")))
        except Exception as error:
            outcomes.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert wait_until((tmp_path / "started").exists)
    return thread, outcomes, pids


def test_stop_ends_it_and_everything_of_it(own_home, lt, tmp_path):
    thread, outcomes, pids = held(tmp_path, lt)
    assert "has stopped" in leanto("stop")
    assert daemons_of(own_home) == []
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert isinstance(outcomes[0], lt.LeantoError)
    assert wait_until(lambda: processes_of(own_home) == []), (
        f"left behind: {processes_of(own_home)}"
    )
    assert not any(alive(pid) for pid in pids)
    assert not socket_of(own_home).exists()
    assert leanto("stop") and lt.here.keys() == [], (
        "stopping what has stopped is fine, and the next use starts it"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_as_stop_does(own_home, lt, number):
    lt.function(workshop.start_children).to(lt.here)()
    (pid,) = daemons_of(own_home)
    os.kill(pid, number)
    assert wait_until(lambda: processes_of(own_home) == []), (
        f"left behind: {processes_of(own_home)}"
    )
    assert lt.here.keys() == []


def test_killed_it_leaves_no_process(own_home, lt, tmp_path):
    thread, outcomes, pids = held(tmp_path, lt)
    kill_node(own_home)
    assert not any(alive(pid) for pid in pids)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert isinstance(outcomes[0], lt.NodeError)


def test_after_a_kill_the_next_call_starts_one_that_knows_the_services(own_home, lt):
    lt.function(shop.double).to(lt.here).save("doubled")
    counter = lt.cls(shop.Counter).to(lt.here).options(name="lost")(1)
    lt.cls(shop.Counter).to(lt.here).save("counters")
    first = kill_node(own_home)
    assert lt.function(name="doubled")(21) == 42
    assert lt.function(name="sample/shop.double")(4) == 8
    assert lt.cls(name="counters")(3).increase() == 4
    assert node_status()["pid"] != first
    with pytest.raises(lt.NotFoundError, match="gone"):
        counter.increase()
    with pytest.raises(lt.NotFoundError, match="'lost' any more: .*restarted"):
        lt.here.get("lost")


def test_after_a_kill_a_program_without_the_code_calls_by_name(own_home, lt, tmp_path):
    project = write_project(
        tmp_path / "p",
        {"app.py": "import helper\n\ndef f(x):\n    return helper.k * x\n", "helper.py": "k = 3\n"},
    )
    with Client(project) as client:
        client.do("import app")
        client.do("lt.function(app.f).to(lt.here).save('tripled')")
    for path in project.iterdir():
        path.rename(tmp_path / path.name) if path.is_file() else None
    kill_node(own_home)
    code = "import leanto as lt; print(lt.function(name='tripled')(5))"
    assert run_script(own_home, "-c", code).stdout == "15\n"


def test_a_program_with_idle_connections_survives_restarts(own_home, lt):
    add = lt.function(shop.add).to(lt.here)

    async def main():
        loop = asyncio.get_running_loop()
        for i in range(3):
            assert await add.aio(i, 1) == i + 1
            assert add(i, 2) == i + 2
            await loop.run_in_executor(None, kill_node, own_home)
            assert (add(i, 3) if i % 2 else await add.aio(i, 3)) == i + 3
            await loop.run_in_executor(None, leanto, "stop")
            assert list(lt.function(shop.count).to(lt.here)(3)) == [0, 1, 2]

    asyncio.run(main())


def test_an_event_loop_that_had_no_time_to_notice_a_restart_survives_it_too(own_home, lt):
    add = lt.function(shop.add).to(lt.here)

    async def main():
        assert await add.aio(1, 1) == 2
        kill_node(own_home)
        return await add.aio(1, 2)

    assert asyncio.run(main()) == 3


def test_killing_the_zygote_ends_its_calls_and_the_next_call_works(own_home, lt, tmp_path):
    thread, outcomes, pids = held(tmp_path, lt)
    first = node_status()["pid"]
    (zygote,) = [zygote["pid"] for zygote in node_status()["zygotes"]]
    os.kill(zygote, signal.SIGKILL)
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert type(outcomes[0]) is lt.WorkerDiedError
    assert lt.function(shop.add).to(lt.here)(1, 2) == 3
    assert alive(lt.function(shop.pid).to(lt.here)())
    assert node_status()["pid"] == first
    plain, *sessions = pids
    assert wait_until(lambda: not alive(plain)), "a child of a worker is of its group"
    for pid in sessions:  # who has left the group is nobody's when the zygote is killed
        os.kill(pid, signal.SIGKILL)


def test_a_workers_children_end_with_it(own_home, lt):
    call = lt.function(workshop.call).to(lt.here)
    children = call(workshop.start_children)
    with pytest.raises(lt.WorkerDiedError):
        call(os._exit, 0)
    assert wait_until(lambda: not alive(children[0]))


def test_a_deleted_objects_children_end_with_it(own_home, lt, tmp_path):
    shelf = lt.cls(workshop.Shelf).to(lt.here).options(name="shelf")(str(tmp_path / "file"))
    worker = next(row["pid"] for row in node_status()["workers"] if row.get("object"))
    assert alive(worker)
    lt.here.delete("shelf")
    assert wait_until(lambda: not alive(worker))
    del shelf


def test_fifty_rounds_of_starting_and_killing_leave_nothing(own_home, lt):
    random.seed(2)
    pids = set()
    for i in range(50):
        if i % 5 == 0:
            assert lt.function(shop.add).to(lt.here)(i, 1) == i + 1
        else:
            lt.here.keys()
        if i % 3 == 0:
            time.sleep(random.random() / 50)  # at one or another moment of the zygote's start
        pids.add(kill_node(own_home))
    assert len(pids) == 50
    assert lt.function(shop.add).to(lt.here)(1, 2) == 3
