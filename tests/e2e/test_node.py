"""The daemon: it starts on first use, serves one user, and says what there is."""

import os
import pathlib
import re
import stat
import subprocess
import sys
import threading

import pytest
import shop
from clients import Client, environment, run_script, write_project
from conftest import ROOT, alive, leanto, node_status, processes_of, set_home, stop_node, wait_until

WORKSHOP = ROOT / "tests" / "projects" / "workshop"
sys.path.insert(0, str(WORKSHOP))
import workshop  # noqa: E402


def daemons_of(home):
    """The pids of the daemons of a home."""
    found = []
    for pid in processes_of(home):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[1:2] == [b"node"]:
            found.append(pid)
    return found


def socket_of(home):
    return home / ".local" / "state" / "leanto" / "node.sock"


# Starting


def test_it_starts_on_first_use(own_home, lt):
    assert node_status_without_node()["running"] is False
    assert processes_of(own_home) == []
    assert lt.here.keys() == []
    assert daemons_of(own_home) == [node_status()["pid"]]


def node_status_without_node():
    import json

    return json.loads(leanto("status", "--json", check=False))


def test_many_programs_that_call_at_once_start_one_daemon(own_home):
    code = "import shop, leanto as lt; print(lt.function(shop.add).to(lt.here)(1, 2))"
    command = [sys.executable, "-c", code]
    places = ROOT / "tests" / "projects" / "sample"
    programs = [
        subprocess.Popen(
            command,
            cwd=places,
            env=environment(places),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]
    for program in programs:
        out, err = program.communicate(timeout=100)
        assert (out, err, program.returncode) == (b"3\n", b"", 0)
    assert daemons_of(own_home) == [node_status()["pid"]]


def test_its_socket_and_directories_are_the_users_alone(own_home, lt):
    lt.here.keys()
    status = node_status()
    assert status["socket"] == str(socket_of(own_home))
    assert status["state_directory"] == str(own_home / ".local" / "state" / "leanto")
    assert stat.S_IMODE(os.stat(status["socket"]).st_mode) == 0o600
    for directory in (".local/state/leanto", ".cache/leanto", ".config/leanto"):
        assert stat.S_IMODE(os.stat(own_home / directory).st_mode) & 0o077 == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_is_turned_away_even_with_the_socket_at_hand(own_home, lt):
    lt.here.keys()
    path = socket_of(own_home)
    ours = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    os.chmod(path, 0o666)
    code = (
        "import os, socket, sys\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "s.connect(f'/proc/self/fd/{sys.argv[1]}/node.sock')\n"
        "s.settimeout(60)\n"
        "print(s.recv(1))\n"
    )
    command = [sys.executable, "-c", code, str(ours)]
    done = subprocess.run(command, pass_fds=[ours], capture_output=True, text=True, timeout=100)
    os.close(ours)
    assert done.stdout == "b''\n" or "Permission" in done.stderr or "Reset" in done.stderr, (
        done.stderr
    )
    assert lt.here.keys() == []


def test_another_home_is_another_daemon(own_home, lt, tmp_path, monkeypatch):
    lt.here.put("whose", "the first one's")
    first = node_status()["pid"]
    other_home = tmp_path / "other"
    other_home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        set_home(patch, other_home)
        code = "import leanto as lt; print(lt.here.keys())"
        assert run_script(tmp_path, "-c", code).stdout == "[]\n"
        assert node_status()["pid"] != first
        stop_node()
        assert wait_until(lambda: processes_of(other_home) == [])
    assert node_status()["pid"] == first
    assert lt.here.get("whose") == "the first one's"


def test_a_home_whose_path_is_longer_than_a_sockets_address(own_home, lt, tmp_path, monkeypatch):
    home = tmp_path / ("long" * 20) / ("longer" * 20)
    home.mkdir(parents=True)
    assert len(str(socket_of(home))) > 108
    set_home(monkeypatch, home)
    try:
        assert lt.function(shop.add).to(lt.here)(1, 2) == 3
        assert node_status()["socket"] == str(socket_of(home))
    finally:
        stop_node()
    assert wait_until(lambda: processes_of(home) == [])


def test_the_xdg_directories_are_used(own_home, lt, tmp_path, monkeypatch):
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    assert lt.function(shop.add).to(lt.here)(1, 2) == 3
    status = node_status()
    assert status["state_directory"] == str(tmp_path / "STATE" / "leanto")
    assert status["config_file"] == str(tmp_path / "CONFIG" / "leanto" / "node.toml")
    assert (tmp_path / "CACHE" / "leanto").is_dir()
    assert list(own_home.iterdir()) == []


def test_a_second_daemon_on_the_same_state_says_who_runs(own_home, lt):
    lt.here.keys()
    pid = node_status()["pid"]
    done = subprocess.run(
        [os.environ["LEANTO_BINARY"], "node"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode != 0
    assert f"process id {pid}" in done.stderr and str(own_home) in done.stderr
    assert node_status()["pid"] == pid


def test_a_state_directory_that_cannot_be_made_is_named(own_home, lt):
    (own_home / ".local").write_text("in the way")
    with pytest.raises(lt.NodeError, match=r"\.local"):
        lt.here.keys()
    (own_home / ".local").unlink()


# What it says of itself


def test_status_names_what_there_is(own_home, lt, tmp_path):
    released = tmp_path / "go"
    add, hold = lt.function(shop.add).to(lt.here), lt.function(workshop.hold).to(lt.here)
    assert add(1, 1) == 2
    thread = threading.Thread(target=hold, args=(str(tmp_path / "started"), str(released)))
    thread.start()
    assert wait_until((tmp_path / "started").exists)
    counter = lt.cls(shop.Counter).to(lt.here).options(name="counted")(1)
    status = node_status()
    assert status["version"] == lt.__version__
    assert status["pid"] == daemons_of(own_home)[0]
    assert 0 < status["memory"] < 200 << 20
    assert re.match("cgroups: (none|v1|v2|hybrid)", status["cgroups"]), status["cgroups"]
    assert status["calls"] == 1
    workers = {worker["service"]: worker for worker in status["workers"] if "object" not in worker}
    assert workers["sample/shop.add"]["calls"] == 0
    assert workers["workshop/workshop.hold"]["calls"] == 1
    for worker in status["workers"]:
        assert alive(worker["pid"]) and worker["memory"] > 0
    (live,) = [worker for worker in status["workers"] if worker.get("object") == "'counted'"]
    assert live["pid"] == counter.pid()
    assert live["service"] == "sample/shop.Counter"
    assert [zygote["python"] for zygote in status["zygotes"]] == [sys.executable]
    released.touch()
    thread.join()
    assert "sample/shop.add" in leanto("status") and "counted" in leanto("ls")


def test_one_worker_is_one_worker_also_when_several_send_it_at_once(own_home, tmp_path):
    slow = "import os, time\ntime.sleep(0.5)\n\ndef f():\n    return os.getpid()\n"
    project = write_project(tmp_path / "p", {"app.py": slow})
    with Client(project) as one, Client(project) as two, Client(project) as three:
        clients = (one, two, three)
        for client in clients:
            client.do("import app")
            client.do("lt.here.keys()")
        for client in clients:
            client.start("lt.function(app.f).options(workers=1).to(lt.here)()")
        pids = {client.answer() for client in clients}
        assert {worker["pid"] for worker in node_status()["workers"]} == pids and len(pids) == 1
