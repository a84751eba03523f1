"""Links break, hosts restart, nodes are killed: nothing is lost or comes twice, or it's said what is lost."""

import contextlib
import os
import signal
import threading

import far
import far_story
import pytest
import shop
from clients import Client, Failed
from conftest import alive, leanto, wait_until

LIMIT = 60


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return far_story.write(tmp_path_factory.mktemp("afar") / "p")


@pytest.fixture
def one(monkeypatch, binaries):
    """One host that a test may treat as it likes."""
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        yield world


# --- the link breaks ---

LATER = """
import asyncio

async def main():
    counter = lt.cls(app.Counter).to(box)()
    items = [item async for item in lt.function(app.items).to(box).aio(300, 0.01)]
    return items, [await counter.more.aio() for i in range(300)]
"""


def test_each_line_and_item_comes_once_however_often_the_link_breaks(one, project):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(project)) for _ in range(5)]
        client, other, third, aio, command = clients
        for each in clients:
            each.do("import app; box = lt.cluster(name='box', host='a')")
        aio.do(LATER)
        aio.start("asyncio.run(main())")
        command.start("box.run('for i in $(seq 300); do echo line $i; sleep 0.01; done')")
        client.start("lt.function(app.talk).to(box)(300, 0.01)")
        other.start("list(lt.function(app.items).to(box)(300, 0.01))")
        third.do("counter = lt.cls(app.Counter).to(box)()")
        third.start("[counter.more() for i in range(2000)]")
        assert wait_until(lambda: "line 1" in client.said())
        breaks = 0
        while breaks < 10 and not all(each.has_answered() for each in clients):
            breaks += one.kill_ssh()
            if breaks % 2:  # the next one is killed as soon as it's there
                assert wait_until(lambda: clusters()[0]["nodes"][0]["state"] == "up")
        assert client.answer() == 300
        assert client.said() == "".join(f"line {i}\n" for i in range(300))
        assert other.answer() == list(range(300))
        assert third.answer() == list(range(1, 2001))
        assert aio.answer() == [list(range(300)), list(range(1, 301))]
        lines = "".join(f"line {i}\n" for i in range(1, 301))
        assert command.answer() == [0, lines, ""] and command.said() == lines
        assert breaks >= 3
        assert clusters()[0]["nodes"][0]["reconnects"] >= 2


def clusters():
    import json

    return json.loads(leanto("clusters", "--json"))


def test_a_large_value_arrives_whole_when_the_link_breaks_in_its_middle(one, lt):
    (host,) = one.hosts
    box = lt.cluster(name="box", host="a")
    same = lt.function(shop.keywords).to(box)
    data = os.urandom(20_000_000)
    done = []
    host.limit_rate("200mbit")
    before = far.bytes_to(host)
    thread = threading.Thread(target=lambda: done.append(same(value=data)["value"] == data))
    thread.start()
    for part in (0.2, 0.5, 0.8):
        assert wait_until(lambda: far.bytes_to(host) - before > part * len(data))  # noqa: B023
        one.kill_ssh()
    host.unlimit()
    thread.join(LIMIT)
    assert done == [True]


def test_a_short_cut_is_not_noticed(one, lt, project):
    (host,) = one.hosts
    add = lt.function(shop.add).to(lt.cluster(name="box", host="a"))
    host.cut()
    healer = threading.Timer(1, host.heal)
    healer.start()
    assert add(1, 2) == 3
    healer.join()
    assert clusters()[0]["nodes"][0]["reconnects"] == 0


# --- the host, or the node there ---


def test_a_host_that_restarts_knows_its_services_and_has_lost_its_objects(one, lt, project):
    (host,) = one.hosts
    box = lt.cluster(name="box", host="a")
    add = lt.function(shop.add).to(box)
    counter = lt.cls(shop.Counter).to(box).options(name="kept")()
    done = add.options(key="done").submit(1, 2)
    assert done.result(timeout=LIMIT) == 3
    running = lt.function(shop.sleep).to(box).options(key="running").submit(1000)
    assert wait_until(lambda: running.status == "running")
    box.put("value", 1)
    pid = far.node_pid(host)
    with Client(project) as client:
        client.do("import app; box = lt.cluster('box')")
        client.start("lt.function(app.talk).to(box)(100_000, 0.01)")
        assert wait_until(lambda: "line 5" in client.said())
        host.reboot()
        with pytest.raises(Failed) as caught:
            client.answer()
        assert caught.value.kind == "NodeLostError"
        assert "box" in caught.value.text
        assert "whether the code has done its work is not known" in caught.value.text
    assert add(1, 2) == 3  # the same version, without being sent again
    assert far.node_pid(host) not in (None, pid)
    with pytest.raises(lt.NotFoundError):
        counter.increase()
    with pytest.raises(lt.NotFoundError):
        box.get("kept")
    assert box.keys() == []
    assert lt.run("done").result(timeout=LIMIT) == 3
    with pytest.raises(lt.NodeLostError):
        running.result(timeout=LIMIT)
    assert running.status == "lost"
    assert lt.run("running").status == "lost"


def test_a_run_goes_on_when_the_node_there_is_killed(one, lt, project):
    (host,) = one.hosts
    note, go = host.home / "note", host.home / "go"
    with Client(project) as client:
        client.do("import app; box = lt.cluster(name='box', host='a')")
        client.do("f = lt.function(app.note_and_wait_for).to(box).options(key='durable')")
        client.do(f"run = f.submit({str(note)!r}, {str(go)!r})")
        client.start("run.result(timeout=60)")
        assert wait_until(note.exists)
        pid = far.node_pid(host)
        os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: not alive(pid))
        box = lt.cluster("box")
        assert wait_until(lambda: came_back(lt, box))
        go.touch()
        assert client.answer() == "came"
        assert lt.run("durable").status == "succeeded"
    assert note.read_text() == "began\n"
    assert far.node_pid(host) != pid


def came_back(lt, box):
    try:
        return box.keys() == []
    except lt.NodeLostError:
        return False


def test_a_call_says_that_the_node_there_was_killed_and_the_next_one_works(one, lt, project):
    (host,) = one.hosts
    with Client(project) as client:
        client.do("import app; box = lt.cluster(name='box', host='a')")
        for _ in range(3):
            client.start(
                f"lt.function(app.note_and_wait_for).to(box)({str(host.home / 'n')!r}, '/never')"
            )
            assert wait_until((host.home / "n").exists)
            os.kill(far.node_pid(host), signal.SIGKILL)
            with pytest.raises(Failed) as caught:
                client.answer()
            assert caught.value.kind == "NodeLostError"
            assert "not known" in caught.value.text
            (host.home / "n").unlink()
        go = host.home / "go"
        go.touch()
        assert client.do(f"lt.function(app.wait_for).to(box)({str(go)!r})") == "came"


def test_the_node_here_ends_and_what_is_named_there_stays(one, lt, project):
    (host,) = one.hosts
    box = lt.cluster(name="box", host="a")
    counter = lt.cls(shop.Counter).to(box).options(name="stays")(1)
    add = lt.function(shop.add).to(box)
    pid = far.node_pid(host)
    for end in (lambda: leanto("stop"), lambda: os.kill(pid_here(), signal.SIGKILL)):
        end()
        assert wait_until(lambda: not one.ssh_processes())
        assert counter.increase() > 1
        assert add(1, 2) == 3
        assert far.node_pid(host) == pid
    assert counter.value == 3


def pid_here():
    import json

    return json.loads(leanto("status", "--json"))["pid"]
