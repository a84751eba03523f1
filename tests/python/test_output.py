"""What a call writes arrives whole, and its streams behave like those of any Python program."""

from __future__ import annotations

import json
import os
import sys

import pytest
from output_worker import PYTHONS, ROOT, run_worker

sys.path.insert(0, str(ROOT / "python"))

from leanto.worker import output  # noqa: E402

GOLDEN = ROOT / "tests" / "golden" / "output"


@pytest.fixture(params=PYTHONS, ids=lambda path: path.split("/")[-3] if "/" in path else path)
def worker(request):
    return lambda body, **options: run_worker(request.param, body, **options)


def test_partial_lines_are_kept_together_and_the_last_one_is_not_lost(worker):
    daemon = worker("""
        turn = threading.Barrier(2)
        def function(name):
            def body():
                for _ in range(3):
                    turn.wait()
                    print(name, end="")
                sys.stdout.write("!\\nlast of " + name)
            return body
        run(function("a"), function("b"))
    """)
    assert [piece[1:] for piece in daemon.pieces if piece[0] == 1] == [
        (1, b"aaa!\n"),
        (1, b"last of a"),
    ]
    assert daemon.text(2) == "bbb!\nlast of b"


def test_the_last_line_of_the_service_itself_is_sent_when_the_worker_ends(worker):
    assert worker("print('no end', end='')").text(0) == "no end"


def test_a_worker_that_is_killed_has_sent_its_whole_lines(worker):
    daemon = worker(
        """
        def function():
            print("the last line")
            os.kill(os.getpid(), 9)
        run(function)
        """,
        expect_code=256 - 9,
    )
    assert daemon.text(1) == "the last line\n"


def test_carriage_returns_and_flush_send_at_once(worker):
    daemon = worker("""
        def function():
            sys.stderr.write("\\r 10%")
            sys.stderr.flush()
            sys.stderr.write("\\r 20%")
            sys.stderr.flush()
            print("no end", end="", flush=True)
        run(function)
    """)
    texts = [piece[2] for piece in daemon.pieces]
    assert b"".join(texts[:-1]) == b"\r 10%\r 20%" and texts[-1] == b"no end"


def test_long_lines_are_split_between_characters_and_arrive_whole(worker):
    daemon = worker("""
        def function(letter):
            return lambda: print(letter * 100_000)
        run(function("x"), function("\\u20ac"), function("\\U0001f600"))
    """)
    for number, letter in enumerate(("x", "\u20ac", "\U0001f600"), 1):
        assert daemon.text(number) == letter * 100_000 + "\n"
        for piece in daemon.pieces:
            if piece[0] == number:
                piece[2].decode()
                assert len(piece[2]) <= output.TEXT_SIZE


def test_surrogates_bytes_and_wrong_types_are_treated_as_by_a_text_file(worker):
    daemon = worker("""
        import io
        def function():
            print("bad \\udc80 end")
            sys.stdout.buffer.write(b"raw \\xff bytes\\n")
            sys.stdout.buffer.write(memoryview(b"view\\n"))
            sys.stdout.writelines(["one\\n", "two\\n"])
            wrapped = io.TextIOWrapper(sys.stdout.buffer, encoding="latin-1")
            wrapped.write("wrapped\\n")
            del wrapped
            for wrong in (lambda: sys.stdout.write(b""), lambda: sys.stdout.buffer.write("")):
                try:
                    wrong()
                except TypeError:
                    continue
                raise AssertionError
            for stream, fd in ((sys.stdout, 1), (sys.__stderr__, 2)):
                assert (stream.fileno(), stream.isatty(), stream.closed) == (fd, False, False)
                assert (stream.encoding, stream.writable(), stream.readable()) == ("utf-8", 1, 0)
                stream.reconfigure(encoding="ascii", line_buffering=False)
                stream.close()
                stream.detach()
            print("still open")
        run(function)
    """)
    got = b"".join(piece[2] for piece in daemon.pieces if piece[:2] == (1, 1))
    assert got == b"bad \\udc80 end\nraw \xff bytes\nview\none\ntwo\nwrapped\nstill open\n"
    assert daemon.text(1, 2) == ""


def test_logging_set_up_in_the_zygote_and_tracebacks_and_warnings_are_attributed(worker):
    daemon = worker("""
        import warnings, faulthandler
        faulthandler.enable()
        def function(name):
            def body():
                logging.info("from %s", name)
                warnings.warn("beware " + name)
                raise RuntimeError(name)
            return body
        run(function("a"), function("b"))
    """)
    for number, name in enumerate("ab", 1):
        text = daemon.text(number, 2)
        assert text.startswith(f"INFO from {name}\n") and f"UserWarning: beware {name}" in text
        assert text.endswith(f"RuntimeError: {name}\n")
    assert daemon.text(0) == daemon.text(None) == ""


def test_redirections_by_user_code_work(worker, tmp_path):
    daemon = worker(f"""
        import contextlib, io, subprocess
        def function():
            with contextlib.redirect_stdout(io.StringIO()) as text:
                print("inside")
            assert text.getvalue() == "inside\\n"
            saved = os.dup(1)
            file = os.open({str(tmp_path / "file")!r}, os.O_WRONLY | os.O_CREAT)
            os.dup2(file, 1)
            print("to the file")
            subprocess.run(["echo", "child to the file"])
            os.system("echo system to the file")
            pid = os.fork()
            if pid == 0:
                print("fork to the file")
                os._exit(0)
            os.waitpid(pid, 0)
            print("still stderr", file=sys.stderr)
            os.dup2(saved, 1)
            print("outside")
        run(function)
    """)
    assert (tmp_path / "file").read_text() == (
        "to the file\nchild to the file\nsystem to the file\nfork to the file\n"
    )
    assert daemon.text(1, 1) == "outside\n"
    assert daemon.text(1, 2) == "still stderr\n"


def test_a_closed_fd_1_does_not_stop_the_output_of_calls(worker):
    daemon = worker("""
        def function():
            os.close(1)
            print("still here")
        run(function)
    """)
    assert daemon.text(1) == "still here\n"


def test_a_print_in_a_signal_handler_neither_hangs_nor_doubles(worker):
    daemon = worker("""
        import signal
        seen = 0
        def handler(*_):
            global seen
            seen += 1
            print("<tick>", end="")
        signal.signal(signal.SIGALRM, handler)
        def body():
            signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
            i = 0
            while seen < 100:
                print("line", i, end=",")
                i += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            print(f"\\n{seen} {i}")
        serve(1, body)
    """)
    text, _, counts = daemon.text(1).rstrip("\n").rpartition("\n")
    ticks, lines = map(int, counts.split())
    assert text.count("<tick>") == ticks
    words = text.replace("<tick>", "").replace(" ", "").split(",")
    assert words == [f"line{i}" for i in range(lines)] + [""]


def test_a_child_that_makes_the_pipe_non_blocking_loses_nothing(worker):
    daemon = worker("""
        def function():
            os.set_blocking(1, False)
            print("x" * 1_000_000)
        run(function)
    """)
    assert daemon.text(1) == "x" * 1_000_000 + "\n"


def test_c_output_is_sent_line_by_line_and_its_last_line_at_the_end_of_the_call(worker):
    daemon = worker("""
        import ctypes
        c = ctypes.CDLL(None)
        c.printf.argtypes = [ctypes.c_char_p]
        def function():
            print("python 1")
            c.printf(b"c 1\\n")
            print("python 2")
            c.printf(b"c last")
        serve(1, function)
        print("of no call")
        sys.stdout.flush()
        os._exit(0)
    """)
    assert [(who, text) for who, _, text in daemon.joined()] == [
        (1, b"python 1\n"),
        (None, b"c 1\n"),
        (1, b"python 2\n"),
        (None, b"c last"),
        (0, b"of no call\n"),
    ]


def test_input_says_why_it_cannot_work(worker):
    daemon = worker("""
        def function():
            for read in (input, sys.stdin.read, sys.stdin.readline, lambda: list(sys.stdin)):
                try:
                    read()
                except EOFError as error:
                    print(error)
            assert sys.stdin.fileno() == 0 and not sys.stdin.isatty()
        run(function)
    """)
    lines = daemon.text(1).splitlines()
    assert len(lines) == 4 and all("pass the value as an argument" in line for line in lines)


def test_install_refuses_a_nonce_of_the_wrong_size():
    with pytest.raises(ValueError, match="16"):
        output.install(b"short", None)


def test_the_golden_records_are_what_python_writes():
    golden = json.loads((GOLDEN / "records.json").read_text())
    nonce = bytes.fromhex(golden["nonce"])
    written = b""
    for write in golden["writes"]:
        text = write["text"].encode() * write.get("times", 1)
        if write["call"] is None:
            written += text
        else:
            written += b"".join(output.records(nonce, write["call"], write["stream"], text))
    path = GOLDEN / "records.bin"
    if os.environ.get("LEANTO_UPDATE_GOLDEN"):
        path.write_bytes(written)
    assert path.read_bytes() == written
