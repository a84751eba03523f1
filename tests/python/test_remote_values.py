"""Results that stay on the node, and their handles."""

import gc
import pickle

import bulky
import pytest
import shop
from clients import Client
from conftest import SAMPLE, node_status, wait_until

SIZE = 1 << 19


@pytest.mark.parametrize("size", [10, SIZE])
def test_a_value_stays_there_until_it_is_fetched(sent, size):
    handle = sent(bulky.make).remote(size, 3.0)
    assert handle.size >= 8 * size
    value = handle.get()
    assert (value == 3).all() and value.flags.writeable
    value += 1
    assert (handle.get() == 3).all(), "what was fetched is a copy"


@pytest.mark.parametrize("size", [10, SIZE])
def test_as_an_argument_it_arrives_as_the_value(sent, size):
    make, echo, length = sent(bulky.make), sent(bulky.echo), sent(bulky.length)
    handle = make.remote(size, 2.0)
    assert (echo(handle) == 2).all()
    assert length(handle, [1, handle], b"x") == [size, 2, 1]
    again = sent(bulky.change).remote(handle)
    assert again.get()[0] == -1
    assert (handle.get() == 2).all(), "each call has a copy of its own"


def test_methods_and_coroutines_leave_theirs_too(sent):
    counter = sent(shop.Counter)(5)
    assert counter.increase.remote(2).get() == 7
    assert sent(shop.add_later).remote(1, 2).get() == 3


def test_an_object_that_keeps_it_has_it_when_the_handle_is_gone(sent):
    shelf = sent(bulky.Shelf)()
    handle = sent(bulky.make).remote(SIZE, 1.0)
    shelf.keep(handle)
    handle.delete()
    assert shelf.sums() == [SIZE]


def test_deleted_it_is_gone(lt, sent):
    handle = sent(bulky.make).remote(10, 1.0)
    handle.delete()
    handle.delete()
    with pytest.raises(lt.NotFoundError, match="not here any more"):
        handle.get()


def test_it_goes_with_its_last_handle(lt, sent):
    add = sent(shop.add)
    handle = add.remote(1, 2)
    id_ = handle._id
    del handle
    gc.collect()
    add(1, 1)  # the next thing that is said
    from leanto import _nodes, _remote_values

    with pytest.raises(lt.NotFoundError):
        _remote_values.fetch(_nodes.here, id_)


def test_pickled_it_stays_until_its_program_ends(lt, sent):
    with Client(SAMPLE) as client:
        client.do("import shop, pickle, gc")
        data = client.do("pickle.dumps(lt.function(shop.add).to(lt.here).remote(1, 2)).hex()")
        client.do("gc.collect()")
        handle = pickle.loads(bytes.fromhex(data))
        assert handle.get() == 3

    def is_gone():
        try:
            handle.get()
        except lt.NotFoundError:
            return True
        return False

    assert wait_until(is_gone)


def test_its_memory_is_given_back(own_home, sent):
    make = sent(bulky.make)
    for _ in range(3):
        handle = make.remote(SIZE, 1.0)
        assert handle.get().sum() == SIZE
        handle.delete()
    assert node_status()["values"]["memory"] == 0


def test_an_exception_is_raised_at_the_call(sent):
    with pytest.raises(shop.helpers.StockError):
        sent(shop.raise_stock_error).remote()


def test_a_generator_is_refused(lt, sent):
    with pytest.raises(lt.InvalidRequestError, match="generator"):
        sent(shop.count).remote(3)


def test_a_handle_says_what_it_is(sent):
    assert repr(sent(shop.add).remote(1, 2)).startswith("<leanto value ")
