"""Which exceptions say that memory is full, and whose: those that the GPU libraries raised on a real GPU, by name and text."""

import sys
import types

import pytest
from leanto.worker.out_of_memory import find_full_device


def made(name, base=Exception):
    """An exception class by its full name."""
    module, _, short = name.rpartition(".")
    return type(short, (base,), {"__module__": module})


CUDA_ERROR = (
    "CUDA_ERROR_OUT_OF_MEMORY: The API call failed because it was unable to allocate enough memory"
)


@pytest.mark.parametrize(
    ("name", "base", "text"),
    [
        ("torch.OutOfMemoryError", RuntimeError, "CUDA out of memory. Tried to allocate 8.00 GiB."),
        ("torch.cuda.OutOfMemoryError", RuntimeError, "CUDA out of memory."),
        ("cupy.cuda.memory.OutOfMemoryError", MemoryError, "Out of memory allocating 512 bytes"),
        (
            "cupy_backends.cuda.api.runtime.CUDARuntimeError",
            RuntimeError,
            "cudaErrorMemoryAllocation: out of memory",
        ),
        ("cupy_backends.cuda.libs.cublas.CUBLASError", RuntimeError, "CUBLAS_STATUS_ALLOC_FAILED"),
        (
            "numba.cuda.cudadrv.driver.CudaAPIError",
            Exception,
            "[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY",
        ),
        ("cuda.core._utils.cuda_utils.CUDAError", Exception, CUDA_ERROR),
        (
            "jax.errors.JaxRuntimeError",
            RuntimeError,
            "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 32.00TiB with allocator GPU_0_bfc",
        ),
        ("jaxlib.xla_extension.XlaRuntimeError", RuntimeError, "RESOURCE_EXHAUSTED: Out of memory"),
        (
            "tensorflow.python.framework.errors_impl.ResourceExhaustedError",
            Exception,
            "OOM when allocating tensor with shape[1] on /job:localhost/replica:0/task:0/device:GPU:0",
        ),
        ("demo.BatchTooLargeError", made("torch.OutOfMemoryError"), "a class of the user's"),
    ],
)
def test_it_is_the_gpus_memory(name, base, text):
    assert find_full_device(made(name, base)(text)) == "gpu"


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA out of memory. Tried to allocate 20.00 MiB",
    ],
)
def test_it_is_the_gpus_where_torch_has_no_class_for_it(text):
    assert find_full_device(RuntimeError(text)) == "gpu"


def test_torchs_class_for_all_errors_of_a_gpu_has_a_number():
    accelerator_error = made("torch.AcceleratorError", RuntimeError)
    for code, device in ((2, "gpu"), (700, None)):
        error = accelerator_error("CUDA error")
        error.error_code = code
        assert find_full_device(error) == device


def test_it_is_the_main_memory():
    assert find_full_device(MemoryError("no room for an array")) == "cpu"
    assert (
        find_full_device(made("numpy._core._exceptions._ArrayMemoryError", MemoryError)()) == "cpu"
    )
    of_tensorflow = made("tensorflow.python.framework.errors_impl.ResourceExhaustedError")
    assert find_full_device(of_tensorflow("OOM on /job:localhost/device:CPU:0")) == "cpu"


def test_jax_on_the_cpu_means_the_main_memory(monkeypatch):
    jax = types.ModuleType("jax")
    jax.default_backend = lambda: "cpu"
    monkeypatch.setitem(sys.modules, "jax", jax)
    full = made("jax.errors.JaxRuntimeError", RuntimeError)("RESOURCE_EXHAUSTED: Out of memory")
    assert find_full_device(full) == "cpu"
    jax.default_backend = lambda: 1 / 0
    assert find_full_device(full) == "gpu"


def test_it_is_none_of_them():
    class Mute(RuntimeError):
        def __str__(self):
            raise ValueError("no words")

    for error in (
        ValueError("CUDA out of memory"),
        RuntimeError("the batch failed: CUDA out of memory"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        made("jax.errors.JaxRuntimeError", RuntimeError)("INVALID_ARGUMENT: shapes"),
        made("numba.cuda.cudadrv.driver.CudaAPIError")("CUDA_ERROR_INVALID_VALUE"),
        made("demo.OutOfMemoryError")("of a shop's warehouse"),
        type("Odd", (Exception,), {"__module__": 7})(),
        Mute(),
        KeyboardInterrupt(),
    ):
        assert find_full_device(error) is None, repr(type(error))
