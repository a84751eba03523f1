"""A place between client and node, where what is said gets lost."""

import collections
import os
import socket
import threading

from leanto import _frames

LIMIT = 60


class Proxy:
    """Stands at the node's place for a client with XDG_STATE_HOME=`home`, and hands on what it hears to the node at `node`.

    `lose(op, fault)` says what happens to the next request `op` ("call" is a plain call): "request", the connection breaks
    before the node has heard it; "response", it breaks when the node has answered; "early", it breaks when the node has heard
    it, without waiting for the answer.
    `heard` has the requests that came here, `passed` those that the node has heard.
    """

    def __init__(self, home, node):
        self._node = str(node)
        self._faults = collections.defaultdict(collections.deque)
        self._lock = threading.Lock()
        self._sockets = []
        self._refuses = False
        self.heard = collections.Counter()
        self.passed = collections.Counter()
        self.lost = collections.Counter()
        directory = home / "leanto"
        directory.mkdir(parents=True, mode=0o700)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.fspath(directory / "node.sock"))
        self._listener.listen(64)
        self._run(self._accept)

    def lose(self, op, *faults):
        self._faults[op].extend(faults)

    def refuse_all(self):
        """From now on everybody hears that the node has hung up, until `accept_all`."""
        with self._lock:
            self._refuses = True
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            _end(one)

    def accept_all(self):
        self._refuses = False

    def close(self):
        with self._lock:
            sockets, self._sockets = [self._listener, *self._sockets], None
        for one in sockets:
            _end(one)

    def _run(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                node = socket.socket(socket.AF_UNIX)
                node.connect(self._node)
            except OSError:
                return
            with self._lock:
                if self._sockets is None or self._refuses:
                    _end(client), _end(node)
                    continue
                self._sockets += [client, node]
            cut = {}  # stream → op: the connection ends instead of their answer
            self._run(self._pass_on, client, node, cut)
            self._run(self._pass_back, client, node, cut)

    def _pass_on(self, client, node, cut):
        reader = _frames.FrameReader(client)
        try:
            while True:
                type_, stream, head, body = reader.read()
                op = "call" if type_ == _frames.CALL else ""
                if type_ == _frames.ASK:
                    op = _frames.decode_head(head)["op"]
                fault = self._next_fault(op)
                if fault == "request":
                    break
                if fault:  # an answer may be faster than the end of an "early" one
                    cut[stream] = op
                if op:
                    self.passed[op] += 1
                node.sendall(_frames.header(type_, stream, len(head), len(body)) + head + body)
                if fault == "early":
                    break
        except (OSError, EOFError):
            pass
        _end(client), _end(node)

    def _next_fault(self, op):
        if not op:
            return None
        self.heard[op] += 1
        faults = self._faults[op]
        if not faults:
            return None
        self.lost[op] += 1
        return faults.popleft()

    def _pass_back(self, client, node, cut):
        reader = _frames.FrameReader(node)
        try:
            while True:
                type_, stream, head, body = reader.read()
                if stream in cut and type_ in (_frames.RESULT, _frames.ERROR):
                    break
                client.sendall(_frames.header(type_, stream, len(head), len(body)) + head + body)
        except (OSError, EOFError):
            pass
        _end(client), _end(node)


def _end(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    one.close()
