"""Where a callable's code lies, asked in real programs of little projects (leanto._project)."""

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

from leanto import _project, _roots  # noqa: E402
from leanto.errors import SnapshotError  # noqa: E402

PYTHONS = os.environ.get("LEANTO_TEST_PYTHONS", sys.executable).split(":")
SHOW = """
import json
from leanto._project import locate
def show(target):
    try:
        entry = locate(target)
    except Exception as error:
        print(json.dumps({"error": type(error).__name__, "text": str(error)}))
    else:
        words = {name: getattr(entry, name) for name in entry.__slots__}
        print(json.dumps({**words, "default_name": entry.default_name}))
"""


@pytest.fixture(params=PYTHONS)
def python(request):
    """Run one of the interpreters under test; returns what it printed, each line as JSON."""

    def run(*arguments, cwd, path=(), stdin=None):
        tools = cwd / ".tools"
        tools.mkdir(exist_ok=True)
        (tools / "show.py").write_text(SHOW)
        places = [str(ROOT / "python"), str(tools), *map(str, path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
        done = subprocess.run(
            [request.param, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        for entry in found:
            if entry.get("search_path"):  # the test's own
                entry["search_path"] = [p for p in entry["search_path"] if not p.endswith(".tools")]
        return found[0] if len(found) == 1 else found

    return run


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


def place(entry, *names):
    return [entry[name] for name in names]


def test_a_script_is_sent_from_its_marked_root(tmp_path, python):
    root = tmp_path / "digits"
    write(
        root,
        **{
            "pyproject.toml": "",
            "tools/train.py": "from show import show\ndef fit(): 0\nshow(fit)",
        },
    )
    entry = python("tools/train.py", cwd=root)
    assert place(entry, "root", "module", "file") == [str(root), "__main__", "tools/train.py"]
    assert place(entry, "qualname", "search_path", "is_main") == ["fit", ["tools"], True]
    assert place(entry, "project", "default_name") == ["digits", "digits/train.fit"]


def test_a_script_without_any_marker_is_sent_from_its_directory(tmp_path, python):
    write(tmp_path, **{"a b/zürich.py": "from show import show\nclass Modell: pass\nshow(Modell)"})
    entry = python("a b/zürich.py", cwd=tmp_path)
    assert place(entry, "root", "file", "search_path") == [str(tmp_path / "a b"), "zürich.py", [""]]
    assert entry["default_name"] == "a b/zürich.Modell"


def test_a_module_of_a_src_layout_is_imported_from_src(tmp_path, python):
    write(
        tmp_path,
        **{
            "setup.cfg": "",
            "src/pkg/__init__.py": "",
            "src/pkg/sub/__init__.py": "",
            "src/pkg/sub/mod.py": "from . import other\ndef f(): 0\n",
            "src/pkg/sub/other.py": "",
            "main.py": "from show import show\nfrom pkg.sub.mod import f\nshow(f)",
        },
    )
    entry = python("main.py", cwd=tmp_path, path=[tmp_path / "src"])
    assert place(entry, "root", "module") == [str(tmp_path), "pkg.sub.mod"]
    assert place(entry, "file", "search_path") == ["src/pkg/sub/mod.py", ["", "src"]]
    assert place(entry, "is_main", "default_name") == [False, f"{tmp_path.name}/pkg.sub.mod.f"]


def test_a_marker_inside_of_the_package_does_not_make_it_a_root(tmp_path, python):
    write(
        tmp_path,
        **{
            ".leantoignore": "",
            "pkg/__init__.py": "def f(): 0",
            "pkg/setup.cfg": "",
            "main.py": "from show import show\nimport pkg\nshow(pkg.f)",
        },
    )
    entry = python("main.py", cwd=tmp_path)
    assert place(entry, "root", "file", "module") == [str(tmp_path), "pkg/__init__.py", "pkg"]


def test_the_nearest_of_nested_projects_is_the_root(tmp_path, python):
    write(
        tmp_path,
        **{
            "pyproject.toml": "",
            "libs/inner/setup.py": "",
            "libs/inner/mod.py": "def f(): 0",
            "main.py": "from show import show\nfrom mod import f\nshow(f)",
        },
    )
    inner = tmp_path / "libs" / "inner"
    entry = python("main.py", cwd=tmp_path, path=[inner])
    assert place(entry, "root", "file", "search_path") == [str(inner), "mod.py", [""]]


def test_a_namespace_package_is_imported_from_above_it(tmp_path, python):
    write(tmp_path, **{"space/name/mod.py": "def f(): 0", "main.py": ""})
    program = "from show import show; from space.name.mod import f; show(f)"
    entry = python("-c", program, cwd=tmp_path)
    assert place(entry, "root", "file") == [str(tmp_path), "space/name/mod.py"]
    assert place(entry, "module", "search_path") == ["space.name.mod", [""]]


def test_a_module_run_with_m_has_its_real_name(tmp_path, python):
    text = "from show import show\nfrom .other import g\ndef f(): 0\nshow(f)\nshow(g)"
    write(tmp_path, **{"pkg/mod.py": text, "pkg/__main__.py": text, "pkg/other.py": "def g(): 0"})
    f, g = python("-m", "pkg.mod", cwd=tmp_path)
    assert place(f, "module", "file", "search_path") == ["pkg.mod", "pkg/mod.py", [""]]
    assert place(f, "is_main", "root") == [True, str(tmp_path)]
    assert place(g, "module", "is_main") == ["pkg.other", False]
    f, _ = python("-m", "pkg", cwd=tmp_path)
    assert place(f, "module", "file") == ["pkg.__main__", "pkg/__main__.py"]


def test_a_directory_run_as_a_script_is_a_script(tmp_path, python):
    write(tmp_path, **{"app/__main__.py": "from show import show\ndef f(): 0\nshow(f)"})
    entry = python("app", cwd=tmp_path)
    assert place(entry, "module", "file") == ["__main__", "__main__.py"]


def test_a_profiled_script_is_a_script(tmp_path, python):
    write(
        tmp_path,
        **{"x.py": "from show import show\nimport mod\nshow(mod.f)", "mod.py": "def f(): 0"},
    )
    entry = python("-m", "cProfile", "x.py", cwd=tmp_path)
    assert place(entry, "module", "root") == ["mod", str(tmp_path)]


def test_a_symlinked_root_is_sent_from_where_it_really_is(tmp_path, python):
    real = tmp_path / "real"
    write(real, **{"setup.py": "", "pkg/mod.py": "def f(): 0", "x.py": ""})
    (tmp_path / "link").symlink_to(real)
    program = "from show import show; from pkg.mod import f; show(f)"
    entry = python("-c", program, cwd=tmp_path, path=[tmp_path / "link"])
    assert place(entry, "root", "file", "search_path") == [str(real), "pkg/mod.py", [""]]
    (real / "x.py").write_text("from show import show\ndef f(): 0\nshow(f)")
    entry = python(tmp_path / "link" / "x.py", cwd=tmp_path)
    assert place(entry, "root", "file") == [str(real), "x.py"]


def test_tests_that_pytest_imports_in_its_own_ways_are_found(tmp_path):
    text = "from show import show\ndef f(): 0\ndef test_it(): show(f)\n"
    write(
        tmp_path, **{"pyproject.toml": "", "tests/unit/test_one.py": text, ".tools/show.py": SHOW}
    )
    for mode in ("prepend", "append", "importlib"):
        places = [str(ROOT / "python"), str(tmp_path / ".tools")]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-qs", "-p", "no:cacheprovider"]
            + ["--import-mode", mode, "tests"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
            capture_output=True,
            encoding="utf-8",
        )
        entry = json.loads(next(x for x in done.stdout.splitlines() if x.startswith("{")))
        assert place(entry, "root", "file") == [str(tmp_path), "tests/unit/test_one.py"]
        if mode != "importlib":
            assert "tests/unit" in entry["search_path"] and entry["module"] == "test_one"


def test_what_is_installed_is_imported_by_name_over_there(tmp_path, python):
    program = """
        from show import show
        import json, math, decimal, collections, os, time
        for target in (json.dumps, math.sqrt, len, decimal.Decimal, collections.Counter.most_common,
                       os.path.join, time.sleep, dict.fromkeys, str.upper):
            show(target)
    """
    entries = python("-c", textwrap.dedent(program), cwd=tmp_path)
    assert [entry["root"] for entry in entries] == [None] * 9
    assert place(entries[0], "module", "qualname", "file") == ["json", "dumps", None]
    assert entries[0]["default_name"] == "json/json.dumps"
    assert [entry["module"] for entry in entries[1:3]] == ["math", "builtins"]
    assert [entry["qualname"] for entry in entries[7:]] == ["dict.fromkeys", "str.upper"]


def test_a_package_in_a_projects_own_venv_is_installed_but_an_editable_one_is_a_project(
    tmp_path, python
):
    packages = tmp_path / ".venv" / "lib" / "python3" / "site-packages"
    write(
        tmp_path,
        **{"pyproject.toml": "", "lib/pyproject.toml": "", "lib/edit/mod.py": "def g(): 0"},
    )
    write(packages, **{"third.py": "def f(): 0"})
    (packages / "edit").symlink_to(tmp_path / "lib" / "edit")
    program = "from show import show; import third, edit.mod; show(third.f); show(edit.mod.g)"
    third, edit = python("-c", program, cwd=tmp_path, path=[packages])
    assert place(third, "root", "module", "search_path") == [None, "third", []]
    assert place(edit, "root", "file") == [str(tmp_path / "lib"), "edit/mod.py"]


DECORATED = """
    import functools, sys
    from show import show
    def wrapping(function):
        @functools.wraps(function)
        def inner(*arguments): return function(*arguments)
        return inner
    def hiding(function):
        def inner(*arguments): return function(*arguments)
        return inner
    @wrapping
    @functools.lru_cache
    def f(): 0
    @hiding
    def g(): 0
    h = functools.lru_cache(f.__wrapped__)
    square = lambda x: x * x
    class C:
        @classmethod
        def make(cls): 0
        @staticmethod
        def help(): 0
        def run(self): 0
    for target in (f, f.__wrapped__, g, h, square, C.make, C.help, C.run): show(target)
"""


def test_a_decorated_function_goes_by_its_name_in_the_module(tmp_path, python):
    write(tmp_path, **{"x.py": DECORATED})
    entries = python("x.py", cwd=tmp_path)
    names = ["f", "f", "g", "h", "square", "C.make", "C.help", "C.run"]
    assert [entry.get("qualname") for entry in entries] == names


REFUSED = """
    import functools
    from show import show
    def outer():
        class Local: 0
        return Local
    def f(): 0
    class Adder:
        def add(self, x): 0
        def __call__(self): 0
    targets = [f]
    def f(): 0
    for target in (
        outer(), Adder().add, Adder(), functools.partial(Adder().add), [].append, 3, *targets,
    ):
        # Bound to a name of the module, it could travel after all.
        show(globals().pop("target"))
"""


def test_what_cannot_travel_is_said_by_name_with_the_way_out(tmp_path, python):
    write(tmp_path, **{"x.py": REFUSED})
    texts = []
    for answer in python("x.py", cwd=tmp_path):
        assert answer.get("error") == "SnapshotError", answer
        texts.append(answer["text"])
    expected = [
        ("outer.<locals>.Local", "top level"),
        ("Adder.add", "send the class Adder"),
        ("an instance of Adder", "send the class Adder"),
        ("Adder.add", "send the class Adder"),
        ("list.append", "method bound to an instance"),
        ("an instance of int", "neither a function nor a class"),
        ("f can't", "isn't (any more) what the module __main__ calls f"),
    ]
    assert len(texts) == len(expected)
    for text, (name, advice) in zip(texts, expected):
        assert name in text and advice in text


TEXTS = """
    import functools
    from show import show
    def outer():
        def inner(): 0
        return inner
    def f(): 0
    for target in ((lambda: 0), outer(), functools.partial(f), functools.partial(outer())):
        show(globals().pop("target"))
"""


def test_what_has_no_name_to_be_found_by_travels_as_text(tmp_path, python):
    write(tmp_path, **{"x.py": TEXTS, "pyproject.toml": ""})
    entries = python("x.py", cwd=tmp_path)
    names = ["<lambda>", "outer.<locals>.inner", "partial(f)", "partial(outer.<locals>.inner)"]
    assert [entry["qualname"] for entry in entries] == names
    for entry in entries:
        assert place(entry, "is_text", "file", "root") == [True, "x.py", str(tmp_path)]


def test_what_was_typed_belongs_to_the_project_in_the_working_directory(tmp_path, python):
    program = "from show import show\ndef f(): 0\n\nshow(f)\nclass C: pass\n\nshow(C)\n"
    more = "show(real)\nshow(Real)\n"
    write(tmp_path, **{"x.py": "def real(): 0\nclass Real:\n    def go(self): 0\n"})
    by_option = python("-c", program, cwd=tmp_path)
    by_stdin = python("-", cwd=tmp_path, stdin=program)
    after_script = python("-i", "x.py", cwd=tmp_path, stdin=program + more)
    for entry in [*by_option, *by_stdin, *after_script[:2]]:
        assert place(entry, "is_text", "module", "file") == [True, "__main__", None]
        assert place(entry, "root", "is_main") == [str(tmp_path), True]
    assert [entry.get("qualname") for entry in after_script] == ["f", "C", "real", "Real"]
    assert place(after_script[2], "file", "is_text") == ["x.py", False]


def test_what_was_typed_where_much_else_lies_has_no_project(tmp_path, python, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    entry = python("-c", "from show import show\ndef f(): 0\nshow(f)", cwd=tmp_path)
    assert place(entry, "root", "search_path", "is_text") == [None, [], True]
    assert entry["default_name"] == f"{tmp_path.name}/__main__.f"


def test_a_directory_that_holds_much_else_is_no_project_without_a_marker(
    tmp_path, python, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    script = "from show import show\ndef f(): 0\nshow(f)"
    write(tmp_path, **{"x.py": script, "sub/y.py": script})
    answer = python("x.py", cwd=tmp_path)
    assert answer["error"] == "SnapshotError" and "pyproject.toml" in answer["text"]
    (tmp_path / ".git").mkdir()  # dotfiles
    assert python("x.py", cwd=tmp_path)["root"] == str(tmp_path)
    assert python("sub/y.py", cwd=tmp_path)["root"] == str(tmp_path / "sub")


def test_the_root_of_the_file_system_is_no_project():
    if _roots.find_marked("/") is None:
        with pytest.raises(SnapshotError, match="pyproject.toml"):
            _roots.find_root("/")


def test_a_workers_workspace_counts_as_the_root(tmp_path):
    (tmp_path / "src").mkdir()
    assert _roots.find_root(str(tmp_path / "src")) == str(tmp_path / "src")
    assert _roots.find_root(str(tmp_path / "src"), str(tmp_path)) == str(tmp_path)


def test_entries_are_values():
    one, two = (_project.locate(json.dumps) for _ in range(2))
    assert one == two and one != _project.locate(json.loads)
    assert "module='json'" in repr(one)


def test_little_is_imported(tmp_path, python):
    heavy = {"typing", "inspect", "subprocess", "asyncio", "dataclasses", "pathlib", "ast", "json"}
    program = f"""
        import sys
        before = set(sys.modules)
        from leanto import _project
        import os.path
        own = [sys.modules[n] for n in ("leanto._project", "leanto._roots")]
        names = {{n for module in own for n, v in vars(module).items() if type(v) is type(sys)}}
        print("{{" + ('"names": ' + str(sorted(names)).replace("'", '"')) + "}}")
        assert not names & {heavy!r}
    """
    answer = python("-c", textwrap.dedent(program), cwd=tmp_path)
    assert answer["names"] == ["os", "sys"]
