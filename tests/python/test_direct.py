"""A node on another machine without a node on this one: the client speaks TLS itself."""

import pytest
from clients import Client, edit, run_script, write_project
from conftest import wait_until
from leanto import _direct
from pythons import python
from tls_relays import TOKEN, TlsRelay, node_socket

JOB = """
import numbers_of

VALUE = 1

def value():
    return VALUE

def double(x):
    print("doubling", x)
    return numbers_of.two() * x

def same(value):
    return value

def letters(word):
    yield from word

async def later(x):
    return x + 1

def fail():
    raise ValueError("it failed")

def answer():
    import extra
    return extra.ANSWER

def make_counter(start):
    import leanto as lt
    return lt.cls(Counter).options(name="made-there").to(lt.here)(start)

class Counter:
    def __init__(self, start=0):
        self.count = start

    def add(self, n=1):
        self.count += n
        return self.count
"""


@pytest.fixture
def project(tmp_path):
    return write_project(
        tmp_path / "project",
        {"job.py": JOB, "numbers_of.py": "def two():\n    return 2\n", "pyproject.toml": ""},
    )


@pytest.fixture
def relay(shared_home, tmp_path, lt):
    lt.here.keys()  # which starts the node
    directory = tmp_path / "relay"
    directory.mkdir()
    relay = TlsRelay(directory, node_socket(shared_home))
    yield relay
    relay.close()


@pytest.fixture
def client(relay, project, tmp_path):
    """A program on a machine that has no node: another HOME, and nothing may be started."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    with Client(project, HOME=str(home), LEANTO_DAEMON="none") as client:
        client.do(
            f"import asyncio, job, leanto as lt; box = lt.cluster('box', url={relay.url!r}, token={TOKEN!r}, "
            f"fingerprint={relay.fingerprint!r})"
        )
        yield client


def test_a_function_runs_there_and_its_output_is_seen_here(client):
    assert client.do("lt.function(job.double).to(box)(21)") == 42
    assert "doubling 21" in client.said()


def test_what_a_module_raises_is_no_lost_connection(client, project):
    (project / "broken.py").write_text(
        "import os\nif os.environ.get('LEANTO_DAEMON') != 'none':\n    open('/nothing/there')\ndef f(): pass\n"
    )
    client.do("import broken")
    with pytest.raises(Exception, match="/nothing/there") as caught:
        client.do("lt.function(broken.f).to(box)")
    assert caught.value.kind == "SnapshotError" and "broken.py" in caught.value.text


def test_an_object_lives_there(client):
    client.do("c = lt.cls(job.Counter).to(box)(5)")
    assert client.do("c.add(), c.add(10)") == [6, 16]
    assert client.do("c.count") == 16


def test_commands_and_files(client, tmp_path):
    assert client.do("list(box.run('echo hello; exit 3'))") == [3, "hello\n", ""]
    (tmp_path / "from").write_text("text")
    client.do(
        f"box.get_file(box.put_file({str(tmp_path / 'from')!r}, {str(tmp_path / 'there')!r}), {str(tmp_path / 'back')!r})"
    )
    assert (tmp_path / "back").read_text() == "text"
    assert client.do("box.up(), box.up_if_not()") == [False, False]
    for what, why in (
        ("box.down()", "is ended where it runs"),
        ("box.ssh()", "isn't reached by ssh"),
    ):
        with pytest.raises(Exception, match=why):
            client.do(what)


def test_a_handle_that_was_made_there_is_of_use_here(client):
    client.do("made = lt.function(job.make_counter).to(box)(7)")
    assert client.do("made.add()") == 8
    assert client.do("lt.function(job.same).to(box)(made).add()") == 9
    assert client.do("box.get('made-there').add()") == 10
    client.do("box.delete('made-there')")


def test_generators_coroutines_and_errors(client):
    assert client.do("list(lt.function(job.letters).to(box)('abc'))") == ["a", "b", "c"]
    assert client.do("lt.function(job.later).to(box)(1)") == 2
    assert (
        client.do("type(lt.function(job.fail).to(box).submit().exception()).__name__")
        == "ValueError"
    )
    with pytest.raises(Exception, match="it failed") as caught:
        client.do("lt.function(job.fail).to(box)()")
    assert caught.value.kind == "ValueError"


def test_many_calls_from_an_event_loop_and_large_values_on_one_connection(client, relay):
    client.do(
        """
import asyncio
later, letters = lt.function(job.later).to(box), lt.function(job.letters).to(box)
async def main():
    sums = await asyncio.gather(*(later.aio(n) for n in range(300)))
    spelled = [letter async for letter in letters.aio("xyz")]
    large = await asyncio.gather(*(lt.function(len).to(box).aio(b"x" * 3_000_000) for _ in range(5)))
    return sums == list(range(1, 301)), spelled, large
"""
    )
    before = relay.connections
    said = client.do("asyncio.run(main())")
    assert said == [True, ["x", "y", "z"], [3_000_000] * 5]
    assert relay.connections - before <= 2, "one for the loop, and one for the deploys"


def test_large_values_go_both_ways_at_once(client):
    client.do(
        "same = lt.function(job.same).to(box); large = [bytes([n]) * 3_000_000 for n in range(8)]"
    )
    assert client.do("list(same.map(large)) == large")
    client.do(
        "async def main():\n    return await asyncio.gather(*(same.aio(each) for each in large)) == large"
    )
    assert client.do("asyncio.run(main())")


def test_maps_submissions_logs_and_values_by_name(client):
    client.do("double = lt.function(job.double).to(box)")
    assert client.do("list(double.map(range(50)))") == [2 * n for n in range(50)]
    client.do("run = double.options(key='a-run').submit(4)")
    assert client.do("run.result()") == 8
    assert client.do("[line.text for line in run.logs(follow=True)]") == ["doubling 4"]
    assert client.do("lt.run('a-run').id == run.id")
    assert client.do("lt.runs(service=run.service, limit=1)[0]['id'] == run.id")
    client.do("box.put('rates', [1, 2]); box.put('direct-key', 1)")
    assert client.do("box.get('rates')") == [1, 2]
    assert client.do("'rates' in box.keys(), box.exists('nothing')") == [True, False]
    client.do("box.delete('rates', 'direct-key')")
    assert client.do("box.status()['nodes'][0]['state']") == "up"


def test_a_service_is_called_by_name_without_its_code(client, relay, tmp_path):
    client.do("lt.function(job.double, name='doubled').to(box)")
    elsewhere = tmp_path / "nothing"
    elsewhere.mkdir()
    home = str(tmp_path / "third-home")
    with Client(elsewhere, HOME=home, LEANTO_DAEMON="none") as other:
        other.do(f"import leanto as lt; lt.cluster(url={relay.join_word!r})")
        assert other.do("lt.function(name='doubled')(4)") == 8
        with pytest.raises(Exception, match="no service is named 'tripled'"):
            other.do("lt.function(name='tripled')")


def test_an_edit_sends_what_it_changed_without_asking_first(client, relay, project):
    (project / "data.bin").write_bytes(bytes(range(256)) * 4000)
    assert client.do("lt.function(job.value).to(box)()") == 1
    assert relay.asked.count("missing_blobs") == 1
    edit(project / "job.py", "VALUE = 1", "VALUE = 222")
    relay.asked.clear()
    before = relay.bytes_in
    assert client.do("lt.function(job.value).to(box)()") == 222
    assert [op for op in relay.asked if op != "release"] == ["put_blobs", "deploy", "call"]
    assert relay.bytes_in - before < 20_000, "not the megabyte that didn't change"
    relay.asked.clear()
    assert client.do("lt.function(job.value).to(box)()") == 222
    assert "put_blobs" not in relay.asked and "missing_blobs" not in relay.asked


def test_the_next_program_remembers_what_was_sent(client, relay, project, tmp_path):
    assert client.do("lt.function(job.value).to(box)()") == 1
    edit(project / "job.py", "VALUE = 1", "VALUE = 333")
    relay.asked.clear()
    with Client(project, HOME=str(tmp_path / "elsewhere"), LEANTO_DAEMON="none") as second:
        second.do(f"import job, leanto as lt; box = lt.cluster(url={relay.join_word!r})")
        assert second.do("lt.function(job.value).to(box)()") == 333
    assert relay.asked == ["put_blobs", "deploy", "call"]


def test_what_the_node_has_lost_is_sent_again(client, relay, project, shared_home):
    assert client.do("lt.function(job.value).to(box)()") == 1
    edit(project / "job.py", "VALUE = 1", "VALUE = 4444")
    blobs = shared_home / ".cache" / "leanto" / "blobs"
    for path in blobs.rglob("*"):
        if path.is_file() and b"def two()" in path.read_bytes():
            path.unlink()
    assert client.do("lt.function(job.value).to(box)()") == 4444


def test_a_large_project_goes_in_several_pieces(client, relay, project):
    for number in range(12):
        (project / f"part{number}.bin").write_bytes(bytes([number]) * 1_000_000 + b"%d" % number)
    assert client.do("lt.function(job.value).to(box)()") == 1
    assert relay.asked.count("put_blobs") == 3
    assert client.do("lt.function(job.value).to(box)()") == 1


def test_a_script_and_its_closures(relay, project, tmp_path):
    (project / "main.py").write_text(
        f"""
import leanto as lt
box = lt.cluster("box", url={relay.join_word!r})
def square(x):
    return x * x
squares = lt.function(square).to(box)
def sum_of_squares(n):
    return sum(squares(x) for x in range(n))
if __name__ == "__main__":
    print(squares(7), lt.function(sum_of_squares).to(box)(4))
    offset = 10
    print(lt.function(lambda x: x + offset).to(box)(5))
"""
    )
    done = run_script(project, "main.py", HOME=str(tmp_path), LEANTO_DAEMON="none")
    assert done.stdout == "49 14\n15\n"


def test_remote_values_stay_there_and_go_into_other_calls(client):
    client.do("double = lt.function(job.double).to(box); value = double.remote(4)")
    assert client.do("double(value)") == 16
    assert client.do("value.get()") == 8


def test_another_certificate_is_refused_before_anything_is_said(relay, project, tmp_path):
    with Client(project, HOME=str(tmp_path), LEANTO_DAEMON="none") as client:
        client.do("import leanto as lt")
        client.do(
            f"box = lt.cluster(url={relay.url!r}, token={TOKEN!r}, fingerprint={'ab' * 32!r})"
        )
        with pytest.raises(Exception, match="is another node, or somebody between") as caught:
            client.do("box.keys()")
        assert caught.value.kind == "AccessDeniedError"
        assert relay.fingerprint in caught.value.text and TOKEN not in caught.value.text
    assert relay.bytes_in == 0 and relay.asked == []


def test_a_wrong_token_is_denied(relay, project, tmp_path):
    with Client(project, HOME=str(tmp_path), LEANTO_DAEMON="none") as client:
        client.do("import asyncio, job, leanto as lt")
        client.do(
            f"box = lt.cluster(url={relay.url!r}, token='wrong', fingerprint={relay.fingerprint!r})"
        )
        for what in (
            "box.keys()",
            "lt.function(job.value).to(box)",
            "box.put('k', b'x' * 5_000_000)",
        ):
            with pytest.raises(Exception, match="token") as caught:
                client.do(what)
            assert caught.value.kind == "AccessDeniedError"
    assert relay.asked == []


def test_a_node_that_is_gone_is_said_to_be_lost(client, relay):
    client.do("import time; slow = lt.function(time.sleep).to(box)")
    client.do("stream = lt.function(job.letters).to(box)('a' * 10_000); next(stream)")
    relay.asked.clear()
    client.start("slow(60)")
    assert wait_until(lambda: relay.asked == ["call"])
    relay.close()
    with pytest.raises(
        Exception, match="whether the code has done its work is not known"
    ) as caught:
        client.answer()
    assert caught.value.kind == "NodeLostError"
    with pytest.raises(Exception, match="was lost in the middle of a stream") as caught:
        client.do("list(stream)")
    assert caught.value.kind == "NodeLostError"
    with pytest.raises(Exception, match="can't be reached") as caught:
        client.do("slow(0)")
    assert caught.value.kind == "NodeLostError"
    relay.open_again()
    assert client.do("lt.function(job.value).to(box)()") == 1


def test_an_idle_connection_that_broke_is_not_used(client, relay):
    client.do("value = lt.function(job.value).to(box)")
    for _ in range(3):
        relay.cut()
        assert client.do("value()") == 1


def test_a_call_of_an_event_loop_is_lost_with_the_node(client, relay):
    client.do(
        "import asyncio, time; slow = lt.function(time.sleep).to(box)\nasync def asleep():\n    await slow.aio(60)"
    )
    relay.asked.clear()
    client.start("asyncio.run(asleep())")
    assert wait_until(lambda: relay.asked == ["call"])
    relay.cut()
    with pytest.raises(Exception, match="was lost in the middle of a call") as caught:
        client.answer()
    assert caught.value.kind == "NodeLostError"


def test_a_run_is_heard_of_again_after_the_line_was_cut(client, relay):
    client.do("import time; run = lt.function(time.sleep).to(box).submit(1)")
    relay.cut()
    assert client.do("run.result()") is None


def test_here_says_that_there_is_none_and_why(client):
    with pytest.raises(
        Exception, match="there is no node on this machine: LEANTO_DAEMON=none says so"
    ) as caught:
        client.do("lt.here.keys()")
    assert caught.value.kind == "NodeError"


def test_the_token_is_neither_shown_nor_pickled(client):
    assert TOKEN not in client.do("repr(box)")
    client.do("import pickle; box2 = lt.cluster(url=box._words['url'] + '?token=' + box._words['token'], "
              "fingerprint=box._words['fingerprint'])")  # fmt: skip
    assert TOKEN not in client.do("repr(pickle.dumps([box, box2, lt.function(job.value).to(box)]))")
    assert TOKEN not in client.do("repr([box, box2]) + box2.name")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"url": "leanto://host:1"}, "without a token"),
        ({"url": "leanto://host:1", "token": "t"}, "without its fingerprint"),
        ({"url": "leanto://host:1", "token": "t", "fingerprint": "ab"}, "64 hex digits"),
        ({"url": "https://host:1", "token": "t", "fingerprint": "ab" * 32}, "is no address"),
        ({"url": "leanto://host", "token": "t", "fingerprint": "ab" * 32}, "is no address"),
        ({"url": "leanto://host:x", "token": "t", "fingerprint": "ab" * 32}, "is no address"),
        ({"url": 7, "token": "t", "fingerprint": "ab" * 32}, "is no address"),
    ],
)
def test_words_that_make_no_sense_are_refused_at_once(lt, monkeypatch, words, text):
    monkeypatch.setenv("LEANTO_DAEMON", "none")
    with pytest.raises(lt.InvalidRequestError, match=text):
        lt.cluster("box", **words)


# Other versions, and other systems, as far as they can be shown here


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13", "3.14"])
def test_other_versions_of_python_send_and_call(relay, project, tmp_path, version):
    path, home = python(version), str(tmp_path)
    with Client(project, python=path, HOME=home, LEANTO_DAEMON="none") as client:
        client.do("import asyncio, job, leanto as lt")
        client.do(f"box = lt.cluster('box', url={relay.join_word!r}, python={str(path)!r})")
        assert client.do("lt.function(job.double).to(box)(21)") == 42
        assert client.do("list(lt.function(job.letters).to(box)('ab'))") == ["a", "b"]
        client.do("async def main():\n    return await lt.function(job.later).to(box).aio(1)")
        assert client.do("asyncio.run(main())") == 2
        assert client.do("lt.function(job.double).to(box).submit(2).result()") == 4
        edit(project / "job.py", "VALUE = 1", "VALUE = 5")
        assert client.do("lt.function(job.value).to(box)()") == 5


AS_ON_WINDOWS = """
import asyncio, concurrent.futures, hashlib, json, os, pickle, select, selectors, signal, socket, ssl, sys, tempfile, mmap
import urllib.parse, weakref
for module in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[module] = None
for module, names in {
    os: "register_at_fork posix_spawn fork getuid getpgid killpg set_blocking POSIX_SPAWN_DUP2 memfd_create pidfd_open sendfile"
        " O_PATH O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_CLOEXEC",
    socket: "AF_UNIX SO_PEERCRED send_fds recv_fds",
    select: "poll epoll",
    mmap: "MAP_POPULATE MAP_SHARED MAP_PRIVATE PROT_READ PROT_WRITE",
    signal: "SIGKILL SIGCHLD pthread_sigmask",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
selectors.DefaultSelector = selectors.SelectSelector

def socketpair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        return one, listener.accept()[0]

socket.socketpair = socketpair
sys.platform, os.name = "win32", "nt"
for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "LEANTO_DAEMON", "LEANTO_BINARY"):
    os.environ.pop(name, None)

class Loop(asyncio.SelectorEventLoop):
    # As Windows' own loop, it can't be told of sockets.
    def add_reader(self, *arguments):
        raise NotImplementedError
    add_writer = add_reader

before = set(sys.modules)
import leanto as lt
import job
"""


def test_nothing_that_only_unix_has_is_needed(relay, project, tmp_path):
    with Client(project, LOCALAPPDATA=str(tmp_path / "local")) as client:
        client.do(AS_ON_WINDOWS)
        client.do(f"box = lt.cluster('box', url={relay.join_word!r})")
        assert client.do("lt.function(job.double).to(box)(21)") == 42
        assert client.do("list(lt.function(job.letters).to(box)('ab'))") == ["a", "b"]
        client.do("c = lt.cls(job.Counter).to(box)()")
        assert client.do("c.add()") == 1
        assert client.do("list(lt.function(job.double).to(box).map(range(9)))") == list(
            range(0, 18, 2)
        )
        client.do("run = lt.function(job.double).to(box).submit(3)")
        assert client.do("run.result(), [line.text for line in run.logs()]") == [6, ["doubling 3"]]
        client.do("box.put('large', bytearray(5_000_000))")
        assert client.do("len(box.get('large'))") == 5_000_000
        client.do("box.delete('large')")
        assert client.do("lt.function(len).to(box)(b'x' * 2_000_000)") == 2_000_000
        client.do("later, size = lt.function(job.later).to(box), lt.function(len).to(box)")
        client.do(
            """
async def main():
    sums = await asyncio.gather(*(later.aio(n) for n in range(20)))
    return [sums, await size.aio(b"x" * 9_000_000)]
"""
        )
        assert client.do("Loop().run_until_complete(main())") == [list(range(1, 21)), 9_000_000]
        with pytest.raises(Exception, match="nodes run on Linux, and this is win32"):
            client.do("lt.here.keys()")
        assert (tmp_path / "local" / "leanto" / "snapshots").is_dir()


@pytest.mark.parametrize("binary", ["/nothing/there", "/bin/false"])
def test_where_no_node_can_be_started_the_client_speaks_itself(relay, project, tmp_path, binary):
    with Client(project, HOME=str(tmp_path), LEANTO_BINARY=binary) as client:
        client.do(f"import job, leanto as lt; box = lt.cluster('box', url={relay.join_word!r})")
        assert client.do("lt.function(job.double).to(box)(21)") == 42
        with pytest.raises(Exception, match=binary):
            client.do("lt.here.keys()")


def test_where_a_node_runs_it_holds_the_link(lt, relay):
    words = {"url": relay.join_word}
    assert _direct.find("box", words) is None
    assert relay.connections == 0


def test_what_a_project_cannot_send_is_said_before_anything_travels(client, relay, project):
    (project / "out").symlink_to("/etc/hostname")
    relay.asked.clear()
    with pytest.raises(Exception, match="out: it is a link to /etc/hostname") as caught:
        client.do("lt.function(job.value).to(box)")
    assert caught.value.kind == "SnapshotError" and relay.asked == []


def test_a_package_in_a_directory_travels_for_an_image(client, relay, tmp_path):
    package = write_project(
        tmp_path / "package",
        {
            "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'own'\nbackend-path = ['.']\n"
            "[project]\nname = 'extra'\nversion = '1'\n",
            "own.py": "import zipfile\n"
            "def build_wheel(directory, *rest):\n"
            "    name = 'extra-1-py3-none-any.whl'\n"
            "    with zipfile.ZipFile(f'{directory}/{name}', 'w') as wheel:\n"
            "        wheel.writestr('extra.py', 'ANSWER = 42')\n"
            "        info = 'extra-1.dist-info/'\n"
            "        wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: extra\\nVersion: 1\\n')\n"
            "        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
            "        wheel.writestr(info + 'RECORD', '')\n"
            "    return name\n",
        },
    )
    client.do(f"image = lt.Image().pip_install({str(package)!r})")
    assert client.do("lt.function(job.answer).options(image=image).to(box)()") == 42


def test_two_nodes_by_the_same_name_are_two(client, relay, shared_home, tmp_path):
    directory = tmp_path / "second"
    directory.mkdir()
    second = TlsRelay(directory, node_socket(shared_home))
    client.do(f"two = lt.cluster('box', url={second.join_word!r})")
    client.do(
        "value = lt.function(job.value).to(box).remote(); double = lt.function(job.double).to(two)"
    )
    assert client.do("box._node == two._node, double(value)") == [False, 2]
    assert "call" in second.asked
    second.close()


def test_a_node_that_needs_a_newer_client_says_so(client, relay):
    relay.greeting["needs"] = ["dreams"]
    relay.cut()
    with pytest.raises(Exception, match="needs 'dreams' of its clients"):
        client.do("box.keys()")
