"""Mapping: one call for each item, many at once."""

import io
import signal

import mapped
import pytest
import shop
from clients import Client, Failed
from conftest import SAMPLE, wait_until
from leanto._progress import Progress


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_results_come_in_the_order_of_the_items(sent):
    assert list(sent(shop.double).map(range(1000))) == [2 * x for x in range(1000)]


def test_more_items_than_calls_at_once(sent):
    assert list(sent(shop.double).map(range(500), concurrency=3)) == [2 * x for x in range(500)]
    assert list(sent(shop.double).map(range(50), concurrency=1)) == [2 * x for x in range(50)]


def test_no_items_no_results(sent):
    assert list(sent(shop.double).map([])) == []


def test_several_iterables_end_with_the_shortest(sent):
    assert list(sent(shop.add).map([1, 2, 3], iter([10, 20]))) == [11, 22]


def test_starmap_spreads_each_item(sent):
    assert list(sent(shop.add).starmap([(1, 2), [3, 4]])) == [3, 7]


def test_as_they_come_the_slow_one_is_last(sent, tmp_path):
    wait = sent(mapped.wait_for)
    results = wait.starmap([(str(tmp_path / "go"), 1), (str(tmp_path), 2)], ordered=False)
    assert next(results) == 2
    (tmp_path / "go").touch()
    assert list(results) == [1]


def test_in_order_a_slow_one_is_waited_for_and_the_others_are_kept(sent, tmp_path):
    wait = sent(mapped.wait_for)
    (tmp_path / "there").touch()
    paths = [str(tmp_path / "go"), *[str(tmp_path / "there")] * 5]
    results = wait.map(paths, range(6))
    (tmp_path / "go").touch()
    assert list(results) == list(range(6))


def test_methods_map_too(sent):
    counter = sent(shop.Counter)(10)
    assert sorted(counter.increase.map([1] * 20)) == list(range(11, 31))


def test_coroutines_map_too(sent):
    assert list(sent(mapped.double_later).map(range(20))) == [2 * x for x in range(20)]


def test_the_first_exception_ends_it_in_its_place(sent):
    results = sent(mapped.half).map([2, 4, 5, 6])
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="5 is odd"):
        next(results)
    assert list(results) == []


def test_exceptions_can_be_results(sent):
    results = list(sent(mapped.half).map([2, 5, 6], exceptions="return"))
    assert results[0] == 1 and results[2] == 3
    assert type(results[1]) is ValueError and "odd" in str(results[1])


def test_an_exception_of_the_items_is_the_callers_own(sent):
    def items():
        yield 2
        raise OSError("the file of items is gone")

    results = sent(shop.double).map(items(), concurrency=1)
    assert next(results) == 4
    with pytest.raises(OSError, match="items is gone"):
        list(results)


def test_items_are_taken_only_as_far_as_calls_may_begin(sent, tmp_path):
    taken = []

    def items():
        for i in range(1000):
            taken.append(i)
            yield str(tmp_path / "go")

    results = sent(mapped.wait_for).map(items(), range(1000), concurrency=4)
    (tmp_path / "go").touch()
    next(results)
    assert len(taken) <= 10
    results.close()


def test_interrupting_it_cancels_what_is_under_way(tmp_path):
    with Client(SAMPLE) as client:
        client.do("import mapped")
        client.do("f = lt.function(mapped.begin_and_wait).to(lt.here)")
        client.start(f"next(f.map([{str(tmp_path)!r}] * 3))")
        assert wait_until(lambda: len(lines(tmp_path / "begun")) == 3)
        # Python loses an interrupt that comes just before it begins to wait: then it's said again.
        for _ in range(10):
            client.process.send_signal(signal.SIGINT)
            if wait_until(client.has_answered, seconds=3):
                break
        with pytest.raises(Failed, match="KeyboardInterrupt"):
            client.answer()
        assert wait_until(lambda: len(lines(tmp_path / "ended")) == 3)


def test_leaving_after_a_result_cancels_the_others(sent, tmp_path):
    items = [(str(tmp_path), 1), (str(tmp_path / "never"), 2), (str(tmp_path / "never"), 3)]
    for value in sent(mapped.wait_for).starmap(items, ordered=False):
        assert value == 1
        break
    assert sent(shop.double)(4) == 8, "the connection of the map is not used again"


def test_a_large_value_in_each(sent):
    np = pytest.importorskip("numpy")
    arrays = [np.full(100_000, i) for i in range(5)]
    results = sent(shop.double).map(arrays)
    for i, result in enumerate(results):
        assert (result == 2 * i).all()


def test_what_calls_print_is_shown(sent, capsys):
    assert list(sent(mapped.shout).map(["a", "b"], concurrency=1)) == ["A", "B"]
    assert capsys.readouterr().out == "shouting a\nshouting b\n"


def test_a_generator_is_refused(lt, sent):
    with pytest.raises(lt.InvalidRequestError, match="generator"):
        sent(shop.count).map([1])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"concurrency": 0}, "concurrency=0"),
        ({"concurrency": "8"}, "concurrency='8'"),
        ({"exceptions": "ignore"}, "'raise' or 'return'"),
    ],
)
def test_settings_that_make_no_sense_are_named(lt, sent, settings, says):
    with pytest.raises(lt.InvalidRequestError, match=says):
        sent(shop.double).map([1], **settings)


def test_what_cannot_be_iterated_is_an_error_at_once(sent):
    with pytest.raises(TypeError, match="not iterable"):
        sent(shop.double).map(3)
    with pytest.raises(TypeError, match="at least one"):
        sent(shop.double).map()


def test_an_item_that_cannot_be_pickled_ends_the_map_by_name(lt, sent):
    with pytest.raises(lt.ValueTransportError, match="argument 1"):
        list(sent(shop.double).map([1, (x for x in [])]))


def test_two_maps_at_once(sent):
    double = sent(shop.double)
    for a, b in zip(double.map(range(200)), double.map(range(200, 400))):
        assert b - a == 400


def test_nobody_asks_for_progress_where_it_is_no_terminal(sent, capsys):
    list(sent(shop.double).map(range(3)))
    assert capsys.readouterr().err == ""


def test_progress_counts_says_how_fast_and_goes_away():
    now = [0.0]
    out = io.StringIO()
    progress = Progress("map", 200, out, lambda: now[0])
    progress.count()
    assert out.getvalue() == "", "who waits for less than half a second needs no line"
    now[0] = 2.0
    for _ in range(99):
        progress.count()
    assert "map: 2 of 200 (1%), 1.0/s, 3 min left" in out.getvalue()
    assert progress.line(10.0) == "map: 100 of 200 (50%), 10/s, 10 s left"
    progress.close()
    assert out.getvalue().endswith("\r" + " " * len("map: 2 of 200 (1%), 1.0/s, 3 min left") + "\r")
    assert Progress("map", None, out, lambda: now[0]).line(1e9).startswith("map: 0, ")


def test_it_shows_progress_where_asked(sent, capsys, monkeypatch):
    from leanto import _progress

    monkeypatch.setattr(_progress, "AFTER", 0)
    monkeypatch.setattr(_progress, "EVERY", 0)
    list(sent(shop.double).map(range(3), progress=True))
    assert "3 of 3 (100%)" in capsys.readouterr().err
