"""Runs on another machine: submitted there, and found again by anybody here."""

import far
import flaky
import helpers
import pytest
import shop
from clients import Client, Failed
from conftest import SAMPLE, leanto, wait_until

LIMIT = 60


@pytest.fixture
def send(box, lt):
    def send(callable_, **options):
        return lt.function(callable_).options(**options).to(box)

    return send


def test_a_run_has_a_result_a_record_and_a_log(send, world):
    run = send(shop.say).submit("one", "two")
    assert run.result(timeout=LIMIT) is None
    assert run.status == "succeeded"
    assert [line.text.strip() for line in run.logs()] == ["one", "two"]
    assert run.record()["status"] == "succeeded"


def test_a_key_is_one_run_and_another_program_finds_it(send, lt, world):
    add = send(shop.add, key="once-afar")
    run = add.submit(1, 2)
    assert run.result(timeout=LIMIT) == 3
    assert add.submit(1, 2).id == run.id
    with pytest.raises(lt.KeyConflictError):
        add.submit(1, 3)
    with Client(SAMPLE) as other:
        assert other.do("lt.run('once-afar').result()") == 3
        assert other.do(f"lt.run({run.id!r}).status") == "succeeded"
        with pytest.raises(Failed) as caught:
            other.do("lt.run('never-afar')")
        assert caught.value.kind == "NotFoundError"


def test_logs_are_followed_while_it_runs_and_taken_up_at_an_offset(send, world):
    go = world.hosts[0].home / "go-run"
    run = send(shop.say_then_wait).submit("begun", str(go))
    lines = run.logs(follow=True)
    first = next(lines)
    assert first.text.strip() == "begun" and first.stream == "stdout"
    assert run.running() and not run.done()
    go.touch()
    assert list(lines) == []
    assert run.result(timeout=LIMIT) is None
    assert list(run.logs(offset=run.seen)) == []
    go.unlink()


def test_a_run_outlives_its_program_and_is_cancelled_by_another(box, world, lt):
    with Client(SAMPLE) as client:
        client.do("import shop; box = lt.cluster('box')")
        client.do("f = lt.function(shop.say_then_wait).to(box).options(key='outlives')")
        client.do("run = f.submit('begun', '/no/such/file')")
        assert wait_until(lambda: client.do("run.status") == "running")
    run = lt.run("outlives")
    assert run.status == "running"
    assert run.cancel("enough") is True
    with pytest.raises(lt.CancelledError, match="enough"):
        run.result(timeout=LIMIT)
    assert run.status == "cancelled"
    assert run.cancel() is False


def test_a_run_that_fails_raises_its_own_exception(send, lt):
    run = send(shop.raise_stock_error).submit()
    error = run.exception(timeout=LIMIT)
    assert isinstance(error, helpers.StockError) and error.shelf == 7
    assert str(SAMPLE / "shop.py") in str(error.__cause__)
    assert run.status == "failed"


def test_many_runs_at_once(send):
    add = send(shop.add, concurrency=8)
    runs = [add.submit(i, 1) for i in range(100)]
    assert [run.result(timeout=LIMIT) for run in runs] == list(range(1, 101))
    assert len({run.id for run in runs}) == 100


def test_retries_happen_there(send, lt, world):
    path = world.hosts[0].home / "attempts"
    run = send(flaky.fail_until, retries=lt.Retry(3, delay=0.01)).submit(str(path), 3)
    assert run.result(timeout=LIMIT) == 3
    assert run.record()["attempt"] == 3
    path.unlink()


def test_a_run_of_a_method_of_a_named_object(box, lt):
    counter = lt.cls(shop.Counter).to(box).options(name="runs-afar")(5)
    try:
        run = counter.increase.submit(2)
        assert run.result(timeout=LIMIT) == 7
        assert counter.value == 7
    finally:
        box.delete("runs-afar")


def test_a_run_waits_for_nobody_here(send, world, lt):
    """The node on this machine ends, and so the link, while the run works."""
    go = world.hosts[0].home / "go-alone"
    run = send(shop.say_then_wait, key="alone").submit("begun", str(go))
    assert wait_until(lambda: run.status == "running")
    leanto("stop")
    go.touch()
    assert lt.cluster("box").up() in (True, False)
    again = lt.run("alone")
    assert again.result(timeout=LIMIT) is None
    assert run.result(timeout=LIMIT) is None
    go.unlink()


def test_who_waits_for_a_run_on_a_machine_that_is_gone_is_told_and_may_ask_again(
    monkeypatch, lt, binaries
):
    from leanto import _run_watch

    monkeypatch.setattr(_run_watch, "GIVE_UP", 1.0)
    with far.world(1, binaries=binaries) as world, world.entered(monkeypatch):
        (host,) = world.hosts
        box = lt.cluster(name="box", host="a")
        run = lt.function(shop.sleep).to(box).options(key="goes-on").submit(1000)
        assert wait_until(lambda: run.status == "running")
        host.stop_sshd()
        world.kill_ssh()
        world.stop_node_here()  # it would wait for a minute for the host
        with pytest.raises(lt.NodeLostError, match=r"box has not been reached.*'goes-on'"):
            run.result()
        with pytest.raises(lt.TimeoutError):
            run.result(timeout=2)
        host.start_sshd()
        assert wait_until(lambda: run.status == "running")
        run.cancel()
        with pytest.raises(lt.CancelledError):
            run.result(timeout=LIMIT)
        box.down()
