"""What lies in a project that can't travel is named with the way out, and the next `.to()` works."""

import os
import re
import socket
import threading

import pytest
from clients import Client, Failed, write_project
from conftest import node_status

SEND = "lt.function(app.f).to(lt.here)()"
APP = "def f():\n    return 1\n"


@pytest.fixture
def client(tmp_path):
    """A program with a small project, on a node that must serve on."""
    project = write_project(tmp_path / "p", {"app.py": APP, "data/kept.txt": "kept"})
    with Client(project) as client:
        client.project = project
        client.do("import app; lt.here.keys()")
        pid = node_status()["pid"]
        yield client
        assert client.do(SEND) == 1
        assert node_status()["pid"] == pid


def refused(client):
    """Send; return what the error says."""
    with pytest.raises(Failed) as caught:
        client.do(SEND)
    assert caught.value.kind == "SnapshotError"
    return caught.value.text


def suggested_line(text):
    """The line for .leantoignore that an error suggests."""
    return re.search(r"\.leantoignore, for example the line\n  (.*)$", text)[1]


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def make_device(path):
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 7))


@pytest.mark.parametrize(
    "make",
    [
        make_pipe,
        make_socket,
        pytest.param(
            make_device,
            marks=pytest.mark.skipif(os.getuid() != 0, reason="only root makes devices"),
        ),
    ],
)
def test_what_is_no_file_is_named_and_its_line_for_the_ignore_file_works(client, make, monkeypatch):
    monkeypatch.chdir(client.project / "data")  # a socket's path must be short
    make("odd one")
    text = refused(client)
    assert "data/odd one: it is a socket, a named pipe or a device, which cannot travel" in text
    (client.project / ".leantoignore").write_text(suggested_line(text) + "\n")
    assert client.do(SEND) == 1
    (client.project / ".leantoignore").unlink()
    assert "odd one" in refused(client)
    os.unlink("odd one")
    assert client.do(SEND) == 1


def test_a_link_out_of_the_project_is_named_with_where_it_leads(client, tmp_path):
    (tmp_path / "outside.txt").write_text("outside")
    (client.project / "data" / "up").symlink_to("../../outside.txt")
    text = refused(client)
    assert "data/up: it is a link to ../../outside.txt, which is outside of the project" in text
    (client.project / ".leantoignore").write_text(suggested_line(text) + "\n")
    assert client.do(SEND) == 1


def test_of_many_things_that_cannot_travel_the_first_are_named_and_the_rest_counted(client):
    for number in range(40):
        make_pipe(client.project / f"pipe{number:02}")
    text = refused(client)
    shown = re.findall(r"^  (pipe\d\d): ", text, re.MULTILINE)
    assert shown == sorted(shown)
    assert f"and {40 - len(shown)} more" in text
    for pipe in client.project.glob("pipe*"):
        pipe.unlink()


def test_a_project_over_the_limit_names_the_largest_first_and_its_line_for_the_ignore_file(
    own_home, tmp_path
):
    write_project(own_home, {".config/leanto/node.toml": '[snapshots]\nmax_size = "1MB"\n'})
    sizes = {"raw": 900, "models": 700, "pictures": 300, "docs": 1}
    files = {f"{name}/{i}.bin": "x" * size * 512 for name, size in sizes.items() for i in (0, 1)}
    project = write_project(tmp_path / "p", {"app.py": APP, **files})
    with Client(project) as client:
        client.do("import app")
        text = refused(client)
        assert "has 9 files of 1.9 MiB in all; a snapshot may have" in text
        listed = re.findall(r"^  (\w+)/: \S+ ?\S+ in 2 files$", text, re.MULTILINE)
        assert listed[:3] == ["raw", "models", "pictures"]
        for name in ("raw", "models"):
            line = suggested_line(refused(client))
            assert name in line
            with open(project / ".leantoignore", "a") as file:
                file.write(line + "\n")
        assert client.do(SEND) == 1


def test_a_file_that_is_written_all_the_time_is_sent_or_named(client):
    growing = client.project / "data" / "growing.log"
    growing.write_bytes(b"x" * 9_000_000)
    done = threading.Event()

    def write():
        with open(growing, "ab", buffering=0) as file:
            while not done.wait(0):
                if file.tell() > 40_000_000:
                    file.truncate(9_000_000)
                file.write(b"y" * 4096)

    writer = threading.Thread(target=write)
    writer.start()
    errors = set()
    try:
        for _ in range(30):
            try:
                assert client.do(SEND) == 1
            except Failed as failed:
                assert failed.kind == "SnapshotError"
                errors.add(failed.text)
            if errors:
                break
    finally:
        done.set()
        writer.join()
    assert errors, "thirty times it was written just as it was read, and never seen to change"
    for text in errors:
        assert f"{growing}" in text or "data/growing.log" in text
        assert ".leantoignore" in text and "again when its writer is done" in text
    assert client.do(SEND) == 1


def test_files_that_come_and_go_while_the_project_is_read_do_no_harm(client):
    done = threading.Event()

    def churn():
        for number in iter(int, 1):
            directory = client.project / f"build{number % 3}"
            directory.mkdir(exist_ok=True)
            names = [directory / f"{i}.o" for i in range(20)]
            for name in names:
                name.write_text("object" * 1000)
            if done.is_set():
                return
            for name in names:
                name.unlink()
            directory.rmdir()

    churner = threading.Thread(target=churn)
    churner.start()
    try:
        for number in range(20):
            (client.project / "app.py").write_text(f"def f():\n    return {number}\n")
            assert client.do(SEND) == number
    finally:
        done.set()
        churner.join()
    (client.project / "app.py").write_text(
        "import os\n\ndef f():\n    return len([1 for at in os.walk('.') for n in at[2] if n.endswith('.o')])\n"
    )
    assert client.do(SEND) == 20, "what is there at the end is all there"
    (client.project / "app.py").write_text(APP)


def test_a_module_with_a_syntax_error_is_shown_with_file_and_line_and_mended_by_an_edit(client):
    (client.project / "app.py").write_text("def f():\n    return (1\n\ndef g(:\n    pass\n")
    assert re.search(rf"{client.project}/app\.py, line \d: ", refused(client))
    (client.project / "app.py").write_text("def g():\n    return 1\n")
    assert f"{client.project}/app.py has no 'f'" in refused(client)
    (client.project / "app.py").write_bytes(b"def f():\n    return '\xff'\n")
    assert f"{client.project}/app.py" in refused(client)
    (client.project / "app.py").write_text(APP)
