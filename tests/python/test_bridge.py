"""`leanto bridge`: the node on standard streams, as ssh has them."""

import os
import socket
import subprocess

from conftest import leanto
from leanto import _frames

MARKER = b"\nLEANTO BRIDGE 1\n"


def bridge(stream, **more):
    return subprocess.Popen(
        [os.environ["LEANTO_BINARY"], "bridge"], stdin=stream, stdout=stream, **more
    )


def read_marker(ours):
    seen = b""
    while len(seen) < len(MARKER):
        seen += ours.recv(len(MARKER) - len(seen)) or b"the end"
    assert seen == MARKER


def test_it_starts_the_node_and_speaks_its_protocol(own_home):
    ours, theirs = socket.socketpair()
    ours.settimeout(30)
    with ours, theirs:
        process = bridge(theirs)
        theirs.close()
        try:
            read_marker(ours)
            hello = {"version": "0", "features": [], "pid": os.getpid()}
            ours.sendall(_frames.frame(_frames.HELLO, 0, _frames.encode_head(hello)))
            type_, _, head, _ = _frames.FrameReader(ours).read()
            assert type_ == _frames.HELLO
            assert _frames.decode_head(head)["version"] in leanto("version")
        finally:
            ours.close()
            assert process.wait(30) == 0


def test_it_ends_when_the_node_does(own_home):
    ours, theirs = socket.socketpair()
    ours.settimeout(30)
    with ours, theirs:
        process = bridge(theirs)
        theirs.close()
        read_marker(ours)
        leanto("stop")
        assert process.wait(30) == 0
        while ours.recv(1 << 16):
            pass


def test_why_there_is_no_node_is_said_on_stderr(own_home):
    (own_home / ".local").write_text("not a directory")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = bridge(theirs, stderr=subprocess.PIPE)
        theirs.close()
        said = process.communicate(timeout=30)[1].decode()
        assert process.returncode == 1
        assert ".local" in said
        assert ours.recv(100) == b""
