"""`leanto top`: a live screen that leaves the terminal as it was."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from clients import LIMIT
from conftest import ROOT, leanto, wait_until
from terminals import Terminal, without_escapes

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
sys.path.insert(0, str(ROOT / "tests" / "projects" / "workshop"))
import counter  # noqa: E402
import workshop  # noqa: E402

ENTER, LEAVE = rb"\x1b\[\?1049h\x1b\[\?25l", rb"\x1b\[\?25h\x1b\[\?1049l"


@pytest.fixture
def service(own_home, lt):
    """One function on a node of its own: what other tests left would fill the screen."""
    assert lt.function(counter.add).to(lt.here)(1) == 3


def is_left(written):
    """The cursor is seen again, on the first screen, and nothing was written after that."""
    return written.rstrip().endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l")


def test_once_prints_services_workers_and_calls(service, lt, tmp_path):
    hold = lt.function(workshop.hold).options(concurrency=1).to(lt.here)
    first = hold.submit(str(tmp_path / "a"), str(tmp_path / "go"))
    second = hold.submit(str(tmp_path / "b"), str(tmp_path / "go"))
    try:
        assert wait_until((tmp_path / "a").exists)
        text = leanto("top", "--once")
        assert re.search(r"^calls: \d+ running, \d+ waiting; \d+ workers", text, re.MULTILINE)
        rows = [line.split() for line in text.splitlines()]
        assert ["workshop/workshop.hold", "1", "1", "1"] in [row[:4] for row in rows]
        assert "\x1b" not in text
        status = json.loads(leanto("top", "--once", "--json"))
        (row,) = [s for s in status["services"] if s["service"] == "workshop/workshop.hold"]
        assert (row["running"], row["waiting"]) == (1, 1)
        percents = [worker["cpu_percent"] for worker in status["workers"]]
        assert percents and all(isinstance(percent, (int, float)) for percent in percents)
    finally:
        (tmp_path / "go").touch()
        first.result(), second.result()


def test_where_there_is_no_terminal_it_prints_once(service):
    assert leanto("top").count("leanto ") == 1


def test_json_goes_on_line_by_line(service):
    process = subprocess.Popen(
        [os.environ["LEANTO_BINARY"], "top", "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert looks[1]["uptime"] > looks[0]["uptime"]
    finally:
        process.stdout.close()
        assert process.wait(LIMIT) == -signal.SIGPIPE, "who reads no more ends it"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (b"q", 0),
        (b"\x04", 0),
        (b"\x03", 130),
        (signal.SIGINT, 130),
        (signal.SIGTERM, 143),
        (signal.SIGHUP, 129),
    ],
    ids=str,
)
def test_whatever_ends_it_the_terminal_is_as_before(service, how, code):
    with Terminal("top") as terminal:
        assert b"counter/counter.add" in terminal.read_until(
            ENTER + rb"(.|\n)*WORKER OF(.|\n)*idle"
        )
        assert not terminal.is_as_before()
        if isinstance(how, bytes):
            terminal.press(how)
        else:
            terminal.process.send_signal(how)
        assert terminal.finish() == code
        assert is_left(terminal.written)
        assert terminal.is_as_before()


def test_it_follows_the_size_of_the_window(service):
    with Terminal("top", columns=100, rows=30) as terminal:
        terminal.read_until(rb"WORKER OF(.|\n)*\x1b\[J")
        terminal.resize(30, 6)
        narrow = without_escapes(terminal.read_until(rb"more lines(.|\n)*\x1b\[J"))
        last = narrow[narrow.rindex("leanto ") :].splitlines()
        assert len(last) <= 6 and all(len(line) <= 30 for line in last), last
        terminal.resize(120, 30)
        terminal.read_until(rb"of memory, (.|\n)*WORKER OF(.|\n)*\x1b\[J")
        terminal.press(b"q")
        assert terminal.finish() == 0


def test_stopped_it_gives_the_terminal_back_and_takes_it_again(service):
    with Terminal("top") as terminal:
        terminal.read_until(ENTER)
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.read_until(LEAVE)
        assert wait_until(terminal.is_as_before)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until(ENTER + rb"(.|\n)*WORKER OF")
        terminal.press(b"q")
        assert terminal.finish() == 0


def test_it_waits_for_a_node_that_has_gone(own_home, lt):
    lt.function(counter.add).to(lt.here)
    with Terminal("top") as terminal:
        terminal.read_until(rb"WORKER OF")
        leanto("stop")
        terminal.read_until(rb"no node is running here")
        leanto("node", "--detach")
        terminal.read_until(rb"No service has a worker")
        terminal.press(b"q")
        assert terminal.finish() == 0
