"""What is done with a machine itself: commands, files, a shell."""

import os
import signal
import subprocess

import far
import pytest
from clients import Client
from conftest import SAMPLE, leanto, wait_until

LIMIT = 60


def test_a_command_streams_what_it_prints_and_says_how_it_ended(box, world, capfd):
    result = box.run("uname -n; echo out; echo err >&2; pwd; exit 3")
    home = world.hosts[0].home
    assert result == (3, f"a\nout\n{home}\n", "err\n")
    out, err = capfd.readouterr()
    assert out == f"a\nout\n{home}\n" and err == "err\n"


def test_words_are_passed_as_they_are(box):
    words = ["printf", "%s|", "a b", "*", "$HOME", "", "é\n"]
    assert box.run(words).stdout == "a b|*|$HOME||é\n|"


def test_what_a_command_prints_appears_while_it_runs(box, world):
    home = world.hosts[0].home
    with Client(SAMPLE) as client:
        command = "echo first; while [ ! -e go ]; do sleep 0.01; done; echo second"
        client.do("box = lt.cluster('box')")
        client.start(f"box.run({command!r})")
        assert wait_until(lambda: client.said() == "first\n")
        assert not client.has_answered()
        (home / "go").touch()
        assert client.answer() == [0, "first\nsecond\n", ""]
        assert client.said() == "first\nsecond\n"
    (home / "go").unlink()


def test_a_signal_that_ends_a_command_is_its_code(box):
    assert box.run("kill -9 $$").code == -signal.SIGKILL
    assert box.run("kill -TERM $$").code == -signal.SIGTERM


def test_what_a_command_writes_that_is_no_text_and_much(box, capfd):
    assert box.run("printf '\\377x'").stdout == "\ufffdx"
    result = box.run("seq 1 200000")
    assert result.stdout == "".join(f"{i}\n" for i in range(1, 200_001))
    capfd.readouterr()


def test_a_program_that_is_not_there(box, lt):
    with pytest.raises(lt.NotFoundError, match="no-such-program"):
        box.run(["no-such-program", "x"])
    result = box.run("no-such-program")
    assert result.code == 127 and "not found" in result.stderr


@pytest.mark.parametrize("command", [[], [5], 5, None, ["a", 5]])
def test_what_is_no_command(box, lt, command):
    with pytest.raises((lt.InvalidRequestError, TypeError)):
        box.run(command)


def test_a_command_that_takes_too_long_ends_with_all_its_children(box, world, lt):
    with pytest.raises(lt.TimeoutError):
        box.run("sleep 1234 & sleep 1234", timeout=0.3)
    assert wait_until(lambda: not sleepers(world.hosts[0], "1234"))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_command_whose_caller_is_interrupted_or_killed_ends(box, world, end):
    a = world.hosts[0]
    if True:
        with Client(SAMPLE) as client:
            client.do("box = lt.cluster('box')")
            client.start("box.run('sleep 4321 & sleep 4321')")
            assert wait_until(lambda: len(sleepers(a, "4321")) == 2)
            client.process.send_signal(end)
            assert wait_until(lambda: not sleepers(a, "4321"))
            if end == signal.SIGINT:
                with pytest.raises(AssertionError, match="KeyboardInterrupt"):
                    client.answer()
                assert client.do("box.run('echo still here').code") == 0


def sleepers(host, seconds):
    found = []
    for pid in host.processes():
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", seconds.encode()]:
            found.append(pid)
    return found


def test_many_commands_at_once(box):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda i: box.run(["echo", str(i)]).stdout, range(32)))
    assert done == [f"{i}\n" for i in range(32)]


# --- files ---


def test_files_go_there_and_come_back_whole(box, world, tmp_path):
    home = world.hosts[0].home
    data = os.urandom(20_000_001)
    here = tmp_path / "large.bin"
    here.write_bytes(data)
    here.chmod(0o750)
    assert box.put_file(str(here)) == str(home / "large.bin")
    there = home / "large.bin"
    assert there.read_bytes() == data
    assert there.stat().st_mode & 0o7777 == 0o750
    back = tmp_path / "back.bin"
    there.chmod(0o640)
    assert box.get_file("large.bin", str(back)) == str(back)
    assert back.read_bytes() == data
    assert back.stat().st_mode & 0o7777 == 0o640
    there.unlink()
    assert [path.name for path in home.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize("size", [0, 1, 4 << 20, (4 << 20) + 1])
def test_files_of_any_size(box, world, tmp_path, size):
    here = tmp_path / "some"
    here.write_bytes(bytes(size))
    assert box.put_file(str(here), f"sized-{size}") == str(world.hosts[0].home / f"sized-{size}")
    back = box.get_file(f"~/sized-{size}", str(tmp_path / "back"))
    assert os.path.getsize(back) == size
    (world.hosts[0].home / f"sized-{size}").unlink()


def test_get_file_takes_the_name_here_if_none_is_given(box, world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (world.hosts[0].home / "named.txt").write_text("hello")
    assert box.get_file(str(world.hosts[0].home / "named.txt")) == "named.txt"
    assert (tmp_path / "named.txt").read_text() == "hello"


def test_a_file_that_is_replaced_is_the_old_or_the_new_one(box, world, tmp_path):
    there = world.hosts[0].home / "whole.txt"
    there.write_text("old")
    with open(there) as open_before:
        (tmp_path / "whole.txt").write_text("new")
        box.put_file(str(tmp_path / "whole.txt"))
        assert open_before.read() == "old"
    assert there.read_text() == "new"
    there.unlink()


def test_what_can_not_be_copied_says_which_and_leaves_nothing(
    box, world, lt, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    home = world.hosts[0].home
    before = far.files_below(home)
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        box.put_file("no-such-file")
    with pytest.raises(OSError, match="directory"):
        box.put_file(str(tmp_path), "somewhere")
    (tmp_path / "some").write_text("x")
    with pytest.raises(lt.NotFoundError, match="no/such/directory"):
        box.put_file("some", "no/such/directory/some")
    with pytest.raises(lt.InvalidRequestError, match="is a directory"):
        box.put_file("some", str(home))
    for path, error in [
        ("no-such-file", lt.NotFoundError),
        (str(home), lt.InvalidRequestError),
        ("/dev/null", lt.InvalidRequestError),
    ]:
        with pytest.raises(error) as caught:
            box.get_file(path, "got")
        assert path in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["some"]
    assert far.files_below(home) == before


def test_a_full_disk_there_leaves_no_half_file(monkeypatch, lt, binaries, tmp_path):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        (host,) = world.hosts
        small = host.home / "small"
        box = lt.cluster(name="box", host="a")
        import disks

        disk = disks.Disk(small, "3m")
        try:
            (tmp_path / "large").write_bytes(bytes(10_000_000))
            # Mounted here, it's seen by sessions that begin now: the host's sshd has its own view.
            host.sshd.restart()
            with pytest.raises(lt.CapacityError, match="small/large"):
                box.put_file(str(tmp_path / "large"), "small/large")
            assert list(small.iterdir()) == []
        finally:
            box.down()
            disk.remove()


# --- a shell ---


def test_ssh_runs_a_command_or_a_shell(box, world, tmp_path):
    done = run(["ssh", "box", "echo", "hi;", "uname", "-n"])
    assert (done.returncode, done.stdout) == (0, "hi\na\n")
    assert run(["ssh", "box", "exit 7"]).returncode == 7
    assert run(["ssh", "box", "--", "ls", "-d", "/"]).stdout == "/\n"
    shell = run(["ssh", "box"], input="uname -n\nexit 4\n")
    assert (shell.returncode, shell.stdout.splitlines()[-1]) == (4, "a")
    none = run(["ssh", "no-such-box", "true"])
    assert none.returncode == 6 and "no-such-box" in none.stderr


def run(words, input=""):
    command = [os.environ["LEANTO_BINARY"], *words]
    return subprocess.run(command, input=input, capture_output=True, text=True, timeout=LIMIT)


def test_a_program_logs_in(box, world):
    with Client(SAMPLE) as client:
        client.do("import subprocess; words = []")
        client.do("subprocess.call = lambda command: words.append(command) or 5")
        assert client.do("lt.cluster('box').ssh()") == 5
        assert client.do("words") == [[*world.lan.ssh_command, "a"]]


def test_this_machine_is_no_other_one(world, lt):
    with pytest.raises(lt.InvalidRequestError, match="isn't reached by ssh"):
        lt.here.ssh()
    assert lt.here.run(["echo", "hello"]).stdout == "hello\n"
    assert leanto("status")
