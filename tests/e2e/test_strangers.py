"""What strangers say to the daemon's socket: it answers or hangs up, and serves on."""

import json
import os
import socket
import struct
import subprocess
import sys

import pytest
import shop
from clients import Client, write_project
from conftest import ROOT, alive, node_status, wait_until

WORKSHOP = ROOT / "tests" / "projects" / "workshop"
sys.path.insert(0, str(WORKSHOP))
import workshop  # noqa: E402


def socket_of(home):
    return home / ".local" / "state" / "leanto" / "node.sock"


HEADER = struct.Struct("<BBBBIIQ")

STRANGE = {
    "text": b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
    "noise": bytes(range(256)) * 64,
    "a wrong version": HEADER.pack(0xF7, 99, 1, 0, 0, 0, 0),
    "unknown flags": HEADER.pack(0xF7, 1, 1, 255, 0, 0, 0),
    "an unknown type": HEADER.pack(0xF7, 1, 200, 0, 1, 0, 0),
    "a frame that clients may not say": HEADER.pack(0xF7, 1, 4, 0, 1, 0, 0),
    "a huge head": HEADER.pack(0xF7, 1, 2, 0, 1, 0xFFFFFFFF, 0),
    "a huge body": HEADER.pack(0xF7, 1, 3, 0, 1, 0, 0xFFFFFFFFFFFFFFFF),
    "a head that is no msgpack": HEADER.pack(0xF7, 1, 2, 0, 1, 4, 0) + b"\xc1\xc1\xc1\xc1",
    "a head that is no map": HEADER.pack(0xF7, 1, 3, 0, 1, 1, 0) + b"\x05",
    "a deep head": HEADER.pack(0xF7, 1, 2, 0, 1, 100_000, 0) + b"\x91" * 100_000,
    "an empty question": HEADER.pack(0xF7, 1, 2, 0, 1, 1, 0) + b"\x80",
    "a call of nothing": HEADER.pack(0xF7, 1, 3, 0, 1, 1, 0) + b"\x80",
    "credit for nothing": HEADER.pack(0xF7, 1, 8, 0, 9, 0, 0) + HEADER.pack(0xF7, 1, 9, 0, 9, 0, 0),
}


def say(home, data):
    stranger = socket.socket(socket.AF_UNIX)
    stranger.settimeout(60)
    stranger.connect(str(socket_of(home)))
    stranger.sendall(data)
    return stranger


@pytest.fixture
def serving(own_home, lt):
    """A daemon that must go on serving."""
    add = lt.function(shop.add).to(lt.here)
    pid = node_status()["pid"]
    yield own_home
    assert add(1, 2) == 3
    assert node_status()["pid"] == pid


@pytest.mark.parametrize("what", STRANGE)
def test_what_is_not_the_protocol_is_answered_or_hung_up_on(serving, what):
    with say(serving, STRANGE[what]) as stranger:
        stranger.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while data := stranger.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
    if STRANGE[what][0] != 0xF7:  # no frame, so it is taken for HTTP
        assert answer.startswith(b"HTTP/1.1 4")
        return
    assert answer == b"" or HEADER.unpack(answer[:20])[2] == 5, "an ERROR frame"


def test_an_unknown_operation_is_answered_with_its_name(serving, lt):
    from leanto import _nodes

    with pytest.raises(lt.LeantoError, match="no_such_thing"):
        _nodes.here.ask("no_such_thing")


ANOTHER_USER = """
import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from leanto import _frames
os.chdir(sys.argv[2])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(60)
peer.connect("node.sock")
head = _frames.encode_head(json.loads(sys.argv[3]))
answer = b""
try:
    peer.sendall(_frames.frame(_frames.ASK, 1, head))
    answer = peer.recv(100)
except (BrokenPipeError, ConnectionResetError):
    pass
print(len(answer))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("op", ["status", "keys", "objects", "restart", "stop"])
def test_another_user_is_hung_up_on_also_where_the_sockets_mode_lets_them_in(serving, op):
    """The socket and its directory are closed to others; here both were opened by mistake."""
    directory = socket_of(serving).parent
    directory.chmod(0o711)
    socket_of(serving).chmod(0o777)
    workers = node_status()["workers"]
    question = json.dumps({"op": op, "all": True, "now": True})
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_USER, str(ROOT / "python"), str(directory), question],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "0\n", done.stderr
    assert [worker["pid"] for worker in node_status()["workers"]] == [w["pid"] for w in workers]
    directory.chmod(0o700)


def test_every_beginning_of_a_conversation_may_be_its_end(serving):
    from leanto import _connection, _frames

    head = _frames.encode_head({"op": "keys"})
    whole = _connection.hello_frame() + HEADER.pack(0xF7, 1, 2, 0, 1, len(head), 0) + head
    for size in range(0, len(whole), 3):
        say(serving, whole[:size]).close()


def test_many_half_frames_at_once_do_not_hold_up_a_call(serving, lt):
    strangers = [
        say(serving, HEADER.pack(0xF7, 1, 3, 0, 1, 10, 1 << 30) + b"half") for _ in range(50)
    ]
    assert lt.function(shop.add).to(lt.here)(3, 4) == 7
    assert node_status()["memory"] < 500 << 20, "what is only announced takes no memory"
    for stranger in strangers:
        stranger.close()


def test_a_caller_that_leaves_in_the_middle_of_a_call_leaves_the_worker_usable(
    serving, lt, tmp_path
):
    with Client(WORKSHOP) as client:
        client.do("import workshop")
        client.start(
            "lt.function(workshop.hold).to(lt.here)"
            f"({str(tmp_path / 'a')!r}, {str(tmp_path / 'never')!r})"
        )
        assert wait_until((tmp_path / "a").exists)
    (tmp_path / "go").touch()
    assert alive(lt.function(workshop.hold).to(lt.here)(str(tmp_path / "b"), str(tmp_path / "go")))


def test_a_frame_larger_than_allowed_is_refused(own_home, lt):
    write_project(own_home, {".config/leanto/node.toml": 'max_frame_size = "1MB"\n'})
    call = lt.function(workshop.call).to(lt.here)
    assert call(len, "x" * 500_000) == 500_000
    with pytest.raises(lt.LeantoError):
        call(len, "x" * 5_000_000)
    assert call(len, b"x" * 5_000_000) == 5_000_000, "bytes don't go through the frame"
    assert call(len, b"x") == 1
