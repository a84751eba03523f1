"""Callables loaded in fresh interpreters from workspaces (leanto.worker.loader, .script)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

from leanto.worker.script import Script, needed_names  # noqa: E402

PYTHONS = os.environ.get("LEANTO_TEST_PYTHONS", sys.executable).split(":")
CALLERS_ROOT = "/home/ada/my digits"

# Loads what its input says, calls it, and tells how that went.
WORKER = """
import json, sys
from leanto.worker.loader import LoadError, Source, load
from leanto.worker.script import explain_name_error, missing_name
words = json.load(sys.stdin)
arguments, values = words.pop("arguments"), words.pop("values")
answer = {}
try:
    loaded = load(Source(**words), values)
    answer["result"] = loaded.target(*arguments)
    if not isinstance(answer["result"], (int, str, list, type(None))):
        answer["result"] = repr(answer["result"])
except LoadError as error:
    answer.update(kind=error.kind, text=str(error), traceback=error.traceback)
except NameError as error:
    answer["why"] = explain_name_error(loaded.script, missing_name(error))
print("ANSWER" + json.dumps(answer))
"""


@pytest.fixture(params=PYTHONS)
def python(request):
    return request.param


@pytest.fixture
def load(python, tmp_path):
    """Lay out `files`, load `what` (module:qualname) in a fresh interpreter, and call it."""
    workspace = tmp_path / "ws für x"

    def run(what, files, arguments=(), search_path=("",), values=None, file=None, is_main=False):
        module, _, qualname = what.partition(":")
        for name, text in files.items():
            path = workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        words = {
            "workspace": str(workspace) if files else None,
            "root": CALLERS_ROOT,
            "search_path": list(search_path),
            "module": module,
            "file": file or next((name for name in files), None),
            "qualname": qualname,
            "arguments": list(arguments),
            "values": values,
            "is_main": is_main,
        }
        done = subprocess.run(
            [python, "-c", WORKER],
            input=json.dumps(words),
            env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        *output, answer = done.stdout.splitlines()
        answer = json.loads(answer[len("ANSWER") :])
        assert str(workspace) not in json.dumps(answer, ensure_ascii=False)
        return {**answer, "output": output}

    return run


def load_script(load, source, qualname="f", **options):
    return load("__main__:" + qualname, {"train.py": source}, **options)


# --- modules ---


def test_a_module_of_a_src_layout_with_relative_imports(load):
    files = {
        "src/pkg/a.py": "from . import b\nfrom .sub.c import C\ndef f(x): return b.B + C + x",
        "src/pkg/__init__.py": "",
        "src/pkg/b.py": "B = 1",
        "src/pkg/sub/c.py": "C = 10",
    }
    assert load("pkg.a:f", files, [100], search_path=["", "src"])["result"] == 111


def test_a_namespace_package_and_a_nested_qualname(load):
    files = {"space/a.py": "class Outer:\n  class Inner:\n    @staticmethod\n    def f(): return 7"}
    assert load("space.a:Outer.Inner.f", files)["result"] == 7


def test_the_working_directory_is_the_root(load):
    files = {"a.py": "def f(): return open('data/ü.txt').read()", "data/ü.txt": "yes"}
    assert load("a:f", files)["result"] == "yes"


def test_the_projects_modules_come_before_installed_ones_of_the_same_name(load):
    assert load("pytest:f", {"pytest.py": "def f(): return 'mine'"})["result"] == "mine"


def test_an_installed_callable_is_imported(load):
    assert load("json:dumps", {}, [[1]])["result"] == "[1]"


def test_a_module_whose_name_its_place_does_not_give(load):
    files = {"tests/unit/test_a.py": "def f(): return __name__"}
    assert load("odd.test_a:f", files)["result"] == "odd.test_a"


def test_a_module_that_was_main_is_found_by_the_callers_pickles(load):
    files = {
        "pkg/mod.py": """
            import pickle
            class C: pass
            def f():
                return type(pickle.loads(b"\\x80\\x04c__main__\\nC\\n)\\x81.")) is C
        """
    }
    assert load("pkg.mod:f", files, is_main=True)["result"] == 1


def test_a_syntax_error_is_told_with_the_callers_file_and_line(load):
    answer = load("a:f", {"a.py": "import b", "b.py": "x = 1\ndef f(:\n"})
    assert answer["kind"] == "syntax"
    assert answer["text"].startswith(f"{CALLERS_ROOT}/b.py, line 2: ")
    assert "def f(:" in answer["traceback"]
    answer = load_script(load, "x = 1\nif:\n")
    assert answer["kind"] == "syntax"
    assert answer["text"].startswith(f"{CALLERS_ROOT}/train.py, line 2: ")


def test_a_missing_package_is_told_with_the_interpreter(load, python):
    answer = load("a:f", {"a.py": "import no_such_package.part"})
    assert answer["kind"] == "package"
    assert f"No module named 'no_such_package' in the interpreter {python}" in answer["text"]
    assert "install it there" in answer["text"]
    answer = load("a:f", {"a.py": "import json.no_such_part"})
    assert answer["kind"] == "package" and "json is there" in answer["text"]


def test_a_missing_module_of_the_project_is_not_taken_for_a_package(load):
    answer = load("pkg.a:f", {"pkg/a.py": "from pkg.lost import x", "pkg/__init__.py": ""})
    assert answer["kind"] == "module"
    assert f"no module 'pkg.lost' (looked in {CALLERS_ROOT}" in answer["text"]
    answer = load("gone:f", {"a.py": ""}, file="gone.py")
    assert answer["kind"] == "module" and "'gone'" in answer["text"]


def test_a_name_that_is_gone_is_told_with_those_that_are_there(load):
    source = "import json\nfrom os import path\ndef trian(): 0\nclass Model: 0\nX = 3\n"
    answer = load("a:train", {"a.py": source})
    assert answer["kind"] == "name"
    expected = f"{CALLERS_ROOT}/a.py has no 'train' (any more); it has: trian, Model"
    assert answer["text"] == expected


def test_what_a_module_raises_is_told_with_its_traceback(load):
    answer = load("a:f", {"a.py": "import b", "b.py": "def g():\n    raise KeyError('k')\ng()"})
    assert answer["kind"] == "import"
    assert answer["text"] == f"{CALLERS_ROOT}/a.py can't be loaded: KeyError: 'k'"
    assert f'File "{CALLERS_ROOT}/b.py", line 2, in g' in answer["traceback"]
    assert "loader.py" not in answer["traceback"] and "importlib" not in answer["traceback"]
    assert load("a:f", {"a.py": "raise SystemExit(2)"})["kind"] == "import"


def test_a_file_with_the_name_of_a_loaded_module_is_told(load):
    answer = load("json:f", {"json.py": "def f(): 0"})
    assert answer["kind"] == "shadowed" and "rename the file" in answer["text"]


# --- scripts ---

PROGRAM = """
    '''A docstring.'''
    from __future__ import annotations
    import os, sys
    import math as m
    from dataclasses import dataclass
    try:
        import no_such_package
        HAS = True
    except ImportError:
        HAS = False
    if sys.version_info >= (3, 0):
        from os.path import join
        NEW = 1
        print("effect in if")
    else:
        NEW = 0
    print("effect")
    SCALE, (OFFSET, *_) = 2, (3, 4)
    TABLE: dict = {}
    TABLE["a"] = SCALE
    TABLE.update(b=5)
    for _name in "cd":
        TABLE[_name] = 6
    unused = print("unused")
    assert print("assert") is None
    with open(os.devnull) as _file:
        print("with")
    if (walrus := 10) > 5: pass
    COUNT = 1
    COUNT += 1
    del COUNT
    while True:
        print("loop")
        break

    @dataclass
    class Cfg:
        x: int = 1
        def scaled(self): return self.x * SCALE

    def helper(x): return x * SCALE + OFFSET

    async def other(): return unused

    def f():
        cfg = Cfg(4)
        return [cfg.scaled(), helper(1), HAS, NEW, sorted(TABLE), walrus, __name__, __doc__]

    def main():
        print("main")

    if __name__ == "__main__":
        main()
        print("guarded")
    main()
"""


def test_a_script_is_loaded_without_being_run(load):
    answer = load_script(load, PROGRAM)
    expected = [8, 5, False, 1, ["a", "b", "c", "d"], 10, "__main__", "A docstring."]
    assert answer.get("result") == expected, answer
    assert answer["output"] == []


def test_a_scripts_classes_are_those_of_main(load):
    source = """
        import pickle, sys
        class Cfg: pass
        def f():
            found = pickle.loads(pickle.dumps(Cfg()))
            return [type(found) is Cfg, sys.modules["__main__"].Cfg is Cfg, Cfg.__module__]
    """
    assert load_script(load, source)["result"] == [True, True, "__main__"]


def test_lines_in_tracebacks_are_those_of_the_script(load):
    source = """
        print("left out")
        if 1:
            print("left out")
            import traceback
        def f():
            try:
                raise ValueError
            except ValueError as error:
                frame = traceback.extract_tb(error.__traceback__)[0]
                import inspect
                return [frame.lineno, frame.line, inspect.getsource(f).splitlines()[0]]
    """
    assert load_script(load, source)["result"] == [8, "raise ValueError", "def f():"]


def test_remote_handles_are_given_rather_than_made_again(load):
    source = """
        import leanto as lt
        from leanto import cls as make
        def g(x): print("deployed?")
        def launch(): return lt.function(g)
        here = print("here") or lt.here
        remote = lt.function(g).to(here)
        handle = make(print).to(here)
        other = launch()
        results = [remote(i) for i in range(3)]
        g = lt.function(g).to(here)
        def f(): return [remote, g, handle]
    """
    values = {"remote": "given", "g": "given g", "handle": "given handle"}
    answer = load_script(load, source, values=values)
    assert answer.get("result") == ["given", "given g", "given handle"] and answer["output"] == []
    assert needed_names(textwrap.dedent(source), "f") == {"remote", "g", "handle"}
    source = source.replace("return [remote", "return [results, other")
    answer = load_script(load, source, values=values)
    assert "'results' comes from a call of Leanto" in answer["why"] and "line 10" in answer["why"]


def test_a_name_bound_only_by_the_program_is_explained(load):
    source = """
        def f(): return VALUE
        def set_it():
            global LATER
            LATER = 1
        def g(): return LATER
        def h(): return NOWHERE
        def k(callback): return globals()[callback]()
        def hidden(): return TIMED
        import time
        TIMED = time.time()
        if __name__ == "__main__":
            VALUE = 3
            def guarded(): 0
            f()
    """
    assert "'VALUE' is set under `if __name__" in load_script(load, source)["why"]
    assert "only when set_it runs" in load_script(load, source, "g")["why"]
    assert load_script(load, source, "h")["why"] is None
    answer = load_script(load, source, "k", arguments=["hidden"])
    assert "leaves out when it loads k (line 11 " in answer["why"]
    answer = load_script(load, source, "guarded")
    assert answer["kind"] == "name" and "under `if __name__" in answer["text"]
    assert "VALUE" in needed_names(textwrap.dedent(source), "f")
    assert "LATER" in needed_names(textwrap.dedent(source), "g")


def test_a_name_error_while_loading_is_explained(load):
    source = """
        if __name__ == "__main__":
            LIMIT = 3
        def f(x=LIMIT): return x
        def unneeded(x=LIMIT): return x
    """
    answer = load_script(load, source)
    assert answer["kind"] == "import" and "'LIMIT' is set under `if __name__" in answer["text"]
    assert load_script(load, source.rstrip(" ") + "        def g(): return 1", "g")["result"] == 1


def test_constants_are_there_for_functions_that_come_as_arguments(load):
    source = """
        import time
        A = 2
        B = (A, [-1])
        C = time.time()
        D = 5
        D = time.time()
        def callback(): return [B, "C" in globals(), "D" in globals()]
        def f(name): return globals()[name]()
    """
    assert load_script(load, source, arguments=["callback"])["result"] == [[2, [-1]], False, False]


def test_a_lambda_and_a_wrapped_function_bound_at_module_level(load):
    source = """
        import functools
        N = 2
        def slow(x): return x * N
        quick = functools.lru_cache(slow)
        double = lambda x: quick(x)
    """
    assert load_script(load, source, "double", arguments=[4])["result"] == 8
    assert load_script(load, source, "quick", arguments=[3])["result"] == 6


def test_a_relative_main_guard_and_settings(load):
    source = """
        import os, sys
        os.environ["LEANTO_A"] = "1"
        os.environ.setdefault("LEANTO_B", "2")
        sys.path.append("lib")
        import inlib
        if "__main__" == __name__ and True:
            print("guarded")
        elif print("elif"):
            pass
        sys.exit(0)
        def f(): return os.environ["LEANTO_A"] + os.environ["LEANTO_B"] + inlib.C
    """
    answer = load("__main__:f", {"train.py": source, "lib/inlib.py": "C = '3'"})
    assert answer["result"] == "123" and answer["output"] == []


# --- the cut itself, in the interpreter that runs the tests ---


def kept(source, qualname="f", given=()):
    import ast

    return ast.unparse(Script(textwrap.dedent(source), "x.py", qualname, given).tree)


def test_local_variables_need_nothing_of_the_module():
    source = """
        results = run()
        def f(a, *b, c=1, **d):
            results = 1
            other = [results for results in a]
            with open(results) as item: pass
            return lambda item: results
        item = other = run()
    """
    assert "run()" not in kept(source)


def test_names_are_found_wherever_they_are_used():
    source = """
        A, B, C, D, E, F, G, H, I = [run(i) for i in range(9)]
        J = run(J1)
        def f(x: A, y: "B" = C) -> D:
            def inner():
                nonlocal x
                x = E
                return [F for _ in G if H]
            class Local(I):
                J = J
            return inner
    """
    names = needed_names(textwrap.dedent(source), "f")
    assert names == set("ABCDEFGHIJ")


def test_statements_that_bind_what_is_needed_are_kept_whole():
    source = """
        for i in range(3):
            last = i
        with open("x") as file:
            text = file.read()
        while text:
            spare = text.pop()
        items = []
        for i in range(4): items.append(i)
        model = Model()
        for i in range(5): model.update(i)
        model.fit()
        def f(): return last, text, items, model
    """
    text = kept(source)
    assert "range(3)" in text and "open('x')" in text and "range(4)" in text
    assert "while" not in text and "range(5)" not in text and "fit" not in text


def test_a_try_keeps_its_handlers_and_loses_its_effects():
    source = """
        try:
            import fast
            print("effect")
        except ImportError:
            logger.warning("slow")
            fast = None
        finally:
            print("effect")
        try:
            main()
        except KeyboardInterrupt:
            pass
        logger = make_logger()
        def f(): return fast
    """
    text = kept(source)
    assert "effect" not in text and "main()" not in text
    assert "logger.warning('slow')" in text and "logger = make_logger()" in text


def test_unusual_statements_do_not_break_it():
    source = """
        from os.path import *
        import a.b.c
        global g
        x = 1
        del x
        x: int
        (y): int = 2
        y.z = [1 for q in range(3) if (w := q)]
        async def f():
            async with y as z:
                yield w
        def h(a, /, b, *, c): global new; new = 1
        @property
        def p(): 0
        def f2(): return new
        lambda: 0
        ...
        raise SystemExit
    """
    text = kept(source)
    assert "async def f" in text and "w := q" in text and "raise" not in text
    assert needed_names(textwrap.dedent(source), "f2") == {"new"}
    assert kept("") == "" and needed_names("", "f") == set()


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match came with 3.10")
def test_match_statements():
    source = """
        match run():
            case {"a": found, **rest}: pass
            case [first, *others]: pass
            case _: pass
        match main():
            case unused: pass
        def f(): return NAME
    """
    for name in ("found", "rest", "first", "others"):
        text = kept(source.replace("NAME", name))
        assert "match run()" in text and "main()" not in text
    assert "match" not in kept(source.replace("NAME", "1"))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type statements came with 3.12")
def test_type_statements_and_type_parameters():
    source = """
        T, LIMIT, BASE = run(), run(), run()
        type Pair[T] = tuple[T, LIMIT]
        def f[T: BASE](x: T) -> Pair[T]: return x
        class Box[T](BASE): pass
    """
    assert {"LIMIT", "BASE", "Pair"} <= needed_names(textwrap.dedent(source), "f")
    assert "type Pair" in kept(source)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* came with 3.11")
def test_except_star():
    source = """
        try:
            x = run()
        except* ValueError:
            x = 1
        def f(): return x
    """
    assert "except* ValueError" in kept(source)
