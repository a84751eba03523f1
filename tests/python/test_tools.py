"""The checks in tools/ find what they are for, and leave what is right alone."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_layers = load("check_layers")
check_sources = load("check_sources")

CMAKE = """
project(example)
leanto_layer(base)
leanto_layer(wire DEPENDS base)
leanto_layer(net
  DEPENDS base wire)
"""


@pytest.fixture
def tree(tmp_path):
    """A project with two layers, as a git checkout, where every include points the right way."""
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    for layer, text in (("base", "#include <string>\n"), ("wire", '#include "base/a.h"\n')):
        folder = tmp_path / "src" / layer
        folder.mkdir(parents=True)
        (folder / "a.h").write_text(text)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def run(tool: str, root: pathlib.Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "tools" / tool), "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True)


def test_layers_of_a_sound_tree_pass(tree):
    result = run("check_layers.py", tree)
    assert (result.returncode, result.stderr) == (0, "")


def test_an_include_that_points_the_wrong_way_is_found_with_its_line(tree):
    (tree / "src/base/b.cc").write_text('#include "base/a.h"\n\n#include "wire/a.h"\n')
    result = run("check_layers.py", tree)
    assert result.returncode == 1
    assert result.stderr.startswith("src/base/b.cc:3: src/base must not include wire/a.h")


def test_boost_is_found_outside_net_only():
    layers, _ = check_layers.read_layers(CMAKE)
    text = "#include <boost/asio.hpp>\n"
    assert check_layers.check_file("src/net/loop.h", text, layers) == []
    assert "src/wire/a.h:1" in check_layers.check_file("src/wire/a.h", text, layers)[0]
    assert "src/main.cc:1" in check_layers.check_file("src/main.cc", text, layers)[0]


def test_main_may_include_every_layer():
    layers, _ = check_layers.read_layers(CMAKE)
    assert check_layers.check_file("src/main.cc", '#include "net/loop.h"\n', layers) == []


def test_a_folder_without_a_layer_line_is_found():
    layers, _ = check_layers.read_layers(CMAKE)
    (finding,) = check_layers.check_file("src/misc/a.h", "", layers)
    assert "leanto_layer(misc ...)" in finding


def test_layers_over_several_lines_are_read_and_rings_are_found():
    layers, findings = check_layers.read_layers(CMAKE)
    assert layers == {"base": set(), "wire": {"base"}, "net": {"base", "wire"}}
    assert findings == []
    _, findings = check_layers.read_layers("leanto_layer(a DEPENDS b)\nleanto_layer(b DEPENDS a)\n")
    assert findings[0].startswith("CMakeLists.txt:1: layer a depends on b")


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("co_await run([&] { return 1; });", "lambda"),
        ("co_await run(1, [x](int y) mutable { return y; });", "lambda"),
        ("co_await run<int, char>(a,\n    [this] { stop(); });", "lambda"),
        ("co_await send(Frame{1, 2});", "braced value"),
        ("co_await send({1, 2});", "braced value"),
        ("auto x = co_await send(a) || wait(Limit{5});", "braced value"),
        ("if (co_await send(Frame{1})) {\n  go();\n}", "braced value"),
        ("co_await run(std::function<void()>(f));", "std::function"),
    ],
)
def test_a_temporary_inside_co_await_is_found(code, what):
    (finding,) = check_sources.check_file("src/net/a.cc", code + "\n")
    assert f"{what} inside a co_await expression" in finding
    assert "name the value on the line before" in finding


@pytest.mark.parametrize(
    "code",
    [
        "auto f = [&] { return 1; };\nco_await run(f);",
        "co_await run(values[3], names.at(1)[0]);",
        "if (co_await run(x)) {\n  auto f = [] {};\n}",
        "for (auto& x : co_await list(y)) {\n  x = Frame{1};\n}",
        "// co_await run([] {});",
        'auto text = "co_await run([] {});";',
        'auto text = R"(co_await "run([] {}))";',
        'co_await say("{}", name);  // a {} and a [',
        "auto f = [&]() -> Task<> { co_await run(x); };",
        "if (x == '{') co_await run(1'000, '[');",
    ],
)
def test_what_is_no_temporary_inside_co_await_is_left_alone(code):
    assert check_sources.check_file("src/net/a.cc", code + "\n") == []


def test_the_line_of_the_temporary_is_named():
    code = "void f() {\n  co_await run(a,\n               Frame{1});\n}\n"
    assert check_sources.check_file("src/node/a.cc", code)[0].startswith("src/node/a.cc:3: ")


def test_detached_is_found_outside_net():
    code = "asio::co_spawn(loop, task(), boost::asio::detached);\n"
    assert check_sources.check_file("src/net/tasks.cc", code) == []
    assert "src/node/a.cc:1: asio::detached" in check_sources.check_file("src/node/a.cc", code)[0]


def test_a_long_file_needs_a_reason():
    lines = "int x;\n" * 401
    (finding,) = check_sources.check_file("src/base/a.cc", lines)
    assert "401 lines" in finding
    assert check_sources.check_file("src/base/a.cc", "int x;\n" * 400) == []
    assert check_sources.check_file("tests/a.py", "x = 1\n" * 401) == []
    reason = "// longer than 400 lines because it is one table\n"
    assert check_sources.check_file("src/base/a.cc", lines + reason) == []
    assert check_sources.check_file("python/leanto/a.py", "x = 1\n" * 401 + "#" + reason[2:]) == []


def test_registries_and_machine_paths_are_found_in_any_tracked_file(tree):
    host = "pypi" + ".org"
    path = "/" + "root/project"
    fine = "./work/a, src/root/b, ~/work/c"
    (tree / "notes.md").write_text(f"{fine}\n\nhttps://{host}/x\n{path}\n")
    result = run("check_sources.py", tree)
    assert result.returncode == 1
    lines = sorted(line.rsplit(": ", 1)[0] for line in result.stderr.splitlines())
    assert lines == ["notes.md:3", "notes.md:4"]


def test_sources_of_a_sound_tree_pass(tree):
    result = run("check_sources.py", tree)
    assert (result.returncode, result.stderr) == (0, "")
