"""What holds for every command: the reference page, --json, the width of a terminal, colour, exit codes."""

import json
import os
import re
import subprocess
import sys

import pytest
from clients import LIMIT
from conftest import ROOT, leanto
from terminals import without_escapes, written_on_terminal

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
import counter  # noqa: E402

PAGE = (ROOT / "docs" / "cli.md").read_text()
REPORTS = (
    ["status"],
    ["top", "--once"],
    ["ls"],
    ["objects"],
    ["runs"],
    ["images"],
    ["doctor"],
    ["token", "ls"],
)


@pytest.fixture(scope="module")
def something():
    """A node that has something to show, with names that are longer than a line."""
    import leanto as lt

    lt.function(counter.add).to(lt.here).save("long." + "name." * 30 + "add")
    lt.function(counter.add).to(lt.here).options(key="k" * 150).submit(1).result()
    lt.cls(counter.Counter).to(lt.here).options(name="o" * 150)(5)
    lt.here.put("v" * 150, list(range(1000)))
    leanto("token", "create", "--expires", "1h")
    yield
    for key in ("o" * 150, "v" * 150):
        lt.here.delete(key)


def run(*arguments, env=None):
    command = [os.environ["LEANTO_BINARY"], *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=env)


def commands_of_help():
    """The commands that `leanto --help` lists."""
    listed = leanto("--help").split("Subcommands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\S+)", listed, re.MULTILINE)


def rows_of_page():
    """The first word of each row of the page's table, and the row."""
    return dict(re.findall(r"^\| `(\w+)[^|]*(\|.*)$", PAGE, re.MULTILINE))


def test_the_page_has_every_command_and_no_other():
    assert sorted(rows_of_page()) == sorted(commands_of_help())


def test_the_page_has_every_command_below_a_command():
    for command in commands_of_help():
        below = leanto(command, "--help").partition("Subcommands:\n")[2]
        for name in re.findall(r"^  (\w+)", below.split("\n\n")[0], re.MULTILINE):
            assert f"`{command} {name}" in rows_of_page()[command]


def test_the_page_has_the_exit_codes_of_help():
    codes = leanto("--help").split("Exit codes:\n")[1]
    for code in re.findall(r"^ +(\d+) ", codes, re.MULTILINE):
        assert re.search(rf"\b{code} ", PAGE.replace("129 and 143", "129 143 ")), code


def test_every_command_knows_json_or_the_page_says_that_it_does_not():
    for command in commands_of_help():
        text = leanto(command, "--help")
        below = re.findall(r"^  (\w+)", text.partition("Subcommands:\n")[2].split("\n\n")[0], re.M)
        texts = [text] if "--json" in text else [leanto(command, name, "--help") for name in below]
        knows = bool(texts) and all("--json" in each for each in texts)
        assert knows != ("no `--json`" in rows_of_page()[command]), command


@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_a_report_as_json_is_one_line(something, command):
    done = run(*command, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    json.loads(done.stdout)


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_a_report_fits_the_terminal(something, command, columns):
    code, written = written_on_terminal(*command, columns=columns)
    assert code == 0
    for line in without_escapes(written).splitlines():
        is_path = re.match(r"(socket|state|config) ", line)  # people copy them: they aren't cut
        is_word = len(line.split()) == 1  # of wrapped text: mostly a path, too
        assert len(line) <= columns or is_path or is_word, line


@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_a_report_is_coloured_on_a_terminal_only(something, command):
    _, written = written_on_terminal(*command)
    assert b"\x1b[" in written or command == ["images"], "no image has been built: no table"
    _, written = written_on_terminal(*command, env={"NO_COLOR": "1"})
    assert b"\x1b" not in written
    _, written = written_on_terminal(*command, env={"TERM": "dumb"})
    assert b"\x1b" not in written
    assert "\x1b" not in run(*command).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["status", "--nonsense"],
        ["logs"],
        ["restart"],
        ["restart", "a", "--all"],
        ["restart", "--all", "--limit", "soon"],
        ["restart", "--node", "--now"],
        ["objects", "delete"],
        ["completion", "tcsh"],
        ["completion"],
        [],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_exits_2_and_says_why(arguments):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["top"],
        ["top", "--once"],
        ["ls"],
        ["objects"],
        ["objects", "delete", "x"],
        ["call", "x"],
        ["logs", "x"],
        ["runs"],
        ["runs", "prune"],
        ["replay", "x"],
        ["run", "x"],
        ["wait", "x"],
        ["cancel", "x"],
        ["images"],
        ["restart", "x"],
        ["restart", "--node"],
        ["token", "ls"],
    ],
    ids=" ".join,
)
def test_without_a_node_a_command_exits_3_and_starts_none(own_home, arguments):
    done = run(*arguments)
    assert done.returncode == 3, done.stderr
    assert "no node is running here" in done.stderr + done.stdout
    done = run(*arguments, "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["running"] is False
    assert run("stop").returncode == 0
    assert not (own_home / ".local" / "state" / "leanto" / "node.sock").exists()


def test_a_node_says_as_json_where_it_listens(own_home):
    said = json.loads(leanto("node", "--detach", "--json"))
    assert said == {"running": True, "socket": str(own_home / ".local/state/leanto/node.sock")}


@pytest.mark.parametrize(
    "arguments, code", [("up x", 6), ("down x", 6), ("ssh x", 6), ("clusters --orphans", 0)]
)
def test_what_goes_to_other_machines_starts_the_node_here(own_home, arguments, code):
    assert run("status").returncode == 3
    done = run(*arguments.split())
    assert done.returncode == code, done.stderr
    assert run("status").returncode == 0
