"""The floor: bare sockets through a bare relay (../baseline), one memcpy for an array of 256 MiB, a fork of a
process that has the library imported for an edit, and the end of a forked process for one that is killed."""

import os
import socket
import sys
import threading
import time

import peer

BASELINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "baseline")
sys.path.insert(0, BASELINE)
import client as bare  # noqa: E402

BATCH = 50  # tasks
COPIED = 64 << 20  # bytes; from here on the floor is a copy in memory


class Floor(peer.Peer):
    serves_by_itself = False
    absent = {
        "async_calls": "its worker is not an event loop",
        "generator": "its worker answers once a call",
        "by_name": "no names",
        "other_process": "no names",
        "memory_many": "a relay has one worker",
        "killed_task": "nobody would notice",
        "out_of_memory": "no limits",
    }

    def _start(self, workers, memory_mib):
        self._processes = []
        self._clients = {}
        return ""

    def _join(self, address):
        self._start(1, None)

    def _stop(self):
        for process in self._processes:
            peer.end(process)

    def _make(self, name, kind):
        return name

    def _find(self, reference):
        return reference

    def _connection(self, found, function):
        """A relay has one client and one worker, so each object and function has a relay of its own."""
        key = f"{found}-{function}"
        if key not in self._clients:
            paths = [
                f"{self._settings['directory']}/{os.getpid()}-{len(self._clients)}-{end}"
                for end in ("client", "worker")
            ]
            relay = peer.spawn(self._settings["relay"], *paths)
            deadline = time.monotonic() + peer.READY_LIMIT
            while not all(map(os.path.exists, paths)):
                if relay.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the relay {relay.args[0]} did not start")
                time.sleep(0.0005)
            client = bare.Client(paths[0])
            worker = peer.spawn(sys.executable, f"{BASELINE}/worker.py", paths[1], function)
            self._processes += relay, worker
            self._clients[key] = client
        return self._clients[key]

    def _method(self, found, name):
        return self._connection(found, name).call

    def _together(self, found, name, arguments):
        return self._connection(found, name).pipeline(arguments)

    def argument(self, size, repeats):
        return self._copy(size, repeats) if size >= COPIED else super().argument(size, repeats)

    def result(self, size, repeats):
        return self._copy(size, repeats) if size >= COPIED else super().result(size, repeats)

    def _copy(self, size, repeats):
        import numpy

        source, sink = numpy.ones(size, numpy.uint8), numpy.ones(size, numpy.uint8)
        return self._timed(
            lambda: numpy.copyto(sink, source) or sink, repeats, lambda array: array.nbytes == size
        )

    def killed_object(self, patience):
        """What the kernel takes to end a process and close its socket: a fork of this one, which does nothing."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            time.sleep(120)
            os._exit(0)
        theirs.close()
        killed = peer.kill_later(pid)
        ours.recv(1)
        took = (time.monotonic() - killed[0]) * 1000
        os.waitpid(pid, 0)
        return {"ms": took, "error": "end of file", "says": "", "next": "–"}

    def open_project(self, path):
        import sklearn  # noqa: F401  the library that the project imports

        sys.path.insert(0, path)

    def _run_entry(self):
        reader, writer = os.pipe()
        if os.fork() == 0:
            import entry

            os.write(writer, str(entry.value(0)).encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as file:
            value = int(file.read())
        os.wait()
        return value

    def _spread(self, tasks, seconds):
        values = []

        def half(connection):
            for _ in range(0, tasks // 2, BATCH):  # all at once would fill the sockets both ways
                values.extend(connection.pipeline([seconds] * BATCH))

        connections = [self._connection(f"half-{number}", "nap") for number in range(2)]
        threads = [threading.Thread(target=half, args=(one,)) for one in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return values


if __name__ == "__main__":
    peer.main(Floor)
