"""Functions and classes typed in a notebook: a real kernel, cells run again and changed."""

import pytest
from clients import Failed, write_project
from typists import Notebook

HELPER = "def double(x):\n    return 2 * x\n\nclass Thing:\n    pass\n"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    project = write_project(
        tmp_path_factory.mktemp("book"),
        {"pyproject.toml": "", "helper.py": HELPER, "data.txt": "42"},
    )
    notebook = Notebook(project, project.parent / "k")
    notebook.run("import leanto as lt\ndef send(f):\n    return lt.function(f).to(lt.here)")
    notebook.project = project
    yield notebook
    notebook.close()


def test_a_function_uses_names_modules_and_functions_of_other_cells(notebook):
    notebook.run("import helper, os\nfrom helper import double\nFACTOR = {'a': [3]}")
    notebook.run("def times(x):\n    return double(x) * FACTOR['a'][0]")
    notebook.run("def f(x):\n    return times(x) + helper.double(1), os.getpid()")
    assert notebook.run("x, pid = send(f)(5)\nx, pid != os.getpid()") == "(32, True)"


def test_the_project_of_the_notebook_travels_and_an_edit_of_it_is_seen(notebook):
    notebook.run(
        "def look():\n    import helper\n    return open('data.txt').read(), helper.double(4)"
    )
    assert notebook.run("send(look)()") == "('42', 8)"
    write_project(notebook.project, {"data.txt": "43"})
    assert notebook.run("send(look)()") == "('43', 8)"


def test_a_cell_that_is_run_again_is_the_same_version_and_a_changed_one_another(notebook):
    cell = "LIMIT = 10\ndef g(x):\n    return x + LIMIT"
    notebook.run(cell)
    notebook.run("old = send(g)\nold(1)")
    notebook.run(cell)
    assert notebook.run("again = send(g)\nagain.version == old.version") == "True"
    notebook.run(cell.replace("x + LIMIT", "x * LIMIT"))
    assert notebook.run("new = send(g)\nnew(2), old(2)") == "(20, 12)"
    notebook.run("LIMIT = 100")
    assert notebook.run("send(g)(2), new(2), old(2)") == "(200, 20, 12)"
    assert notebook.run("send(g).name, lt.function(name=new.name)(1)").startswith(
        f"('{notebook.project.name}/__main__.g', 100)"
    )


def test_the_traceback_shows_the_lines_of_the_cell(notebook):
    notebook.run("# what comes before\n\ndef fails(x):\n    y = x\n    return y / 0  # here")
    with pytest.raises(Failed) as caught:
        notebook.run("send(fails)(1)")
    assert caught.value.kind == "ZeroDivisionError"
    assert (
        'File "<cell of fails>", line 5, in fails\n    return y / 0  # here' in caught.value.cause
    )


CLASSES = """
import enum
from collections import namedtuple
from dataclasses import dataclass

class Mistake(Exception):
    pass

class Point:
    made = 0
    def __init__(self, x):
        self.x = x
    def moved(self, by):
        return Point(self.x + by)

class Named(Point):
    def __init__(self, x, name):
        super().__init__(x)
        self.name = name

@dataclass
class Row:
    point: Point
    weight: float = 0.5

class Color(enum.Enum):
    RED = 1

Pair = namedtuple("Pair", "one two")

def turned(thing):
    return thing

def refuse(thing):
    raise Mistake(thing)
"""


def test_classes_of_cells_are_arguments_results_exceptions_and_services(notebook):
    notebook.run(CLASSES)
    notebook.run("things = [Named(3, 'a'), Row(Point(1)), Color.RED, Pair(1, Point(2))]")
    notebook.run("there = send(turned)(things)")
    assert notebook.run("[type(a) is type(b) for a, b in zip(things, there)]") == str([True] * 4)
    assert (
        notebook.run("there[0].name, there[1].point.x, there[2] is Color.RED") == "('a', 1, True)"
    )
    notebook.run("try:\n    send(refuse)(Point(7))\nexcept Mistake as error:\n    caught = error")
    assert notebook.run("caught.args[0].x") == "7"
    notebook.run("live = lt.cls(Named).to(lt.here)(4, 'b')\nmoved = live.moved(2)")
    assert notebook.run("moved.x, type(moved) is Point, live.name") == "(6, True, 'b')"


def test_a_class_that_cannot_go_keeps_no_function_from_going(notebook):
    notebook.run("import threading\nlock = threading.Lock()\nclass Locked:\n    held = lock")
    assert notebook.run("def plain():\n    return 1\nsend(plain)()") == "1"
    with pytest.raises(Failed, match="Locked can't be sent: it uses `lock`: lock is a lock"):
        notebook.run("lt.cls(Locked).to(lt.here)")
    notebook.run("del Locked, lock\nimport os\nhere = os.getpid()")
    notebook.run("class OnlyHere:\n    if os.getpid() != here:\n        raise OSError('not here')")
    assert notebook.run("send(plain)()") == "1"
    with pytest.raises(Failed, match="OnlyHere can't be loaded: OSError: not here"):
        notebook.run("lt.cls(OnlyHere).to(lt.here)")
    notebook.run("del OnlyHere")


DECORATED = """
import contextlib, functools

def shout(function):
    @functools.wraps(function)
    def loud(*arguments):
        return function(*arguments).upper()
    return loud

@shout
def say(word):
    return word + SUFFIX

@functools.lru_cache(maxsize=None)
def count(n):
    return 1 if n < 2 else count(n - 1) + count(n - 2)

@contextlib.contextmanager
def opened(word):
    yield say(word)

def use(word):
    with opened(word) as said:
        return said

SUFFIX = "!"
"""


def test_decorated_functions(notebook):
    notebook.run(DECORATED)
    assert notebook.run("send(say)('a'), send(count)(20), send(use)('b')") == "('A!', 10946, 'B!')"


def test_lambdas_closures_and_partials(notebook):
    notebook.run("import functools\nN = 5\ndef adder(k):\n    return lambda x: x + k + N")
    notebook.run(
        "def fact():\n    def f(n):\n        return 1 if n < 2 else n * f(n - 1)\n    return f"
    )
    assert (
        notebook.run("send(adder(1))(1), send(lambda x: x * N)(2), send(fact())(5)")
        == "(7, 10, 120)"
    )
    assert notebook.run("two = lambda: 1, lambda: 2\n[send(f)() for f in two]") == "[1, 2]"
    notebook.run("table = {'a': [lambda x: -x]}\ndef pick(x, *, by):\n    return table[by][0](x)")
    assert notebook.run("send(functools.partial(pick, by='a'))(3)") == "-3"


def test_generators_coroutines_and_defaults(notebook):
    notebook.run("START = 3\ndef items(n, start=START):\n    yield from range(start, start + n)")
    notebook.run("async def later(x):\n    return x\nSTART = 100")
    assert notebook.run("list(send(items)(2)), send(later)(1)") == "([3, 4], 1)"
    assert notebook.run("await send(later).aio(2)") == "2"


def test_remote_functions_and_objects_of_the_notebook_are_used_there(notebook):
    notebook.run(
        "class Count:\n    n = 0\n    def add(self):\n        self.n += 1\n        return self.n"
    )
    notebook.run(
        "counter = lt.cls(Count).to(lt.here)()\ndef one():\n    return 1\nremote = send(one)"
    )
    notebook.run("def both():\n    return counter.add(), remote(), send(lambda: 3)()")
    assert notebook.run("send(both)(), counter.add()") == "((1, 1, 3), 2)"


def test_what_a_magic_ran_and_open_of_ipython(notebook):
    notebook.run("%%time\n\ndef timed(x):\n    return len(open('data.txt').read()) + x")
    assert notebook.run("send(timed)(1)") == "3"


CLOSURE = """
import threading
def outer(lock):
    def inner():
        return lock
    return inner
f = outer(threading.Lock())
"""
GENERATOR = """
def items():
    yield 1
made = items()
def g():
    return next(made)
def f():
    return g()
"""
OLD = """
class Old:
    pass
old = Old()
class Old:
    pass
def f():
    return old
"""
USES = "\ndef f():\n    return thing"
REFUSED = [
    ("thing = open('data.txt')" + USES, "it uses `thing`: thing is a TextIOWrapper .*lt.cls"),
    (
        "import socket\nthing = {'a': [socket.socket()]}" + USES,
        r"it uses `thing`: thing\['a'\]\[0\] is a socket .*pass data instead",
    ),
    (GENERATOR, "it uses `g`, which uses `made`: made is a generator"),
    (CLOSURE, "it uses `lock`: lock is a lock"),
    (OLD, "it uses `old`: it belongs to an older class Old"),
    ("thing = bytes(5 << 20)" + USES, "larger than 4 MB, most of it `thing`; pass large values"),
    ("def f():\n    !ls", "IPython itself .* is not in a worker"),
    ("exec('def f():\\n    return 1')", "the source of f can't be found in <string>; write it to"),
]


@pytest.mark.parametrize(("cell", "said"), REFUSED)
def test_what_cannot_travel_is_said_by_name_with_the_way_out(notebook, cell, said):
    notebook.run(cell)
    with pytest.raises(Failed, match=f"SnapshotError: f can't be sent: .*{said}"):
        notebook.run("send(f)")


def test_a_name_without_a_value_is_explained_when_it_is_missed(notebook):
    notebook.run("def early():\n    return not_yet")
    with pytest.raises(Failed, match="'not_yet' had no value when this was sent.*call .to"):
        notebook.run("remote = send(early)\nnot_yet = 3\nremote()")
    assert notebook.run("send(early)()") == "3"


def test_a_bound_method_is_refused_with_the_way_out(notebook):
    notebook.run("class Adder:\n    def add(self, x):\n        return x")
    with pytest.raises(Failed, match="method bound to an instance; send the class Adder"):
        notebook.run("send(Adder().add)")


def test_functions_that_are_made_in_a_worker_are_sent_on_from_there(notebook):
    notebook.run(
        "def outer(k):\n"
        "    def middle(x):\n"
        "        def inner():\n"
        "            return x + k\n"
        "        return send(inner)(), send(lambda: x * k)()\n"
        "    return middle\n"
    )
    assert notebook.run("send(outer(2))(5)") == "(7, 10)"
    notebook.run("three = [\n    1,\n    lambda x: send(lambda: x + 1)(),\n]")
    assert notebook.run("send(three[1])(1)") == "2"


def test_what_a_reload_left_behind_is_named(notebook):
    notebook.run("import helper, importlib\nfrom helper import double\nimportlib.reload(helper)")
    with pytest.raises(Failed, match="double isn't .any more. what the module helper calls double"):
        notebook.run("def f():\n    return double(1)\nsend(f)")
    notebook.run("from helper import double\nthing = helper.Thing()\nimportlib.reload(helper)")
    with pytest.raises(Failed, match="thing is a Thing .* was loaded anew since"):
        notebook.run("send(lambda: thing)")
    assert notebook.run("from helper import double\nsend(f)()") == "2"


def test_a_function_as_an_argument_is_passed_as_a_remote_one(notebook):
    notebook.run("def apply(function, x):\n    return function(x)\ndef named(x):\n    return -x")
    with pytest.raises(Failed, match=r"argument 1: function.*pass lt.function\(f\).to"):
        notebook.run("send(apply)(lambda x: x + 1, 2)")
    with pytest.raises(Failed, match=r"'named' on.*pass lt.function\(f\).to"):
        notebook.run("send(apply)(named, 2)")
    assert notebook.run("[send(apply)(send(f), 2) for f in (named, lambda x: x + 1)]") == "[-2, 3]"


def test_a_cell_may_wait_and_use_magics_beside_its_functions(notebook):
    cell = (
        "import asyncio\nawait asyncio.sleep(0)\n%pwd\ndef beside():\n    return 4\nsend(beside)()"
    )
    assert notebook.run(cell) == "4"
    assert notebook.run("await send(lambda: 5).aio()") == "5"
