"""The binary on a machine with little: Linux 4.18, and no libc or anything else."""

import os
import shutil
import subprocess

import old_kernels
import pytest
import shop
from conftest import alive, node_status, wait_until


def run_on_old_kernel(*arguments):
    return subprocess.run(
        [os.environ["LEANTO_BINARY"], *arguments],
        preexec_fn=old_kernels.enter,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def old_node(own_home):
    old_kernels.skip_where_it_cannot_be()
    started = run_on_old_kernel("node", "--detach")
    assert started.returncode == 0, started.stderr
    return node_status()["pid"]


def test_a_node_on_linux_4_18_calls_and_notices_a_dead_worker(lt, old_node):
    assert lt.function(shop.add).to(lt.here)(2, 3) == 5
    die = lt.function(shop.die).to(lt.here)
    with pytest.raises(lt.WorkerDiedError) as caught:
        die("9")
    assert caught.value.signal == 9
    assert lt.function(shop.add).to(lt.here)(2, 3) == 5


def test_a_node_on_linux_4_18_runs_and_cancels(lt, old_node):
    run = lt.function(shop.sleep).to(lt.here).submit(1000)
    assert wait_until(lambda: run.status == "running")
    run.cancel()
    assert wait_until(lambda: run.status == "cancelled")


def test_a_command_on_linux_4_18_stops_a_node(old_node):
    stopped = run_on_old_kernel("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert "has stopped" in stopped.stdout
    assert wait_until(lambda: not alive(old_node))


def test_it_needs_no_other_file(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    shutil.copy(os.environ["LEANTO_BINARY"], tmp_path / "leanto")
    done = subprocess.run(
        ["/leanto", "version"],
        preexec_fn=lambda: (os.chroot(tmp_path), os.chdir("/")),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith("leanto "), done.stderr
