"""Every test run has a node of its own, in a HOME of its own, and leaves no process behind."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import hosts
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "tests" / "projects" / "sample"

os.environ.setdefault("LEANTO_BINARY", str(ROOT / "build" / "release" / "leanto"))
sys.path.insert(0, str(ROOT / "python"))
sys.path.insert(0, str(SAMPLE))


def leanto(*arguments, check=True, env=None):
    """Run the command line; return what it printed."""
    command = [os.environ["LEANTO_BINARY"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def alive(pid):
    """Whether a process is there, with a thread that is not a zombie: until then its sockets are open."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return False
    return any(thread_state(pid, thread) not in ("Z", "X", "") for thread in threads)


def thread_state(pid, thread):
    try:
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


_seen = {}  # (home, pid) → when the process started


def processes_of(home):
    """The processes whose environment names this home, and those that were such and haven't ended yet.

    A process that ends gives up its memory, with its environment, before its files and sockets.
    """
    home = os.fsencode(str(home))
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        try:
            started = (entry / "stat").read_text().rpartition(")")[2].split()[19]
        except OSError:
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            environment = []
        if b"HOME=" + home in environment:
            _seen[home, pid] = started
        if _seen.get((home, pid)) == started and alive(pid):
            found.append(pid)
    return found


def set_home(monkeypatch, home):
    """Let this process and its children use another node."""
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def shared_home():
    """The node that most tests share."""
    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory(prefix="leanto-test-", ignore_cleanup_errors=True) as home:
        set_home(patch, home)
        yield pathlib.Path(home)
        stop_node()
        assert wait_until(lambda: processes_of(home) == []), f"left behind: {processes_of(home)}"
    patch.undo()


@pytest.fixture
def own_home(monkeypatch, tmp_path):
    """A HOME without a node, for tests that start and kill one; what they leave behind is an error."""
    from leanto import _nodes

    home = tmp_path / "home"
    home.mkdir()
    set_home(monkeypatch, home)
    idle, _nodes.here._idle[:] = list(_nodes.here._idle), []
    yield home
    stop_node()
    _nodes.here._idle[:] = idle
    assert wait_until(lambda: processes_of(home) == []), f"left behind: {processes_of(home)}"


@pytest.fixture
def config(own_home):
    """Write node.toml of a node that hasn't started yet."""

    def write(text):
        directory = own_home / ".config" / "leanto"
        directory.mkdir(parents=True)
        (directory / "node.toml").write_text(text)

    return write


def contents_below(directory):
    """Return what is in the files below a directory, by path; those that go meanwhile, as of zygotes that end, are left out."""
    contents = {}
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                contents[path] = path.read_bytes()
    return contents


def stop_node():
    leanto("stop", check=False)


def wait_until(condition, seconds=30):
    """Wait for something that other processes do; returns whether it came true."""
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())


def node_status():
    return json.loads(leanto("status", "--json"))


@pytest.fixture
def lan():
    """Two hosts with a real sshd each, on a network with this machine."""
    with hosts.lan(2) as lan:
        yield lan


@pytest.fixture(scope="session")
def shared_world(request, tmp_path_factory):
    """Two hosts and a HOME that tests share which spoil nothing: the host a is the cluster "box", and it is up."""
    import far
    import far_story
    import leanto

    patch = pytest.MonkeyPatch()
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(far.world(2))
        with world.entered(patch):
            leanto.cluster(name="box", host="a").up()
        if any("story" in item.fixturenames for item in request.session.items):
            directory = tmp_path_factory.mktemp("story")
            world.story = stack.enter_context(far_story.begun(world.binaries, directory))
        yield world
    patch.undo()


@pytest.fixture(scope="module")
def hosts_world(shared_world):
    """Two hosts that no other file's tests use, with the binary."""
    import far

    with far.world(2, binaries=shared_world.binaries) as world:
        yield world


@pytest.fixture
def two(hosts_world, monkeypatch):
    """This process is at home with them."""
    with hosts_world.entered(monkeypatch):
        yield hosts_world


@pytest.fixture
def story(shared_world):
    """What goes on with hosts that are cut off for long, since the first test of other machines began."""
    return shared_world.story


@pytest.fixture
def world(shared_world, monkeypatch):
    """This process is at home in the shared world."""
    with shared_world.entered(monkeypatch):
        yield shared_world


@pytest.fixture
def box(world, lt):
    """The shared host a."""
    return lt.cluster("box")


@pytest.fixture(scope="session")
def binaries(shared_world):
    """What `far.world` gives to hosts to which nothing has to be sent."""
    return shared_world.binaries


@pytest.fixture
def lt():
    import leanto

    return leanto


@pytest.fixture
def sent(lt):
    """Send a function or class of the sample project."""

    def send(callable_, **options):
        make = lt.cls if isinstance(callable_, type) else lt.function
        return make(callable_).options(**options).to(lt.here)

    return send
