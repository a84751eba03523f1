"""A relay that makes a connection slower to answer, and no narrower: the kernel of a test machine may have no netem.

    python3 delays.py ROUND_TRIP HOST PORT

Listens on a port of 127.0.0.1, which it prints, and passes on to HOST and PORT what comes, in order, each byte half of
ROUND_TRIP seconds after it came; back likewise. A connection costs its round trip, as over a long line. Ends when its
standard input does, so that it never outlives who started it.
"""

import collections
import pathlib
import select
import socket
import subprocess
import sys
import time

CHUNK = 1 << 18
UNDERWAY = 1 << 27  # bytes of one direction: 0.1 s at 1.3 GB/s
LIMIT = 30


class Relay:
    """The relay as a process of its own, which has `port` of 127.0.0.1."""

    def __init__(self, round_trip, host, port):
        # Neither a shim nor what the environment says about Python: those double the time to start.
        words = [
            sys.executable,
            "-I",
            "-S",
            pathlib.Path(__file__),
            str(round_trip),
            host,
            str(port),
        ]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.port = int(self._process.stdout.readline())

    def close(self):
        self._process.kill()
        self._process.communicate(timeout=LIMIT)


class Direction:
    """What is underway from one socket to another."""

    def __init__(self, source, target, delay):
        self.source = source
        self.target = target
        self._delay = delay
        self._underway = collections.deque()  # (when it's due, bytes); no bytes: the end
        self._size = 0
        self._heard_end = False
        self.ended = False

    def wants_to_read(self):
        return not self._heard_end and self._size < UNDERWAY

    def read(self):
        data = self.source.recv(CHUNK)
        self._heard_end = not data
        self._size += len(data)
        self._underway.append((time.monotonic() + self._delay, data))

    def due(self):
        """When there is something to write; None if nothing is underway."""
        return self._underway[0][0] if self._underway else None

    def write(self):
        due, data = self._underway.popleft()
        if not data:
            self.target.shutdown(socket.SHUT_WR)
            self.ended = True
            return
        written = self.target.send(data)
        self._size -= written
        if written < len(data):
            self._underway.appendleft((due, memoryview(data)[written:]))


class Pair:
    """A connection that was made to the relay, and the one that the relay makes for it."""

    def __init__(self, client, target, round_trip):
        self._client = client
        self._target = target
        self._half = round_trip / 2
        # The last packet of a handshake comes after one and a half round trips; sshd speaks then.
        self._connects = time.monotonic() + 3 * self._half
        self.directions = []

    def dues(self):
        """When there is something to do, other than to read."""
        if not self.directions:
            return [self._connects]
        return [direction.due() for direction in self.directions if direction.due() is not None]

    def connect_if_due(self):
        if self.directions or self._connects > time.monotonic():
            return
        server = socket.create_connection(self._target, timeout=LIMIT)
        for one in (self._client, server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there = Direction(self._client, server, self._half)
        self.directions = [there, Direction(server, self._client, self._half)]

    def ended(self):
        return bool(self.directions) and all(direction.ended for direction in self.directions)

    def close(self):
        self._client.close()
        for direction in self.directions:
            direction.target.close()


def step(listener, target, round_trip, pairs):
    """Wait for what can be done next, and do it; False when the standard input has ended."""
    now = time.monotonic()
    directions = {direction: pair for pair in pairs for direction in pair.directions}
    readers = {one.source: one for one in directions if one.wants_to_read()}
    writers = {one.target: one for one in directions if one.due() is not None and one.due() <= now}
    later = [due for pair in pairs for due in pair.dues() if due > now]
    timeout = max(0, min(later) - now) if later else None
    # select(), because poll() and epoll's object take whole milliseconds.
    readable, writable, _ = select.select([sys.stdin, listener, *readers], writers, [], timeout)
    if sys.stdin in readable:
        return False
    if listener in readable:
        pairs.append(Pair(listener.accept()[0], target, round_trip))
    broken = [pair for pair in pairs if not does(pair.connect_if_due)]
    for sockets, act in ((writable, writers), (readable, readers)):
        for one in sockets:
            direction = act.get(one)
            if direction and not does(direction.write if act is writers else direction.read):
                broken.append(directions[direction])
    for pair in [pair for pair in pairs if pair in broken or pair.ended()]:
        pair.close()
        pairs.remove(pair)
    return True


def does(action):
    """Whether it went well; a connection that breaks ends here, and its other half with it."""
    try:
        action()
    except OSError:
        return False
    return True


def main():
    round_trip, target = float(sys.argv[1]), (sys.argv[2], int(sys.argv[3]))
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    pairs = []
    while step(listener, target, round_trip, pairs):
        pass


if __name__ == "__main__":
    main()
