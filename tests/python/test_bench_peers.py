"""./dev bench peers: a tiny run of those peers that need no installation, and the pieces by themselves."""

import json
import os
import subprocess
import sys
import xml.dom.minidom

import pytest
from conftest import ROOT, processes_of

sys.path.insert(0, str(ROOT / "bench"))

from harness import comparison, orders, plots, processes, targets
from harness.environments import Environment
from harness.peer_programs import PROGRAMS
from harness.results import Results
from harness.workloads import GROUPS, WORKLOADS

# The relay in Python, so that this test needs no compiler.
RELAY = """#!{python}
import socket, sys, threading
ends = []
for path in sys.argv[1:]:
    ends.append(socket.socket(socket.AF_UNIX))
    ends[-1].bind(path)
    ends[-1].listen()
client, worker = (end.accept()[0] for end in ends)
def copy(source, sink):
    while piece := source.recv(1 << 18):
        sink.sendall(piece)
threading.Thread(target=copy, args=(worker, client), daemon=True).start()
copy(client, worker)
"""

# Starts a daemon as daemons do it, tells its number, and ends everything below.
DAEMON = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from harness import confinement

def work():
    end, begin = os.pipe()
    script = "trap : TERM; echo $$ >&%d; while :; do sleep 1; done" % begin
    subprocess.Popen(["setsid", "--fork", "sh", "-c", script], pass_fds=[begin]).wait()
    daemon = int(os.read(end, 20))
    found = daemon in confinement.others()
    confinement.end_others(grace=0.2)
    return 0 if found and not os.path.exists(f"/proc/{daemon}") else 3

confinement.run_adopting(work)
"""

OURS, RAY = PROGRAMS[0], PROGRAMS[1]


def workload(name):
    return next(workload for workload in WORKLOADS if workload.name == name)


def test_a_tiny_run_has_a_value_for_all_that_leanto_does_and_leaves_no_process(tmp_path):
    relay = tmp_path / "relay"
    relay.write_text(RELAY.format(python=sys.executable))
    relay.chmod(0o755)
    peers = ["leanto", "managers", "floor"]
    command = [sys.executable, ROOT / "bench/run_peers.py", "--smoke", "--only", *peers]
    env = {**os.environ, "LEANTO_BENCH_RELAY": str(relay), "HOME": str(tmp_path)}
    done = subprocess.run(
        [*command, "--output", tmp_path / "results"],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "results").glob("peers-*.json")
    found = {row["name"]: row for row in json.loads(path.read_text())["workloads"]}
    assert set(found) == {workload.name for workload in WORKLOADS}
    assert [name for name, row in found.items() if not row["values"].get("leanto")] == []
    assert found["call"]["values"]["floor"][0] > 0
    told = found["killed_object"]["values"]["leanto"][0]
    assert told["error"].endswith("WorkerDiedError")
    assert "SIGKILL" in told["says"]
    assert path.with_suffix(".svg").exists()
    assert "## Reach" in path.with_suffix(".md").read_text()
    assert processes_of(tmp_path) == []


def test_what_leaves_its_parent_is_found_and_ended():
    done = subprocess.run([sys.executable, "-c", DAEMON, str(ROOT / "bench")], timeout=60)
    assert done.returncode == 0


def test_a_subject_that_does_not_answer_in_time_is_an_error():
    program = "import time; time.sleep(60)"
    subject = orders.Subject("the sleeper", [sys.executable, "-c", program])
    with pytest.raises(orders.SubjectError, match="did not do 'wake' within 0.1 s"):
        subject.order("wake", limit=0.1)
    os.kill(subject.pid, 9)
    subject.__exit__()


def test_every_peer_has_its_program_and_takes_part_in_groups_that_exist():
    for peer in PROGRAMS:
        assert os.path.exists(peer.path)
        assert set(peer.groups) <= {group.name for group in GROUPS}


def test_every_target_is_about_a_peer_and_a_workload_that_exist():
    for target in targets.TARGETS:
        assert target.peer in {peer.name for peer in PROGRAMS}
        assert workload(target.workload)


def results(ours, theirs):
    found = Results([OURS, RAY])
    for value in ours:
        found.add(workload("call"), OURS, value)
    for value in theirs:
        found.add(workload("call"), RAY, value)
    return found


def call_target():
    return next(
        target for target in targets.TARGETS if (target.workload, target.peer) == ("call", "ray")
    )


def test_a_target_holds_by_the_ratios_of_the_rounds():
    assert targets.judge(call_target(), results([10, 20], [160, 320])) == ("16.00 ×", "yes")
    assert targets.judge(call_target(), results([10, 20], [100, 200])) == ("10.00 ×", "NO")


def test_a_target_without_a_value_of_the_peer_is_neither_held_nor_missed():
    assert targets.judge(call_target(), results([10], [])) == ("no value of the peer", "–")


def test_the_table_says_what_failed_and_what_does_not_exist_there():
    found = results([10], [])
    found.add_failure(workload("call"), RAY, "ray did not do 'call' within 60 s\nand more")
    found.add_absence(workload("generator"), RAY, "no streams")
    text = comparison.summary({"cores": 2}, found)
    assert "failed" in text
    assert "failed in 1 of 1 rounds: ray did not do 'call' within 60 s\n" in text
    assert "left out: no streams." in text


def test_no_result_names_a_path_of_this_machine():
    found = results([10], [])
    found.add_failure(workload("call"), RAY, f'File "{ROOT / "bench" / "x.py"}", line 1')
    assert found.failures("call", RAY.name) == ['File "bench/x.py", line 1']


def test_what_an_error_said_is_a_row_of_its_own():
    found = Results([OURS])
    died = {"ms": 2.5, "error": "WorkerDiedError", "says": "killed | gone", "next": "works"}
    found.add(workload("killed_task"), OURS, died)
    (row,) = (
        line
        for line in comparison.summary({}, found).splitlines()
        if "a function kills its worker" in line
    )
    assert "2.50 [2.50–2.50]" in row
    assert "`WorkerDiedError`" in row
    assert r"killed \| gone" in row


def test_the_plot_is_a_picture_with_a_bar_for_each_peer_that_has_a_value():
    picture = xml.dom.minidom.parseString(plots.draw(results([10, 12, 11], [500, 400, 450])))
    texts = {text.firstChild.data for text in picture.getElementsByTagName("text")}
    assert {"Leanto", "Ray", "11.0", "450"} <= texts
    assert "Dask actors" not in texts


def test_an_environment_counts_only_when_it_has_what_is_wanted_now(tmp_path):
    environment = Environment("toy", ["toy"])
    environment._record = str(tmp_path / "installed.json")
    assert environment.installed() is None
    (tmp_path / "installed.json").write_text(json.dumps({"wanted": environment.wanted}))
    assert environment.installed() is not None
    environment.packages = ["toy", "more"]
    assert environment.installed() is None


def test_memory_that_is_shared_is_counted_by_its_part():
    assert 1 < processes.proportional_mib(os.getpid()) <= processes.resident_mib(os.getpid())
    assert processes.proportional_mib(2**22) == 0
