"""How fast bytes get to a node by TLS, against a bare TLS stream: python3 bench/direct_tls.py

    bare    a program's ssl socket to another's, which throws away what comes
    frames  a program's ssl socket to a node, which keeps it as a value (`put`)
    link    a program, its own node, TLS, the node there, which keeps it

All on one machine, through an address of its network, so both ends share its processors.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "python"))
CHUNK = 1 << 20


def own_address():
    """An address of this machine that isn't loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def connect(address):
    plain = socket.create_connection(address, timeout=120)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context().wrap_socket(plain)


def sink(listener, pem, size):
    """Take `size` bytes and say one."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(pem)
    room = bytearray(CHUNK)
    while True:
        plain, _ = listener.accept()
        with served.wrap_socket(plain, server_side=True) as secure:
            left = size
            while left > 0:
                left -= secure.recv_into(room)
            secure.sendall(b"!")


def measure_bare(host, pem, data):
    listener = socket.create_server((host, 0))
    process = multiprocessing.Process(target=sink, args=(listener, pem, len(data)), daemon=True)
    process.start()
    with connect(listener.getsockname()) as secure:
        begin = time.perf_counter()
        secure.sendall(data)
        secure.recv(1)
        took = time.perf_counter() - begin
    process.kill()
    process.join()
    listener.close()
    return took


def measure_frames(host, port, token, data):
    from leanto import _frames

    with connect((host, port)) as secure:
        reader = _frames.FrameReader(secure)
        hello = {"version": "0", "features": ["call"], "token": token}
        secure.sendall(_frames.frame(_frames.HELLO, 0, _frames.encode_head(hello)))
        assert reader.read()[0] == _frames.HELLO
        head = _frames.encode_head({"op": "put", "key": "bench"})
        begin = time.perf_counter()
        secure.sendall(_frames.header(_frames.ASK, 1, len(head), len(data)) + head)
        secure.sendall(data)
        assert reader.read()[0] == _frames.RESULT
        took = time.perf_counter() - begin
        secure.sendall(
            _frames.frame(_frames.ASK, 2, _frames.encode_head({"op": "delete", "key": "bench"}))
        )
        assert reader.read()[0] == _frames.RESULT
        return took


def measure_link(word, data):
    import leanto as lt

    box = lt.cluster("bench", url=word)
    box.keys()
    begin = time.perf_counter()
    box.put("bench", data)
    took = time.perf_counter() - begin
    box.delete("bench")
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--size", type=float, default=1.0, help="GiB")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--address", help="of this machine, not loopback; else it's found by its routes"
    )
    options = parser.parse_args()
    binary = os.environ.setdefault("LEANTO_BINARY", str(ROOT / "build/release/leanto"))
    data = os.urandom(1 << 20) * int(options.size * 1024)
    host = options.address or own_address()
    with tempfile.TemporaryDirectory(prefix="leanto-bench-") as directory:
        homes = {}
        for name in ("here", "there"):
            home = pathlib.Path(directory) / name
            home.mkdir()
            homes[name] = {**os.environ, "HOME": str(home)}

        def leanto(name, *words):
            done = subprocess.run([binary, *words], env=homes[name], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        os.environ["HOME"] = homes["here"]["HOME"]
        try:
            leanto("there", "node", "--detach", "--listen", f"{host}:0")
            made = json.loads(
                leanto(
                    "there", "token", "create", "--rights", "call,deploy,admin", "--join", "--json"
                )
            )
            port = int(re.search(r":(\d+)\?", made["join"]).group(1))
            pem = pathlib.Path(homes["there"]["HOME"]) / ".local/state/leanto/tls.pem"
            ways = {
                "bare": lambda: measure_bare(host, pem, data),
                "frames": lambda: measure_frames(host, port, made["token"], data),
                "link": lambda: measure_link(made["join"], data),
            }
            times = {name: [] for name in ways}
            for _ in range(options.repeat):
                for name, way in ways.items():
                    times[name].append(way())
        finally:
            for name in homes:
                subprocess.run([binary, "stop"], env=homes[name], capture_output=True)
    best = {name: min(each) for name, each in times.items()}
    for name, took in best.items():
        rate = len(data) / took / 1e6
        print(f"{name:<7} {took:6.2f} s  {rate:6.0f} MB/s  {best['bare'] / took:5.0%} of bare")


if __name__ == "__main__":
    main()
