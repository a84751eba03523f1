"""A node as it's reached over TLS: what listens here ends TLS, looks at the token, and hands on to the node on this machine."""

import contextlib
import hashlib
import os
import pathlib
import select
import socket
import ssl
import subprocess
import threading

from leanto import _frames

TOKEN = "lt_the-token-of-these-tests"
LIMIT = 60
MOST = 4 << 20  # bytes that wait for a client


def make_certificate(directory):
    """Return the paths of a new certificate and its key, and the certificate's fingerprint."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]
        + ["-subj", "/CN=node", "-days", "2", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
        timeout=LIMIT,
    )
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return certificate, key, hashlib.sha256(der).hexdigest()


class TlsRelay:
    """Listens on a loopback port; `url` is the address, `fingerprint` that of its certificate.

    `greeting` is what the node says more in its HELLO: who it is. `asked` has the operations that were asked for, in order
    ("call" for a plain call), `bytes_in` counts what clients sent.
    """

    def __init__(self, directory, node):
        self._node = str(node)
        self.greeting = {"node": pathlib.Path(node).with_name("node.id").read_text()}
        certificate, key, self.fingerprint = make_certificate(directory)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._lock = threading.Lock()
        self._sockets = []
        self.asked = []
        self.bytes_in = 0
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"leanto://127.0.0.1:{self.port}"
        self.join_word = f"{self.url}?fingerprint={self.fingerprint}&token={TOKEN}"
        self._listen()

    def _listen(self):
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, plain):
        node = None
        try:
            with self._lock:
                self._sockets.append(plain)
            plain.settimeout(LIMIT)
            sock = self._context.wrap_socket(plain, server_side=True)
            with self._lock:
                self._sockets.append(sock)
                self.connections += 1
            data = self._greet(sock)
            if data is None:
                return
            node = socket.socket(socket.AF_UNIX)
            node.connect(self._node)
            node.sendall(data)
            self._join(sock, node, bytearray(data))
        except OSError:
            pass
        finally:
            for one in (node, plain):
                if one is not None:
                    one.close()

    def _greet(self, sock):
        """Return what came so far, which begins with a HELLO whose token is right; None if it isn't."""
        data = b""
        while len(data) < 20 or len(data) < 20 + _frames.parse_header(data)[2]:
            piece = sock.recv(65536)
            if not piece:
                return None
            data += piece
        size = _frames.parse_header(data)[2]
        if _frames.decode_head(data[20 : 20 + size]).get("token") == TOKEN:
            return data
        head = _frames.encode_head(
            {"kind": "access_denied", "message": "this token is not one of this node's"}
        )
        sock.sendall(_frames.frame(_frames.ERROR, 0, head))
        sock.unwrap()
        return None

    def _join(self, sock, node, seen):
        """Hand on in both directions, of which neither waits for the other; a TLS socket is one thread's at a time."""
        self._note(seen)
        sock.setblocking(False)
        node.setblocking(False)
        to_node, to_client = bytearray(), bytearray()
        is_greeted = False
        while True:
            self._wait(sock, node, to_node, to_client)
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                data = sock.recv(65536)
                if not data:
                    return
                with self._lock:
                    self.bytes_in += len(data)
                seen += data
                self._note(seen)
                to_node += data
            with contextlib.suppress(BlockingIOError):
                data = node.recv(65536) if len(to_client) < MOST else None
                if data == b"":
                    return
                to_client += data or b""
            if not is_greeted:
                is_greeted = self._complete_greeting(to_client)
                if not is_greeted:
                    continue
            with contextlib.suppress(BlockingIOError):
                while to_node:
                    del to_node[: node.send(to_node)]
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                while to_client:
                    del to_client[: sock.send(to_client[:16384])]

    def _complete_greeting(self, data):
        """Have the node's HELLO, which begins `data`, say who it is; False until all of it is there."""
        if len(data) < 20 or len(data) < 20 + _frames.parse_header(data)[2]:
            return False
        size = _frames.parse_header(data)[2]
        head = _frames.decode_head(bytes(data[20 : 20 + size]))
        head.update(self.greeting)
        data[: 20 + size] = _frames.frame(_frames.HELLO, 0, _frames.encode_head(head))
        return True

    @staticmethod
    def _wait(sock, node, to_node, to_client):
        if sock.pending():
            return
        reads = [sock, *([node] if len(to_client) < MOST else [])]
        writes = [*([node] if to_node else []), *([sock] if to_client else [])]
        select.select(reads, writes, [], LIMIT)

    def _note(self, seen):
        """Write down what whole frames ask for, and take them out of what was seen."""
        while len(seen) >= 20:
            _, _, type_, _, _, head_size, body_size = _frames.HEADER.unpack_from(seen)
            if len(seen) < 20 + head_size + body_size:
                return
            if type_ in (_frames.ASK, _frames.CALL):
                head = _frames.decode_head(bytes(seen[20 : 20 + head_size]))
                with self._lock:
                    self.asked.append(head.get("op", "call"))
            del seen[: 20 + head_size + body_size]

    def cut(self):
        """Break all connections, as a machine does that ends."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            _end(one)

    def close(self):
        """Nobody listens any more."""
        _end(self._listener)
        self.cut()

    def open_again(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()


def _end(sock):
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close() if not isinstance(sock, ssl.SSLSocket) else None


def node_socket(home):
    return os.path.join(str(home), ".local", "state", "leanto", "node.sock")
