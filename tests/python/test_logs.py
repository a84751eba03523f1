"""What a call writes reaches its caller while it runs: all of its own lines, in order."""

import asyncio
import json
import sys
import threading

import pytest
from clients import Client
from conftest import ROOT, leanto, wait_until

WORKSHOP = ROOT / "tests" / "projects" / "workshop"
sys.path.insert(0, str(WORKSHOP))
import workshop  # noqa: E402


@pytest.fixture
def client():
    """A program that has the workshop at hand, so that its output can be watched from outside."""
    with new_client() as client:
        yield client


def new_client():
    client = Client(WORKSHOP)
    client.do("import workshop")
    return client


def call(name, *arguments, options="", ways=""):
    """The source of a call of a function of the workshop."""
    given = ", ".join(map(repr, arguments))
    return f"lt.function(workshop.{name}).options({options}).to(lt.here){ways}({given})"


def talked(tag, n):
    out = [f"{tag} {word} {i}" for i in range(n) for word in ("print", "child", "thread")]
    return out, [f"{tag} error {i}" for i in range(n)]


def test_a_line_arrives_while_the_call_runs(client, tmp_path):
    released = tmp_path / "go"
    client.start(call("write_both", str(released)))
    assert wait_until(
        lambda: client.said() == "to the one\n" and client.complained() == "to the other\n"
    )
    assert not client.has_answered()
    released.touch()
    assert client.answer() is None
    assert (client.said(), client.complained()) == ("to the one\n", "to the other\n")


def test_an_unfinished_line_that_is_flushed_arrives_too(client, tmp_path):
    released = tmp_path / "go"
    client.start(call("write_then_hold", "50 %\r", str(released)))
    assert wait_until(lambda: client.out.read_bytes() == b"50 %\r" or client.has_answered())
    assert not client.has_answered()
    released.touch()
    client.answer()
    assert client.out.read_bytes() == b"50 %\r"


def test_the_two_streams_stay_apart_and_in_order_with_children_and_threads(client):
    client.do(call("talk", "a", 20))
    assert (client.said().splitlines(), client.complained().splitlines()) == talked("a", 20)


def test_what_is_written_in_parts_is_what_arrives(client):
    sample = str(ROOT / "tests" / "projects" / "sample")
    client.do(f"import sys; sys.path.append({sample!r}); import shop")
    client.do("lt.function(shop.say).to(lt.here)('one ', 'two\\n', 'three', end='')")
    assert client.said() == "one two\nthree"


def test_loggers_and_warnings_are_written_to_the_error_stream(client):
    client.do(call("log_and_warn"))
    assert "logged\n" in client.complained()
    assert "UserWarning: warned\n" in client.complained()
    assert client.said() == ""


def test_bytes_that_are_no_text_do_not_end_the_call(client):
    client.do(call("write_bytes"))
    first, second = client.said().splitlines()
    assert first == "grüße ☃"
    assert second.startswith("not utf-8: ")


def test_overlapping_calls_of_one_worker_get_their_own_lines_each(client, tmp_path):
    meeting = [str(tmp_path / "a"), str(tmp_path / "b")]
    with new_client() as other:
        for who in (client, other):
            who.do(
                "f = lt.function(workshop.talk_together)"
                ".options(concurrency=10, workers=1).to(lt.here)"
            )
        client.start(f"f('a', *{meeting}, 25)")
        other.start(f"f('b', *{meeting[::-1]}, 25)")
        assert client.answer() == other.answer(), "it was one worker"
        assert (client.said().splitlines(), client.complained().splitlines()) == talked("a", 25)
        assert (other.said().splitlines(), other.complained().splitlines()) == talked("b", 25)


def test_overlapping_coroutines_get_their_own_lines_each(client):
    with new_client() as other:
        for who, tag in ((client, "a"), (other, "b")):
            who.start(call("talk_later", tag, 300, options="concurrency=10, workers=1"))
        client.answer()
        other.answer()
        assert client.said().splitlines() == [f"a {i}" for i in range(300)]
        assert other.said().splitlines() == [f"b {i}" for i in range(300)]


def test_calls_from_the_threads_of_one_program_keep_their_lines_whole(client):
    client.do("import threading")
    client.do(f"f = {call('talk', 0, 0)[: -len('(0, 0)')]}")
    client.do("threads = [threading.Thread(target=f, args=(f't{i}', 5)) for i in range(4)]")
    client.do("[thread.start() for thread in threads]")
    client.do("[thread.join() for thread in threads]")
    lines = client.said().splitlines()
    for i in range(4):
        assert [line for line in lines if line.startswith(f"t{i} ")] == talked(f"t{i}", 5)[0]
    assert len(lines) == 4 * 15


def test_what_c_code_prints_belongs_to_the_call_that_runs_alone(client):
    client.do(call("print_in_c", "from C"))
    assert client.said() == "from C\n"


def test_c_and_python_keep_their_order(client):
    client.do(call("print_in_c_and_here", 50))
    assert client.said().splitlines() == [
        line for i in range(50) for line in (f"c {i}", f"python {i}")
    ]


def test_a_burst_arrives_complete_and_in_order(client):
    client.do(call("burst", 2000))
    assert client.said().splitlines() == [f"line {i}" for i in range(2000)]


def test_lines_come_before_the_item_that_follows_them(client):
    client.do(f"for item in {call('print_and_yield', 3)}: print('got', item, flush=True)")
    lines = client.said().splitlines()
    for i in range(3):
        assert lines.index(f"before {i}") < lines.index(f"got {i}")
    assert len(lines) == 6


def test_lines_of_a_call_come_before_its_value(client):
    client.do(f"for i in range(20): {call('burst', 3)}; print('value', flush=True)")
    assert client.said() == "line 0\nline 1\nline 2\nvalue\n" * 20


def test_without_stream_logs_nothing_arrives(client):
    client.do(call("burst", 3, options="stream_logs=False"))
    assert client.said() == client.complained() == ""


def test_the_log_of_every_name_of_a_service_has_what_it_wrote(client):
    client.do(call("burst", 0))
    client.do(call("burst", 3, options="name='quiet'"))
    assert leanto("logs", "quiet") == "line 0\nline 1\nline 2\n"


def test_awaited_calls_stream_their_lines(client):
    client.do("import asyncio")
    client.do(
        f"async def main(): await asyncio.gather({call('burst', 50, ways='.aio')}, "
        f"{call('talk', 'a', 5, ways='.aio')})"
    )
    client.do("asyncio.run(main())")
    lines = client.said().splitlines()
    assert [line for line in lines if line.startswith("line")] == [f"line {i}" for i in range(50)]
    assert [line for line in lines if line.startswith("a ")] == talked("a", 5)[0]
    assert client.complained().splitlines() == talked("a", 5)[1]


def test_what_a_nested_call_writes_reaches_the_outer_caller(client):
    client.do("lt.function(workshop.burst).to(lt.here).save('workshop burst')")
    client.do(call("print_nested", "all"))
    assert client.said().splitlines() == ["before", "line 0", "line 1", "after all"]


def test_objects_stream_what_their_methods_and_properties_write(client):
    client.do("speaker = lt.cls(workshop.Speaker).to(lt.here)()")
    client.do("speaker.say('hello')")
    assert client.do("speaker.word") == "word"
    assert client.said().splitlines() == ["made", "hello", "read"]


def test_a_failing_call_has_its_lines_too(client):
    with pytest.raises(AssertionError, match="WorkerDiedError"):
        client.do(call("print_then_die", 30))
    assert client.said() == "".join(f"last words {i}\n" for i in range(30)) + "without an end"


def test_the_log_has_what_a_service_wrote(client):
    client.do(call("talk_on_record", "first", 3, options="name='talkative'"))
    client.do(call("talk_on_record", "second", 2, options="name='talkative'"))
    rows = [json.loads(line) for line in leanto("logs", "talkative", "--json").splitlines()]
    for tag, n in (("first", 3), ("second", 2)):
        out, err = talked(tag, n)
        own = [row for row in rows if row["text"].startswith(tag)]
        assert "".join(row["text"] for row in own if row["stream"] == "stdout").splitlines() == out
        assert "".join(row["text"] for row in own if row["stream"] == "stderr").splitlines() == err
        assert len({row["call"] for row in own}) == 1
    assert len({row["call"] for row in rows}) == 2
    assert (
        leanto("logs", "talkative").splitlines() == talked("first", 3)[0] + talked("second", 2)[0]
    )
    assert len(leanto("logs", "talkative", "-n", 2).splitlines()) == 2


def test_the_log_of_a_name_that_is_not_there_is_an_error():
    with pytest.raises(AssertionError, match="talktive"):
        leanto("logs", "talktive")


def test_output_closed_here_loses_no_call(client):
    client.do("import sys; sys.stdout.close()")
    assert isinstance(client.do(call("talk", "a", 3)), int)
    client.do("sys.stdout = None")
    assert isinstance(client.do(call("talk", "a", 3)), int)


def test_lines_of_this_very_process_go_to_its_own_streams(sent, capsys):
    talk = sent(workshop.talk)
    talk("here", 3)
    captured = capsys.readouterr()
    assert (captured.out.splitlines(), captured.err.splitlines()) == talked("here", 3)

    async def main():
        await talk.aio("later", 3)

    asyncio.run(main())
    captured = capsys.readouterr()
    assert (captured.out.splitlines(), captured.err.splitlines()) == talked("later", 3)

    thread = threading.Thread(target=talk, args=("thread", 3))
    thread.start()
    thread.join()
    captured = capsys.readouterr()
    assert (captured.out.splitlines(), captured.err.splitlines()) == talked("thread", 3)
