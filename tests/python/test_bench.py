"""The pieces of bench/ that need no daemon, and the case that needs hosts: so that benchmarks don't
rot, and say what they mean."""

import io
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import instructions
import profile_call
from cases import machines
from conftest import ROOT
from harness import far_hosts, orders, processes, projects, report
from harness.context import SMOKE, Context
from harness.measure import Summary, interleave, ratios
from harness.report import Missing, Reach, Row

BENCH = sys.path[0]

TOY = """
import sys
sys.path.insert(0, sys.argv[1])
from harness import orders

def shout(text):
    print("not an answer")
    return text.upper()

orders.obey({"shout": shout, "break": lambda: 1 / 0})
"""


def toy():
    return orders.Subject("the toy", [sys.executable, "-c", TOY, BENCH])


def test_a_subject_does_what_it_is_told_and_its_prints_are_no_answers():
    with toy() as subject:
        assert subject.order("shout", text="a") == "A"
        assert subject.order("shout", text="b") == "B"


def test_a_subject_that_fails_says_why_and_goes_on():
    with toy() as subject:
        with pytest.raises(
            orders.SubjectError, match=r"(?s)the toy could not do 'break'.*ZeroDivisionError"
        ):
            subject.order("break")
        assert subject.order("shout", text="a") == "A"


def test_a_subject_that_has_ended_is_an_error_not_a_wait():
    with toy() as subject:
        os.kill(subject.pid, 9)
        with pytest.raises(orders.SubjectError, match="ended"):
            subject.order("shout", text="a")


def test_a_subject_is_ended_when_the_harness_fails():
    with pytest.raises(KeyError), toy() as subject:
        raise KeyError
    assert not os.path.exists(f"/proc/{subject.pid}")


def test_latencies_are_the_median_and_the_99th_percentile_in_microseconds(monkeypatch):
    times = iter(time for n in range(100) for time in (0, 1000 * (n + 1)))
    monkeypatch.setattr(orders.time, "perf_counter_ns", lambda: next(times))
    assert orders.latencies(lambda x: None, 100) == {"p50": 51, "p99": 100}


def test_both_sides_take_turns():
    order = []
    results = interleave(3, lambda: order.append("a") or 1, lambda: order.append("b") or 2)
    assert order == list("ababab")
    assert results == [[1, 1, 1], [2, 2, 2]]


def test_ratios_are_taken_round_by_round():
    assert ratios(Summary([2, 30, 8]), Summary([1, 10, 2])) == Summary([2, 3, 4])


def test_a_target_for_the_ratio_is_held_by_the_ratio():
    row = Row("call", "µs", Summary([30.0]), Summary([10.0]), "bare path", Reach("<=", 2))
    assert row.held is False
    assert "3.00 ×" in row.cells()
    assert (
        Row("rate", "1/s", Summary([6.0]), Summary([10.0]), "bare path", Reach(">=", 0.5)).held
        is True
    )


def test_a_target_for_the_value_is_held_by_the_value_even_beside_a_base():
    row = Row(
        "edit",
        "ms",
        Summary([20.0, 24.0, 90.0]),
        Summary([900.0, 1000.0, 1100.0]),
        "python",
        Reach("<=", 25, "ms"),
    )
    assert row.held is True
    assert row.cells()[-2:] == ("≤ 25 ms", "yes")


@pytest.mark.parametrize(
    ("ours", "held"), [([25.0, 91.0, 52.0], True), ([25.0, 91.0, 54.0], False)]
)
def test_a_target_beyond_the_base_is_held_by_what_the_rounds_have_more(ours, held):
    reach = Reach("<=", 30, "ms", bases=3)
    base = Summary([7.0, 20.0, 7.5])
    assert Row("edit", "ms", Summary(ours), base, "echo", reach).held is held
    assert str(reach) == "≤ 3 × base + 30 ms"


def test_a_smoke_run_judges_nothing():
    rows = [Row("a", "ms", Summary([9.0]), reach=Reach("<=", 5, "ms")), Missing("b", "no c")]
    report.drop_reaches(rows)
    assert [row.held for row in rows] == [None, None]
    assert "NO" not in report.table(rows)


def test_a_row_without_a_target_is_neither_held_nor_missed():
    assert Row("part", "ms", Summary([1.0])).held is None


def test_the_table_is_markdown_with_a_line_for_each_row():
    rows = [Row("first", "ms", Summary([1.0, 2.0, 3.0])), Missing("second", "no sklearn")]
    lines = report.table(rows).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert "2.00 ms [1.00–3.00]" in lines[2]
    assert "not measured: no sklearn" in lines[3]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1.234, "1.23"), (12.34, "12.3"), (654321.9, "654,322")]
)
def test_numbers_show_three_digits_that_matter(value, text):
    assert report.number(value) == text


def test_all_values_of_all_rounds_are_saved(tmp_path):
    report.save(
        tmp_path / "x.json",
        {"cores": 2},
        [Row("a", "ms", Summary([1.0, 2.0]), reach=Reach("<=", 5, "ms"))],
    )
    with open(tmp_path / "x.json") as file:
        saved = json.load(file)
    assert saved["rows"][0]["ours"] == [1.0, 2.0]
    assert saved["rows"][0]["held"] is True


def test_the_large_project_has_as_many_files_as_it_says_and_an_edit_changes_what_its_entry_returns(
    tmp_path,
):
    project = projects.LargeProject(str(tmp_path / "large"), 4, "json")
    packages = [files for _, _, files in os.walk(project.path)][1:]
    assert sum(map(len, packages)) == project.files == 80
    for value in (0, 7):
        project.edit(value)
        program = "import entry; raise SystemExit(entry.value(1))"
        env = {"PYTHONPATH": project.path, "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run([sys.executable, "-c", program], env=env)
        assert ended.returncode == value + 1


def test_threads_are_pinned_with_their_process():
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    cores = os.sched_getaffinity(0)
    try:
        processes.pin([os.getpid()], {max(cores)})
        assert os.sched_getaffinity(thread.native_id) == {max(cores)}
    finally:
        processes.pin([os.getpid()], cores)
        release.set()
        thread.join()


def test_descendants_are_found_with_their_root():
    with toy() as subject:
        assert subject.pid in processes.descendants(os.getpid())
        assert processes.descendants(subject.pid) == [subject.pid]
    assert processes.descendants(subject.pid) == []


def test_a_program_that_fails_is_no_measurement():
    assert processes.run_milliseconds([sys.executable, "-c", "pass"], dict(os.environ)) > 0
    with pytest.raises(RuntimeError, match="failed with 3"):
        processes.run_milliseconds([sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ))


def test_a_program_that_has_ended_is_gone_before_its_parent_asks():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not processes.wait_until_gone(process.pid, 0)
    process.stdin.close()
    assert processes.wait_until_gone(process.pid, 30)
    assert process.returncode is None, "nobody has asked yet"
    process.wait()


def test_what_a_measured_program_prints_is_not_in_the_table(capfd):
    processes.run_milliseconds([sys.executable, "-c", "print('up')"], dict(os.environ))
    assert capfd.readouterr().out == ""


def test_where_there_can_be_no_hosts_the_row_says_why(monkeypatch):
    monkeypatch.setattr(far_hosts, "missing", lambda: "only root makes network namespaces")
    monkeypatch.setattr(machines.shutil, "which", lambda name: name)
    (row,) = machines.run(None)
    assert row.why == "only root makes network namespaces"


def test_what_goes_on_on_other_machines_can_still_be_measured(monkeypatch):
    if why := machines.missing():
        pytest.skip(why)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "python"))
    with Context(os.environ["LEANTO_BINARY"], None, SMOKE) as context:
        rows = machines.run(context)
    assert len(rows) == 13
    assert all(row.ours.low > 0 and row.base.low > 0 for row in rows)


def relay(ends):
    """The relay in Python, so that this test needs no compiler: from both sides to the other,
    until one closes."""
    front, back = ends

    def copy(source, sink):
        while piece := source.recv(1 << 18):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)

    client, worker = front.accept()[0], back.accept()[0]
    backward = threading.Thread(target=copy, args=(worker, client))
    backward.start()
    copy(client, worker)
    backward.join()
    for end in (client, worker, front, back):
        end.close()


def test_the_bare_path_calls_one_by_one_and_pipelined(tmp_path):
    paths = [str(tmp_path / name) for name in ("client", "worker")]
    ends = []
    for path in paths:
        ends.append(socket.socket(socket.AF_UNIX))
        ends[-1].bind(path)
        ends[-1].listen()
    thread = threading.Thread(target=relay, args=(ends,))
    thread.start()
    worker = orders.Subject(
        "the worker", [sys.executable, os.path.join(BENCH, "baseline/worker.py"), paths[1], "echo"]
    )
    with (
        worker,
        orders.Subject(
            "the client", [sys.executable, os.path.join(BENCH, "baseline/client.py"), paths[0]]
        ) as client,
    ):
        assert set(client.order("latencies", calls=20)) == {"p50", "p99"}
        assert client.order("rate", in_flight=1000, waves=2) > 0  # it compares the values itself
        assert client.order("gather_rate", in_flight=1000, waves=2) > 0
    thread.join()


def test_the_pieces_of_a_call_can_still_be_timed(monkeypatch):
    monkeypatch.setattr(profile_call, "REPEATS", 1)
    monkeypatch.setattr(profile_call, "NUMBER", 3)
    for pieces in (profile_call.client_pieces(), profile_call.worker_pieces()):
        assert len(pieces) >= 4
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    profile_call.print_table("title", [("a", "1.00"), ("bb", "2.00")])
    assert out.getvalue() == "\ntitle\n  a   1.00\n  bb  2.00\n"


def test_what_takes_more_instructions_than_it_did_is_named_and_a_little_more_is_not():
    kept = dict.fromkeys(instructions.WORK, 1000)
    now = {**kept, "synchronous call": 1051, "durable run": 1049, "item of a generator": 1}
    assert instructions.find_dearer(now, kept) == ["synchronous call"]


def test_instructions_are_kept_for_all_that_is_counted():
    with open(instructions.KEPT) as file:
        kept = json.load(file)
    assert list(kept) == list(instructions.WORK)
    assert all(number > 100 for number in kept.values())
