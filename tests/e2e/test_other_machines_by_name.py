"""A cluster is what was said of it under its name: the same words find it again, others are told what differs."""

import json
import os
import subprocess
import uuid

import far
import pytest
import shop
from clients import Client
from conftest import SAMPLE, leanto, wait_until

LIMIT = 60


def refused(*words):
    command = [os.environ["LEANTO_BINARY"], *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode != 0 and done.stdout == ""
    return done


def test_the_same_words_or_the_name_alone_reconnect(box, lt):
    box.put("mark", "kept there")
    with Client(SAMPLE) as other:
        assert other.do("lt.cluster('box').get('mark')") == "kept there"
        assert other.do("lt.cluster(name='box', host='a').get('mark')") == "kept there"
        assert other.do("lt.cluster('box').up()") is False
    assert lt.cluster("box").get("mark") == "kept there"
    box.delete("mark")


@pytest.mark.parametrize(
    "words, differs",
    [
        ({"host": "b"}, ["host was", '"a"', '"b"']),
        ({"host": "a", "ssh_user": "ann"}, ["ssh_user", "not given", '"ann"']),
        ({"host": "a", "ssh_port": 2222}, ["ssh_port", "2222"]),
        ({"host": "a", "python": "3.9"}, ["python", "not given", '"3.9"']),
        ({"hosts": ["a", "b"]}, ["host was", "hosts", '["a","b"]']),
        ({"cpus": 1}, ["cpus", "host was"]),
    ],
)
def test_other_words_under_a_known_name_say_what_differs(words, differs, box, lt):
    other = lt.cluster(name="box", **words)
    for use in (other.up, other.keys, lambda: lt.function(shop.add).to(other)):
        with pytest.raises(lt.AlreadyExistsError, match="'box' is known already") as caught:
            use()
        message = str(caught.value)
        assert all(part in message for part in differs), message
        assert "leanto clusters --forget box" in message
    assert box.up() is False  # and the known one is as it was


def test_a_name_that_is_forgotten_is_free_again_and_the_node_there_goes_on(world, lt):
    one = lt.cluster(name="brief", host="b")
    one.put("mark", 1)
    pid = far.node_pid(world.hosts[1])
    assert "brief" in leanto("clusters")
    assert "'brief' is forgotten" in leanto("clusters", "--forget", "brief")
    assert "brief" not in leanto("clusters")
    with pytest.raises(lt.NotFoundError, match="no cluster is named 'brief'"):
        lt.cluster("brief").up()
    again = lt.cluster(name="brief", host="b", ssh_user="root")
    assert again.get("mark") == 1
    assert far.node_pid(world.hosts[1]) == pid
    again.delete("mark")
    leanto("clusters", "--forget", "brief")


def test_an_unknown_name_is_an_error_wherever_it_is_used(world, lt):
    unknown = lt.cluster("nobody-has-said-so")
    uses = [unknown.up, unknown.keys, unknown.status, unknown.down, unknown.ssh]
    for use in [*uses, lambda: lt.function(shop.add).to(unknown), lambda: unknown.run("true")]:
        with pytest.raises(lt.NotFoundError, match="no cluster is named 'nobody-has-said-so'"):
            use()
    for command in ("up", "down", "ssh"):
        done = refused(command, "nobody-has-said-so")
        assert done.returncode == 6 and "no cluster is named" in done.stderr
    assert refused("clusters", "--forget", "nobody-has-said-so").returncode == 6


@pytest.mark.parametrize(
    "words, says",
    [
        ({"host": "-oProxyCommand=touch x"}, "host='-oProxyCommand=touch x' makes no sense"),
        ({"host": ""}, "host='' makes no sense"),
        ({"host": "a\nb"}, "host="),
        ({"host": "a;touch x"}, "a shell could take for more"),
        ({"host": "$(touch x)"}, "a shell could take for more"),
        ({"host": "a", "ssh_user": "-l"}, "ssh_user='-l' makes no sense"),
        ({"host": "a", "ssh_user": "ann;ls"}, "a shell could take for more"),
        ({"host": "a", "ssh_port": 0}, "ssh_port=0 is no port"),
        ({"host": "a", "ssh_port": 65536}, "ssh_port=65536 is no port"),
        ({"host": "a", "ssh_port": "22"}, "ssh_port"),
        ({"host": "a", "ssh_key": "-x"}, "ssh_key='-x' makes no sense"),
        ({"hosts": []}, "hosts= is a list of names or addresses"),
        ({"hosts": "ab"}, "hosts= is a list of names or addresses"),
        ({"hosts": ["a", "a"]}, "the host 'a' is named twice"),
        ({"hosts": ["a", 5]}, "hosts= is a list of names or addresses"),
        ({"host": "a", "hosts": ["b"]}, "not both"),
        ({"host": 5}, "host"),
        ({"ssh_user": "ann"}, "go with host="),
        ({"host": "a", "python": "python3"}, "python"),
    ],
)
def test_words_that_make_no_sense_are_refused_and_not_kept(words, says, world, lt):
    name = f"odd-{uuid.uuid4().hex}"
    with pytest.raises((lt.InvalidRequestError, TypeError)) as caught:
        lt.cluster(name=name, **words).up()
    assert says in str(caught.value)
    with pytest.raises(lt.NotFoundError):
        lt.cluster(name).keys()
    assert not (world.home / "x").exists()


@pytest.mark.parametrize("name", ["a/b", "x" * 300, "tab\there"])
def test_names_that_make_no_sense_for_hosts_are_refused(name, world, lt):
    with pytest.raises(lt.InvalidRequestError):
        lt.cluster(name=name, host="a").up()


def test_down_ends_the_node_and_what_is_there_and_keeps_the_name(monkeypatch, lt, binaries):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        (host,) = world.hosts
        box = lt.cluster(name="box", host="a")
        add = lt.function(shop.add).to(box)
        counter = lt.cls(shop.Counter).to(box)(1)
        run = lt.function(shop.sleep).to(box).options(key="long").submit(1000)
        box.put("mark", 1)
        sleeping = [pid for pid in host.processes() if far.program_of(pid).startswith("python")]
        assert sleeping
        assert leanto("down", "box") == "box is down\n"
        assert wait_until(lambda: far.node_pid(host) is None)
        assert [node["state"] for node in box.status()["nodes"]] == ["down"]
        assert wait_until(lambda: not [p for p in host.processes() if p in sleeping])
        # The next use starts it again.
        assert add(1, 2) == 3
        assert box.keys() == []
        with pytest.raises(lt.NotFoundError):
            counter.increase()
        assert isinstance(run.exception(timeout=LIMIT), lt.LeantoError)
        assert run.status in ("lost", "cancelled", "failed")


def test_who_looks_for_a_name_is_told_which_machines_were_not_asked(monkeypatch, lt, binaries):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        box = lt.cluster(name="box", host="a")
        lt.function(shop.add).options(name="add-afar", key="sum").to(box).submit(1, 2)
        assert lt.function(name="add-afar")(1, 2) == 3
        with pytest.raises(lt.NotFoundError) as caught:
            lt.function(name="never-sent")
        assert "not asked" not in str(caught.value)
        world.stop_node_here()
        for look in (lambda: lt.function(name="add-afar"), lambda: lt.run("sum")):
            with pytest.raises(
                lt.NotFoundError, match=r"were not asked \(`leanto up NAME`\): box$"
            ):
                look()
        leanto("up", "box")
        assert lt.function(name="add-afar")(1, 2) == 3
        assert lt.run("sum").result(timeout=LIMIT) == 3


def test_what_was_taken_down_can_be_brought_up_at_once(monkeypatch, lt, binaries):
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        box = lt.cluster(name="box", host="a")
        add = lt.function(shop.add).to(box)
        for _ in range(5):
            box.down()
            assert box.up() is True
            assert add(1, 2) == 3
            box.down()
            assert add(1, 2) == 3


def test_the_command_line_lists_clusters(box, world):
    rows = {row["name"]: row for row in json.loads(leanto("clusters", "--json"))}
    (node,) = rows["box"]["nodes"]
    assert (node["host"], node["state"]) == ("a", "up")
    line = next(line for line in leanto("clusters").splitlines() if line.startswith("box"))
    assert line.split() == ["box", "ssh", "a", "up"]
    assert json.loads(leanto("up", "box", "--json"))["nodes"][0]["was_up"] is True


def test_status_says_what_the_node_says_of_itself(box, world, lt):
    lt.function(shop.add).to(box)(1, 2)
    status = box.status()
    (node,) = status["nodes"]
    assert status["name"] == "box"
    assert (node["name"], node["state"], node["host"]) == ("box", "up", "a")
    assert node["version"] in leanto("version")
    assert node["pid"] == far.node_pid(world.hosts[0])
