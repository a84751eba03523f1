"""torch's tensors travel beside the pickle. With Debian's torch, which is that of Debian's own python3."""

import subprocess

import pytest
from clients import LIMIT, Client, write_project

PYTHON = "/usr/bin/python3"

NETS = """
import copyreg, pickle, sys

import torch
from leanto import _values

torch.manual_seed(1)
numbers = torch.randn(100, 200)


class Tagged(torch.Tensor):
    pass


def labelled(tensor):
    tensor.label = "numbers"
    return tensor


plain = {
    "numbers": numbers,
    "transposed": numbers.t(),
    "expanded": torch.randn(100, 1).expand(100, 200),
    "some rows": numbers[5:90],
    "channels last": torch.randn(2, 3, 64, 64).to(memory_format=torch.channels_last),
    "bfloat16": numbers.bfloat16(),
    "half": numbers.half(),
    "bool": numbers > 0,
    "int64": torch.arange(10_000),
    "complex": torch.randn(100, 100, dtype=torch.complex64),
    "needs a gradient": numbers.clone().requires_grad_(),
    "scalar": torch.tensor(3.5),
    "small": torch.arange(12).reshape(3, 4),
}
others = {
    "with gaps": numbers[:, ::2],
    "conjugated": torch.randn(100, 100, dtype=torch.complex64).conj(),
    "computed": numbers.clone().requires_grad_() * 2,
    "empty": torch.empty(0, 3),
    "sparse": (numbers * (numbers > 1)).to_sparse(),
    "quantized": torch.quantize_per_tensor(numbers, 0.1, 0, torch.qint8),
    "parameter": torch.nn.Parameter(numbers.clone()),
    "of a subclass": labelled(numbers.clone().as_subclass(Tagged)),
    "with an attribute": labelled(numbers.clone()),
}
everything = {**plain, **others}


def dense(tensor):
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor.to_dense() if tensor.layout is torch.sparse_coo else tensor


def say(tensor):
    "What a test compares of a tensor, its values apart."
    return [type(tensor).__name__, str(tensor.dtype), list(tensor.shape), str(tensor.layout), tensor.requires_grad]


def is_equal(tensor, name):
    return torch.equal(dense(tensor), dense(everything[name]))


def echo(tensor, name):
    return is_equal(tensor, name), tensor


def add_one(tensor):
    tensor += 1
    return tensor


def packed(value):
    data, buffers = _values.pack(value, shared=False)
    return len(data), [buffer.nbytes for buffer in buffers]


def tied():
    model = torch.nn.Sequential(torch.nn.Linear(100, 100), torch.nn.Linear(100, 100))
    model[1].weight = model[0].weight
    return model


def train(model, optimizer_state, batch):
    optimizer = torch.optim.Adam(model.parameters())
    optimizer.load_state_dict(optimizer_state)
    model(batch).sum().backward()
    optimizer.step()
    return model, optimizer.state_dict()


def fail(tensor):
    raise ValueError("a bad tensor", tensor)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    has_torch = subprocess.run([PYTHON, "-c", "import torch"], timeout=LIMIT, check=False)
    assert has_torch.returncode == 0, f"{PYTHON} has no torch: `./dev test` installs it"
    files = {"nets.py": NETS, "pyproject.toml": "[project]\nname = 'nets'\n"}
    project = write_project(tmp_path_factory.mktemp("torch") / "nets", files)
    with Client(project, python=PYTHON) as client:
        client.do("import nets, torch; send = lambda f: lt.function(f).to(lt.here)")
        yield client


def names_of(client, kind):
    return client.do(f"list(nets.{kind})")


def test_every_kind_of_tensor_arrives_as_it_was_there_and_back(client):
    client.do("echo = send(nets.echo)")
    for name in names_of(client, "everything"):
        client.do(f"tensor = nets.everything[{name!r}]")
        client.do(f"was_equal, back = echo(tensor, {name!r})")
        assert client.do(f"(was_equal, nets.is_equal(back, {name!r}))") == [True, True], name
        assert client.do("nets.say(back)") == client.do("nets.say(tensor)"), name
        assert client.do("back.is_leaf"), name


def test_a_plain_tensor_lies_beside_the_pickle_with_its_strides(client):
    for name in names_of(client, "plain"):
        client.do(f"tensor = nets.plain[{name!r}]")
        size, buffers = client.do("nets.packed(tensor)")
        in_band = client.do("tensor.numel() * tensor.element_size()") if not buffers else 0
        if name in ("scalar", "small", "expanded"):
            assert buffers == [], name
        else:
            assert len(buffers) == 1, name
        assert size < 500 + in_band, name
        client.do("_, back = send(nets.echo)(tensor, " + repr(name) + ")")
        assert client.do("back.stride() == tensor.stride()"), name


def test_of_a_part_only_that_part_travels(client):
    assert client.do("nets.packed(nets.numbers[10:40])[1]") == [30 * 200 * 4]
    assert client.do("nets.packed(nets.numbers[:, ::2])[1]") == [100 * 100 * 4]


@pytest.mark.parametrize("size", [10, 10_000, 1_000_000])
def test_a_result_may_be_changed_and_an_argument_is_a_copy(client, size):
    client.do(f"tensor = torch.zeros({size}); back = send(nets.add_one)(tensor)")
    client.do("back += 1")
    assert client.do("(tensor.sum().item(), back.sum().item())") == [0, 2 * size]


def test_a_large_tensor_keeps_what_it_lies_in_until_it_is_gone(client):
    """Through shared memory, which is used anew for the next value."""
    client.do("add_one = send(nets.add_one)")
    client.do("kept = [add_one(torch.full((500_000,), float(i))) for i in range(5)]")
    assert client.do("[(each.min().item(), each.max().item()) for each in kept]") == [
        [i + 1, i + 1] for i in range(5)
    ]
    client.do("from leanto import _segments; part = kept[0][:10]; lent = len(_segments._loans)")
    client.do("del kept")
    assert client.do("lent - len(_segments._loans)") == 4  # the part still needs its own
    assert client.do("part.sum().item()") == 10
    client.do("del part")
    assert client.do("lent - len(_segments._loans)") == 5


def test_a_model_keeps_its_shared_weights_and_can_be_trained_on(client):
    client.do("model = nets.tied(); state = torch.optim.Adam(model.parameters()).state_dict()")
    size, buffers = client.do("nets.packed(model)")
    assert buffers == [100 * 100 * 4]
    assert size < 5000
    client.do("trained, state = send(nets.train)(model, state, torch.ones(1, 100))")
    assert client.do("trained[0].weight is trained[1].weight")
    assert not client.do("torch.equal(model[0].weight, trained[0].weight)")
    client.do("again, _ = nets.train(trained, state, torch.ones(1, 100))")
    assert client.do("again[0].weight.requires_grad and again[0].weight.is_leaf")


def test_an_exception_carries_a_tensor(client):
    client.do("try: send(nets.fail)(nets.numbers)\nexcept ValueError as error: caught = error")
    assert client.do("torch.equal(caught.args[1], nets.numbers)")


def test_a_programs_own_way_of_pickling_tensors_is_kept(client):
    client.do("torch.manual_seed(2); import copyreg")
    client.do("copyreg.pickle(torch.Tensor, lambda tensor: (torch.zeros, (tensor.shape,)))")
    try:
        assert client.do("send(nets.echo)(nets.numbers, 'numbers')[0]") is False
    finally:
        client.do("del copyreg.dispatch_table[torch.Tensor]")
    assert client.do("send(nets.echo)(nets.numbers, 'numbers')[0]") is True


@pytest.mark.parametrize("device", ["cuda:0", "cuda:3", "cuda"])
def test_of_a_gpu_it_is_on_the_cpu_where_there_is_none(client, device):
    client.do("import warnings; from leanto import _tensors")
    client.do("parts = (bytearray(range(24)), torch.uint8, (4, 6), (1, 4), False)")
    with_warnings = (
        "with warnings.catch_warnings(record=True) as seen:\n"
        "    warnings.simplefilter('always')\n"
        f"    back = _tensors.rebuild_on({device!r}, *parts)"
    )
    client.do(with_warnings)
    assert client.do("(back.device.type, back.tolist()[1], back.is_leaf)") == [
        "cpu",
        [1, 5, 9, 13, 17, 21],
        True,
    ]
    (said,) = client.do("[str(each.message) for each in seen]")
    assert (
        said == f"a tensor came from {device}, and there is no CUDA GPU here, so it is on the CPU"
    )
