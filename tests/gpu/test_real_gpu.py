"""On a machine with a real NVIDIA GPU, by `./dev gpu PYTHON` with a Python that has torch (and pytest): there is no such
machine where the other tests run. cupy, jax and numba are tried where they are installed."""

import concurrent.futures
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from conftest import ROOT, leanto, wait_until

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("there is no GPU here", allow_module_level=True)

sys.path.insert(0, str(ROOT / "tests" / "projects" / "kernels"))
import kernels  # noqa: E402

MORE_MIB = 400  # less than what a process has there that has only begun with it
NO_GPU = """
import sys, warnings
sys.path[:0] = sys.argv[1:]
import kernels, torch
import leanto as lt

assert not torch.cuda.is_available()
model = lt.cls(kernels.Model).options(gpus=1).to(lt.here)(8)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    network = model.network()
print(network.weight.device, network(torch.ones(2, 8)).shape, seen[0].message)
"""


def smi(what):
    """Return a row of nvidia-smi for each GPU."""
    words = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    return [line.strip() for line in said.splitlines()]


def used_mib():
    return int(smi("memory.used")[0])


def need(library):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"this Python has no {library}")


def read(path):
    return pathlib.Path(path).read_text() if pathlib.Path(path).exists() else ""


@pytest.fixture(autouse=True)
def left(own_home):
    """A node of its own for each test; returns what tells when nothing is left on the GPU but what this process has there."""
    torch.ones(1, device="cuda")
    before = used_mib()

    def nothing():
        torch.cuda.empty_cache()
        return used_mib() < before + MORE_MIB

    yield nothing
    leanto("stop", check=False)
    assert wait_until(nothing), f"{used_mib()} MiB are in use, before {before}"


# What there is


def test_the_gpu_is_found_with_its_kind(lt):
    name = smi("name")[0]
    kind = name.removeprefix("NVIDIA ").split()[0]
    (offer,) = lt.offers(gpus=f"{kind}:1")
    assert offer["cannot"] == ""
    assert sum(offer["total"]["accelerators"].values()) == len(smi("name"))
    assert lt.offers(gpus="A10G:99")[0]["cannot"].startswith("has no 99 x A10G")
    assert lt.cluster(instance_type=f"{kind}:1", provider="cheapest").keys() == []
    assert f"{len(smi('name'))} x {kind}" in json.loads(leanto("status", "--json"))["slots"]
    assert f"{len(smi('name'))}: {name.removeprefix('NVIDIA ').replace(' ', '-')}" in leanto(
        "doctor"
    )


def test_a_worker_with_a_gpu_sees_that_one(lt, sent):
    on, count, name, total = sent(kernels.look, gpus=1)()
    assert (on, count, name, total) == ("cuda", 1, smi("name")[0], 499500)
    visible, available = sent(kernels.visible, gpus=1)()
    assert visible is not None and available


def test_a_part_of_a_gpu_is_shared(sent):
    models = [sent(kernels.Model, gpus=0.5)(8) for _ in range(2)]
    assert all(model.used() > 0 for model in models)


# Warm interpreters and GPUs


def test_a_library_that_opens_the_gpu_when_imported_leaves_later_workers_usable(lt, sent):
    need("torch_geometric")
    begins = sent(kernels.imports_one_that_begins, gpus=1)
    assert begins() == ("torch_geometric", 3.0)

    def zygotes():
        return json.loads(leanto("status", "--json"))["zygotes"]

    assert wait_until(
        lambda: not any(row["renewing"] for row in zygotes()) and zygotes()[0]["modules"] > 0, 120
    )
    model = sent(kernels.Model, gpus=0.5)(8)  # in a process forked from the warm one, as the next
    assert model.used() > 0
    assert sent(kernels.imports_one_that_begins, gpus=0.5)() == ("torch_geometric", 3.0)


# Out of memory


def test_an_allocation_that_fails_is_an_out_of_memory_of_the_gpu_and_the_worker_goes_on(lt, sent):
    take = sent(kernels.take, gpus=1)
    with pytest.raises(lt.OutOfMemoryError, match="CUDA out of memory") as caught:
        take(1 << 15)
    assert caught.value.device == "gpu" and caught.value.limit is None
    assert type(caught.value.__cause__) is torch.OutOfMemoryError
    assert take(1) > 0


@pytest.mark.parametrize("library", ["cupy", "jax", "numba"])
def test_so_is_that_of_other_libraries(library, lt, sent, monkeypatch):
    need(library)
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with pytest.raises(lt.OutOfMemoryError) as caught:
        sent(kernels.take_too_much_by, gpus=1)(library)
    assert caught.value.device == "gpu"


@pytest.mark.parametrize("then", ["multiply", "cupy"])
def test_so_is_one_inside_a_library_of_the_gpu(then, lt, sent):
    if then == "cupy":
        need(then)
    with pytest.raises(lt.OutOfMemoryError) as caught:
        sent(kernels.take_all, gpus=1)(then)
    assert caught.value.device == "gpu"


def test_so_is_a_gpu_that_others_have_filled(lt, sent, tmp_path):
    started, released = tmp_path / "started", tmp_path / "released"
    hold = sent(kernels.hold_all, gpus=0.5).submit(str(started), str(released))
    assert wait_until(lambda: read(started), 60)
    begin = sent(kernels.begin, gpus=0.5)
    for library in ("torch", "cupy", "numba"):
        if importlib.util.find_spec(library) is None:
            continue
        with pytest.raises(lt.OutOfMemoryError) as caught:
            begin(library)
        assert caught.value.device == "gpu", library
    released.touch()
    hold.result()


def test_a_run_says_it_on_record_and_can_be_tried_again(lt, sent):
    retry = lt.Retry(2, on=(lt.OutOfMemoryError,), delay=0.01)
    run = sent(kernels.take_too_much, gpus=1, retries=retry).submit()
    with pytest.raises(lt.OutOfMemoryError) as caught:
        run.result()
    assert caught.value.device == "gpu"
    record = run.record()
    assert [attempt["error"]["kind"] for attempt in record["attempts"]] == ["out_of_memory"] * 2
    assert record["gpu_time"] > 0


# Cancelling


def test_after_a_cancel_the_gpu_is_for_the_next(lt, sent, tmp_path):
    started = tmp_path / "started"
    run = sent(kernels.spin, gpus=1).options(grace=1).submit(str(started))
    assert wait_until(lambda: read(started), 60)
    run.cancel()
    assert wait_until(lambda: run.status == "cancelled", 60)
    most = int(smi("memory.total")[0]) // 1024 - 8
    assert sent(kernels.take, gpus=1)(most) > 0  # the worker that kept 8 GiB has made room


def test_nothing_is_left_on_it_when_the_daemon_is_killed(left, lt, sent, tmp_path):
    started, spin = tmp_path / "started", sent(kernels.spin, gpus=1)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pending = pool.submit(spin, str(started))
        assert wait_until(lambda: read(started), 60)
        assert not left()
        os.kill(json.loads(leanto("status", "--json"))["pid"], signal.SIGKILL)
        with pytest.raises(lt.NodeError):
            pending.result(60)
    assert wait_until(left)


# Tensors


def test_a_tensor_goes_from_gpu_to_gpu_as_it_is(sent):
    both = sent(kernels.both, gpus=1)
    base = torch.randn(64, 256, device="cuda")
    for name, tensor in {
        "numbers": base,
        "transposed": base.t(),
        "with gaps": base[:, ::2],
        "expanded": torch.randn(64, 1, device="cuda").expand(64, 256),
        "half": base.half(),
        "needs a gradient": base.clone().requires_grad_(),
        "conjugated": torch.randn(64, 64, dtype=torch.complex64, device="cuda").conj(),
        "empty": torch.empty(0, 3, device="cuda"),
        "parameter": torch.nn.Parameter(base.clone()),
        "large": torch.randn(1 << 20, device="cuda"),
    }.items():
        said, back = both(tensor)
        assert said[0] == "cuda:0", name
        assert said[1:] == kernels.describe(back)[1:], name
        assert back.device.type == "cuda" and torch.equal(back, tensor), name
        assert back.requires_grad == tensor.requires_grad, name
        if name not in ("with gaps", "conjugated"):
            assert back.stride() == tensor.stride(), name


def test_a_model_learns_there_and_comes_home(sent):
    model = sent(kernels.Model, gpus=1)(256)
    batch = torch.ones(32, 256, device="cuda")
    losses = [model.step(batch)[0] for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    assert model.step(batch)[1].device.type == "cuda"
    network = model.network()
    assert isinstance(network, torch.nn.Linear) and network.weight.is_cuda
    assert network(batch).shape == (32, 256)


def test_a_result_of_a_gpu_reaches_a_program_without_one(lt):
    lt.here.keys()  # the node starts with the GPU
    words = [sys.executable, "-c", NO_GPU, ROOT / "python", ROOT / "tests/projects/kernels"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cpu torch.Size([2, 8]) a tensor came from cuda:0"), done.stdout
