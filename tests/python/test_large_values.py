"""Large values go through shared memory, and nobody can tell but by the time it takes."""

import asyncio
import gc
import os
import signal

import bulky
import numpy as np
import pytest
from clients import Client, run_script, write_project
from conftest import SAMPLE, node_status, processes_of, wait_until
from leanto import _segments, _values

SIZE = 1 << 19  # float64: 4 MiB


@pytest.fixture(autouse=True)
def fresh_pool():
    """Segments of another test's node don't count."""
    _segments._pool.clear()
    yield
    gc.collect()


def test_an_array_goes_there_and_back(sent):
    array = np.arange(SIZE, dtype=float)
    result = sent(bulky.change)(array)
    assert result[0] == -1 and (result[1:] == array[1:]).all()
    assert array[0] == 0, "arguments are copies"
    assert len(_segments._pool) == 1 and _segments._mappings, "it went through memory"


def test_results_can_be_written_to_and_arguments_too(sent):
    result = sent(bulky.echo)(np.zeros(SIZE))
    result += 1
    assert result.sum() == SIZE
    assert sent(bulky.is_writable)(np.zeros(SIZE))


def test_what_is_read_only_stays_so(sent):
    array = np.zeros(SIZE)
    array.flags.writeable = False
    assert not sent(bulky.is_writable)(array)
    assert not sent(bulky.make)(SIZE, 1.0, read_only=True).flags.writeable


def test_a_segment_is_used_again_when_its_reader_is_done(sent):
    change = sent(bulky.change)
    for i in range(10):
        assert change(np.full(SIZE, i, dtype=float))[1] == i
    assert len(_segments._pool) == 1
    assert _segments._pool[0].mapping.words[2] == 10, "uses"


def test_a_result_that_is_kept_is_not_overwritten_by_the_next(sent):
    make = sent(bulky.make)
    results = [make(SIZE, float(i)) for i in range(4)]
    assert [result.mean() for result in results] == [0, 1, 2, 3]


def test_an_argument_that_an_object_keeps_is_not_overwritten_by_the_next(sent):
    shelf = sent(bulky.Shelf)()
    for i in range(4):
        shelf.keep(np.full(SIZE, float(i)))
    assert shelf.sums() == [0, SIZE, 2 * SIZE, 3 * SIZE]


def test_several_buffers_of_different_sizes_in_one_value(sent):
    value = {"a": np.arange(SIZE), "b": [np.arange(3000, dtype="i1"), np.ones((700, 300))]}
    back = sent(bulky.echo)(value)
    assert (back["a"] == value["a"]).all()
    assert (back["b"][0] == value["b"][0]).all() and (back["b"][1] == value["b"][1]).all()


def test_a_part_of_a_value_keeps_all_of_it(sent):
    echo = sent(bulky.echo)
    (part,) = [echo([np.zeros(SIZE), np.full(3000, 7)])[1]]
    gc.collect()
    echo([np.ones(SIZE), np.full(3000, 8)])
    assert (part == 7).all()


def test_large_bytes_are_no_different(sent):
    data = os.urandom(3 << 20)
    assert sent(bulky.echo)(data) == data
    assert sent(bulky.length)(data, b"short", data) == [3 << 20, 5, 3 << 20]
    assert _segments._pool, "they went through memory"


def test_streams_maps_and_event_loops_carry_them_too(sent):
    several = sent(bulky.make_several)(4, SIZE)
    assert [item[0] for item in several] == [0, 1, 2, 3]
    arrays = [np.full(SIZE, i) for i in range(4)]
    assert [item[1] for item in sent(bulky.echo).map(arrays)] == [0, 1, 2, 3]
    echo = sent(bulky.echo)

    async def main():
        return await asyncio.gather(*(echo.aio(array) for array in arrays))

    assert [item[2] for item in asyncio.run(main())] == [0, 1, 2, 3]


def test_a_result_outlives_the_process_that_made_it(lt, sent):
    shelf = sent(bulky.Shelf, name=None)
    for i in range(3):
        one = shelf()
        result = one.make(SIZE, float(i))
        os.kill(one.pid(), signal.SIGKILL)
        gc.collect()
        assert (result == i).all()


def test_a_killed_reader_does_not_keep_a_segment_for_ever(lt, sent):
    die = sent(bulky.die_with)
    for _ in range(3):
        with pytest.raises(lt.WorkerDiedError):
            die(np.zeros(SIZE))
    assert wait_until(lambda: all(owned.is_lost() for owned in _segments._pool[:-1]))
    assert (sent(bulky.echo)(np.ones(SIZE)) == 1).all()
    assert len(_segments._pool) <= 2


def test_what_a_forked_child_reads_stays_as_it_is(sent):
    shelf = sent(bulky.Shelf)()
    shelf.keep(np.full(SIZE, 1.0))
    shelf.fork_and_drop()
    for _ in range(3):
        shelf.keep(np.full(SIZE, 2.0))
    assert shelf.child_sums() == [SIZE]


def test_an_argument_that_nobody_took_frees_its_segment(lt, sent):
    shelf = sent(bulky.Shelf).options(name="shelf")()
    lt.here.delete("shelf")
    with pytest.raises(lt.NotFoundError):
        shelf.keep(np.zeros(SIZE))
    gc.collect()
    assert _segments._pool
    assert all(owned.mapping.words[1] == _segments.FREE for owned in _segments._pool)


def test_when_a_program_ends_its_segments_are_closed(own_home):
    with Client(SAMPLE) as client:
        client.do("import bulky, numpy as np")
        client.do("f = lt.function(bulky.length).to(lt.here)")
        assert client.do(f"f(np.zeros({SIZE}))") == [SIZE]
        assert node_status()["values"]["memory"] >= 8 * SIZE
    assert wait_until(lambda: node_status()["values"]["memory"] == 0)


def test_the_nodes_memory_does_not_grow_with_values(own_home, sent):
    echo = sent(bulky.echo)
    echo(np.zeros(SIZE))
    before = node_status()["memory"]
    for _ in range(3):
        echo(np.zeros(8 * SIZE))
    assert node_status()["memory"] < before + (8 << 20)


def test_without_shared_memory_values_go_through_the_socket(config, sent):
    config('[values]\nmemory = "1MB"\nover_memory = "refuse"\n')
    assert (sent(bulky.change)(np.ones(SIZE))[1:] == 1).all()
    assert not _segments._pool
    assert node_status()["values"]["memory"] == 0


def test_after_a_restart_of_the_node_new_segments_are_made(own_home, lt, sent):
    assert (sent(bulky.echo)(np.ones(SIZE)) == 1).all()
    os.kill(node_status()["pid"], signal.SIGKILL)
    assert wait_until(lambda: processes_of(own_home) == [])
    assert (sent(bulky.echo)(np.ones(SIZE)) == 1).all()
    assert len(_segments._pool) == 1


def test_a_value_that_came_too_late_is_an_error_that_says_so(sent, monkeypatch):
    monkeypatch.setattr(_segments, "LOST_AFTER", 0)
    data, buffers = _values.pack(np.zeros(SIZE))
    other = _values.pack(np.zeros(SIZE))
    assert other[1].owned is buffers.owned, "the first was given up"
    with pytest.raises(OSError, match="in other use"):
        _values.unpack(data, {"seg": buffers.words})
    assert (_values.unpack(other[0], {"seg": other[1].words}) == 0).all()


def test_small_values_know_nothing_of_it(tmp_path):
    code = (
        "import sys, app, leanto as lt\n"
        "assert lt.function(app.f).to(lt.here)([1] * 1000) == 1000\n"
        "print(sorted({'ctypes', 'mmap', 'leanto._segments'} & set(sys.modules)))\n"
    )
    project = write_project(
        tmp_path / "p", {"app.py": "def f(x):\n    return len(x)\n", "main.py": code}
    )
    assert run_script(project, "main.py").stdout == "[]\n"
