"""What a node keeps of values has a limit: then they go to its disk, or are refused, as its settings say."""

import _thread

import bulky
import numpy as np
import pytest
from conftest import node_status, wait_until
from leanto import _segments

SIZE = 1 << 19  # of float64: 4 MiB
BYTES = 8 * SIZE
KB = 1000


@pytest.fixture(autouse=True)
def no_segments_of_other_tests(monkeypatch):
    monkeypatch.setattr(_segments, "_pool", [])
    monkeypatch.setattr(_segments, "_lock", _thread.allocate_lock())


def values():
    return node_status()["values"]


def test_values_that_are_put_lie_in_memory_and_then_on_disk(config, lt):
    config('[values]\nmemory = "9MB"\n')
    arrays = {f"a{i}": np.full(SIZE, float(i)) for i in range(5)}
    for key, array in arrays.items():
        lt.here.put(key, array)
    used = values()
    assert BYTES <= used["memory"] <= 9000 * KB
    assert used["disk"] >= 3 * BYTES
    for key, array in arrays.items():
        assert np.array_equal(lt.here.get(key), array)
    lt.here.delete(*arrays)
    assert wait_until(lambda: (values()["memory"], values()["disk"]) == (0, 0))


def test_what_is_put_again_gives_its_old_room_back(config, lt):
    config('[values]\nmemory = "9MB"\nover_memory = "refuse"\n')
    for i in range(6):
        lt.here.put("same", np.full(SIZE, i))
    assert lt.here.get("same")[0] == 5


def test_results_that_are_kept_lie_on_disk_over_the_memory(config, lt, sent):
    config('[values]\nmemory = "9MB"\n')
    make = sent(bulky.make)
    handles = [make.remote(SIZE, float(i)) for i in range(5)]
    assert values()["disk"] >= 3 * BYTES
    assert [handle.get()[-1] for handle in handles] == [0, 1, 2, 3, 4]
    del handles
    lt.here.keys()  # what goes is said with the next request
    assert wait_until(lambda: values()["disk"] == 0)


def test_a_result_on_disk_can_be_an_argument(config, sent):
    config('[values]\nmemory = "1MB"\n')
    make, length = sent(bulky.make), sent(bulky.length)
    handle = make.remote(SIZE, 1.0)
    assert values()["disk"] >= BYTES
    assert length(handle, handle) == [SIZE, SIZE]


@pytest.mark.parametrize("make", [lambda: np.zeros(4 * SIZE), lambda: list(range(6_000_000))])
def test_values_over_the_memory_are_refused_by_setting(config, lt, make):
    config('[values]\nmemory = "9MB"\nover_memory = "refuse"\n')
    lt.here.put("small", [1, 2])
    with pytest.raises(lt.CapacityError, match=r"no room for a value of .*node\.toml"):
        lt.here.put("large", make())
    assert lt.here.keys() == ["small"]
    assert lt.here.get("small") == [1, 2]


def test_a_kept_result_over_the_memory_is_refused_by_setting(config, lt, sent):
    config('[values]\nmemory = "9MB"\nover_memory = "refuse"\n')
    make = sent(bulky.make)
    with pytest.raises(lt.CapacityError, match='over_memory = "disk"'):
        make.remote(4 * SIZE, 1.0)
    assert make.remote(10, 1.0).get().sum() == 10


def test_the_disk_has_a_limit_too(config, lt):
    config('[values]\nmemory = "1MB"\ndisk = "9MB"\n')
    lt.here.put("first", np.zeros(SIZE))
    with pytest.raises(lt.CapacityError, match="of disk"):
        lt.here.put("second", np.zeros(2 * SIZE))
    assert (lt.here.get("first") == 0).all()


def test_arguments_and_results_travel_over_the_disk_when_memory_is_used_up(config, lt, sent):
    config('[values]\nmemory = "5MB"\n')
    lt.here.put("all of it", np.zeros(SIZE))
    echo = sent(bulky.echo)
    for i in range(3):
        assert (echo(np.full(SIZE, i)) == i).all()
    lt.here.delete("all of it")
    assert (echo(np.full(SIZE, 7)) == 7).all()
    assert wait_until(lambda: values()["disk"] <= 2 * BYTES), "one of each side, at most"


def test_large_values_are_put_and_got_without_the_socket(lt):
    array = np.arange(SIZE)
    lt.here.put("large", array)
    got = lt.here.get("large")
    got[0] = 42  # a copy of one's own
    assert lt.here.get("large")[0] == 0
    lt.here.delete("large")
    assert got[1] == 1
    lt.here.put("bytes", bytes(2 << 20))
    assert lt.here.get("bytes") == bytes(2 << 20)


def test_large_bytes_go_out_of_band_in_a_map_too(lt, sent, monkeypatch):
    lent = []
    lend = _segments.lend
    monkeypatch.setattr(_segments, "lend", lambda buffers: lent.append(1) or lend(buffers))
    assert list(sent(bulky.length).map([bytes(2 << 20), bytes(3 << 20)])) == [[2 << 20], [3 << 20]]
    assert len(lent) == 2
