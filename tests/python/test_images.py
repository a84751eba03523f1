"""A service runs in the environment that its image says, which is built once and can be collected."""

import json
import os
import shutil
import sys

import pytest
from clients import Client, Failed, edit, write_project
from conftest import leanto, node_status, wait_until
from wheels import make_wheel

APP = """
import os, sys

def where():
    return sys.prefix

def spice():
    import lt_spice
    return lt_spice.NAME

def variable(name):
    return os.environ.get(name)

def has(name):
    import importlib.util
    return importlib.util.find_spec(name) is not None

class Cook:
    def spice(self):
        return spice()

def send_on():
    import leanto as lt
    return lt.function(spice).to(lt.here)()
"""

IMAGE = "lt.Image().pip_install([WHEEL], options=['--no-index'])"
SEND = "lt.function(app.{}).options(image={}).to(lt.here)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheels")
    return make_wheel(directory, "lt_spice", "1.0", "NAME = 'saffron'\n")


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path / "p", {"app.py": APP, "pyproject.toml": "[project]\nname='p'\n"})


@pytest.fixture
def client(project, wheel):
    """A program on the node that tests share, where the environment of IMAGE is built only once."""
    with Client(project) as client:
        client.do(f"import app; WHEEL = {str(wheel)!r}; lt.here.keys()")
        yield client


@pytest.fixture
def alone(own_home, client, project, wheel):
    """A program on a node without images."""
    with Client(project) as client:
        client.do(f"import app; WHEEL = {str(wheel)!r}; lt.here.keys()")
        yield client


def images():
    return json.loads(leanto("images", "--json"))["images"]


def prune(*options):
    return json.loads(leanto("images", "prune", "--json", *options))


def test_a_service_has_the_packages_of_its_image_and_others_do_not(client):
    assert client.do(SEND.format("spice", IMAGE) + "()") == "saffron"
    assert client.do("lt.function(app.has).to(lt.here)('lt_spice')") is False
    prefix = client.do(SEND.format("where", IMAGE) + "()")
    assert os.path.basename(os.path.dirname(prefix)) in [image["digest"] for image in images()]
    assert client.do(SEND.format("has", IMAGE) + "('sklearn')") is False


def test_the_caller_sees_the_build_once(client):
    image = "lt.Image().run('echo crumbled')"
    client.do(SEND.format("where", image))
    assert "image: step 1 of 1, `echo crumbled`" in client.complained()
    assert "\ncrumbled\n" in client.complained()
    before, built = len(client.complained()), images()
    client.do(SEND.format("spice", image))
    client.do(SEND.format("where", image) + "()")
    assert len(client.complained()) == before
    assert len(images()) == len(built)


def test_the_caller_can_do_without_seeing_the_build(client):
    image = "lt.Image().run('echo grated')"
    client.do(f"lt.function(app.where).options(image={image}, stream_logs=False).to(lt.here)")
    assert client.complained() == ""


def test_two_that_need_the_same_image_build_it_once(client, project, tmp_path):
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    command = f"echo x >> {started}; while [ ! -e {go_on} ]; do sleep 0.01; done"
    image = f"lt.Image().run({command!r})"
    with Client(project) as other:
        other.do("import app")
        client.start(SEND.format("where", image) + "()")
        assert wait_until(started.exists)
        other.start(SEND.format("where", image) + "()")
        assert wait_until(lambda: "waiting" in other.complained())
        go_on.touch()
        assert client.answer() == other.answer()
    assert started.read_text() == "x\n"


def test_requirements_are_read_at_each_to(client, project, wheel):
    (project / "needs.txt").write_text("# nothing yet\n")
    image = "lt.Image().requirements('needs.txt')"
    built = len(images())
    assert client.do(SEND.format("has", image) + "('lt_spice')") is False
    (project / "needs.txt").write_text(f"--no-index\n--find-links {wheel.parent}\nlt_spice==1.0\n")
    assert client.do(SEND.format("has", image) + "('lt_spice')") is True
    assert len(images()) == built + 2


def test_another_wheel_under_the_same_path_is_another_image(client, tmp_path):
    for name in ("saffron", "cumin"):
        wheel = make_wheel(tmp_path, "lt_spice", "1.0", f"NAME = {name!r}\n")
        assert (
            client.do(SEND.format("spice", IMAGE.replace("WHEEL", repr(str(wheel)))) + "()") == name
        )


def test_commands_run_in_the_environment(client, tmp_path):
    image = f"""lt.Image().run('python -c "import sys; print(sys.prefix)" > {tmp_path}/prefix', 'pwd; ls -A')"""
    assert (
        client.do(SEND.format("where", image) + "()") == (tmp_path / "prefix").read_text().strip()
    )


def test_variables_rebuild_nothing(client):
    client.do(SEND.format("where", IMAGE))
    built = len(images())
    for value in ("a", "b"):
        image = f"{IMAGE}.env({{'LT_TASTE': {value!r}}})"
        assert client.do(SEND.format("variable", image) + "('LT_TASTE')") == value
    assert (
        client.do(
            f"lt.function(app.variable).options(image={IMAGE}.env({{'LT_TASTE': 'a'}}), env={{'LT_TASTE': 'z'}})"
            ".to(lt.here)('LT_TASTE')"
        )
        == "z"
    )
    assert len(images()) == built


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        (IMAGE.replace("[WHEEL]", "['lt-not-there']"), ["step 1 of 1, pip install lt-not-there", "No matching distribution"]),
        ("lt.Image().run('true', 'echo salty; exit 7')", ["step 2 of 2", "exit code 7", "salty", "build.log"]),
        ("lt.Image().run('false\\necho not reached')", ["step 1 of 1, `false ...`", "exit code 1"]),
        ("lt.Image().run('kill -9 $$')", ["killed by signal 9"]),
        ("lt.Image(python='3.99')", ["no Python 3.99", f"3.{sys.version_info[1]}"]),
        ("lt.Image(python='/nowhere/python3')", ["no interpreter /nowhere/python3"]),
    ],
)  # fmt: skip
def test_a_failed_step_fails_the_deploy_and_shows_its_output(client, image, parts):
    built = images()
    with pytest.raises(Failed) as failed:
        client.do(SEND.format("where", image))
    assert failed.value.kind == "ImageError"
    for part in parts:
        assert part in failed.value.text
    assert "not reached" not in client.complained()
    assert len(images()) == len(built)


def test_a_failed_image_can_be_built_once_its_reason_is_gone(client, tmp_path):
    image = f"lt.Image().run('test -e {tmp_path}/there')"
    for _ in range(2):  # what failed isn't taken for an environment the second time
        with pytest.raises(Failed, match="ImageError"):
            client.do(SEND.format("where", image))
    (tmp_path / "there").touch()
    assert "images" in client.do(SEND.format("where", image) + "()")


def test_the_interpreter_is_chosen_by_version_and_by_path(client):
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (version, os.path.realpath(sys.executable)):
        assert "images" in client.do(SEND.format("where", f"lt.Image(python={python!r})") + "()")


def test_classes_and_what_a_worker_sends_on_have_the_image_too(client):
    assert client.do(f"lt.cls(app.Cook).options(image={IMAGE}).to(lt.here)().spice()") == "saffron"
    assert client.do(SEND.format("send_on", IMAGE) + "()") == "saffron"


def test_an_edit_rebuilds_nothing(client, project):
    assert client.do(SEND.format("spice", IMAGE) + "()") == "saffron"
    edit(project / "app.py", "lt_spice.NAME", "lt_spice.NAME.upper()")
    built = images()
    assert client.do(SEND.format("spice", IMAGE) + "()") == "SAFFRON"
    assert len(images()) == len(built)


def test_images_are_collected_when_nobody_uses_them(alone):
    client = alone
    assert "No image has been built" in leanto("images")
    client.do("f = " + SEND.format("spice", IMAGE))
    client.do("f()")
    [image] = images()
    assert image["in_use"]
    assert image["size"] > 1_000
    assert prune()["images"] == []

    client.do(
        "lt.function(app.spice).to(lt.here)"
    )  # another version: the workers of the first one leave
    assert wait_until(lambda: not images()[0]["in_use"])
    assert prune("--older-than", "1h")["images"] == []
    assert prune("--larger-than", "10GB")["images"] == []
    assert "No image can go" in leanto("images", "prune", "--older-than", "1h")
    assert image["digest"][:8] in leanto("images")
    assert "1 image, " in leanto("images", "prune", "--dry-run")
    preview = prune("--dry-run", "--larger-than", "1KB")
    assert [row["digest"] for row in preview["images"]] == [image["digest"]]
    assert preview["size"] == image["size"]
    assert preview["dry_run"] is True
    assert len(images()) == 1
    assert len(prune()["images"]) == 1
    assert images() == []
    assert client.do("f()") == "saffron"  # built once more, since somebody still wants that version
    assert len(images()) == 1


def test_a_word_of_the_command_that_makes_no_sense_is_refused():
    with pytest.raises(AssertionError, match="ended with 2: leanto: .*soon"):
        leanto("images", "prune", "--older-than", "soon")


def test_a_restarted_node_has_its_images_and_notices_an_emptied_cache(alone, own_home):
    client = alone
    client.do("f = " + SEND.format("spice", IMAGE))
    built = images()
    leanto("stop")
    before = len(client.complained())
    assert client.do("f()") == "saffron"
    assert len(client.complained()) == before
    assert [row["digest"] for row in images()] == [row["digest"] for row in built]
    shutil.rmtree(own_home / ".cache" / "leanto" / "images")
    assert images() == []
    client.do(SEND.format("where", IMAGE) + "()")
    assert len(images()) == 1


def test_what_a_killed_node_was_building_ends_with_it(alone, own_home, tmp_path):
    client = alone
    started = tmp_path / "started"
    image = (
        f"lt.Image().run('echo $$ > {started}.new; mv {started}.new {started}; exec sleep 1000')"
    )
    client.start(SEND.format("where", image))
    assert wait_until(started.exists)
    os.kill(node_status()["pid"], 9)
    with pytest.raises(Failed):
        client.answer()
    assert wait_until(lambda: not os.path.exists(f"/proc/{started.read_text().strip()}"))
    client.do("lt.here.keys()")
    assert images() == []
    cache = own_home / ".cache" / "leanto" / "images"
    assert wait_until(lambda: not list(cache.glob("*/env")))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        ("lt.Image(python=3)", "python=3"),
        ("lt.Image().pip_install('-r needs.txt')", "options="),
        ("lt.Image().pip_install([3])", "takes texts"),
        ("lt.Image().pip_install([])", "takes packages"),
        ("lt.Image().env({'A=B': ''})", "env is a dict"),
        ("lt.function(app.where).options(image='numpy')", "lt.Image"),
        (SEND.format("where", "lt.Image().requirements('lost.txt')"), "lost.txt can't be read"),
        (SEND.format("where", "lt.Image().pip_install('./lost.whl')"), "lost.whl can't be read"),
        (SEND.format("where", "lt.Image().pip_install('./directory')"), "there is no /"),
        (SEND.format("where", "lt.Image().pip_install('./app.py')"), "neither a directory nor a wheel"),
        (SEND.format("where", "lt.Image().pip_install('/usr/bin')"), "no pyproject.toml"),
        ("lt.Image().pip_install('-e ./directory')", "built anew at the next .to()"),
        ("lt.Image().pip_install('x', options=['--editable', '.'])", "built anew at the next .to()"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_here(client, make, part):
    with pytest.raises(Failed) as failed:
        client.do(make)
    assert failed.value.kind == "InvalidRequestError"
    assert part in failed.value.text


def test_a_requirements_file_that_points_elsewhere_is_refused(client, project):
    (project / "needs.txt").write_text("numpy\n-r more.txt\n")
    with pytest.raises(Failed, match="line 2: '-r more.txt' points to another file"):
        client.do(SEND.format("where", "lt.Image().requirements('needs.txt')"))


def test_images_are_values(lt):
    import pickle

    image = lt.Image("3.11").pip_install("a").run("b").env({"c": "d"}).secrets("EFGH")
    assert image == lt.Image("3.11").pip_install(["a"]).run("b").env({"c": "d"}).secrets(["EFGH"])
    assert hash(image) == hash(pickle.loads(pickle.dumps(image)))
    assert pickle.loads(pickle.dumps(image)) == image
    assert len({image, image.run("more"), lt.Image()}) == 3
    assert eval(repr(image), {"Image": lt.Image, "Secret": lt.Secret}) == image
