"""Clusters of several hosts, values that move between machines, and the choice among them."""

import json

import far
import pytest
import shop
from clients import Client
from conftest import SAMPLE, leanto, wait_until

LIMIT = 60
ALL = range(20)


@pytest.fixture
def farm(two, lt):
    return lt.cluster(name="farm", hosts=["a", "b"])


def homes(world):
    return {str(host.home) for host in world.hosts}


# Several hosts that are one cluster


def test_calls_are_spread_over_the_hosts(farm, two, lt):
    home = lt.function(shop.environment).to(farm)
    assert {home("HOME") for _ in ALL} == homes(two)
    assert set(home.map(["HOME"] * 20)) == homes(two)
    assert sum(home.remote("HOME").get() in homes(two) for _ in range(2)) == 2


def test_results_of_a_map_keep_their_order(farm, lt):
    double = lt.function(shop.double).to(farm)
    assert list(double.map(range(100))) == [2 * i for i in range(100)]
    assert sorted(double.map(range(100), ordered=False)) == [2 * i for i in range(100)]


def test_an_event_loop_uses_all_hosts(farm, two, lt):
    import asyncio

    home = lt.function(shop.environment).to(farm)

    async def main():
        return await asyncio.gather(*[home.aio("HOME") for _ in ALL])

    assert set(asyncio.run(main())) == homes(two)


def test_objects_live_on_all_hosts_and_a_name_belongs_to_one(farm, lt):
    make = lt.cls(shop.Counter).to(farm)
    counters = [make() for _ in range(4)]
    assert [counter.increase() for counter in counters] == [1, 1, 1, 1]
    for turn in (1, 2, 3):
        named = make.options(name="shared", get_if_exists=True)()
        assert named.increase() == turn
    assert farm.get("shared").increase() == 4
    farm.put("rates", [0.1])
    assert farm.get("rates") == [0.1]
    assert {"shared", "rates"} <= set(farm.keys())
    farm.delete("shared", "rates")
    assert not {"shared", "rates"} & set(farm.keys())


def test_a_key_is_one_run_whoever_says_it(farm, lt):
    add = lt.function(shop.add).to(farm)
    first = add.options(key="once").submit(1, 2)
    assert first.result(timeout=LIMIT) == 3
    assert {add.options(key="once").submit(1, 2).id for _ in range(4)} == {first.id}
    assert lt.run("once").id == first.id


def test_a_host_that_is_down_gets_no_calls(two, farm, lt):
    home = lt.function(shop.environment).to(farm)
    b = two.hosts[1]
    b.stop_sshd()
    try:
        two.kill_ssh()
        leanto("stop")
        assert {home("HOME") for _ in range(6)} == {str(two.hosts[0].home)}
    finally:
        b.start_sshd()


# Values


def test_a_value_moves_to_the_machine_that_needs_it(two, lt):
    a, b = lt.cluster(name="only-a", host="a"), lt.cluster(name="only-b", host="b")
    data = lt.function(shop.double).to(a).remote(b"x" * 3_000_000)
    size = lt.function(shop.size).to(b)
    assert size(data) == 6_000_000
    assert size(data) == 6_000_000
    assert lt.function(shop.size).to(lt.here)(data) == 6_000_000
    here = lt.function(shop.double).to(lt.here).remote("ab")
    assert size(here) == 4


def test_a_handle_that_would_be_of_no_use_there_is_refused(two, lt):
    a, b = lt.cluster(name="only-a", host="a"), lt.cluster(name="only-b", host="b")
    counter = lt.cls(shop.Counter).to(a)()
    with pytest.raises(
        lt.InvalidRequestError, match="is on only-a and can't be reached from only-b"
    ):
        lt.function(shop.add).to(b)(counter)


# Choosing


def test_all_that_are_known_make_an_offer(two, farm, lt):
    farm.up()
    offers = {offer["node"]: offer for offer in lt.offers(cpus=0.5) if offer["cluster"] == "farm"}
    assert set(offers) == {"farm/a", "farm/b"}
    for offer in offers.values():
        assert offer["provider"] == "ssh" and offer["cannot"] == ""
        assert offer["total"]["cpus"] >= 1 and offer["total"]["memory"] > 1e8
    assert all("has no" in offer["cannot"] for offer in lt.offers(gpus="H100:8"))


def test_the_cheapest_that_can_be_reached_is_chosen_and_stays(two, lt):
    hosts = two.home / ".config" / "leanto" / "hosts.toml"
    hosts.write_text(
        '[dear]\nhost = "a"\nprice_per_hour = 3.0\n[cheap]\nhost = "nowhere.invalid"\nprice_per_hour = 0.1\n'
    )
    try:
        listed = {offer["cluster"]: offer for offer in lt.offers()}
        assert listed["dear"]["price_per_hour"] == 3.0
        assert "nowhere.invalid" in listed["cheap"]["cannot"]
        chosen = lt.cluster("job", cpus=0.5, provider=["cheap", "dear"])
        assert lt.function(shop.environment).to(chosen)("HOME") == str(two.hosts[0].home)
        again = lt.cluster("job")
        assert lt.function(shop.environment).to(again)("HOME") == str(two.hosts[0].home)
        by_hand = lt.cluster("mine", cpus=0.5, provider=lambda able: able[-1])
        assert lt.function(shop.add).to(by_hand)(1, 2) == 3
        assert lt.function(shop.environment).to(lt.cluster("dear"))("HOME") == str(
            two.hosts[0].home
        )
    finally:
        hosts.unlink()


def test_the_record_of_a_run_shows_whose_offer_could_not_be_taken(two, lt):
    hosts = two.home / ".config" / "leanto" / "hosts.toml"
    hosts.write_text('[first]\nhost = "nowhere.invalid"\n[second]\nhost = "a"\n')
    try:
        chosen = lt.cluster("by-path", cpus=0.5, provider=["first", "second"])
        run = lt.function(shop.add).to(chosen).submit(1, 2)
        assert run.result(timeout=LIMIT) == 3
        (step,) = run.record()["path"]
        assert step["node"] == "first"
        assert (
            step["error"]["kind"] == "node_lost" and "nowhere.invalid" in step["error"]["message"]
        )
        assert "path" not in run.record()["caller"]
        assert "first: the host nowhere.invalid" in leanto("run", run.id, "--on", "second")
        # Who only says the name later gets the same choice, and its path.
        with Client(SAMPLE) as other:
            other.do("import shop")
            made = "lt.cls(shop.Counter).to(lt.cluster('by-path'))(1)"
            shown = f"[s['node'] for s in {made}.increase.submit().record()['path']]"
            assert other.do(shown) == ["first"]
        direct = lt.function(shop.add).to(lt.cluster("second")).submit(1, 2)
        assert direct.record()["path"] == []
    finally:
        hosts.unlink()


def test_a_wrong_file_of_hosts_says_where(two, lt):
    hosts = two.home / ".config" / "leanto" / "hosts.toml"
    hosts.write_text("[box]\nhost = 5\n")
    try:
        with pytest.raises(lt.InvalidRequestError, match="hosts.toml, line 2: box.host"):
            lt.cluster("box").up()
    finally:
        hosts.unlink()


# Looking, and stopping by itself


def test_the_command_line_asks_another_machine(farm, lt):
    lt.function(shop.add).to(farm).save("sum")
    status = json.loads(leanto("status", "--json", "--on", "farm/a"))
    assert "/a/" in status["state_directory"]
    names = {
        row["name"] for row in json.loads(leanto("--on", "farm/b", "ls", "--json"))["services"]
    }
    assert "sum" in names
    assert json.loads(leanto("call", "sum", "--args", "[1, 2]", "--on", "farm/a")) == 3
    with pytest.raises(Exception, match="about this machine"):
        leanto("doctor", "--on", "farm/a")


def test_top_has_a_group_of_rows_for_each_machine_that_is_up(farm, two, lt):
    farm.up()
    lt.function(shop.double).to(farm)(1)
    lt.function(shop.double).to(lt.here)(1)
    text = leanto("top", "--once")
    groups = text.split("\n\nfarm/")
    assert len(groups) == 3, text
    assert groups[0].startswith("leanto ") and "shop.double" in groups[0]
    for name, group in zip("ab", groups[1:]):
        assert group.startswith(f"{name}: leanto ") and "shop.double" in group
    status = json.loads(leanto("top", "--once", "--json"))
    assert [node["name"] for node in status["nodes"]] == ["farm/a", "farm/b"]
    assert all("cpu_percent" in node["workers"][0] for node in status["nodes"])
    one = leanto("top", "--once", "--on", "farm/b")
    assert "farm/" not in one and "shop.double" in one
    assert one.count("leanto ") == 1
    b = two.hosts[1]
    b.cut()  # it hangs, and the others are seen all the same
    try:
        shown = leanto("top", "--once")
        assert shown.startswith("leanto ") and "farm/a: leanto " in shown
        assert "said nothing for 2s" in shown
    finally:
        b.heal()


def test_a_node_stops_when_nobody_wants_anything(two, lt):
    b = lt.cluster(name="idle", host="b")
    b.up()
    assert far.node_pid(two.hosts[1]) is not None
    b.autostop(1)
    assert b.status()["nodes"][0]["autostop"] == 1
    two.stop_node_here()
    assert wait_until(lambda: far.node_pid(two.hosts[1]) is None)
    assert lt.function(shop.add).to(b)(1, 2) == 3  # the next use starts it
    b.autostop(None)
