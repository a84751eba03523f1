"""torch tensors on their way: what a tensor holds is a buffer beside the pickle, as an array's is.

One that is on a CUDA GPU is copied from it, and goes back on one where it arrives, if there is one. torch's own pickling
writes a tensor's whole storage into the pickle. It's left alone, and used for all that isn't plain numbers: sparse and
quantized tensors, subclasses, other devices.
"""

from __future__ import annotations

import copyreg
import ctypes
import io
import pickle
import sys
import warnings

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
    """Whether a tensor is nothing but numbers in this process's memory, or a GPU's."""
    torch = sys.modules["torch"]
    return (
        tensor.device.type in ("cpu", "cuda")
        and tensor.layout is torch.strided
        and not tensor.is_quantized
        and tensor.numel() > 0
        and not tensor.__dict__
        and not tensor._backward_hooks
    )


def _reduce_plain(tensor: object) -> tuple:
    requires_grad, device = tensor.requires_grad, tensor.device
    tensor = tensor.detach().resolve_conj().resolve_neg()  # whose memory holds what it stands for
    extent = _extent(tensor)
    if extent > tensor.numel():  # a part of something with gaps, which don't travel
        tensor = _without_gaps(tensor, extent)
        extent = tensor.numel()
    how = (tensor.dtype, tuple(tensor.size()), tensor.stride(), requires_grad)
    if device.type == "cpu":
        return rebuild, (_memory(tensor, extent), *how)
    return rebuild_on, (str(device), _memory(_flat_on_cpu(tensor, extent), extent), *how)


def _without_gaps(tensor: object, extent: int) -> object:
    """Return it with its numbers side by side; on the CPU if its GPU has no room for that."""
    try:
        return tensor.contiguous()
    except sys.modules["torch"].cuda.OutOfMemoryError:
        size, stride = tensor.size(), tensor.stride()
        return _flat_on_cpu(tensor, extent).as_strided(size, stride, 0).contiguous()


def _flat_on_cpu(tensor: object, extent: int) -> object:
    return tensor.as_strided((extent,), (1,), tensor.storage_offset()).cpu()


def _memory(tensor: object, extent: int) -> pickle.PickleBuffer:
    memory = (ctypes.c_char * (extent * tensor.element_size())).from_address(tensor.data_ptr())
    memory.tensor = tensor  # which keeps that memory
    return pickle.PickleBuffer(memory)


def _extent(tensor: object) -> int:
    """How many elements lie between the first and the last one, both counted. Strides aren't negative in torch."""
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.size(), tensor.stride()))


def rebuild(
    buffer: object, dtype: object, size: tuple, stride: tuple, requires_grad: bool
) -> object:
    """Return the tensor that lies in a buffer. It's writable, and keeps the buffer."""
    tensor = _strided(_flat(buffer, dtype), size, stride)
    return tensor.requires_grad_() if requires_grad else tensor


def rebuild_on(
    device: str, buffer: object, dtype: object, size: tuple, stride: tuple, requires_grad: bool
) -> object:
    """Return the tensor that lies in a buffer, on the GPU of that name ("cuda:1").

    If there are fewer here it's on the current one. It's on the CPU where there is none, with a RuntimeWarning: a result is
    not to be lost because it was computed on a GPU.
    """
    flat = _flat(buffer, dtype)
    here = _name_here(device)
    if here:
        flat = flat.to(here)  # before it has strides, which that keeps for some only
    else:
        warnings.warn(
            f"a tensor came from {device}, and there is no CUDA GPU here, so it is on the CPU",
            RuntimeWarning,
            stacklevel=2,
        )
    tensor = _strided(flat, size, stride)
    return tensor.requires_grad_() if requires_grad else tensor


def _flat(buffer: object, dtype: object) -> object:
    """Return what lies in a buffer, one number after the other."""
    import torch

    view = memoryview(buffer)
    if view.readonly:
        view = memoryview(bytearray(view))
    flat = torch.frombuffer(view, dtype=dtype)
    return flat.clone() if flat.data_ptr() % ALIGNMENT else flat


def _strided(flat: object, size: tuple, stride: tuple) -> object:
    return flat.new_empty(0).set_(flat, 0, size, stride)


def _name_here(device: str) -> str:
    """Return the name of the GPU here for one elsewhere; "" if there is none."""
    cuda = sys.modules["torch"].cuda
    if not cuda.is_available():
        return ""
    number = int(device.partition(":")[2] or 0)
    return f"cuda:{number}" if number < cuda.device_count() else "cuda"
