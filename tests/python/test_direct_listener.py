"""The way that test_direct.py goes, to a node's own listener: what its relay can't show."""

import os
import re
import socket

import pytest
from clients import Client, Failed, edit, write_project
from conftest import leanto, processes_of, wait_until
from test_direct import JOB


class Listening:
    """A node in a home of its own, which listens for other machines."""

    def __init__(self, home):
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    def start(self):
        self.do("node", "--detach", "--listen", f"0.0.0.0:{self.port}")

    def do(self, *words):
        return leanto(*words, env={**os.environ, "HOME": str(self.home)})

    def word(self, rights):
        said = self.do("token", "create", "--rights", rights, "--join", "--host", "127.0.0.1")
        return said.strip()


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    home = tmp_path_factory.mktemp("listening")
    node = Listening(home)
    yield node
    node.do("stop")
    assert wait_until(lambda: processes_of(home) == []), f"left behind: {processes_of(home)}"


@pytest.fixture
def project(tmp_path):
    return write_project(
        tmp_path / "project",
        {"job.py": JOB, "numbers_of.py": "def two():\n    return 2\n", "pyproject.toml": ""},
    )


@pytest.fixture
def client_of(project, tmp_path):
    """Make programs on a machine that has no node, with the word for one elsewhere."""
    made = []

    def make(word, place=project):
        client = Client(place, HOME=str(tmp_path / "elsewhere"), LEANTO_DAEMON="none")
        made.append(client)
        client.do("import asyncio, time, leanto as lt")
        client.do(f"box = lt.cluster('box', url={word!r})")
        return client

    yield make
    for client in made:
        client.__exit__()


def test_all_that_a_program_does_goes_there(node, client_of, project):
    client = client_of(node.word("call,deploy"))
    client.do("import job")
    assert client.do("lt.function(job.double).to(box)(21)") == 42
    assert "doubling 21" in client.said()
    client.do("counter = lt.cls(job.Counter).to(box)(5)")
    assert client.do("counter.add(2), counter.count") == [7, 7]
    assert client.do("list(lt.function(job.letters).to(box)('abc'))") == ["a", "b", "c"]
    client.do("later, same = lt.function(job.later).to(box), lt.function(job.same).to(box)")
    client.do(
        "async def main():\n    return await asyncio.gather(*(later.aio(n) for n in range(300)))"
    )
    assert client.do("asyncio.run(main())") == list(range(1, 301))
    client.do("large = [bytes([n]) * 3_000_000 for n in range(8)]")
    assert client.do("list(same.map(large)) == large")
    client.do(
        "async def main():\n    return await asyncio.gather(*(same.aio(x) for x in large)) == large"
    )
    assert client.do("asyncio.run(main())")
    client.do("run = lt.function(job.double).to(box).submit(4)")
    assert client.do("run.result(), [line.text for line in run.logs()]") == [8, ["doubling 4"]]
    client.do("box.put('large', large)")
    assert client.do("box.get('large') == large and box.keys() == ['large']")
    edit(project / "job.py", "VALUE = 1", "VALUE = 2")
    assert client.do("lt.function(job.value).to(box)()") == 2
    client.do("box.delete('large')")


def test_a_right_that_the_token_lacks_is_named(node, client_of):
    client = client_of(node.word("deploy"))
    client.do("import job")
    with pytest.raises(Failed) as caught:
        client.do("box.put('x', 1)")
    assert caught.value.kind == "AccessDeniedError" and "call" in caught.value.text
    caller = client_of(node.word("call"))
    with pytest.raises(Failed) as caught:
        caller.do("import job; lt.function(job.value).to(box)")
    assert caught.value.kind == "AccessDeniedError" and "deploy" in caught.value.text
    assert caller.do("box.keys()") == []
    assert caller.do("box.status()['nodes'][0]['state']") == "up"


def test_a_word_with_another_token_or_fingerprint_is_refused(node, client_of):
    word = node.word("call")
    for wrong in (
        re.sub("token=lt_.", "token=lt_", word),
        re.sub("fingerprint=[0-9a-f]{8}", "fingerprint=00000000", word),
    ):
        client = client_of(wrong)
        for what in ("box.keys()", "box.put('k', b'x' * 5_000_000)"):
            with pytest.raises(Failed) as caught:
                client.do(what)
            assert caught.value.kind == "AccessDeniedError", caught.value.text


def test_what_goes_on_ends_when_the_token_is_revoked(node, client_of):
    word = node.word("call,deploy")
    id_of = re.search("token=lt_([0-9a-f]+)_", word)[1]
    client = client_of(word)
    client.do("slow = lt.function(time.sleep).to(box); slow(0)")
    client.start("slow(600)")
    node.do("token", "revoke", id_of)
    with pytest.raises(Failed) as caught:
        client.answer()
    assert caught.value.kind == "AccessDeniedError"
    with pytest.raises(Failed) as caught:
        client.do("box.keys()")
    assert caught.value.kind == "AccessDeniedError"


def test_a_node_that_is_started_again_is_the_same(node, client_of):
    client = client_of(node.word("call,deploy"))
    client.do("import job; value = lt.function(job.value).to(box); run = value.submit()")
    assert client.do("run.result()") == 1
    node.do("stop")
    with pytest.raises(Failed) as caught:
        client.do("value()")
    assert caught.value.kind == "NodeLostError"
    node.start()
    assert client.do("value(), lt.run(run.id).result()") == [1, 1]
