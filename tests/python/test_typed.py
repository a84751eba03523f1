"""What has no name to import it by, sent as its text: lambdas, closures and partials of scripts and modules.

The first half packs and loads in fresh interpreters, of each version at hand, without a node.
"""

import json
import os
import subprocess
import sys
import textwrap

import pytest
from clients import Client, Failed, edit, environment, run_script, write_project
from conftest import ROOT, leanto

PYTHONS = os.environ.get("LEANTO_TEST_PYTHONS", sys.executable).split(":")

# Packs what a script calls `target`, and has another process load and call it.
PACK = """
import json as _json, subprocess as _subprocess, sys as _sys
def _send(target, *arguments):
    from leanto import _typed
    try:
        body = _typed.pack(target, globals())
    except _typed.CannotTravel as error:
        return {"refused": str(error)}
    done = _subprocess.run([_sys.executable, "-c", _LOAD % (arguments,)], input=body, stdout=_subprocess.PIPE)
    return {"result": _json.loads(done.stdout or '"nothing"'), "size": len(body)}
_LOAD = '''
import json, sys
from leanto.worker import typed
function = typed.read(sys.stdin.buffer.read()).load()
print(json.dumps(function(*%r)))
'''
"""


@pytest.fixture(params=PYTHONS)
def sends(request, tmp_path):
    """Run a script that ends with calls of `_send`; returns what those gave."""

    def run(text, after=""):
        text = textwrap.dedent(text)
        (tmp_path / "x.py").write_text(f"{PACK}{text}\nprint(_json.dumps([{after}]))\n")
        (tmp_path / "helper.py").write_text(HELPER)
        done = subprocess.run(
            [request.param, "x.py"],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return [each.get("refused") or each["result"] for each in json.loads(done.stdout)]

    return run


HELPER = """
import functools
BASE = 1000
def adder(k):
    return lambda x: x + k + BASE
def keeping(function):
    seen = []
    @functools.wraps(function)
    def kept(*arguments):
        seen.append(function(*arguments))
        return list(seen)
    return kept
"""


def test_closures_over_values_and_functions(sends):
    text = """
        N = 7
        def helper(x): return x + N
        def make(k, function=None):
            def inner(x, *, more=[1]):
                return function(x) + k + len(more) if function else helper(x) + k
            return inner
        def fact():
            def f(n): return 1 if n < 2 else n * f(n - 1)
            return f
        def pair():
            def even(n): return True if n == 0 else odd(n - 1)
            def odd(n): return False if n == 0 else even(n - 1)
            return even
    """
    after = (
        "_send(make(3), 1), _send(make(3, helper), 1), _send(make(1, make(2)), 0), _send(fact(), 6), _send(pair(), 10), "
        "_send(make(0, lambda x: -x), 5)"
    )
    assert sends(text, after) == [11, 12, 11, 720, True, -4]


def test_the_very_lambda_is_found(sends):
    text = """
        import math
        K = 2
        two = lambda x: x + 1, lambda x: x + 2
        table = {"a": lambda x: x * K, "b": (lambda x, y=3: x *
            y)}
        nested = lambda x: (lambda y: y + x)(1)
        grün = "ü", lambda x: "ü" + x, lambda x: "ö" + x
        uses = lambda x: math.floor(x) + len("a")
        keyed = sorted([(lambda: 3)], key=lambda f: f())
    """
    after = (
        "_send(two[0], 1), _send(two[1], 1), _send(table['a'], 4), _send(table['b'], 4), "
        "_send(nested, 1), _send(grün[1], 'x'), _send(grün[2], 'x'), _send(uses, 1.5), _send(keyed[0])"
    )
    assert sends(text, after) == [2, 3, 8, 12, 2, "üx", "öx", 2, 3]


def test_lambdas_that_look_the_same_to_an_old_python_are_refused_and_never_guessed(sends):
    # The same code in both, but not the same text: only positions tell them apart.
    said = sends(
        "both = [lambda x: x + (1), lambda x: (x) + 1]", "_send(both[0], 1), _send(both[1], 1)"
    )
    assert said == [2, 2]
    said = sends("both = lambda: 1 * 2, lambda: 2", "_send(both[0]), _send(both[1])")
    assert said == [2, 2] or all("has several lambdas" in text and "`def`" in text for text in said)


def test_partials(sends):
    text = """
        from functools import partial
        def f(a, b, *, c): return [a, b, c]
        class Double(partial): pass
    """
    after = "_send(partial(f, 1, c=3), 2), _send(partial(partial(f, 1), c=3), 2), _send(partial(lambda a: a, 4))"
    assert sends(text, after) == [[1, 2, 3], [1, 2, 3], 4]


def test_what_a_function_uses_goes_with_it_and_nothing_else(sends):
    text = """
        import os.path, xml.etree.ElementTree
        class Point:
            def __init__(self, x): self.x = x
            def twice(self): return double(self.x)
        def double(x): return 2 * x
        origin = Point(4)
        unused = open(__file__)
        def check(point: Point = origin): return point.twice() if isinstance(point, Point) else None
        shared = []
        one, other = [shared], [shared]
    """
    after = (
        "_send(lambda: check()), _send(lambda: xml.etree.ElementTree.fromstring('<a/>').tag), "
        "_send(lambda: os.path.join('a', 'b')), _send(lambda: one[0] is other[0])"
    )
    assert sends(text, after) == [8, "a", "a/b", True]


def test_decorators_of_modules_and_of_the_script(sends):
    text = """
        import contextlib, functools, helper
        def twice(function):
            def both(x): return [function(x), function(x)]
            return both
        @twice
        def f(x): return x + N
        @helper.keeping
        def g(x): return x * N
        @functools.lru_cache
        def h(x): return x - N
        @contextlib.contextmanager
        def opened(): yield N
        def use():
            with opened() as n: return n
        N = 5
    """
    after = "_send(lambda: f(1)), _send(lambda: g(1)), _send(lambda: h(1)), _send(use), _send(helper.adder(1), 1)"
    assert sends(text, after) == [[6, 6], [5], -4, 5, 1002]


def test_classes_made_in_all_ways(sends):
    text = """
        import collections, dataclasses, enum, typing
        Pair = collections.namedtuple("Pair", "a b")
        class Row(typing.NamedTuple):
            a: int = 3
        @dataclasses.dataclass
        class Data:
            pair: Pair
            more: list = dataclasses.field(default_factory=list)
        class Base:
            class Inner:
                value = 9
            def name(self): return type(self).__name__
        class Child(Base):
            def name(self): return super().name() + "!"
        class Color(enum.Enum):
            RED = 1
        class Empty(Exception): pass
    """
    after = (
        "_send(lambda: Pair(1, 2).b), _send(lambda: Row().a), _send(lambda: Data(Pair(3, 4)).pair.a), "
        "_send(lambda: Child().name()), _send(lambda: Base.Inner.value), _send(lambda: Color(1).name), "
        "_send(lambda: issubclass(Empty, Exception))"
    )
    assert sends(text, after) == [2, 3, 3, "Child!", 9, "RED", True]


def test_defaults_and_values_are_those_of_now(sends):
    text = """
        N = 1
        def f(x=N, *, y=[N]): return [x, y, N]
        N = 2
    """
    assert sends(text, "_send(lambda: f())") == [[1, [1], 2]]


def test_a_local_class_is_refused(sends):
    text = """
        def outer():
            class Local: pass
            return Local()
        thing = outer()
    """
    (said,) = sends(text, "_send(lambda: thing)")
    assert said.startswith("it uses `thing`: the class Local is defined inside of a function")


def test_what_was_read_from_a_file_that_has_changed_is_refused(sends):
    said = sends("f = lambda: 1\nopen(__file__, 'w').write('')", "_send(f), _send(lambda: f())")
    assert all("isn't in" in text and "changed since" in text for text in said)


# --- with a node ---


SCRIPT = """
import functools
import leanto as lt
from helper import adder

class Point:
    def __init__(self, x):
        self.x = x

def scale(point, by):
    return Point(point.x * by)

if __name__ == "__main__":
    print("runs once")
    factor = 3
    remote = lt.function(lambda point: scale(point, factor)).to(lt.here)
    moved = remote(Point(2))
    print(moved.x, type(moved) is Point)
    print(lt.function(functools.partial(scale, by=5)).to(lt.here)(Point(1)).x)
    print(lt.function(adder(4)).to(lt.here)(1), lt.function(adder(4)).to(lt.here).name)
    try:
        remote(None)
    except AttributeError as error:
        print(error.__cause__)
"""


def test_a_script_sends_lambdas_closures_and_partials(tmp_path):
    project = write_project(
        tmp_path / "p", {"main.py": SCRIPT, "helper.py": HELPER, "setup.py": ""}
    )
    said = run_script(project, "main.py").stdout
    assert said.startswith("runs once\n6 True\n5\n1005 p/helper.adder.<locals>.<lambda>\n")
    assert f'File "{project}/main.py", line 11, in scale\n    return Point(point.x * by)' in said


def test_an_edit_of_the_module_of_a_closure_is_seen(tmp_path):
    project = write_project(tmp_path / "p", {"helper.py": HELPER, "setup.py": ""})
    with Client(project) as client:
        client.do("import helper")
        client.do("add = helper.adder(1)")
        assert client.do("lt.function(add).to(lt.here)(1)") == 1002
        edit(project / "helper.py", "BASE = 1000", "BASE = 2000")
        assert client.do("lt.function(add).to(lt.here)(1)") == 2002


def test_the_same_text_and_values_are_the_same_version(tmp_path):
    project = write_project(tmp_path / "p", {"helper.py": HELPER, "setup.py": ""})
    versions = []
    for k in (1, 1, 2):
        with Client(project) as client:
            client.do("import helper")
            versions.append(client.do(f"lt.function(helper.adder({k})).to(lt.here).version"))
    assert versions[0] == versions[1] != versions[2]


def test_code_given_by_option_is_refused_with_the_way_out(tmp_path):
    code = "import leanto as lt\ndef f(): return 1\nlt.function(f).to(lt.here)"
    done = run_script(tmp_path, "-c", code, check=False)
    assert "f can't be sent: the source of f can't be found in <string>" in done.stderr
    assert "write it to a .py file" in done.stderr


def test_numpys_functions_go_by_their_import_path(lt):
    numpy = pytest.importorskip("numpy")
    assert lt.function(numpy.sum).to(lt.here)([1, 2]) == 3
    assert lt.function(numpy.linalg.norm).to(lt.here)([3, 4]) == 5


def test_the_text_is_what_a_person_can_read_in_the_stream(tmp_path):
    program = (
        "import sys\nfrom leanto import _typed\nK = 3\n"
        "sys.stdout.buffer.write(_typed.pack(lambda x: x + K, globals()))\n"
    )
    write_project(tmp_path, {"x.py": program})
    done = subprocess.run(
        [sys.executable, "x.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        stdout=subprocess.PIPE,
    )
    assert b"_typed.pack(lambda x: x + K, globals())" in done.stdout


def test_what_is_too_large_is_named(tmp_path):
    with Client(tmp_path) as client:
        write_project(
            tmp_path / "q", {"m.py": "def make(k):\n    return lambda: k\n", "setup.py": ""}
        )
        client.do(f"import sys; sys.path.insert(0, {str(tmp_path / 'q')!r}); import m")
        with pytest.raises(Failed, match="larger than 4 MB.*pass large values as arguments"):
            client.do("lt.function(m.make(b'x' * (5 << 20))).to(lt.here)")


def test_values_of_some_size_go_and_are_there_after_a_restart_of_the_node(own_home, tmp_path):
    module = "def make(k):\n    def size():\n        return len(k)\n    return size\n"
    project = write_project(tmp_path / "p", {"m.py": module, "setup.py": ""})
    with Client(project) as client:
        client.do("import m\nremote = lt.function(m.make(b'x' * (3 << 20))).to(lt.here)")
        assert client.do("remote()") == 3 << 20
        leanto("stop")
        assert client.do("remote()") == 3 << 20
