"""Whether an exception says that an allocation failed, and of which memory: the GPU libraries have each their own way."""

from __future__ import annotations

import sys

# What torch says in a plain RuntimeError where no class of its own is raised: the names are those of the CUDA libraries.
_TORCH_SAYS = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "HIP out of memory",
)
_CUDA_SAYS = ("CUDA_ERROR_OUT_OF_MEMORY", "cudaErrorMemoryAllocation", "_STATUS_ALLOC_FAILED")
_CUDA_ERROR_MEMORY_ALLOCATION = 2  # of cudaError_t and of CUresult, the same


def find_full_device(error: BaseException) -> str | None:
    """Return "cpu" or "gpu" if an allocation failed there, else None."""
    for cls in type(error).__mro__:
        library = str(cls.__module__).partition(".")[0]
        test = _TESTS.get(library)
        if test is not None:
            device = test(error, cls.__name__)
            if device is not None:
                return device
    return None


def _builtin(error: BaseException, name: str) -> str | None:
    if name == "MemoryError":
        return "cpu"
    is_torchs = name == "RuntimeError" and _text(error).startswith(_TORCH_SAYS)
    return "gpu" if is_torchs else None


def _torch(error: BaseException, name: str) -> str | None:
    code = getattr(error, "error_code", None)  # an AcceleratorError has one
    is_full = name == "AcceleratorError" and code == _CUDA_ERROR_MEMORY_ALLOCATION
    return "gpu" if is_full or name == "OutOfMemoryError" else None


def _cupy(error: BaseException, name: str) -> str | None:
    return "gpu" if name == "OutOfMemoryError" else _cuda(error, name)


def _cuda(error: BaseException, _name: str) -> str | None:
    """Tell by the name that the CUDA driver or its runtime gives the error; numba and cuda.core say it, too."""
    text = _text(error)
    return "gpu" if any(word in text for word in _CUDA_SAYS) else None


def _jax(error: BaseException, name: str) -> str | None:
    if name not in ("JaxRuntimeError", "XlaRuntimeError"):
        return None
    if not _text(error).startswith("RESOURCE_EXHAUSTED"):
        return None
    try:
        backend = sys.modules["jax"].default_backend()
    except Exception:
        backend = "gpu"
    return "cpu" if backend == "cpu" else "gpu"


def _tensorflow(error: BaseException, name: str) -> str | None:
    if name != "ResourceExhaustedError":
        return None
    return "gpu" if "device:GPU" in _text(error) else "cpu"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a class of the user's that can't say what it is
        return ""


_TESTS = {
    "builtins": _builtin,
    "torch": _torch,
    "cupy": _cupy,
    "cupy_backends": _cuda,
    "numba": _cuda,
    "cuda": _cuda,
    "jax": _jax,
    "jaxlib": _jax,
    "tensorflow": _tensorflow,
}
