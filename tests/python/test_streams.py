"""Generators stream: the first item before the second is computed, and a slow reader slows the producer."""

import asyncio
import time

import pytest
import shop
from conftest import wait_until


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_a_generator_gives_its_items_in_order(sent):
    assert list(sent(shop.count)(1000)) == list(range(1000))


def test_an_empty_generator_ends(sent):
    assert list(sent(shop.count)(0)) == []


def test_the_first_item_comes_before_the_last_is_computed(sent, tmp_path):
    noted = tmp_path / "noted"
    items = sent(shop.count_and_note)(10_000, str(noted))
    assert next(items) == 0
    assert len(lines(noted)) < 10_000
    items.close()


def test_a_slow_reader_slows_the_producer(sent, tmp_path):
    noted = tmp_path / "noted"
    items = sent(shop.count_and_note)(1000, str(noted))
    assert [next(items), next(items)] == [0, 1]
    wait_until(lambda: len(lines(noted)) >= 10)
    time.sleep(0.2)  # if it were not slowed, it would be far ahead by now
    assert len(lines(noted)) <= 12
    assert list(items) == list(range(2, 1000))


def test_leaving_early_closes_the_producer(sent, tmp_path):
    path = tmp_path / "closed"
    for i in sent(shop.endless)(str(path)):
        if i == 3:
            break
    assert wait_until(path.exists)


def test_close_ends_the_iterator(sent, tmp_path):
    items = sent(shop.endless)(str(tmp_path / "closed"))
    next(items)
    items.close()
    assert list(items) == []


def test_an_exception_in_a_generator_arrives_after_its_items(sent):
    items = sent(shop.fail_after)(3)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(shop.helpers.StockError, match="out of stock"):
        next(items)
    assert list(items) == []


def test_an_async_generator_streams_to_plain_code(sent):
    assert list(sent(shop.count_later)(100)) == list(range(100))


def test_generators_stream_to_async_code(sent, tmp_path):
    count, count_later, endless = sent(shop.count), sent(shop.count_later), sent(shop.endless)
    path = tmp_path / "closed"

    async def main():
        assert [i async for i in count.aio(100)] == list(range(100))
        assert [i async for i in count_later.aio(100)] == list(range(100))
        items = endless.aio(str(path))
        assert [await items.__anext__() for _ in range(20)] == list(range(20))
        await items.aclose()

    asyncio.run(main())
    assert wait_until(path.exists)


def test_a_function_that_returns_a_generator_streams_too(sent):
    assert list(sent(shop.make_generator)(5)) == [0, 1, 4, 9, 16]
    assert list(sent(shop.make_generator)(0)) == []


def test_two_streams_and_calls_interleave(sent):
    count, add = sent(shop.count), sent(shop.add)
    pairs = []
    for a, b in zip(count(50), count(50)):
        pairs.append(add(a, b))
    assert pairs == [2 * i for i in range(50)]
