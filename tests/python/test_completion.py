"""Shell completion, in real shells: commands, options, and the names that live on the node."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from clients import LIMIT
from conftest import ROOT, leanto

sys.path.insert(0, str(ROOT / "tests" / "projects" / "counter"))
import counter  # noqa: E402

# Completes as bash does: words split at COMP_WORDBREAKS, the function's answers in COMPREPLY.
BASH = r"""
eval "$(leanto completion bash)"
_name=$(complete -p leanto); _name=${_name#*-F }; _name=${_name%% *}
COMP_LINE=$1 COMP_POINT=${#1}
COMP_WORDS=()
_rest=$1
while [[ $_rest ]]; do
  if [[ $_rest =~ ^([^[:space:]:=]+|[:=]+) ]]; then
    COMP_WORDS+=("${BASH_REMATCH[1]}"); _rest=${_rest:${#BASH_REMATCH[1]}}
  fi
  if [[ $_rest =~ ^[[:space:]]+ ]]; then
    _rest=${_rest:${#BASH_REMATCH[0]}}
    [[ $_rest ]] || COMP_WORDS+=("")
  fi
done
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
"$_name"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def names():
    import leanto as lt

    lt.function(counter.add).to(lt.here).save("cp.add")
    lt.function(counter.add).to(lt.here).save("cp:colon")
    lt.cls(counter.Counter).to(lt.here).save("cp.Counter")
    lt.cls(counter.Counter).to(lt.here).options(name="cp-total")(5)
    lt.here.put("cp two words", 1)
    lt.function(counter.add).to(lt.here).options(key="cp-run").submit(1).result()
    yield
    for key in ("cp-total", "cp two words"):
        lt.here.delete(key)


def environment():
    binary = pathlib.Path(os.environ["LEANTO_BINARY"]).parent
    return {**os.environ, "PATH": f"{binary}:{os.environ['PATH']}"}


def complete(line):
    """What bash offers at the end of a line."""
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", line],
        capture_output=True, text=True, timeout=LIMIT, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [each for each in done.stdout.split("\n") if each]


def test_commands_and_options_are_completed():
    assert complete("leanto st") == ["status", "stop"]
    assert {"call", "top", "doctor", "completion"} < set(complete("leanto "))
    assert "__complete" not in complete("leanto ")
    assert complete("leanto call --t") == ["--timeout"]
    assert complete("leanto images ") == complete("leanto runs ") == ["prune"]
    assert complete("leanto completion ") == ["bash", "fish", "zsh"]


def test_names_of_services_objects_and_runs_are_completed(names):
    assert complete("leanto call cp.") == ["cp.Counter", "cp.add"]
    assert complete("leanto call cp-") == ["cp-total"]
    assert complete("leanto restart cp.a") == ["cp.add"]
    assert complete("leanto wait cp-") == ["cp-run"]
    assert complete("leanto replay cp-") == ["cp-run"]
    assert {each[0] for each in complete("leanto run r")} == {"r"}  # the ids of runs
    assert complete("leanto objects delete cp-total cp") == [r"cp\ two\ words", "cp-total"]
    assert "add" in complete("leanto call cp-total ")
    assert complete("leanto call cp.Counter tw") == ["twice"]
    assert complete("leanto call --args [1] cp-t") == ["cp-total"]


def test_a_name_with_a_colon_is_completed_as_bash_wants_it(names):
    assert complete("leanto call cp:") == ["colon"]
    assert complete("leanto call cp:co") == ["colon"]
    assert "cp:colon" in complete("leanto call cp")


def test_a_real_bash_completes_while_somebody_types(names):
    """`bash -i` on a terminal, with the Tab key."""
    import pty
    import select
    import time

    master, slave = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave, stderr=slave,
        env={**environment(), "PS1": "$ ", "TERM": "dumb"}, start_new_session=True,
    )  # fmt: skip
    try:
        os.write(master, b'eval "$(leanto completion bash)"\nleanto call cp.a\t; echo do\\ne\n')
        written, end = b"", time.monotonic() + LIMIT
        while b"done" not in written:
            assert time.monotonic() < end, written
            if select.select([master], [], [], 0.1)[0]:
                written += os.read(master, 65536)
        assert b"leanto call cp.add " in written
    finally:
        shell.kill()
        shell.wait(LIMIT)
        os.close(master)
        os.close(slave)


def test_without_a_node_there_are_no_names_and_no_errors(own_home):
    assert complete("leanto call x") == []
    assert complete("leanto logs --f") == ["--follow"]
    assert not (own_home / ".local").exists(), "no node was started"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_zsh_reads_its_script():
    script = (
        "autoload -U compinit; compinit -u; source <(leanto completion zsh); print $_comps[leanto]"
    )
    done = subprocess.run(
        ["zsh", "-f", "-c", script], capture_output=True, text=True, env=environment()
    )
    assert done.stdout == "_leanto\n", done.stderr


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_completes():
    script = "leanto completion fish | source; complete -C 'leanto st'"
    done = subprocess.run(["fish", "-c", script], capture_output=True, text=True, env=environment())
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["status", "stop"]


def test_what_the_shells_ask_has_a_line_for_each_with_what_it_is(names):
    lines = leanto("__complete", "call", "cp.").splitlines()
    assert lines == ["cp.Counter\tclass", "cp.add\tfunction"]
