"""What takes longer than a link's limits, all at once and beside other tests: hosts that are cut off for long, and for good."""

import contextlib
import threading
import time

import far
from clients import Client, write_project
from conftest import wait_until

APP = """
import os, time

def talk(n, pause):
    for i in range(n):
        print("line", i, flush=True)
        time.sleep(pause)
    return n

def items(n, pause):
    for i in range(n):
        time.sleep(pause)
        yield i

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.005)
    return "came"

def note_and_wait_for(note, path):
    with open(note, "a") as file:
        file.write("began\\n")
    print("began")
    return wait_for(path)

class Counter:
    def __init__(self):
        self.n = 0
    def more(self):
        self.n += 1
        return self.n
"""


def write(directory):
    """Write the project of the story, which other tests use, too."""
    return write_project(directory, {"app.py": APP, "pyproject.toml": "[project]\nname='p'\n"})


COUNT_UNTIL = """
def count_until(end):
    seen = []
    while time.monotonic() < end:
        seen.append(counter.more())
        time.sleep(0.002)
    return seen
"""


@contextlib.contextmanager
def begun(binaries, directory):
    """The story, which goes on from here."""
    with far.world(3, binaries=binaries) as world:
        story = Story(world, write(directory / "p"))
        try:
            yield story
        finally:
            story.close()


class Story:
    """Three hosts are cut off: a for twenty seconds, b for good, and c has lost its power meanwhile."""

    def __init__(self, world, project):
        self.world = world
        self.clients = {}
        for name, host, work in [
            ("talk", "a", "lt.function(app.talk).to({})(500, 0.05)"),
            ("items", "a", "list(lt.function(app.items).to({})(500, 0.05))"),
            ("counts", "a", "count_until(time.monotonic() + 25)"),
            ("run", "a", "[line.text for line in run.logs(follow=True)], run.result()"),
            ("gone", "b", "lt.function(app.talk).to({})(100_000, 0.05)"),
            ("power", "c", "lt.function(app.talk).to({})(100_000, 0.05)"),
        ]:
            client = self.clients[name] = Client(project, HOME=str(world.home))
            cluster = f"lt.cluster(name='on-{host}', host={host!r})"
            client.do(f"import app, time; on = {cluster}; counter = lt.cls(app.Counter).to(on)()")
            client.do(COUNT_UNTIL)
            if name == "run":
                client.do("run = lt.function(app.talk).to(on).submit(500, 0.05)")
            client.start(work.format("on"))
        for name in ("talk", "gone", "power"):
            assert wait_until(lambda: "line 5" in self.clients[name].said())  # noqa: B023
        a, b, c = world.hosts
        self.cut_at = time.monotonic()
        for host in (a, b):
            host.cut()
        c.lose_power()
        self._heal = threading.Timer(20, a.heal)
        self._heal.start()

    def answer(self, name, limit):
        """What came of it, waiting until `limit` seconds after the cut."""
        client = self.clients[name]
        while not client.has_answered() and time.monotonic() < self.cut_at + limit:
            time.sleep(0.05)
        assert client.has_answered(), f"nothing after {limit} s"
        return client.answer()

    def close(self):
        self._heal.cancel()
        self._heal.join()
        for client in self.clients.values():
            client.__exit__()
