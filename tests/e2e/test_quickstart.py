"""The demonstration, as a newcomer starts it: with a HOME where nothing has ever run."""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

QUICKSTART = ROOT / "examples" / "quickstart"


@pytest.fixture
def printed(own_home):
    pytest.importorskip("sklearn")
    before = {file: file.read_bytes() for file in QUICKSTART.glob("*.py")}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(QUICKSTART / "main.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert before == {file: file.read_bytes() for file in QUICKSTART.glob("*.py")}
    return done.stdout


def test_the_quickstart_trains_is_watched_is_edited_and_trains_better(printed):
    lines = re.split(r"[\r\n]+", printed)
    epochs = [int(n) for line in lines for n in re.findall(r"^\[#* *\] epoch +(\d+),", line)]
    assert epochs == [*range(1, 101), 1, *range(1, 101)]
    assert re.search(r"watch\.py, process \d+, sees: epoch \d+, [\d.]+% right", printed)
    assert re.search(r"^edit to result: \d+ ms$", printed, re.MULTILINE)
    before, after = re.search(
        r"([\d.]+)% right before the edit, ([\d.]+)% after it", printed
    ).groups()
    assert 80 < float(before) < float(after)
    assert re.findall(r"(\d+) numbers for each", printed) == ["16", "64", "64"]


def test_the_trained_program_does_not_know_leanto():
    for name in ("digits.py", "features.py"):
        code = (QUICKSTART / name).read_text()
        assert not re.search(r"import leanto|\blt\.", code)
