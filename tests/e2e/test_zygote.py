"""Zygotes learn what services import, and import ahead of workers what bears a fork."""

import os
import pathlib
import subprocess
import sys

import pytest
from clients import Client, write_project
from conftest import ROOT, node_status, wait_until

SEND = "lt.function(app.f).to(lt.here)"

# Packages as they are installed: each notes which process imported it.
PACKAGES = {
    "marked/__init__.py": "import os\n\nfrom marked import inner\n\nPID = os.getpid()\n",
    "marked/inner.py": "",
    "restless/__init__.py": (
        "import os, threading\n\n"
        "PID = os.getpid()\n"
        "asked, answers = threading.Semaphore(0), []\n\n"
        "def answer():\n"
        "    while True:\n"
        "        asked.acquire()\n"
        "        answers.append(os.getpid())\n\n"
        "threading.Thread(target=answer, daemon=True).start()\n"
    ),
    "picky/__init__.py": (
        "import os, sys\n\n"
        "PID = os.getpid()\n"
        "if 'app' not in sys.modules:\n"
        "    raise RuntimeError('only together with its app')\n"
    ),
}

APP = """
import os
import NAME

def f():
    return [NAME.PID, os.getpid()]
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter of its own, with packages of its own."""
    home = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    write_project(site, PACKAGES)
    return str(home / "bin" / "python")


def zygote_of(python):
    rows = [row for row in node_status()["zygotes"] if row["python"] == python]
    assert len(rows) <= 1
    return rows[0] if rows else None


def wait_until_warm(python, modules):
    """Wait until the zygote has imported that many modules ahead; returns its pid."""

    def is_warm():
        zygote = zygote_of(python)
        return zygote is not None and zygote["modules"] >= modules and not zygote["renewing"]

    assert wait_until(is_warm, 60), f"{zygote_of(python)}"
    return zygote_of(python)["pid"]


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "p", {"app.py": APP.replace("NAME", "marked")})


def edited(project):
    """Change the project, so that a new worker is needed."""
    with open(project / "app.py", "a") as file:
        file.write("\n# edited\n")


def test_what_a_service_imports_is_imported_ahead_for_later_workers(own_home, python, project):
    with Client(project, python=python) as client:
        client.do("import app")
        importer, worker = client.do(f"{SEND}()")
        assert importer == worker, "nobody knew of the package before"
        zygote = wait_until_warm(python, 2)
        edited(project)
        importer, worker = client.do(f"{SEND}()")
        assert worker != importer == zygote


def test_what_was_learned_is_known_after_a_restart(own_home, python, project):
    from conftest import leanto

    with Client(project, python=python) as client:
        client.do("import app")
        client.do(f"{SEND}()")
        wait_until_warm(python, 2)
        leanto("stop")
        client.do("lt.here.keys()")
        zygote = wait_until_warm(python, 2)
        importer, worker = client.do(f"{SEND}()")
        assert worker != importer == zygote


def test_what_is_imported_inside_a_function_is_learned_too(own_home, python, project):
    (project / "app.py").write_text(
        "def f():\n    import marked, os\n    return [marked.PID, os.getpid()]\n"
    )
    with Client(project, python=python) as client:
        client.do("import app")
        assert len(set(client.do(f"{SEND}()"))) == 1
        zygote = wait_until_warm(python, 2)
        edited(project)
        assert client.do(f"{SEND}()")[0] == zygote


def test_modules_of_projects_are_not_imported_ahead(own_home, python, project):
    app = "import marked, os, own\n\ndef f():\n    return [own.PID, os.getpid()]\n"
    write_project(project, {"app.py": app, "own.py": "import os\nPID = os.getpid()\n"})
    with Client(project, python=python) as client:
        client.do("import app")
        for _ in range(2):
            importer, worker = client.do(f"{SEND}()")
            assert importer == worker
            wait_until_warm(python, 2)
            edited(project)


def test_a_package_that_leaves_a_thread_behind_is_refused_and_works(own_home, python, project):
    text = (
        "import os, time\nimport marked, restless\n\n"
        "def f():\n"
        "    restless.asked.release()\n"
        "    while not restless.answers:\n        time.sleep(0.001)\n"
        "    return [restless.PID, marked.PID, os.getpid(), restless.answers[0]]\n"
    )
    (project / "app.py").write_text(text)
    with Client(project, python=python) as client:
        client.do("import app")
        client.do(f"{SEND}()")
        zygote = wait_until_warm(python, 2)
        threads = len(os.listdir(f"/proc/{zygote}/task"))
        assert threads == 1
        edited(project)
        restless, marked, worker, answered = client.do(f"{SEND}()")
        assert restless == worker == answered, "its thread runs where it's used"
        assert marked == zygote, "the others are imported ahead all the same"


def test_a_package_that_cannot_be_imported_ahead_is_refused_and_works(own_home, python, project):
    (project / "app.py").write_text(
        "import marked, os, picky\n\ndef f():\n    return [picky.PID, marked.PID, os.getpid()]\n"
    )
    with Client(project, python=python) as client:
        client.do("import app")
        client.do(f"{SEND}()")
        zygote = wait_until_warm(python, 2)
        edited(project)
        picky, marked, worker = client.do(f"{SEND}()")
        assert picky == worker
        assert marked == zygote


LATE = """
def late(started, released):
    import time

    open(started, "w").close()
    while not os.path.exists(released):
        time.sleep(0.001)
    return os.getpid()
"""


def test_a_worker_that_runs_keeps_running_when_its_zygote_is_renewed(
    own_home, python, project, tmp_path
):
    (project / "app.py").write_text(APP.replace("NAME", "marked") + LATE)
    started, released = tmp_path / "started", tmp_path / "go"
    with Client(project, python=python) as client, Client(project, python=python) as other:
        client.do("import app")
        other.do("import app")
        client.start(f"lt.function(app.late).to(lt.here)({str(started)!r}, {str(released)!r})")
        assert wait_until(started.exists)
        other.do(f"{SEND}()")
        wait_until_warm(python, 2)
        released.touch()
        assert client.answer() > 0


def test_each_interpreter_has_a_zygote_of_its_own(own_home, python, tmp_path):
    project = write_project(
        tmp_path / "p", {"app.py": "import sys\n\ndef f():\n    return sys.prefix\n"}
    )
    with Client(project, python=python) as one, Client(project) as other:
        one.do("import app")
        other.do("import app")
        assert one.do(f"{SEND}()") == str(pathlib.Path(python).parent.parent)
        assert other.do(f"{SEND}()") == sys.prefix
    assert {row["python"] for row in node_status()["zygotes"]} >= {python, sys.executable}


# With numpy, which is real


NUMBERS = """
import os
import numpy

def f():
    return [numpy.random.random(3).tolist(), numpy.__file__, os.getpid()]
"""


def test_workers_of_one_zygote_draw_different_numbers(own_home, tmp_path):
    pytest.importorskip("numpy")
    project = write_project(tmp_path / "p", {"app.py": NUMBERS})
    with Client(project) as client:
        client.do("import app")
        client.do(f"{SEND}()")
        wait_until_warm(sys.executable, 20)
        drawn = []
        for _ in range(3):
            edited(project)
            numbers, _, worker = client.do(f"{SEND}()")
            drawn.append((tuple(numbers), worker))
        assert len({numbers for numbers, _ in drawn}) == len({worker for _, worker in drawn}) == 3


def test_pythons_own_numbers_differ_too(own_home, tmp_path):
    project = write_project(
        tmp_path / "p", {"app.py": "import random\n\ndef f():\n    return random.random()\n"}
    )
    with Client(project) as client:
        client.do("import app")
        drawn = set()
        for _ in range(3):
            edited(project)
            drawn.add(client.do(f"{SEND}()"))
        assert len(drawn) == 3


# What user code may do


POOLS = """
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

def square(x):
    print("squaring", x, flush=True)
    return x * x, os.getpid()

def put(queue):
    queue.put(os.getpid())

def f(method):
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        mapped = pool.map(square, range(4))
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        mapped += list(pool.map(square, range(4)))
    queue = context.Queue()
    process = context.Process(target=put, args=(queue,))
    process.start()
    other = queue.get()
    process.join()
    assert other != os.getpid() and os.getpid() not in [pid for _, pid in mapped]
    return [x for x, _ in mapped] + [process.exitcode]
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works_in_user_code(own_home, tmp_path, method):
    project = write_project(tmp_path / "p", {"app.py": POOLS})
    with Client(project) as client:
        client.do("import app")
        assert client.do(f"{SEND}({method!r})") == [0, 1, 4, 9, 0, 1, 4, 9, 0], client.complained()
        assert client.do(f"{SEND}({method!r})") == [0, 1, 4, 9, 0, 1, 4, 9, 0], client.complained()
        if method != "forkserver":  # see python/leanto/worker/output.py
            assert sorted(client.said().split("\n")[:-1]) == sorted(
                f"squaring {x}" for x in (0, 1, 2, 3) for _ in range(4)
            )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_works_in_a_script(own_home, tmp_path, method):
    from clients import run_script

    text = (
        "import leanto as lt\n"
        + POOLS
        + "\nif __name__ == '__main__':\n"
        + "    remote = lt.function(f).options(stream_logs=False).to(lt.here)\n"
        + f"    print(remote({method!r}))\n"
    )
    project = write_project(tmp_path / "p", {"main.py": text})
    assert run_script(project, "main.py").stdout == "[0, 1, 4, 9, 0, 1, 4, 9, 0]\n"


FORKS = """
import os

def f():
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


def test_a_fork_by_hand_leaves_the_worker_usable(own_home, tmp_path):
    project = write_project(tmp_path / "p", {"app.py": FORKS})
    with Client(project) as client:
        client.do("import app")
        assert [client.do(f"{SEND}()") for _ in range(3)] == [7, 7, 7]


TERMINATED = """
import os, signal, threading

def terminate_early():
    pid = os.fork()
    if pid == 0:
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
    os.kill(pid, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def f():
    return {terminate_early() for _ in range(50)}
"""


def test_what_user_code_forks_ends_by_sigterm_at_any_moment(own_home, tmp_path):
    project = write_project(tmp_path / "p", {"app.py": TERMINATED})
    with Client(project) as client:
        client.do("import app")
        assert client.do(f"list({SEND}())") == [-15]


def test_a_file_that_an_object_keeps_open_serves_calls_of_all_its_threads(own_home, tmp_path):
    workshop = ROOT / "tests" / "projects" / "workshop"
    path, released = tmp_path / "file", tmp_path / "go"
    with Client(workshop) as client:
        client.do("import workshop, threading, os")
        client.do(f"shelf = lt.cls(workshop.Shelf).to(lt.here)({str(path)!r})")
        client.do("shelf.add('first')")
        client.do(
            "def add(i):\n"
            f"    started = {str(tmp_path / 'started')!r} + str(i)\n"
            f"    shelf.add_slowly(f'line {{i}}', started, {str(released)!r})"
        )
        client.do("threads = [threading.Thread(target=add, args=(i,)) for i in range(4)]")
        client.do("for thread in threads: thread.start()")
        assert wait_until(lambda: len(list(tmp_path.glob("started*"))) == 4)
        client.do("shelf.add('last')")
        released.touch()
        client.do("for thread in threads: thread.join()")
        text, threads = client.do("shelf.read()")
    assert sorted(text.splitlines()) == ["first", "last", "line 0", "line 1", "line 2", "line 3"]
    assert threads >= 4, "they were calls of different threads"
