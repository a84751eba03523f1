"""Functions: sent in one line, called as if they were local."""

import asyncio
import os
import pickle
import threading

import pytest
import shop


def test_a_function_runs_in_another_process_and_returns_its_value(sent):
    add = sent(shop.add)
    assert add(1, 2) == 3
    assert add(1, 2, 3, c=4) == 10
    assert sent(shop.pid)() != os.getpid()


def test_no_keyword_is_reserved(sent):
    words = [
        "self",
        "args",
        "kwargs",
        "name",
        "timeout",
        "stream_logs",
        "options",
        "cluster",
        "head",
        "function",
        "cls",
    ]
    given = {word: index for index, word in enumerate(words)}
    assert sent(shop.keywords)(**given) == given


def test_a_module_of_the_project_is_imported_there(sent):
    assert sent(shop.double)(21) == 42


def test_a_function_runs_in_a_copy_of_its_project(sent):
    there = sent(shop.where)()
    assert there["cwd"] == there["path"] == os.path.dirname(there["file"])
    assert there["file"] != shop.__file__


def test_calls_to_one_function_share_a_worker(sent):
    pid = sent(shop.pid)
    assert len({pid() for _ in range(5)}) == 1


def test_arguments_are_copies(sent):
    mine = [1]
    assert sent(shop.change)(mine) == [1, "changed"]
    assert mine == [1]


def test_large_arrays_travel_and_come_back_writable(sent):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(3_000_000, dtype="float64")
    back = sent(shop.double)(array)
    assert numpy.array_equal(back, array * 2)
    back[0] = 1.0
    small = sent(shop.double)(numpy.ones(3))
    small[0] = 5.0
    assert array[1] == 1.0


def test_an_empty_array_travels(sent):
    numpy = pytest.importorskip("numpy")
    assert sent(shop.double)(numpy.empty((0, 3))).shape == (0, 3)


def test_bytes_of_every_size_travel_unchanged(sent):
    same = sent(shop.call)
    for size in (0, 1, 65_000, 65_536, 70_000, 1 << 20, (1 << 20) + 1):
        data = os.urandom(size)
        assert same(bytes, data) == data


def test_an_async_function_waits_when_it_is_called_plainly(sent):
    assert sent(shop.add_later)(1, 2) == 3


def test_aio_awaits_many_calls_at_once(sent):
    add, later = sent(shop.add), sent(shop.add_later)

    async def main():
        assert await add.aio(1, 2) == 3
        assert await asyncio.gather(*(later.aio(i, 1) for i in range(200))) == list(range(1, 201))
        return await asyncio.gather(*(add.aio(i, b=1) for i in range(1000)))

    assert asyncio.run(main()) == list(range(1, 1001))
    assert asyncio.run(main()) == list(range(1, 1001)), "a second event loop works too"


def test_an_exception_arrives_through_aio(sent):
    fails = sent(shop.raise_stock_error)

    async def main():
        with pytest.raises(shop.helpers.StockError, match="out of stock"):
            await fails.aio()

    asyncio.run(main())


def test_many_threads_call_at_once(sent):
    add = sent(shop.add)
    results = {}

    def work(i):
        results[i] = [add(i, j) for j in range(50)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: [i + j for j in range(50)] for i in range(8)}


def test_a_slow_call_does_not_hold_up_a_quick_one(sent, tmp_path):
    wait, add = sent(shop.say_then_wait), sent(shop.add)
    released = tmp_path / "go"
    thread = threading.Thread(
        target=wait.options(stream_logs=False), args=("waiting", str(released))
    )
    thread.start()
    try:
        assert [add(i, 1) for i in range(20)] == list(range(1, 21))
    finally:
        released.write_text("")
        thread.join()


def test_calls_of_one_worker_overlap(sent, tmp_path):
    wait = sent(shop.say_then_wait, concurrency=10).options(stream_logs=False)
    released = tmp_path / "go"
    threads = [threading.Thread(target=wait, args=(f"call {i}", str(released))) for i in range(8)]
    for thread in threads:
        thread.start()
    quick = sent(shop.add)
    assert quick(1, 1) == 2
    released.write_text("")
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def test_a_function_calls_itself_and_others_without_a_deadlock(sent):
    sent(shop.factorial).save("factorial")
    assert sent(shop.factorial)(30) == 265252859812191058636308480000000


def test_serial_functions_may_call_themselves(sent):
    serial = sent(shop.factorial, concurrency=1, name="serial_factorial").save("factorial")
    assert serial(20) == 2432902008176640000


def test_a_remote_function_is_an_argument(sent):
    assert sent(shop.call)(sent(shop.add), 1, 2) == 3


def test_several_workers_share_the_calls(sent):
    sleep, pid = sent(shop.sleep, workers=3), None
    threads = [threading.Thread(target=sleep, args=(0.3,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del pid


def test_saved_by_name_it_is_found_without_the_code(lt, sent):
    sent(shop.add).save("the adder")
    by_name = lt.function(name="the adder")
    assert by_name(2, 3) == 5
    assert pickle.loads(pickle.dumps(by_name))(2, 3) == 5


def test_a_name_that_is_not_there_names_the_near_ones(lt, sent):
    sent(shop.add).save("embed_fn")
    with pytest.raises(lt.NotFoundError, match="did you mean embed_fn"):
        lt.function(name="embd_fn")


def test_the_default_name_holds_the_project(sent):
    assert sent(shop.add).name == "sample/shop.add"


def test_an_unknown_option_names_the_near_ones(lt):
    with pytest.raises(TypeError, match="did you mean timeout"):
        lt.function(shop.add).options(timeuot=3)


@pytest.mark.parametrize(
    "bad",
    [{"timeout": -1}, {"timeout": "soon"}, {"concurrency": 0}, {"env": {"A": 1}}, {"name": ""}],
)
def test_an_option_that_makes_no_sense_is_refused(lt, bad):
    with pytest.raises(lt.InvalidRequestError):
        lt.function(shop.add).options(**bad)


def test_options_return_a_new_callable(sent):
    first = sent(shop.add)
    second = first.options(timeout=50)
    assert second is not first
    assert second(1, 2) == first(1, 2) == 3


def test_env_belongs_to_the_service(sent):
    assert sent(shop.environment, env={"SHOP": "open"})("SHOP") == "open"
    assert sent(shop.environment)("SHOP") is None


def test_calling_what_was_not_sent_says_how_to_send_it(lt):
    with pytest.raises(lt.InvalidRequestError, match=r"\.to\(lt\.here\)"):
        lt.function(shop.add)(1)


def test_sending_what_is_no_function_or_to_no_cluster_is_an_error(lt):
    with pytest.raises(TypeError, match="lt.cls"):
        lt.function(shop.Counter)
    with pytest.raises(TypeError, match="not callable"):
        lt.function(3)
    with pytest.raises(lt.InvalidRequestError, match="cluster"):
        lt.function(shop.add).to("here")


def test_a_function_of_an_installed_module_goes_by_its_import_path(lt):
    import json

    assert lt.function(json.dumps).to(lt.here)({"a": 1}) == '{"a": 1}'


def test_a_timeout_ends_the_call_and_the_next_one_works(lt, sent):
    sleep = sent(shop.sleep)
    with pytest.raises(lt.TimeoutError, match="longer than its timeout of 0.2"):
        sleep.options(timeout=0.2)(30)
    with pytest.raises(TimeoutError):
        sleep.options(timeout="0.2s")(30)
    assert sleep.options(timeout=30)(0.0) == 0.0
