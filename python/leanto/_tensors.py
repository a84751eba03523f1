"""torch tensors on their way: what a CPU tensor holds is a buffer beside the pickle, as an array's is.

torch's own pickling writes a tensor's whole storage into the pickle. It's left alone, and used for all that isn't plain
memory of this process: tensors on a GPU, sparse and quantized ones, subclasses.
"""

from __future__ import annotations

import copyreg
import ctypes
import io
import pickle
import sys

ALIGNMENT = 16  # bytes; what lies less aligned is copied, as vector instructions want it


def dumps(value: object, protocol: int, buffer_callback: object) -> bytes:
    """Like `pickle.dumps`, for a program that has imported torch."""
    tensor_type = getattr(sys.modules["torch"], "Tensor", None)
    if tensor_type is None:  # it's being imported at this moment
        return pickle.dumps(value, protocol, buffer_callback=buffer_callback)
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol, buffer_callback=buffer_callback)
    pickler.dispatch_table = {tensor_type: _reduce, **copyreg.dispatch_table}
    pickler.dump(value)
    return file.getvalue()


def _reduce(tensor: object) -> tuple | str:
    """How a tensor is rebuilt (see `object.__reduce__`). Asked for tensors of that very class only."""
    try:
        if _is_plain(tensor):
            return _reduce_plain(tensor)
    except (RuntimeError, NotImplementedError):
        pass  # one of functorch's and the like, which look plain and have no memory
    return tensor.__reduce_ex__(pickle.HIGHEST_PROTOCOL)


def _is_plain(tensor: object) -> bool:
    """Whether a tensor is nothing but numbers in this process's memory."""
    torch = sys.modules["torch"]
    return (
        tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not tensor.is_quantized
        and tensor.numel() > 0
        and not tensor.__dict__
        and not tensor._backward_hooks
    )


def _reduce_plain(tensor: object) -> tuple:
    requires_grad = tensor.requires_grad
    tensor = tensor.detach().resolve_conj().resolve_neg()  # whose memory holds what it stands for
    extent = _extent(tensor)
    if extent > tensor.numel():  # a part of something with gaps, which don't travel
        tensor = tensor.contiguous()
        extent = tensor.numel()
    memory = (ctypes.c_char * (extent * tensor.element_size())).from_address(tensor.data_ptr())
    memory.tensor = tensor  # which keeps that memory
    return rebuild, (
        pickle.PickleBuffer(memory),
        tensor.dtype,
        tuple(tensor.size()),
        tensor.stride(),
        requires_grad,
    )


def _extent(tensor: object) -> int:
    """How many elements lie between the first and the last one, both counted. Strides aren't negative in torch."""
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.size(), tensor.stride()))


def rebuild(
    buffer: object, dtype: object, size: tuple, stride: tuple, requires_grad: bool
) -> object:
    """Return the tensor that lies in a buffer. It's writable, and keeps the buffer."""
    import torch

    view = memoryview(buffer)
    if view.readonly:
        view = memoryview(bytearray(view))
    flat = torch.frombuffer(view, dtype=dtype)
    if flat.data_ptr() % ALIGNMENT:
        flat = flat.clone()
    tensor = torch.empty(0, dtype=dtype)
    tensor.set_(flat, 0, size, stride)
    return tensor.requires_grad_() if requires_grad else tensor
