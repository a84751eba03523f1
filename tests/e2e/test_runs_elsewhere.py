"""Runs whose attempts are made on several machines: after a death, a lost host, an out-of-memory; and what becomes of them when
the node that keeps them is killed."""

import os
import signal

import far
import flaky
import placed
import pytest
import shop
from clients import Client
from conftest import ROOT, SAMPLE, leanto

CHAOS = ROOT / "build" / "chaos" / "leanto"
LIMIT = 60
QUICK = {"delay": 0.01, "jitter": 0}


@pytest.fixture
def one(lt, two):
    return lt.cluster("one", host="a")


@pytest.fixture
def other(lt, two):
    return lt.cluster("other", host="b")


def home_of(world, place):
    return str(world.hosts[place].home)


def attempts(run):
    return [(row["node"], row["outcome"]) for row in run.record()["attempts"]]


def test_a_worker_that_dies_is_followed_by_an_attempt_elsewhere(lt, two, one, other):
    die = (
        lt.function(placed.die_in).options(retries=lt.Retry(3, elsewhere=[other], **QUICK)).to(one)
    )
    run = die.submit(home_of(two, 0))
    assert run.result(timeout=LIMIT) == home_of(two, 1)
    assert attempts(run) == [("one", "failed"), ("other", "succeeded")]
    assert [line.text for line in run.logs()] == [f"at {home_of(two, place)}" for place in (0, 1)]
    assert die(home_of(two, 0)) == home_of(two, 1), "a plain call goes the same way"


def test_here_can_be_elsewhere_and_the_turns_begin_anew(lt, two, one, other):
    words = lt.Retry(4, on=flaky.Flaky, elsewhere=[other, lt.here], **QUICK)
    fail = lt.function(placed.fail_in).options(retries=words).to(one)
    run = fail.submit(home_of(two, 0), home_of(two, 1))
    assert run.result(timeout=LIMIT) == str(two.home)
    assert [node for node, _ in attempts(run)] == ["one", "other", None]
    back = fail.submit(home_of(two, 0), home_of(two, 1), str(two.home))
    error = back.exception(timeout=LIMIT)
    assert isinstance(error, flaky.Flaky) and error.args == (home_of(two, 0),)
    assert [node for node, _ in attempts(back)] == ["one", "other", None, "one"]


def test_from_here_to_there(lt, two, one):
    die = (
        lt.function(placed.die_in)
        .options(retries=lt.Retry(2, elsewhere=[one], **QUICK))
        .to(lt.here)
    )
    run = die.submit(str(two.home))
    assert run.result(timeout=LIMIT) == home_of(two, 0)
    assert attempts(run) == [(None, "failed"), ("one", "succeeded")]


def test_a_host_that_is_down_is_passed_over(lt, two, one, other):
    """Nothing can have begun there, so it goes on whatever the policy is for."""
    words = lt.Retry(2, on=KeyError, elsewhere=[other], **QUICK)
    say = lt.function(placed.say_home).options(retries=words).to(one)
    leanto("down", "one")
    two.hosts[0].stop_sshd()
    try:
        run = say.submit()
        assert run.result(timeout=LIMIT) == home_of(two, 1)
        assert attempts(run) == [("one", "failed"), ("other", "succeeded")]
    finally:
        two.hosts[0].start_sshd()
    assert say() == home_of(two, 0)


def test_a_cancel_and_a_timeout_reach_it(lt, two, one, other, tmp_path):
    words = lt.Retry(2, elsewhere=[other], **QUICK)
    wait = lt.function(placed.wait_in).options(retries=words).to(one)
    run = wait.submit(home_of(two, 0), str(tmp_path / "never"))
    assert next(run.logs(follow=True)).text == f"at {home_of(two, 0)}"
    assert run.cancel("enough")
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result(timeout=LIMIT)
    assert attempts(run) == [("one", "cancelled")]
    late = wait.options(timeout=0.5).submit(home_of(two, 0), str(tmp_path / "never"))
    with pytest.raises(lt.TimeoutError):
        late.result(timeout=LIMIT)
    assert len(attempts(late)) == 1


def test_the_node_here_is_killed_and_the_run_goes_on_once(lt, two, one, other, tmp_path):
    go = tmp_path / "go"
    words = lt.Retry(3, on=lt.WorkerDiedError, elsewhere=[other], **QUICK)
    wait = lt.function(placed.wait_in).options(retries=words, key="through-a-kill").to(one)
    run = wait.submit(home_of(two, 0), str(go))
    assert next(run.logs(follow=True)).text == f"at {home_of(two, 0)}"
    for _ in range(2):
        os.kill(lt.here.status()["nodes"][0]["pid"], signal.SIGKILL)
        assert run.record()["status"] in ("running", "unknown")
    go.touch()
    assert run.result(timeout=LIMIT) == home_of(two, 0)
    assert attempts(run) == [("one", "succeeded")]
    assert os.path.getsize(f"{go}.begun") == 1
    assert [line.text for line in run.logs()] == [f"at {home_of(two, 0)}", "on"]


@pytest.mark.skipif(not CHAOS.exists(), reason="./dev build chaos makes the binary")
@pytest.mark.parametrize(
    "point", ["run.start.synced", "run.far.attended", "run.far.answered", "run.end.recorded"]
)
def test_wherever_the_node_here_dies_it_has_one_attempt(point, monkeypatch, lt, tmp_path):
    plan = tmp_path / "plan"
    plan.write_text(f"{point}=kill@1\n\n")
    monkeypatch.setenv("LEANTO_BINARY", str(CHAOS))
    monkeypatch.setenv("LEANTO_FAILPOINTS", f"file:{plan}")
    monkeypatch.setenv("LEANTO_FAILPOINTS_LOG", str(tmp_path / "hits"))
    with far.world(1) as world, world.entered(monkeypatch):
        words = lt.Retry(2, on=KeyError, elsewhere=[lt.here], **QUICK)
        there = lt.cluster("there", host="a")
        count = lt.function(flaky.wait).options(retries=words, key="counted").to(there)
        run = count.submit(str(tmp_path / "count"), 0.2)
        assert run.result(timeout=LIMIT) == "done"
        assert f"kill {point}" in (tmp_path / "hits").read_text()
        assert (tmp_path / "count").read_text() == "x"
        assert attempts(run) == [("there", "succeeded")]


def test_a_node_that_is_stopped_here_goes_on_with_it_when_it_is_back(lt, two, one, other, tmp_path):
    go = tmp_path / "go"
    words = lt.Retry(3, elsewhere=[other], **QUICK)
    run = (
        lt.function(placed.wait_in).options(retries=words).to(one).submit(home_of(two, 0), str(go))
    )
    assert next(run.logs(follow=True)).text == f"at {home_of(two, 0)}"
    two.stop_node_here()
    go.touch()
    with Client(SAMPLE) as client:
        client.do("lt.here.keys()")
        assert client.do(f"lt.run({run.id!r}).result()") == home_of(two, 0)


def test_a_lost_host_is_followed_only_where_that_is_named(lt, two, one, other, tmp_path):
    go = tmp_path / "go"
    words = lt.Retry(2, on=lt.NodeLostError, elsewhere=[other], **QUICK)
    wait = lt.function(placed.wait_in).options(retries=words).to(one)
    run = wait.submit(home_of(two, 0), str(go))
    assert next(run.logs(follow=True)).text == f"at {home_of(two, 0)}"
    two.hosts[0].lose_power()
    assert run.result(timeout=LIMIT) == home_of(two, 1)
    assert attempts(run) == [("one", "lost"), ("other", "succeeded")]


def test_a_node_that_is_taken_down_takes_its_attempt_with_it(lt, two, one, other, tmp_path):
    words = lt.Retry(2, on=lt.WorkerDiedError, elsewhere=[other], **QUICK)
    wait = lt.function(placed.wait_in).options(retries=words).to(one)
    run = wait.submit(home_of(two, 0), str(tmp_path / "never"))
    assert next(run.logs(follow=True)).text == f"at {home_of(two, 0)}"
    leanto("down", "one")
    with pytest.raises(lt.NodeLostError):
        run.result(timeout=LIMIT)
    assert attempts(run) == [("one", "lost")]
    assert [node["state"] for node in one.status()["nodes"]] == ["down"], "nobody started it again"


def test_an_out_of_memory_goes_to_a_bigger_machine(lt, two, one, other):
    fill = lt.function(placed.fill_in).options(memory="150MB", on_oom=[("600MB", other)]).to(one)
    run = fill.submit(home_of(two, 0), 300)
    assert run.result(timeout=LIMIT) == (home_of(two, 1), 0)
    assert attempts(run) == [("one", "failed"), ("other", "succeeded")]
    limits = [row["memory_limit"] for row in run.record()["attempts"]]
    assert limits == [150_000_000, 600_000_000]
    first = run.record()["attempts"][0]
    assert first["error"]["kind"] == "out_of_memory"


def test_steps_of_memory_and_clusters_in_one_list(lt, two, one, other):
    fill = lt.function(placed.fill).options(memory="100MB", on_oom=["150MB", other]).to(one)
    run = fill.submit(300)
    assert run.result(timeout=LIMIT)[0] == home_of(two, 1)
    assert [node for node, _ in attempts(run)] == ["one", "one", "other"]


def test_what_cannot_go_elsewhere_says_so(lt, two, one, other):
    retries = lt.Retry(2, elsewhere=[other])
    with pytest.raises(lt.InvalidRequestError, match="give clusters"):
        lt.Retry(2, elsewhere=["other"])
    with pytest.raises(lt.InvalidRequestError, match="a step is a size, a cluster"):
        lt.function(shop.add).options(on_oom=[3.5])
    with pytest.raises(lt.InvalidRequestError, match="state of a live object"):
        lt.cls(shop.Counter).to(one)(1).increase.options(retries=retries).submit(1)
    add = lt.function(shop.add).options(name="known-afar").to(one)
    with pytest.raises(lt.InvalidRequestError, match="got by name"):
        lt.function(name="known-afar").options(retries=retries)
    with pytest.raises(lt.InvalidRequestError, match="known by their names only here"):
        lt.function(shop.call).to(one)(add.options(retries=retries), 1, 2)
    assert add.options(retries=retries).submit(1, 2).result(timeout=LIMIT) == 3


def test_handles_go_as_values(lt, two, one, other):
    die = lt.function(shop.add).options(retries=lt.Retry(2, elsewhere=[other])).to(one)
    kept = lt.function(shop.double).to(one).remote(4)
    assert die.submit(kept, 1).result(timeout=LIMIT) == 9


def test_more_memory_than_the_machine_has_is_looked_for_among_the_clusters(
    lt, two, one, monkeypatch
):
    """All hosts of these tests have this machine's memory, so the function's own is said to have less."""
    from leanto import _places

    monkeypatch.setattr(_places, "_total", lambda node: 200_000_000)
    more = lt.bigger(memory=1.8, max_memory="600MB")
    run = lt.function(placed.fill).options(memory="100MB", on_oom=more).to(one).submit(130)
    assert run.result(timeout=LIMIT)[0] == str(two.home), "the cheapest that has so much"
    rows = run.record()["attempts"]
    assert [row["memory_limit"] for row in rows] == [100e6, 180e6, 324e6]
    assert [row["node"] for row in rows] == ["one", "one", None]


def test_it_is_replayed_with_its_places(lt, two, one, other):
    words = {"retries": lt.Retry(2, elsewhere=[other], **QUICK), "keep_args": True}
    run = lt.function(placed.die_in).options(**words).to(one).submit(home_of(two, 0))
    assert run.result(timeout=LIMIT) == home_of(two, 1)
    again = lt.run(run.id).replay()
    assert again.result(timeout=LIMIT) == home_of(two, 1)
    assert again.record()["replays"] == run.id
    assert [node for node, _ in attempts(again)] == ["one", "other"]
