"""Clusters: compute by name or by what it must have, and who answers when nobody can offer it."""

import pickle

import pytest
import shop
from clients import run_script, write_project

# The lines of the Lean Orchestration Manifesto, as they stand there.
MANIFESTO = """
import leanto as rh

# Take any Python function or class
def local_preproc_fn(dataset, filters):
    return [row for row in dataset if row not in filters]

# Easily allocate the resources you want, whether from existing VMs or K8s, or fresh from a cloud
my_cluster = rh.cluster(
    name="my_cluster",
    instance_type="A10G:1",
    provider="cheapest"
)

# Deploy your function to your compute (not pickling!)
remote_preproc_fn = rh.function(local_preproc_fn).to(my_cluster)

dataset, filters = [1, 2, 3, 4], {2, 3}
# Call it normally, but it's running remotely
processed_data = remote_preproc_fn(dataset, filters)
print(processed_data)
"""


@pytest.fixture
def manifesto(tmp_path):
    return write_project(tmp_path / "pipeline", {"main.py": MANIFESTO})


@pytest.fixture
def a10g(own_home, monkeypatch, tmp_path):
    """A node whose configuration, in the XDG directory, declares an A10G."""
    write_project(tmp_path, {"config/leanto/node.toml": "accelerators = {A10G = 1}\n"})
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_the_manifestos_lines_run_where_a_node_declares_the_accelerator(a10g, manifesto):
    assert run_script(manifesto, "main.py").stdout == "[1, 4]\n"


def test_the_manifestos_lines_say_who_was_asked_where_nobody_can(manifesto):
    done = run_script(manifesto, "main.py", check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert "leanto.errors.CapacityError: nobody can offer 1 x A10G. Asked:" in done.stderr
    assert f'File "{manifesto}/main.py", line 16' in done.stderr, "it is the first use that fails"


def test_the_error_lists_what_was_asked_who_was_asked_and_what_each_could_offer(lt):
    cluster = lt.cluster(name="my_cluster", instance_type="A10G:2,CPU:1", provider="cheapest")
    with pytest.raises(lt.CapacityError) as caught:
        cluster.put("key", 1)
    what, who, *next_step = str(caught.value).splitlines()
    assert "2 x A10G" in what and "1 CPU" in what
    assert "here" in who and "(local)" in who and "CPU" in who.partition(":")[2]
    assert any("node.toml" in line and "accelerators = {A10G = 2}" in line for line in next_step)


@pytest.mark.parametrize("use", ["to", "put", "get", "keys", "delete", "rename"])
def test_nothing_is_asked_before_the_first_use(lt, use):
    cluster = lt.cluster(name="nowhere", instance_type="H200:8")
    uses = {
        "to": lambda: lt.function(shop.add).to(cluster),
        "put": lambda: cluster.put("a", 1),
        "get": lambda: cluster.get("a", default=None),
        "keys": cluster.keys,
        "delete": lambda: cluster.delete("a"),
        "rename": lambda: cluster.rename("a", "b"),
    }
    with pytest.raises(lt.CapacityError, match="8 x H200"):
        uses[use]()


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ({"cpus": 100_000}, "100000 CPUs"),
        ({"memory": "900TB"}, "900 T"),
        ({"instance_type": "CPU:9999+"}, "9999 CPUs"),
    ],
)
def test_processors_and_memory_are_asked_for(lt, words, asked):
    with pytest.raises(lt.CapacityError) as caught:
        lt.cluster("large", **words).keys()
    assert asked in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        {"instance_type": "CPU:1"},
        {"cpus": 1},
        {"memory": "1MB"},
        {"memory": 1},
        {"cpus": 0.5, "provider": "local"},
    ],
)
def test_what_this_machine_has_it_offers(lt, words):
    assert lt.function(shop.add).to(lt.cluster("small", **words))(1, 2) == 3


def test_a_cluster_that_was_used_is_known_by_its_name(lt):
    lt.cluster("by name", cpus=1).keys()
    again = lt.cluster("by name")
    assert lt.function(shop.add).to(again)(1, 2) == 3
    again.put("in it", 5)
    assert lt.cluster("by name").get("in it") == 5
    lt.here.delete("in it")


def test_a_cluster_by_name_is_known_to_other_programs_and_after_a_restart(a10g, manifesto):
    from conftest import leanto

    run_script(manifesto, "main.py")
    leanto("stop")
    code = "import leanto as lt; print(lt.cluster('my_cluster').keys())"
    assert run_script(manifesto, "-c", code).stdout == "[]\n"


def test_a_name_that_nobody_has_used_says_how_to_make_one(lt):
    with pytest.raises(lt.NotFoundError, match=r"no cluster is named 'unheard'.*instance_type="):
        lt.cluster("unheard").keys()
    with pytest.raises(KeyError):
        lt.function(shop.add).to(lt.cluster("unheard"))


def test_a_cluster_that_nobody_could_offer_is_not_known_by_its_name(lt):
    with pytest.raises(lt.CapacityError):
        lt.cluster("impossible", instance_type="A10G:1").keys()
    with pytest.raises(lt.NotFoundError):
        lt.cluster("impossible").keys()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"instance_type": "A10G:many"}, "A10G"),
        ({"instance_type": "A10G:1", "provider": "cheapst"}, "cheapest"),
        ({"memory": "a lot"}, "a lot"),
        ({"instance_type": ""}, ""),
    ],
)
def test_words_that_make_no_sense_are_refused(lt, words, named):
    with pytest.raises(lt.InvalidRequestError) as caught:
        lt.cluster("odd", **words).keys()
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "words", [{"cpus": -1}, {"cpus": "two"}, {"cpus": True}, {"memory": -5}, {"memory": 0.5}]
)
def test_amounts_that_make_no_sense_are_refused(lt, words):
    with pytest.raises(lt.InvalidRequestError, match=next(iter(words))):
        lt.cluster("odd", **words).keys()


def test_here_is_this_machine_by_either_name(lt):
    assert lt.cluster("here") == lt.here == lt.cluster()
    assert lt.cluster("here").name == "here"
    with pytest.raises(TypeError):
        lt.cluster(5)


def test_a_cluster_is_a_value(lt):
    one = lt.cluster("small", cpus=1)
    assert pickle.loads(pickle.dumps(one)) == one == eval(repr(one), {"leanto": lt})
    assert one != lt.cluster("small", cpus=2)
    assert len({one, pickle.loads(pickle.dumps(one)), lt.here}) == 2


def test_a_saved_function_is_got_by_name_under_every_name_of_the_face(lt):
    import leanto as rh

    rh.function(shop.add).to(rh.here).save("embed_fn")
    assert rh.function(name="embed_fn")(1, 2) == rh.fn(name="embed_fn")(1, 2) == 3
    assert (rh.fn, rh.module) == (rh.function, rh.cls)
    rh.module(shop.Counter).to(rh.here).save("saved counter")
    assert (
        rh.cls(name="saved counter")(4).increase()
        == rh.module(name="saved counter")(4).increase()
        == 5
    )
    with pytest.raises(rh.InvalidRequestError, match="lt.cls"):
        rh.function(name="saved counter")
    with pytest.raises(rh.InvalidRequestError, match="lt.function"):
        rh.cls(name="embed_fn")


def test_a_function_is_got_by_its_default_name(lt):
    lt.function(shop.add).to(lt.here)
    assert lt.function(name="sample/shop.add")(2, 2) == 4


def test_a_mistake_in_the_nodes_configuration_is_shown_with_its_line(own_home, lt):
    write_project(own_home, {".config/leanto/node.toml": "# ours\naccelerator = {A10G = 1}\n"})
    with pytest.raises(
        lt.NodeError, match="node.toml, line 2: accelerator .*did you mean accelerators"
    ):
        lt.here.keys()
    write_project(own_home, {".config/leanto/node.toml": "accelerators = {A10G = 1}\n"})
    assert lt.cluster("gpu", instance_type="a10g:1").keys() == []
