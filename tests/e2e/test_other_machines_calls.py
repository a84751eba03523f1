"""What works with this machine works with another one: functions, classes, streams, values, output, errors."""

import array
import asyncio
import os
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import far
import helpers
import pytest
import shop
from clients import Client, Failed, write_project
from conftest import SAMPLE, wait_until

LIMIT = 60


@pytest.fixture
def send(box, lt):
    """Send a function or class of the sample project to the box."""

    def send(callable_, **options):
        make = lt.cls if isinstance(callable_, type) else lt.function
        return make(callable_).options(**options).to(box)

    return send


def test_a_call_runs_there(send, world, lt):
    pid = send(shop.pid)()
    assert pid in world.hosts[0].processes() and pid != os.getpid()
    assert send(shop.add)(1, 2, 3, key=4) == 10
    assert send(shop.double)(21) == 42
    assert send(shop.keywords)(run_async=1, self=2) == {"run_async": 1, "self": 2}
    assert str(world.hosts[0].home) in send(shop.where)()["cwd"]
    assert send(shop.environment)("HOME") == str(world.hosts[0].home)


def test_arguments_are_copies(send):
    values = ["mine"]
    assert send(shop.change)(values) == ["mine", "changed"]
    assert values == ["mine"]


def test_async_functions_and_aio(send):
    add_later = send(shop.add_later)
    assert add_later(1, 2) == 3

    async def main():
        one, two = await asyncio.gather(add_later.aio(1, 1), send(shop.add).aio(2, 2))
        items = [i async for i in send(shop.count).aio(4)]
        later = [i async for i in send(shop.count_later).aio(3)]
        return one, two, items, later

    assert asyncio.run(main()) == (2, 4, [0, 1, 2, 3], [0, 1, 2])


def test_generators_stream_and_stop_when_nobody_listens(send, world):
    assert list(send(shop.count)(1000)) == list(range(1000))
    assert list(send(shop.count_later)(5)) == list(range(5))
    closed = world.hosts[0].home / "closed"
    items = send(shop.endless)(str(closed))
    assert [next(items) for _ in range(100)] == list(range(100))
    assert not closed.exists()
    items.close()
    assert wait_until(closed.exists)
    closed.unlink()
    failing = send(shop.fail_after)(3)
    assert [next(failing) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(helpers.StockError, match="out of stock"):
        next(failing)


def test_map_has_all_results_in_order(send):
    add = send(shop.add)
    assert list(add.map(range(300), range(300))) == [2 * i for i in range(300)]
    with pytest.raises(TypeError):
        list(add.map([1, "x"], [1, 1]))


def test_objects_live_there(send, box, lt):
    Counter = send(shop.Counter)
    with Counter(5) as counter:
        assert counter.value == 105
        assert counter.increase(by=2) == 107
    assert counter.value == 7
    counter.price = 3.5
    assert counter.price == 3.5
    with pytest.raises(ValueError, match="a price is not negative"):
        counter.price = -1
    assert (counter(3), len(counter), counter["a"], "a" in counter) == (21, 1, 1, True)
    counter["b"] = 2
    assert list(counter) == ["a", "b"]
    assert list(counter.steps(3)) == [7, 8, 9]
    assert counter.itself().increase(0) == 7
    assert Counter.describe() == "Counter of apples" and Counter.multiply(3, 4) == 12

    async def main():
        return [await counter.increase_later.aio(1), [i async for i in counter.steps_later.aio(2)]]

    assert asyncio.run(main()) == [8, [8, 9]]
    with pytest.raises(helpers.StockError, match="cannot be made"):
        send(shop.Refuses)()


def test_named_objects_are_found_by_other_programs(send, box, lt):
    send(shop.Counter, name="afar")(10)
    try:
        with Client(SAMPLE) as other:
            other.do("box = lt.cluster('box'); counter = box.get('afar')")
            assert other.do("counter.increase(5)") == 15
            assert other.do("'afar' in box.keys()") is True
        assert box.get("afar").increase(1) == 16
        with pytest.raises(lt.AlreadyExistsError, match="afar"):
            send(shop.Counter, name="afar")(1)
        assert send(shop.Counter, name="afar", get_if_exists=True)(1).value == 16
        box.rename("afar", "further")
        assert box.get("further").value == 16 and not box.exists("afar")
        box.rename("further", "afar")
    finally:
        box.delete("afar")
    with pytest.raises(lt.NotFoundError, match="afar"):
        box.get("afar")


def test_a_function_is_called_by_name_from_another_program(send, box, lt):
    send(shop.add, name="add-afar")
    with Client(SAMPLE) as other:
        assert other.do("lt.function(name='add-afar')(20, 1)") == 21
        assert other.do("lt.function(name='add-afar').submit(20, 2).result()") == 22
        with pytest.raises(Failed, match="nothing-afar") as caught:
            other.do("lt.function(name='nothing-afar')")
        assert caught.value.kind == "NotFoundError"


def test_values_stay_there(send, box, lt):
    box.put("key", {"a": [1, 2]})
    assert box.get("key") == {"a": [1, 2]} and "key" in box.keys() and "key" not in lt.here.keys()
    box.delete("key")
    assert box.get("key", default=None) is None
    remote = send(shop.change).remote([1, 2])
    assert remote.get() == [1, 2, "changed"]
    assert send(shop.change)(remote) == [1, 2, "changed", "changed"]
    assert remote.get() == [1, 2, "changed"]


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda data: array.array("b", data)])
def test_large_values_both_ways(send, box, kind):
    data = kind(os.urandom(1 << 20) * 50)
    back = send(shop.keywords)(v=data)["v"]
    assert back == data and type(back) is type(data)
    if kind is bytes:
        box.put("large", data)
        assert box.get("large") == data
        box.delete("large")
        assert send(shop.keywords).remote(v=data).get()["v"] == data


def test_large_arrays_both_ways(world, lt):
    numpy = pytest.importorskip("numpy")
    box = lt.cluster(name="box-with-numpy", host="b", python=sys.executable)
    values = numpy.random.default_rng(1).random(6_250_000)
    back = lt.function(shop.add).to(box)(values, 1)
    assert back.flags.writeable
    assert (back == values + 1).all()


# --- output and errors ---


def test_output_appears_at_the_caller(send, capfd):
    send(shop.say_everywhere)("tag", 3)
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == sorted(
        [*(f"tag print {i}" for i in range(3)), *(f"tag child {i}" for i in range(3)), "tag thread"]
    )
    assert err.splitlines() == [f"tag error {i}" for i in range(3)]
    send(shop.say)(*map(str, range(20_000)))
    assert capfd.readouterr().out == "".join(f"{i}\n" for i in range(20_000))


def test_output_appears_while_the_call_runs(box, world):
    go = world.hosts[0].home / "go-on"
    with Client(SAMPLE) as client:
        client.do("import shop; say = lt.function(shop.say_then_wait).to(lt.cluster('box'))")
        client.start(f"say('waiting', {str(go)!r})")
        assert wait_until(lambda: client.said() == "waiting\n")
        assert not client.has_answered()
        go.touch()
        assert client.answer() is None
    go.unlink()


def test_exceptions_have_the_callers_file_and_line(send, lt):
    with pytest.raises(helpers.StockError) as caught:
        send(shop.raise_stock_error)()
    assert caught.value.shelf == 7
    file = str(SAMPLE / "shop.py")
    line = 1 + open(file).read().splitlines().index(
        '    raise helpers.StockError("out of stock", 7)', 90
    )
    assert f'File "{file}", line {line}, in raise_stock_error' in str(caught.value.__cause__)
    assert "leanto/worker" not in "".join(traceback.format_exception(caught.value.__cause__))
    with pytest.raises(lt.RemoteError, match="nobody can import me"):
        send(shop.raise_local_error)()
    with pytest.raises(lt.ValueTransportError):
        send(shop.not_picklable)()
    with pytest.raises(lt.ValueTransportError):
        send(shop.add)(threading.Lock())


@pytest.mark.parametrize("how", ["exit", "segfault", "9"])
def test_a_worker_that_dies_there_says_how(send, lt, how):
    with pytest.raises(lt.WorkerDiedError) as caught:
        send(shop.die)(how)
    assert caught.value.last_lines == ["about to die"]
    assert (caught.value.exit_code, caught.value.signal) == {
        "exit": (7, None),
        "segfault": (None, signal.SIGSEGV),
        "9": (None, signal.SIGKILL),
    }[how]


def test_a_timeout(send, lt):
    with pytest.raises(lt.TimeoutError, match=r"longer than its timeout of 0\.2 s"):
        send(shop.sleep, timeout=0.2)(1000)


WAIT = """
import os, time

def wait(began, ended):
    open(began, "w").close()
    try:
        while True:
            time.sleep(0.01)
    finally:
        open(ended, "w").close()
"""


def test_an_interrupt_cancels_the_call_there(box, world, tmp_path):
    began, ended = (world.hosts[0].home / name for name in ("began", "ended"))
    project = write_project(tmp_path / "p", {"app.py": WAIT, "pyproject.toml": ""})
    with Client(project) as client:
        client.do("import app; wait = lt.function(app.wait).to(lt.cluster('box'))")
        client.start(f"wait({str(began)!r}, {str(ended)!r})")
        assert wait_until(began.exists)
        client.process.send_signal(signal.SIGINT)
        with pytest.raises(Failed) as caught:
            client.answer()
        assert caught.value.kind == "KeyboardInterrupt"
        assert wait_until(ended.exists)
    began.unlink(), ended.unlink()


def test_what_an_ended_program_has_not_named_is_gone(box, world, lt):
    a = world.hosts[0]
    with Client(SAMPLE) as client:
        client.do("import shop; box = lt.cluster('box')")
        client.do(
            "unnamed = lt.cls(shop.Counter).to(box)(); named = lt.cls(shop.Counter).to(box).options(name='stays')()"
        )
        pids = client.do("[unnamed.pid(), named.pid()]")
        assert set(pids) <= set(a.processes())
        os.kill(client.process.pid, signal.SIGKILL)
        assert wait_until(lambda: pids[0] not in a.processes())
        assert pids[1] in a.processes()
    assert box.get("stays").increase() == 1
    box.delete("stays")
    assert wait_until(lambda: pids[1] not in a.processes())


def test_several_threads_call_side_by_side(send):
    add, count = send(shop.add), send(shop.count)
    counter = send(shop.Counter)()

    def work(i):
        assert add(i, i) == 2 * i
        assert list(count(i)) == list(range(i))
        return counter.increase()

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(work, range(100))) == list(range(1, 101))


def test_two_hosts_in_one_program(box, world, lt):
    other = lt.cluster(name="second", host="b")
    add = [lt.function(shop.add).to(cluster) for cluster in (box, other, lt.here)]
    assert [call(1, 2) for call in add] == [3, 3, 3]
    where = [lt.function(shop.pid).to(cluster)() for cluster in (box, other)]
    assert [pid in host.processes() for pid, host in zip(where, world.hosts)] == [True, True]
    assert far.node_pid(world.hosts[0]) != far.node_pid(world.hosts[1])
