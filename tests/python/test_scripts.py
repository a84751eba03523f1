"""Scripts and modules that send their own functions, with a guard or without."""

from clients import Client, edit, run_script, write_project

SEND = "lt.function(app.f).to(lt.here)"


def test_a_script_without_a_guard_runs_once(tmp_path):
    text = (
        "import leanto as lt\nimport os\n\n"
        "def f(x):\n    return [x * FACTOR, os.getpid()]\n\n"
        "FACTOR = 3\n"
        "open('ran', 'a').write('ran\\n')\n"
        "value, pid = lt.function(f).to(lt.here)(2)\n"
        "assert pid != os.getpid()\n"
        "print(value)\n"
    )
    project = write_project(tmp_path / "p", {"main.py": text})
    assert run_script(project, "main.py").stdout == "6\n"
    assert (project / "ran").read_text() == "ran\n"


def test_a_script_with_a_guard_and_a_class_of_its_own_as_argument_and_result(tmp_path):
    text = (
        "import leanto as lt\n\n"
        "class Point:\n    def __init__(self, x):\n        self.x = x\n\n"
        "class Mistake(Exception):\n    pass\n\n"
        "def move(point, by):\n"
        "    if by < 0:\n        raise Mistake('backwards')\n"
        "    return Point(point.x + by)\n\n"
        "if __name__ == '__main__':\n"
        "    remote = lt.function(move).to(lt.here)\n"
        "    moved = remote(Point(1), 2)\n"
        "    assert type(moved) is Point\n"
        "    print(moved.x)\n"
        "    try:\n        remote(moved, -1)\n"
        "    except Mistake as error:\n        print('caught', error)\n"
    )
    project = write_project(tmp_path / "p", {"main.py": text})
    assert run_script(project, "main.py").stdout == "3\ncaught backwards\n"


def test_a_script_sends_its_own_class(tmp_path):
    text = (
        "import leanto as lt\n\n"
        "class Counter:\n"
        "    def __init__(self):\n        self.n = 0\n\n"
        "    def add(self):\n        self.n += 1\n        return self.n\n\n"
        "counter = lt.cls(Counter).to(lt.here)()\n"
        "print(counter.add(), counter.add(), counter.n)\n"
    )
    assert (
        run_script(write_project(tmp_path / "p", {"main.py": text}), "main.py").stdout == "1 2 2\n"
    )


MODULE = """
import leanto as lt
from . import other

class Box:
    def __init__(self, x):
        self.x = x

def f(box):
    return Box(box.x + other.y)
"""

SEND_AND_CALL = """
remote = lt.function(f).to(lt.here)
box = remote(Box(2))
assert type(box) is Box, type(box)
print(box.x, remote.name)
"""


def package(directory, main):
    files = {
        "pkg/__init__.py": "",
        "pkg/mod.py": MODULE + main,
        "pkg/other.py": "y = 5\n",
        "setup.py": "",
    }
    return write_project(directory, files)


def test_a_module_run_with_m(tmp_path):
    main = "if __name__ == '__main__':" + SEND_AND_CALL.replace("\n", "\n    ")
    assert run_script(package(tmp_path / "p", main), "-m", "pkg.mod").stdout == "7 p/pkg.mod.f\n"


def test_a_module_that_calls_itself_while_it_is_imported_is_told_about_the_guard(
    own_home, tmp_path
):
    done = run_script(package(tmp_path / "p", SEND_AND_CALL), "-m", "pkg.mod", check=False)
    assert done.returncode != 0
    assert 'if __name__ == "__main__":' in done.stderr


def test_an_edited_script_is_current_when_it_is_run_again(tmp_path):
    text = (
        "import leanto as lt\n\ndef f():\n    return 'old'\n\nprint(lt.function(f).to(lt.here)())\n"
    )
    project = write_project(tmp_path / "p", {"main.py": text})
    assert run_script(project, "main.py").stdout == "old\n"
    edit(project / "main.py", "'old'", "'new'")
    assert run_script(project, "main.py").stdout == "new\n"


NESTED = (
    "import leanto as lt\n\n"
    "def g(x):\n    return x + 1\n\n"
    "remote = lt.function(g).to(lt.here)\n\n"
    "def f(x):\n    return remote(x) * 10\n"
)


def test_a_remote_function_of_a_script_is_used_in_another(tmp_path):
    text = NESTED + "\nprint(lt.function(f).to(lt.here)(4))\n"
    assert run_script(write_project(tmp_path / "p", {"main.py": text}), "main.py").stdout == "50\n"


def test_a_remote_function_of_a_module_is_used_in_another(own_home, tmp_path):
    project = write_project(tmp_path / "p", {"app.py": NESTED})
    with Client(project) as client:
        client.do("import app")
        assert client.do(f"{SEND}(4)") == 50
        edit(project / "app.py", "x + 1", "x + 2")
        assert client.do(f"{SEND}(4)") == 60


def test_a_live_object_of_a_script_is_used_in_a_function(tmp_path):
    text = (
        "import leanto as lt\n\n"
        "class Counter:\n    n = 0\n\n"
        "    def add(self):\n        self.n += 1\n        return self.n\n\n"
        "counter = lt.cls(Counter).to(lt.here)()\n\n"
        "def f():\n    return counter.add()\n\n"
        "remote = lt.function(f).to(lt.here)\n"
        "print(remote(), counter.add(), remote())\n"
    )
    assert (
        run_script(write_project(tmp_path / "p", {"main.py": text}), "main.py").stdout == "1 2 3\n"
    )


def test_a_script_started_from_elsewhere_and_through_a_link(tmp_path):
    text = (
        "import leanto as lt\nimport near\n\n"
        "def f():\n    return near.x\n\n"
        "print(lt.function(f).to(lt.here)())\n"
    )
    project = write_project(tmp_path / "p", {"main.py": text, "near.py": "x = 9\n"})
    assert run_script(tmp_path, project / "main.py").stdout == "9\n"
    (tmp_path / "link").symlink_to(project)
    assert run_script(tmp_path, tmp_path / "link" / "main.py").stdout == "9\n"


SHOW = "print(double(4), Counter().add())\n"

REBOUND = """
import leanto as lt

def double(x):
    return 2 * x

class Counter:
    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1
        return self.n

double = lt.function(double).to(lt.here)
Counter = lt.cls(Counter).to(lt.here)
"""

DECORATED = """
import leanto as lt

@lt.function
def double(x):
    return 2 * x

@lt.cls
class Counter:
    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1
        return self.n
"""


def test_a_module_may_give_a_remote_function_the_name_of_its_own(tmp_path):
    project = write_project(tmp_path / "p", {"app.py": REBOUND, "main.py": REBOUND + SHOW})
    with Client(project) as client:
        client.do("import app")
        assert client.do("app.double(4), app.Counter().add()") == [8, 1]
        edit(project / "app.py", "2 * x", "3 * x")
        client.do("import importlib; importlib.reload(app)")
        assert client.do("app.double(4), app.Counter().add()") == [12, 1]
    assert run_script(project, "main.py").stdout == "8 1\n"


def test_a_function_and_a_class_may_be_decorated(tmp_path):
    send = "\ndouble, Counter = double.to(lt.here), Counter.to(lt.here)\n"
    files = {"app.py": DECORATED, "main.py": DECORATED + send + SHOW}
    project = write_project(tmp_path / "p", files)
    with Client(project) as client:
        client.do("import app")
        assert client.do("app.double.to(lt.here)(4), app.Counter.to(lt.here)().add()") == [8, 1]
    assert run_script(project, "main.py").stdout == "8 1\n"
