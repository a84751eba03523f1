"""What is said to a node that goes away: said again if it can't have been heard, and never otherwise."""

import contextlib
import socket
import threading
import time

import pytest
from conftest import set_home
from leanto import _connection, _frames, _nodes
from leanto.errors import NodeError


class FakeNode:
    """Listens where a node would; `serve` is called with each connection and its number."""

    def __init__(self, home, serve):
        directory = home / ".local" / "state" / "leanto"
        directory.mkdir(parents=True)
        self.connections = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(directory / "node.sock"))
        self._listener.listen()
        self._serve = serve
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            with connection:
                self.connections += 1
                if connection.recv(1, socket.MSG_PEEK) == b"":
                    return
                self._serve(connection, self.connections)

    def stop(self):
        with contextlib.closing(_node_socket(self._listener.getsockname())):
            pass
        self._thread.join()
        self._listener.close()


def _node_socket(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    return connection


def answer(connection):
    """Read until an ASK has come, and answer it."""
    reader = _frames.FrameReader(connection)
    while True:
        type_, stream, head, _ = reader.read()
        if type_ == _frames.ASK:
            words = _frames.encode_head({"heard": _frames.decode_head(head)["op"]})
            connection.sendall(_frames.frame(_frames.RESULT, stream, words))
            return


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Start a FakeNode that is stopped at the end."""
    nodes = []
    idle, _nodes.here._idle[:] = list(_nodes.here._idle), []
    set_home(monkeypatch, tmp_path)

    def start(serve):
        nodes.append(FakeNode(tmp_path, serve))
        return nodes[-1]

    yield start
    for connection in _nodes.here._idle:
        connection.close()
    _nodes.here._idle[:] = idle
    for node in nodes:
        node.stop()


def wait_for(connection, size):
    """Wait until so much lies unread in the socket."""
    end = time.monotonic() + 30
    while len(connection.recv(size, socket.MSG_PEEK)) < size and time.monotonic() < end:
        pass


def test_what_a_node_left_unread_is_said_to_the_next_one(fake):
    hello = len(_connection.hello_frame())

    def serve(connection, number):
        if number == 1:
            wait_for(connection, hello + 20)  # and close: it's killed before it reads
        else:
            answer(connection)

    node = fake(serve)
    assert _nodes.here.ask("keys")[0] == {"heard": "keys"}
    assert node.connections == 2


def test_what_a_node_read_in_part_is_said_to_the_next_one(fake):
    hello = len(_connection.hello_frame())

    def serve(connection, number):
        if number == 1:
            wait_for(connection, hello + 28)
            connection.recv(hello + 25)
        else:
            answer(connection)

    node = fake(serve)
    assert _nodes.here.ask("keys")[0] == {"heard": "keys"}
    assert node.connections == 2


def test_what_a_node_has_read_is_not_said_again(fake):
    def serve(connection, number):
        reader = _frames.FrameReader(connection)
        while reader.read()[0] != _frames.ASK:
            pass

    node = fake(serve)
    with pytest.raises(NodeError, match="broke in the middle"):
        _nodes.here.ask("keys")
    assert node.connections == 1


def test_a_node_that_never_listens_is_an_error(fake):
    hello = len(_connection.hello_frame())
    node = fake(lambda connection, number: wait_for(connection, hello + 20))
    with pytest.raises(NodeError, match="broke in the middle of a call: .*leanto logs --node"):
        _nodes.here.ask("keys")
    assert node.connections == _nodes.MAX_LOST
