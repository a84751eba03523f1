"""Live objects: instances of classes, which stay where they are, with their state."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest
import shop
from conftest import ROOT, node_status, wait_until


@pytest.fixture
def counter(sent):
    return sent(shop.Counter)(10)


def test_an_instance_stays_with_its_state(counter):
    assert counter.increase() == 11
    assert counter.increase(by=5) == 16
    assert counter.value == 16
    assert counter.pid() != os.getpid()


def test_attributes_and_properties_read_write_and_delete(counter):
    counter.value = 3
    assert counter.value == 3
    assert counter.price == 2.0
    counter.price = 4.5
    assert counter.price == 4.5
    with pytest.raises(ValueError, match="not negative"):
        counter.price = -1
    counter.note = "new"
    assert counter.note == "new"
    del counter.note
    with pytest.raises(AttributeError, match="note"):
        _ = counter.note
    assert counter.unit == "apples"


def test_class_methods_and_static_methods_work_on_class_and_instance(sent, counter):
    remote_class = sent(shop.Counter)
    assert remote_class.describe() == counter.describe() == "Counter of apples"
    assert remote_class.multiply(3, 4) == counter.multiply(3, 4) == 12
    assert remote_class.unit == "apples"


def test_async_methods_await_and_wait(counter):
    assert counter.increase_later(1) == 11

    async def main():
        return await asyncio.gather(*(counter.increase_later.aio(1) for _ in range(10)))

    assert sorted(asyncio.run(main())) == list(range(12, 22))


def test_methods_stream(counter):
    assert list(counter.steps(5)) == [10, 11, 12, 13, 14]
    assert list(counter.steps_later(5)) == [10, 11, 12, 13, 14]


def test_special_methods_work_as_on_a_local_object(counter):
    assert counter(3) == 30
    assert len(counter) == 1
    assert counter["a"] == 1
    counter["b"] = 2
    assert "b" in counter and "c" not in counter
    assert list(counter) == ["a", "b"]
    del counter["a"]
    assert list(counter) == ["b"]
    with pytest.raises(KeyError):
        _ = counter["zzz"]


def test_an_object_without_special_methods_has_none(sent):
    plain = sent(shop.Plain)()
    assert not callable(plain)
    assert bool(plain)
    with pytest.raises(TypeError):
        len(plain)


def test_context_managers_enter_and_exit(counter):
    with counter as entered:
        assert entered is counter
        assert counter.value == 110
    assert counter.value == 10
    with counter:
        raise KeyError("swallowed by its __exit__")
    with pytest.raises(ZeroDivisionError), counter:
        raise ZeroDivisionError


def test_a_method_that_returns_self_returns_the_handle(counter):
    assert counter.itself() is counter
    assert counter.itself().increase() == 11


def test_handles_and_methods_are_arguments(sent, counter):
    assert sent(shop.call)(counter.increase, 7) == 17
    assert counter.value == 17


def test_a_quick_method_answers_while_a_slow_one_runs(counter, tmp_path):
    released = tmp_path / "go"
    thread = threading.Thread(target=counter.wait_for, args=(str(released),))
    thread.start()
    try:
        assert [counter.increase() for _ in range(10)] == list(range(11, 21))
    finally:
        released.write_text("")
        thread.join()


def test_a_serial_object_runs_one_call_at_a_time_in_order(sent):
    serial = sent(shop.Serial, concurrency=1)()

    async def main():
        await asyncio.gather(*(serial.work.aio(i) for i in range(50)))

    asyncio.run(main())
    assert serial.report() == (list(range(50)), False)


def test_another_process_finds_it_by_name(lt, sent):
    counter = sent(shop.Counter).options(name="shared counter")(1)
    code = "import leanto as lt; print(lt.cluster('here').get('shared counter').increase(41))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "42\n"
    assert counter.value == 42
    assert lt.here.get("shared counter") == counter
    lt.here.delete("shared counter")


def test_a_name_is_taken_only_once(lt, sent):
    remote_class = sent(shop.Counter)
    first = remote_class.options(name="only")(1)
    with pytest.raises(lt.AlreadyExistsError, match="only"):
        remote_class.options(name="only")(2)
    assert remote_class.options(name="only", get_if_exists=True)(2) == first
    assert first.value == 1
    lt.here.delete("only")


def test_many_ask_for_one_name_at_once_and_get_one_object(sent, lt):
    remote_class = sent(shop.Counter).options(name="one for all", get_if_exists=True)

    async def main():
        return await asyncio.gather(*(remote_class.aio(i) for i in range(10)))

    handles = asyncio.run(main())
    assert len(set(handles)) == 1
    lt.here.delete("one for all")


def test_a_deleted_object_is_gone_and_says_so(lt, sent):
    counter = sent(shop.Counter).options(name="short")(1)
    pid = counter.pid()
    lt.here.delete("short")
    with pytest.raises(lt.NotFoundError, match="deleted"):
        counter.increase()
    with pytest.raises(KeyError):
        lt.here.get("short")
    assert wait_until(lambda: pid not in [worker["pid"] for worker in node_status()["workers"]])


def test_an_object_without_a_name_ends_with_its_last_handle(sent):
    counter = sent(shop.Counter)(1)
    pid = counter.pid()
    del counter
    sent(shop.nothing)()  # handles are given up with the next call
    assert wait_until(lambda: pid not in [worker["pid"] for worker in node_status()["workers"]])


def test_an_object_that_cannot_be_made_raises_and_leaves_nothing(lt, sent):
    with pytest.raises(shop.helpers.StockError, match="cannot be made"):
        sent(shop.Refuses).options(name="refused")()
    assert not lt.here.exists("refused")


def test_an_instance_is_refused_with_the_way_to_make_it_there(lt):
    with pytest.raises(TypeError, match=r"made where it lives: lt\.cls\(Counter\)\.to\(lt\.here\)"):
        lt.cls(shop.Counter(1))
    with pytest.raises(TypeError, match="a function is sent with lt.function"):
        lt.cls(shop.add)


def test_two_instances_are_two_processes(sent):
    remote_class = sent(shop.Counter)
    first, second = remote_class(1), remote_class(2)
    assert first.pid() != second.pid()
    first.increase()
    assert (first.value, second.value) == (2, 2)


def test_values_are_kept_by_name(lt):
    here = lt.here
    here.put("numbers", [1, 2, 3])
    assert here.get("numbers") == [1, 2, 3]
    assert "numbers" in here.keys()
    assert here.exists("numbers")
    here.put("numbers", {"a": 1})
    here.rename("numbers", "words")
    assert here.get("words") == {"a": 1}
    assert here.get("numbers", default="none") == "none"
    assert here.get("numbers", None) is None
    with pytest.raises(lt.NotFoundError, match="numbers"):
        here.get("numbers")
    with pytest.raises(KeyError):
        here.rename("numbers", "x")
    here.put("other", 1)
    with pytest.raises(lt.AlreadyExistsError):
        here.rename("other", "words")
    here.delete("words", "other")
    with pytest.raises(lt.NotFoundError):
        here.delete("words")


def test_who_asks_for_a_service_among_the_objects_is_told_where_it_is(lt, sent):
    sent(shop.add).save("adder")
    sent(shop.Counter).save("Counting")
    with pytest.raises(lt.NotFoundError, match=r"lt\.function\(name='adder'\)"):
        lt.here.get("adder")
    with pytest.raises(lt.NotFoundError, match=r"lt\.cls\(name='Counting'\)"):
        lt.here.get("Counting")
    with pytest.raises(lt.NotFoundError, match="^there is no object named 'addition'[^;]*$"):
        lt.here.get("addition")
    assert lt.here.get("adder", default=3) == 3


def test_large_values_are_kept(lt):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(1_000_000)
    lt.here.put("array", array)
    back = lt.here.get("array")
    assert numpy.array_equal(back, array)
    back[0] = 9
    assert lt.here.get("array")[0] == 0
    lt.here.delete("array")
