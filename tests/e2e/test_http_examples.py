"""The examples of HTTP and the guide: what they show is what happens."""

import os
import re
import shutil
import subprocess

import pytest
from clients import LIMIT, environment, run_script
from conftest import ROOT
from http_clients import socket_path

EXAMPLE = ROOT / "examples" / "http"
GUIDE = ROOT / "docs" / "http.md"


@pytest.fixture
def example(own_home, tmp_path):
    """A copy of the example, with its service deployed."""
    project = tmp_path / "example"
    shutil.copytree(EXAMPLE, project)
    assert "can be called" in run_script(project, "service.py").stdout
    return project


def run(*command, cwd, check=True):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT)
    assert not check or done.returncode == 0, done.stderr + done.stdout
    return done


def test_a_shell_script_calls_a_python_service(example):
    out = run("sh", "call.sh", cwd=example).stdout
    assert out.startswith("the mean is 3.0\n")
    assert 'item\n  {"epoch":1,"loss":0.5}\n' in out
    assert out.endswith("end\n  null\n")


def test_a_cpp_program_calls_a_python_service(example):
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler here")
    run(compiler, "-std=c++17", "-Wall", "-Werror", "call.cc", "-o", "call", cwd=example)
    assert run("./call", cwd=example).stdout == "the mean is 3.0\n"
    failed = run("./call", '{"values": []}', cwd=example, check=False)
    assert failed.returncode == 1
    assert '"type":"ZeroDivisionError"' in failed.stderr


def test_the_guides_commands_print_what_the_guide_says(own_home, tmp_path):
    text = GUIDE.read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "demo.py").write_text(code)
    run_script(tmp_path / "guide", "demo.py")
    setting = ""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "leanto").symlink_to(os.environ["LEANTO_BINARY"])
    environ = {**environment(), "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 5
    for block in blocks:
        commands = [line for line in block.splitlines() if not line.startswith("#")]
        said = [line[2:] for line in block.splitlines() if line.startswith("#")]
        setting += "".join(f"{line}\n" for line in commands if re.match(r"[A-Z]+=", line))
        rest = "\n".join(line for line in commands if not re.match(r"[A-Z]+=", line))
        done = subprocess.run(
            ["sh", "-c", f"set -e\n{setting}{rest}"],
            env=environ, capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == said, block


def test_the_guides_table_of_routes_is_that_of_the_code():
    code = (ROOT / "src" / "node" / "http_routes.cc").read_text()
    coded = re.findall(r'\{"(GET|POST)", "(/[^"]+)", RouteKind::\w+, Right::k(\w+)\}', code)
    rows = re.findall(r"^\| `(\w+)` \| `(/\S+)` \| `(\w+)` \|", GUIDE.read_text(), re.MULTILINE)
    assert rows == [(method, path, right.lower()) for method, path, right in coded]


def test_the_socket_of_the_guide_is_the_nodes(own_home):
    assert socket_path() == os.path.expanduser("~/.local/state/leanto/node.sock")
