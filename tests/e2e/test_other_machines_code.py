"""Code on its way to another machine: edits, large trees, environments, secrets, handles, and calls from there."""

import far
import pytest
from clients import Client, Failed, edit, write_project
from conftest import contents_below
from wheels import make_wheel

LIMIT = 60
BEGIN = "import app; box = lt.cluster('box')"
ROOT = {"pyproject.toml": "[project]\nname='p'\n"}


def project_with(tmp_path, **files):
    texts = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    return write_project(tmp_path / "p", {**ROOT, **texts})


def test_an_edit_runs_there(world, tmp_path):
    project = project_with(
        tmp_path, app="import helper\ndef f():\n    return helper.VALUE\n", helper="VALUE = 0\n"
    )
    for i in range(3):
        edit(project / "helper.py", f"VALUE = {i}", f"VALUE = {i + 1}")
        with Client(project) as client:
            client.do(BEGIN)
            assert client.do("lt.function(app.f).to(box)()") == i + 1
    with Client(project) as client:
        client.do(BEGIN)
        client.do("old = lt.function(app.f).to(box)")
        edit(project / "helper.py", "VALUE = 3", "VALUE = 4")
        assert client.do("lt.function(app.f).to(box)()") == 4
        assert client.do("old()") == 3


def test_objects_keep_their_state_with_new_code(world, tmp_path):
    source = "class C:\n    def __init__(self):\n        self.n = 1\n    def f(self):\n        return self.n, 'old'\n"
    project = project_with(tmp_path, app=source)
    with Client(project) as client:
        client.do(BEGIN)
        client.do("c = lt.cls(app.C).to(box)()")
        assert client.do("c.f()") == [1, "old"]
        edit(project / "app.py", "'old'", "'new'")
        client.do("lt.cls(app.C).to(box, keep_state=True)")
        assert client.do("c.f()") == [1, "new"]


def test_a_project_of_two_thousand_files_and_only_what_changed(world, tmp_path):
    host = world.hosts[0]
    filler = {f"data/{i // 100}/{i}.txt": f"{i} " * 200 for i in range(2000)}
    app = "import pathlib\nV = 1\ndef f():\n    return V, len(list(pathlib.Path('data').rglob('*.txt')))\n"
    project = write_project(tmp_path / "p", {**ROOT, "app.py": app, **filler})
    with Client(project) as client:
        client.do(BEGIN)
        assert client.do("lt.function(app.f).to(box)()") == [1, 2000]
        edit(project / "app.py", "V = 1", "V = 2")
        before = far.bytes_to(host)
        assert client.do("lt.function(app.f).to(box)()") == [2, 2000]
        changed = far.bytes_to(host) - before
        # The manifest of 2,000 files travels, their content doesn't.
        assert changed < 2000 * 200


def test_a_script_and_a_lambda_travel(world, tmp_path):
    script = (
        "import leanto as lt\n"
        "FACTOR = 3\n"
        "def triple(x):\n    return FACTOR * x\n"
        "if __name__ == '__main__':\n"
        "    box = lt.cluster('box')\n"
        "    print(lt.function(triple).to(box)(5), lt.function(lambda x: x + FACTOR).to(box)(1))\n"
    )
    project = write_project(tmp_path / "p", {**ROOT, "script.py": script})
    from clients import run_script

    assert run_script(project, "script.py").stdout == "15 4\n"


def test_the_environment_of_an_image_is_built_there(world, tmp_path):
    """From a wheel that the host can see, and from a directory here, whose code must travel."""
    wheel = make_wheel(tmp_path, "lt_clove", "1.0", "NAME = 'clove'\n")
    app = "def taste():\n    import lt_clove\n    return lt_clove.NAME\ndef prefix():\n    import sys\n    return sys.prefix\n"
    project = project_with(tmp_path, app=app)
    with Client(project) as client:
        client.do(BEGIN)
        client.do(f"image = lt.Image().pip_install([{str(wheel)!r}], options=['--no-index'])")
        client.do("image = image.env({'SPICE': 'hot'})")
        assert client.do("lt.function(app.taste).options(image=image).to(box)()") == "clove"
        prefix = client.do("lt.function(app.prefix).options(image=image).to(box)()")
        assert prefix.startswith(str(world.hosts[0].home))
        assert not (world.home / ".local" / "share" / "leanto").exists()


def test_a_local_directory_as_a_package_of_an_image_travels(world, tmp_path):
    package = write_project(
        tmp_path / "package",
        {
            "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "build"\nbackend-path = ["."]\n'
            '[project]\nname = "lt-mace"\nversion = "1"\n',
            "build.py": BACKEND,
            "lt_mace.py": "NAME = 'mace'\n",
        },
    )
    app = "def taste():\n    import lt_mace\n    return lt_mace.NAME\n"
    project = project_with(tmp_path, app=app)
    with Client(project) as client:
        client.do(BEGIN)
        image = f"lt.Image().pip_install([{str(package)!r}], options=['--no-index'])"
        send = f"lt.function(app.taste).options(image={image}).to(box)()"
        assert client.do(send) == "mace"
        edit(package / "lt_mace.py", "mace", "nutmeg")
        assert client.do(send) == "nutmeg"


BACKEND = """
import zipfile

def build_wheel(directory, config=None, metadata=None):
    name = "lt_mace-1-py3-none-any.whl"
    info = "lt_mace-1.dist-info"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.write("lt_mace.py")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: lt-mace\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def test_secrets_reach_the_worker_there_and_nothing_else(world, tmp_path):
    secret = "hf_FarAway81mCe0pX"
    app = (
        "import os\ndef token():\n    return os.environ['FAR_TOKEN'][::-1]\n"
        "def tell():\n    print('it is', os.environ['FAR_TOKEN'])\n"
    )
    project = project_with(tmp_path, app=app)
    with Client(project, FAR_TOKEN=secret) as client:
        client.do(BEGIN)
        client.do("image = lt.Image().secrets(['FAR_TOKEN'])")
        assert client.do("lt.function(app.token).options(image=image).to(box)()")[::-1] == secret
        client.do("run = lt.function(app.tell).options(image=image).to(box).submit(); run.result()")
        assert secret not in client.do("''.join(line.text for line in run.logs())")
        client.do("lt.function(app.tell).options(image=image).to(box)()")
        assert "it is" in client.said() and secret not in client.said()
    for home in (world.hosts[0].home, world.home):
        for path, content in contents_below(home).items():
            assert secret.encode() not in content, path


# --- handles and nested calls ---

NESTED = """
import os

def add(a, b):
    return a + b

def increase(counter, by):
    return counter.increase(by)

def apply(function, *args):
    return function(*args), os.getpid()

def sent_from_there(cluster):
    import leanto as lt
    return lt.function(add).to(cluster)(1, 2)

def here_there(n):
    import leanto as lt
    return lt.function(add).to(lt.here)(n, n), lt.cls(Counter).to(lt.here)(n).increase(1)

def far_from_here(a, b):
    import leanto as lt
    return lt.function(where).to(lt.cluster("box"))(a + b)

def where(value):
    return value, os.getpid()

class Counter:
    def __init__(self, n=0):
        self.n = n
    def increase(self, by):
        self.n += by
        return self.n
    def together(self, other):
        return self.n + other.increase(0)
"""


@pytest.fixture
def nested(world, tmp_path):
    project = project_with(tmp_path, app=NESTED)
    with Client(project) as client:
        client.do(BEGIN)
        yield client


def test_a_handle_of_an_object_there_is_an_argument_there(nested):
    nested.do("one, two = (lt.cls(app.Counter).to(box)(n) for n in (1, 10))")
    assert nested.do("lt.function(app.increase).to(box)(one, 4)") == 5
    assert nested.do("one.together(two)") == 15
    assert nested.do("lt.function(app.apply).to(box)(lt.function(app.add).to(box), 1, 2)[0]") == 3
    assert nested.do("lt.function(app.increase).to(box)(counter=one, by=1)") == 6


def test_a_handle_of_an_object_here_is_refused_there_by_name(nested):
    nested.do("mine = lt.cls(app.Counter).to(lt.here)(1)")
    with pytest.raises(Failed, match="is on this machine and can't be reached from box") as caught:
        nested.do("lt.function(app.increase).to(box)(mine, 4)")
    assert caught.value.kind == "InvalidRequestError"
    assert nested.do("mine.increase(1)") == 2


def test_code_there_sends_and_calls_there(nested):
    assert nested.do("lt.function(app.here_there).to(box)(2)") == [4, 3]


def test_a_far_function_is_called_from_a_function_that_runs_here(nested, world):
    value, pid = nested.do("lt.function(app.far_from_here).to(lt.here)(1, 2)")
    assert value == 3 and pid in world.hosts[0].processes()
    nested.do("where = lt.function(app.where).to(box)")
    (value, pid), here = nested.do("lt.function(app.apply).to(lt.here)(where, 7)")
    assert value == 7 and pid in world.hosts[0].processes()
    assert here not in world.hosts[0].processes()
    assert nested.do("lt.function(app.sent_from_there).to(lt.here)(box)") == 3


def test_a_far_object_is_used_by_a_function_that_runs_here(nested):
    nested.do("counter = lt.cls(app.Counter).to(box)(1)")
    assert nested.do("lt.function(app.increase).to(lt.here)(counter, 4)") == 5
    assert nested.do("counter.increase(1)") == 6
