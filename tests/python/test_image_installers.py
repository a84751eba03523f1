"""An image is built by uv where that is on the node's PATH, else by the interpreter's pip: both do the same."""

import json
import os
import shutil

import pytest
from clients import Client, Failed, edit, write_project
from conftest import ROOT, leanto
from wheels import make_wheel

APP = """
import sys

def where():
    return sys.prefix

def spice():
    import lt_spice
    return lt_spice.NAME

def herb():
    import lt_herb
    return lt_herb.NAME

def files():
    import lt_herb
    return lt_herb.FILES

def has(name):
    import importlib.util
    return importlib.util.find_spec(name) is not None
"""

# A build backend that needs no index: it lies in the package's own directory.
HERB = {
    "herb/pyproject.toml": """
[project]
name = "lt_herb"
version = "1.0"
[project.optional-dependencies]
hot = ["lt_spice"]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
""",
    "herb/backend.py": """
import pathlib
import wheels

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    pathlib.Path("built").write_text("a build may write into its directory, and over its files")
    here = sorted(str(path) for path in pathlib.Path().rglob("*") if "__pycache__" not in str(path))
    text = pathlib.Path("lt_herb.py").read_text() + f"FILES = {here!r}\\n"
    pathlib.Path("lt_herb.py").write_text(text)
    return wheels.make_wheel(
        pathlib.Path(wheel_directory), "lt_herb", "1.0", text,
        requires=["lt_spice; extra == 'hot'"], extras=["hot"],
    ).name
""",
    "herb/lt_herb.py": "NAME = 'basil'\n",
    "herb/.gitignore": "*.secret\nbuild/\n",
    "herb/key.secret": "not for the node",
    "herb/build/old.o": "nor this",
}
SEND = "lt.function(app.{}).options(image={}).to(lt.here)"


@pytest.fixture(params=["uv", "pip"])
def installer(request, monkeypatch, tmp_path):
    """The programs that the node finds: with uv, or without."""
    places = [
        place for place in os.get_exec_path() if not os.path.exists(os.path.join(place, "uv"))
    ]
    if request.param == "uv":
        from uv import find_uv_bin

        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "uv").symlink_to(find_uv_bin())
        places.insert(0, str(programs))
        monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
        monkeypatch.setenv("UV_OFFLINE", "1")
        monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("PATH", os.pathsep.join(places))
    return request.param


@pytest.fixture
def wheel(tmp_path):
    return make_wheel(tmp_path / "wheels", "lt_spice", "1.0", "NAME = 'saffron'\n")


@pytest.fixture
def project(tmp_path):
    files = {"app.py": APP, "pyproject.toml": "[project]\nname='p'\n", **HERB}
    project = write_project(tmp_path / "p", files)
    shutil.copy(ROOT / "tests" / "wheels.py", project / "herb")
    return project


@pytest.fixture
def client(installer, own_home, project, wheel):
    with Client(project) as client:
        client.do(
            f"import app; WHEEL = {str(wheel)!r}; FIND = ['--no-index', '--find-links', {str(wheel.parent)!r}]"
        )
        client.installer = installer
        yield client


def images():
    return json.loads(leanto("images", "--json"))["images"]


def test_wheels_requirements_and_commands_are_installed(client, project, wheel):
    image = (
        "lt.Image().pip_install([WHEEL], options=['--no-index']).run('test -d \"$VIRTUAL_ENV\"')"
    )
    assert client.do(SEND.format("spice", image) + "()") == "saffron"
    built_by_uv = "/uv pip install" in client.complained()
    assert built_by_uv == (client.installer == "uv")
    (project / "needs.txt").write_text(f"--no-index\n--find-links {wheel.parent}\nlt_spice==1.0\n")
    image = "lt.Image().requirements('needs.txt')"
    assert client.do(SEND.format("spice", image) + "()") == "saffron"
    assert len(images()) == 2


def test_an_interpreter_is_found_by_version_and_by_path(client):
    import sys

    for python in (
        f"{sys.version_info[0]}.{sys.version_info[1]}",
        os.path.realpath(sys.executable),
    ):
        assert "images" in client.do(SEND.format("where", f"lt.Image(python={python!r})") + "()")


def test_what_fails_is_shown_in_the_installers_own_words(client):
    with pytest.raises(Failed, match="step 1 of 1, pip install lt-not-there") as failed:
        client.do(
            SEND.format("where", "lt.Image().pip_install('lt-not-there', options=['--no-index'])")
        )
    assert failed.value.kind == "ImageError"
    assert "lt-not-there" in failed.value.text.partition("It wrote:")[2]
    with pytest.raises(Failed) as failed:
        client.do(SEND.format("where", "lt.Image(python='3.99')"))
    assert failed.value.kind == "ImageError"
    assert "3.99" in failed.value.text
    assert images() == []


def test_a_directory_is_installed_with_what_a_project_would_send_of_it(client, project):
    image = "lt.Image().pip_install('./herb', options=['--no-index'])"
    assert client.do(SEND.format("herb", image) + "()") == "basil"
    files = client.do(SEND.format("files", image) + "()")
    assert sorted(files) == [
        ".gitignore",
        "backend.py",
        "built",
        "lt_herb.py",
        "pyproject.toml",
        "wheels.py",
    ]
    assert sorted(os.listdir(project / "herb")) == sorted(
        {
            ".gitignore",
            "backend.py",
            "build",
            "key.secret",
            "lt_herb.py",
            "pyproject.toml",
            "wheels.py",
        }
    )  # the build wrote into a copy
    client.do(SEND.format("herb", image) + "()")
    assert len(images()) == 1


def test_a_changed_directory_is_another_image(client, project):
    image = "lt.Image().pip_install('./herb', options=['--no-index'])"
    assert client.do(SEND.format("herb", image) + "()") == "basil"
    edit(project / "herb" / "lt_herb.py", "basil", "thyme")
    assert client.do(SEND.format("herb", image) + "()") == "thyme"
    (project / "herb" / "key.secret").write_text("what doesn't travel changes nothing")
    client.do(SEND.format("herb", image) + "()")
    assert len(images()) == 2


def test_a_pruned_image_of_a_directory_is_built_from_what_was_sent(client, project):
    image = "lt.Image().pip_install('./herb', options=['--no-index'])"
    client.do("f = " + SEND.format("herb", image))
    leanto("stop")
    client.do("lt.here.keys()")  # starts it again, without workers
    leanto("images", "prune")
    assert images() == []
    edit(project / "herb" / "lt_herb.py", "basil", "thyme")
    assert client.do("f()") == "basil"


def test_a_directory_may_be_installed_with_extras(client):
    image = "lt.Image().pip_install('./herb[hot]', options=FIND)"
    assert client.do(SEND.format("has", image) + "('lt_spice')") is True
    assert client.do(SEND.format("herb", image) + "()") == "basil"


def test_a_directory_whose_build_fails_says_why(client, project):
    edit(project / "herb" / "backend.py", "import wheels", "import wheels_of_cheese")
    with pytest.raises(Failed, match="wheels_of_cheese") as failed:
        client.do(SEND.format("herb", "lt.Image().pip_install('./herb', options=['--no-index'])"))
    assert failed.value.kind == "ImageError"


def test_a_directory_that_is_too_large_is_refused_by_name(client, project):
    with open(project / "herb" / "data.bin", "wb") as file:
        file.truncate(600_000_000)
    with pytest.raises(Failed, match=r"data\.bin") as failed:
        client.do(SEND.format("herb", "lt.Image().pip_install('./herb')"))
    assert failed.value.kind == "SnapshotError"
