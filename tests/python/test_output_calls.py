"""Overlapping calls get exactly their own output, in order, also from threads and children."""

from __future__ import annotations

import pytest
from output_worker import PYTHONS, run_worker


@pytest.fixture(params=PYTHONS, ids=lambda path: path.split("/")[-3] if "/" in path else path)
def worker(request):
    return lambda body, **options: run_worker(request.param, body, **options)


def numbered(prefix, count):
    return "".join(f"{prefix} {i}\n" for i in range(count))


def test_overlapping_calls_on_threads_each_get_their_own_lines_in_order(worker):
    daemon = worker("""
        def noisy(name):
            def function():
                for i in range(1000):
                    print(name, i)
                    if i % 10 == 0:
                        print(name, i, file=sys.stderr)
            return function
        run(noisy("a"), noisy("b"), noisy("c"))
    """)
    for number, name in enumerate("abc", 1):
        assert daemon.text(number, 1) == numbered(name, 1000)
        assert daemon.text(number, 2) == "".join(f"{name} {i}\n" for i in range(0, 1000, 10))
    assert {piece[0] for piece in daemon.pieces} == {1, 2, 3}


def test_stdout_and_stderr_of_a_call_keep_their_order(worker):
    daemon = worker("""
        def function():
            for i in range(200):
                print(i, file=(sys.stdout, sys.stderr)[i % 2])
        run(function, function)
    """)
    for number in (1, 2):
        assert daemon.text(number) == "".join(f"{i}\n" for i in range(200))


def test_children_and_prints_of_overlapping_calls_keep_their_order(worker):
    daemon = worker("""
        import subprocess
        def function(name):
            def body():
                for i in range(1000):
                    print(name, i)
                    if i % 100 == 50:
                        subprocess.run(["echo", name + " echo"])
            return body
        run(function("a"), function("b"), function("c"))
    """)
    for number, name in enumerate("abc", 1):
        lines = []
        for i in range(1000):
            lines.append(f"{name} {i}\n")
            if i % 100 == 50:
                lines.append(f"{name} echo\n")
        assert daemon.text(number) == "".join(lines)


CHILDREN = {
    "run": "subprocess.run(SH, check=True)",
    "to stdout by name": "subprocess.run(SH, stdout=sys.stdout, stderr=sys.stderr)",
    "to stdout by number": "subprocess.run(SH, stdout=1, stderr=2)",
    "shell without close_fds": "subprocess.run(SH[2], shell=True, close_fds=False)",
    "preexec_fn": "subprocess.run(SH, preexec_fn=lambda: None)",
    "os.system": "assert os.system(SH[2] + '; exit 3') == 3 << 8",
    "os.posix_spawn": "os.waitpid(os.posix_spawn('/bin/sh', SH, os.environ), 0)",
    "os.posix_spawnp": "os.waitpid(os.posix_spawnp('sh', SH, os.environ), 0)",
    "os.spawnvp": "os.spawnvp(os.P_WAIT, 'sh', SH)",
    "fork and exec": "pid = os.fork()\n    if not pid: os.execvp('sh', SH)\n    os.waitpid(pid, 0)",
}


@pytest.mark.parametrize("how", CHILDREN)
def test_children_write_to_the_call_that_starts_them(worker, how):
    daemon = worker(f"""
import subprocess
SH = ["sh", "-c", "echo out; echo err >&2"]
ready = threading.Barrier(2)
def child():
    print("before", end="")
    ready.wait()
    {CHILDREN[how]}
    print("after")
def other():
    ready.wait()
    print("other")
run(child, other)
""")
    assert daemon.text(1, 1) == "beforeout\nafter\n"
    assert daemon.text(1, 2) == "err\n"
    assert daemon.text(2) == "other\n"
    assert daemon.text(None) == ""


def test_captured_and_merged_streams_of_children_stay_as_they_were_asked_for(worker):
    daemon = worker("""
        import subprocess
        SH = ["sh", "-c", "echo out; echo err >&2"]
        def function():
            both = subprocess.run(SH, capture_output=True, text=True)
            assert (both.stdout, both.stderr) == ("out\\n", "err\\n")
            merged = subprocess.run(SH, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert merged.stdout == b"out\\nerr\\n"
            assert os.popen("echo popen; echo perr >&2").read() == "popen\\n"
            subprocess.run(SH, stderr=subprocess.STDOUT)
            subprocess.run(SH, stdout=subprocess.DEVNULL)
            null = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
            os.waitpid(os.posix_spawn("/bin/sh", SH, os.environ, file_actions=null), 0)
        run(function)
    """)
    assert daemon.text(1, 1) == "out\nerr\n"
    assert daemon.text(1, 2) == "perr\nerr\nerr\n"


def test_a_call_that_only_captures_its_children_gets_no_pipes(worker):
    daemon = worker("""
        import subprocess
        def function():
            subprocess.run(["true"], capture_output=True)
            assert not output.process.owners
            print("fine")
        run(function)
    """)
    assert daemon.text(1) == "fine\n"


def test_the_pipes_of_a_call_are_closed_at_its_end(worker):
    daemon = worker("""
        import subprocess
        run()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            run(lambda: subprocess.run(["true"]), lambda: os.system("true"))
        assert len(os.listdir("/proc/self/fd")) == before
        print("fine")
    """)
    assert daemon.text(0) == "fine\n"


def test_asyncio_tasks_and_their_subprocesses_and_threads_are_told_apart(worker):
    daemon = worker("""
        import asyncio
        async def call(number):
            output.current_call.set(me := output.CallOutput(number))
            async def part(i):
                await asyncio.sleep(0)
                print(f"part {i} of {number}")
            await asyncio.gather(*(part(i) for i in range(50)))
            child = await asyncio.create_subprocess_exec("echo", f"child of {number}")
            await child.wait()
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, print, f"thread of {number}")
            await asyncio.to_thread(print, f"another of {number}")
            output.finish(me)
        async def main():
            await asyncio.gather(*(asyncio.create_task(call(n)) for n in (1, 2, 3)))
        asyncio.run(main())
    """)
    for number in (1, 2, 3):
        parts = "".join(f"part {i} of {number}\n" for i in range(50))
        rest = f"child of {number}\nthread of {number}\nanother of {number}\n"
        assert daemon.text(number) == parts + rest
    assert daemon.text(0) == daemon.text(None) == ""


def test_threads_and_shared_thread_pools_write_for_whoever_gave_them_the_work(worker):
    daemon = worker("""
        import importlib.util
        assert importlib.util.find_spec("concurrent.futures.thread")  # a look is no import
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(2)
        turn = threading.Barrier(2)
        variable = contextvars.ContextVar("variable", default="untouched")
        def function(name):
            def body():
                variable.set("set")
                turn.wait()
                for i in range(100):
                    pool.submit(print, name, i).result()
                nested = lambda: inner.start() or inner.join()
                inner = threading.Thread(target=print, args=(name, "inner", variable.get()))
                outer = threading.Thread(target=nested)
                outer.start(), outer.join()
                seen = []
                thread = threading.Thread(target=lambda: seen.append(variable.get()))
                thread.start(), thread.join()
                assert seen == ["untouched"], seen
                def broken():
                    raise ValueError(name)
                assert pool.submit(broken).exception().__traceback__.tb_next.tb_next is None
                thread = threading.Thread(target=broken)
                thread.start(), thread.join()
            return body
        run(function("a"), function("b"))
        pool.submit(print, "of no call").result()
    """)
    for number, name in enumerate("ab", 1):
        assert daemon.text(number, 1) == numbered(name, 100) + f"{name} inner set\n"
        assert f"ValueError: {name}\n" in daemon.text(number, 2)
    assert daemon.text(0) == "of no call\n"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_children_write_to_their_call(worker, method):
    daemon = worker(f"""
        import multiprocessing, subprocess
        context = multiprocessing.get_context({method!r})
        def function(name):
            def body():
                print(name, "starts")
                child = context.Process(target=print, args=(name, "in a child"))
                child.start()
                child.join()
                assert child.exitcode == 0
                with context.Pool(2) as pool:
                    assert pool.map(abs, [-1, -2]) == [1, 2]
                    pool.apply(print, (name, "in a pool"))
                    pool.apply(os.system, (f"echo {{name}} below a pool",))
                    pool.close()
                    pool.join()
                print(name, "ends")
            return body
        run(function("a"), function("b"))
    """)
    for number, name in enumerate("ab", 1):
        text = daemon.text(number)
        lines = ["starts", "in a child", "in a pool", "below a pool", "ends"]
        expected = [f"{name} {line}" for line in lines]
        assert sorted(text.splitlines()) == sorted(expected)
        assert text.startswith("\n".join(expected[:2])) and text.endswith("ends\n")
    assert daemon.text(0) == daemon.text(None) == ""


def test_a_forked_child_writes_only_its_own_text_and_also_below_python(worker):
    daemon = worker("""
        import ctypes
        def function():
            print("parent", end=" ")
            pid = os.fork()
            if pid == 0:
                assert not output.process.register_pipes
                print("child", end="")
                sys.stdout.flush()
                os.write(1, b" raw\\n")
                os.write(2, b"raw err\\n")
                print("child err", file=sys.stderr)
                os.system("echo grandchild")
                os._exit(0)
            os.waitpid(pid, 0)
            print("end")
        run(function, lambda: print("other"))
    """)
    assert daemon.text(1, 1) == "parent child raw\ngrandchild\nend\n"
    assert sorted(daemon.text(1, 2).splitlines()) == ["child err", "raw err"]
    assert daemon.text(2) == "other\n"


def test_a_fork_while_other_threads_print_does_not_hang_the_child(worker):
    daemon = worker("""
        stop = threading.Event()
        def printing():
            while not stop.is_set():
                print("busy")
        def forking():
            for _ in range(30):
                pid = os.fork()
                if pid == 0:
                    print("child")
                    os._exit(0)
                os.waitpid(pid, 0)
            stop.set()
        def both():
            threads = [threading.Thread(target=printing) for _ in range(2)]
            [thread.start() for thread in threads]
            forking()
            [thread.join() for thread in threads]
        run(both, printing)
    """)
    assert daemon.text(1).count("child\n") == 30
    assert set(daemon.text(2).splitlines()) == {"busy"}


def test_the_lines_of_threads_of_one_call_stay_whole(worker):
    daemon = worker("""
        from concurrent.futures import ThreadPoolExecutor
        def function():
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda i: print("line", i, "of", "many"), range(2000)))
            thread = threading.Thread(target=print, args=("dots",), kwargs={"end": ""})
            thread.start(), thread.join()
        run(function)
    """)
    *lines, last = daemon.text(1).split("\n")
    assert sorted(lines) == sorted(f"line {i} of many" for i in range(2000))
    assert last == "dots"


def test_what_a_left_over_thread_writes_still_names_its_call(worker):
    daemon = worker("""
        import subprocess
        go = threading.Event()
        def late():
            go.wait()
            print("late", end="")
            subprocess.run(["echo", "child"])
            print("really", end="")
        def silent():
            threads.append(threading.Thread(target=late))
            threads[-1].start()
        def noisy():
            print("first", end=" ")
            os.system("true")
            silent()
        threads = []
        serve(1, silent)
        serve(2, noisy)
        go.set()
        [thread.join() for thread in threads]
        assert not output.process.owners
    """)
    assert daemon.text(1) == "latereally"
    assert daemon.text(2) == "first latereally"
    assert daemon.text(None) == "child\nchild\n"


def test_a_call_goes_on_without_pipes_of_its_own_where_they_cannot_be_made(worker):
    daemon = worker("""
        def refuse(call, *fds):
            [os.close(fd) for fd in fds]
            raise OSError("no daemon")
        output.process.register_pipes = refuse
        before = len(os.listdir("/proc/self/fd"))
        serve(1, lambda: os.system("echo child") or print("parent"))
        assert len(os.listdir("/proc/self/fd")) == before
    """)
    assert daemon.text(1) == "parent\n"
    assert daemon.text(None) == "child\n"
