"""A project that computes on a GPU, for tests on a machine that has one."""

import os
import time

import torch

ON = "cuda" if torch.cuda.is_available() else "cpu"  # as much code begins
GIB = 1 << 30
held = []


def look():
    """Return what this process sees, and a sum that was computed there."""
    name = torch.cuda.get_device_name()
    return ON, torch.cuda.device_count(), name, torch.arange(1000, device="cuda").sum().item()


def visible():
    return os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.is_available()


def take(gib):
    """Take so much of the GPU's memory and keep it; return how much of it is free."""
    held.append(torch.empty(int(gib * GIB), dtype=torch.uint8, device="cuda"))
    return torch.cuda.mem_get_info()[0]


def take_too_much():
    return take(1 << 15)


def fill():
    """Take the GPU's memory until there is none."""
    for size in (4 * GIB, 256 << 20, 8 << 20, 2 << 20):
        try:
            while True:
                held.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            pass


def take_all(then):
    """Fill the GPU; then have it need memory by a way that has no error class of its own."""
    fill()
    try:
        return _NEEDY[then]()
    finally:
        held.clear()


def _multiply():
    return (torch.ones(64, 64) @ torch.ones(64, 64)).cuda() @ torch.ones(64, 64, device="cuda")


def _cupy():
    import cupy

    return cupy.ones(GIB)


def _cupy_too_much():
    import cupy

    return cupy.empty(1 << 45, dtype="u1")


def _jax_too_much():
    import jax.numpy

    return jax.numpy.zeros((1 << 45,), dtype="uint8").block_until_ready()


def _numba_too_much():
    from numba import cuda

    return cuda.device_array(1 << 45, dtype="u1")


_NEEDY = {"multiply": _multiply, "cupy": _cupy}
_TOO_MUCH = {"cupy": _cupy_too_much, "jax": _jax_too_much, "numba": _numba_too_much}


def take_too_much_by(library):
    return _TOO_MUCH[library]()


def begin(library):
    """Do the first thing with the GPU that the library does."""
    if library == "torch":
        return torch.ones(1, device="cuda").item()
    if library == "cupy":
        import cupy

        return float(cupy.ones(1).sum())
    from numba import cuda

    return cuda.device_array(1).size


def hold_all(started, released):
    """Fill the GPU, so that what is left is too little to begin with it, until told to end."""
    fill()
    with open(started, "w") as file:
        file.write(str(os.getpid()))
    while not os.path.exists(released):
        time.sleep(0.01)


def spin(started):
    """Keep the GPU busy until killed."""
    matrix = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    take(8)
    with open(started, "w") as file:
        file.write(str(os.getpid()))
    while True:
        matrix = torch.nn.functional.normalize(matrix @ matrix)
        torch.cuda.synchronize()


def imports_one_that_begins():
    """torch_geometric asks the GPU what it can when it's imported."""
    import torch_geometric

    return torch_geometric.__name__, torch.ones(3, device="cuda").sum().item()


class Model:
    """A network that lives on the GPU and learns."""

    def __init__(self, width):
        torch.manual_seed(1)
        self.net = torch.nn.Linear(width, width).cuda()
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01)

    def step(self, batch):
        """Return the loss, and the output as it is: on the GPU."""
        out = self.net(batch)
        loss = (out**2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item(), out.detach()

    def network(self):
        return self.net

    def used(self):
        return torch.cuda.memory_allocated()


def describe(tensor):
    return (
        str(tensor.device),
        list(tensor.shape),
        list(tensor.stride()),
        str(tensor.dtype),
        tensor.requires_grad,
    )


def both(tensor):
    return describe(tensor), tensor
