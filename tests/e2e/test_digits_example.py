"""examples/digits where there is no orchestrator: its own tests, an IDE's run, a notebook, what cron and a CI service call."""

import json
import os
import subprocess
import sys

import far
import pytest
from clients import environment, run_script
from conftest import ROOT, leanto
from tls_clients import Box
from typists import Notebook

DIGITS = ROOT / "examples" / "digits"


def run(*arguments, **more):
    return run_script(DIGITS, *arguments, PYTHONDONTWRITEBYTECODE="1", **more).stdout


def test_its_own_tests_need_nothing_of_leanto():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "tests"],
        cwd=DIGITS,
        env={**environment(), "PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    for path in (DIGITS / "digits").glob("*.py"):
        assert "import leanto" not in path.read_text()


def test_the_training_in_torch_is_as_good():
    """With Debian's torch, which is that of Debian's own python3."""
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode:
        pytest.skip("no torch in Debian's python3 (apt-get install python3-torch)")
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        [
            python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            ".",
            "tests",
            "-k",
            "torch",
        ],
        cwd=DIGITS,
        env={**environment(), "PYTHONPATH": f".:{packages}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "1 passed" in done.stdout, done.stdout


def test_it_runs_as_in_an_ide():
    lines = run("local.py").splitlines()
    assert lines[0] == "preprocessing 1797 images" and lines[5].startswith("epoch 5: ")
    assert "'accuracy': 0.9" in lines[6] and lines[7].startswith("read: [2, 8, 2, ")


def test_two_hosts_do_what_this_machine_does(shared_world, monkeypatch):
    with far.world(2, binaries=shared_world.binaries) as world, world.entered(monkeypatch):
        there = {"DIGITS_PREPROCESSING": "a", "DIGITS_TRAINING": "b"}
        lines = run("local.py", **there, DIGITS_PYTHON=sys.executable).splitlines()
        assert lines[0] == "preprocessing 1797 images" and lines[5].startswith("epoch 5: ")
        assert "'accuracy': 0.9" in lines[6] and lines[7].startswith("read: [2, 8, 2, ")
        assert "preprocess" in leanto("ls", "--on", "digits-preprocessing")
        assert "train" in leanto("ls", "--on", "digits-training")
        assert "digits-predictor" in leanto("objects", "--on", "digits-training")


def test_importing_where_it_runs_reaches_nothing(own_home):
    run("-c", "import places")
    assert not list(own_home.rglob("*.sock"))


def test_the_notebook_runs(tmp_path_factory):
    cells = json.loads((DIGITS / "pipeline.ipynb").read_text())["cells"]
    notebook = Notebook(DIGITS, tmp_path_factory.mktemp("k") / "k")
    try:
        said = [notebook.run(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    finally:
        notebook.close()
    assert said[1].endswith("[1347, 450, 1347, 450]") and said[3] == "0.9"
    assert said[4] == "[2, 8, 2]"


def test_what_is_deployed_for_cron_is_found_by_its_name(lt):
    run("deploy.py")
    assert lt.function(name="digits-nightly")(1)["accuracy"] > 0.8


def test_cron_calls_it_once_and_prints_json(tmp_path):
    run("deploy.py")
    (tmp_path / "leanto").symlink_to(os.environ["LEANTO_BINARY"])
    found = {**environment(), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    twice = [
        subprocess.run([DIGITS / "cron.sh"], env=found, capture_output=True, text=True, timeout=120)
        for _ in range(2)
    ]
    assert [done.returncode for done in twice] == [0, 0], twice[0].stderr
    assert json.loads(twice[0].stdout) == json.loads(twice[1].stdout)
    assert json.loads(twice[0].stdout)["accuracy"] > 0.9
    assert "epoch 5: accuracy" in twice[0].stderr


def test_a_job_of_a_ci_service_needs_no_node_beside_it(tmp_path):
    box = Box(tmp_path / "box", "0.0.0.0")
    try:
        create = ("token", "create", "--rights", "call,deploy", "--join")
        word = box.leanto(*create, "--host", "127.0.0.1").strip()
        more = {"LEANTO_DAEMON": "none", "LEANTO_JOIN": word, "DIGITS_PYTHON": sys.executable}
        done = [run_script(DIGITS, "remotely.py", "github-1", **more) for _ in range(2)]
    finally:
        box.stop()
    assert json.loads(done[0].stdout)["accuracy"] > 0.9 and done[0].stdout == done[1].stdout
    assert "epoch 5: accuracy" in done[0].stderr


@pytest.mark.parametrize("name", ["github-actions.yml", "cron.sh"])
def test_files_for_others_name_files_that_are_there(name):
    text = (DIGITS / name).read_text()
    mentioned = [word for word in text.replace('"', " ").split() if word.endswith(".py")]
    assert mentioned and all((DIGITS / word.rstrip(".")).exists() for word in mentioned)
