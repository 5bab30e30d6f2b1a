"""The GPU: CuPy's import, the probe that tells whether a GPU computes, and the limit of its memory.

CuPy is imported here and nowhere else, and only when a GPU is asked for.
"""

from __future__ import annotations

import os
from typing import Any

_cupy: Any = None
_tf32: bool | None = None  # whether matrix products may use TF32; None: as the environment's CUPY_TF32 says


def cupy() -> Any:
    """The CuPy module, imported on first use. Errors: RuntimeError with what to install if it is missing."""
    global _cupy
    if _cupy is None:
        try:
            import cupy as module
        except ImportError as error:
            raise RuntimeError(
                "device cuda: CuPy is not installed; install minigrad with the extra cuda12 or cuda13"
            ) from error
        _limit_memory(module)
        _set_compute_type(module)
        _cupy = module
    return _cupy


def _limit_memory(module: Any) -> None:
    """Hold CuPy's memory pool to `memory_limit`."""
    limit = memory_limit()
    if limit is not None:
        module.get_default_memory_pool().set_limit(size=limit)


def memory_limit() -> int | None:
    """Bytes of GPU memory that MINIGRAD_GPU_MEMORY, a number of gigabytes, allows; None without such a limit.

    Errors: ValueError for anything else.
    """
    setting = os.environ.get("MINIGRAD_GPU_MEMORY")
    if setting is None:
        return None
    try:
        gigabytes = float(setting)
    except ValueError:
        gigabytes = -1.0
    if not gigabytes > 0:
        raise ValueError(f"MINIGRAD_GPU_MEMORY must be a positive number of gigabytes, got {setting!r}")
    return int(gigabytes * 2**30)


def tf32_allowed() -> bool:
    """Whether matrix products of float32 may be computed in TF32."""
    return os.environ.get("CUPY_TF32") == "1" if _tf32 is None else _tf32


def allow_tf32(allowed: bool) -> None:
    """Let matrix products of float32, and convolutions, which are made of them, round their factors to 10 bits (TF32).

    Errors: TypeError for what is no bool.
    """
    global _tf32
    if not isinstance(allowed, bool):
        raise TypeError(f"allow_tf32: must be True or False, got {allowed!r}")
    _tf32 = allowed
    if _cupy is not None:
        _set_compute_type(_cupy)


def _set_compute_type(module: Any) -> None:
    """Tell CuPy what cuBLAS is to compute products of float32 in, where there is a GPU."""
    if _tf32 is not None and module.cuda.is_available():
        types = module._core._routines_linalg
        module._core.set_compute_type("f", types.COMPUTE_TYPE_TF32 if _tf32 else types.COMPUTE_TYPE_FP32)


_status: tuple[bool, str] | None = None


def status() -> tuple[bool, str]:
    """(usable, reason): whether a GPU really computes, found out once by running a kernel and a matmul on it.

    The reason is one sentence fit for a user: the card's name, or what is missing (CuPy, a driver, toolkit
    headers, cuBLAS, memory) or wrong (a false result).
    """
    global _status
    if _status is None:
        _status = _probe()
    return _status


def is_available() -> bool:
    """True if a GPU is there and computes correctly."""
    return status()[0]


def device_count() -> int:
    """How many GPUs there are; 0 if none can be used."""
    return int(cupy().cuda.runtime.getDeviceCount()) if is_available() else 0


def current_device() -> int:
    """The number of the GPU in use. Errors: RuntimeError without a usable one, as in `get_device_name`."""
    return int(_usable().cuda.runtime.getDevice())


def get_device_name(device: int | None = None) -> str:
    """A GPU's name as its driver gives it."""
    module = _usable()
    number = current_device() if device is None else int(getattr(device, "index", device))
    return str(module.cuda.runtime.getDeviceProperties(number)["name"].decode())


def _usable() -> Any:
    usable, reason = status()
    if not usable:
        raise RuntimeError(f"device cuda: the GPU cannot be used: {reason}")
    return cupy()


def synchronize() -> None:
    """Wait until the GPU has done all work; without one, nothing is pending."""
    if is_available():
        cupy().cuda.runtime.deviceSynchronize()


def empty_cache() -> None:
    """Give memory that the pool holds but does not use back to the GPU."""
    if is_available():
        cupy().get_default_memory_pool().free_all_blocks()


def memory_allocated() -> int:
    """Bytes of GPU memory that arrays occupy; 0 without a GPU."""
    return int(cupy().get_default_memory_pool().used_bytes()) if is_available() else 0


def mem_get_info(device: int | None = None) -> tuple[int, int]:
    """(free, total) bytes of a GPU's memory, as its driver says. Errors: RuntimeError without a usable one."""
    module = _usable()
    with module.cuda.Device(current_device() if device is None else int(getattr(device, "index", device))):
        free, total = module.cuda.runtime.memGetInfo()
    return int(free), int(total)


def manual_seed(seed: int) -> None:
    """Does nothing: all random numbers, also those for a GPU, come from the generator that `minigrad.manual_seed` sets.

    Errors: ValueError if the seed is no int.
    """
    if not isinstance(seed, int):
        raise ValueError(f"manual_seed: seed must be an int, got {seed!r}")


manual_seed_all = manual_seed


def _probe() -> tuple[bool, str]:
    try:
        module = cupy()
        count = module.cuda.runtime.getDeviceCount()
        if count < 1:
            return False, "no CUDA device was found"
        ramp = module.arange(4, dtype="float32").reshape(2, 2)  # an allocation, a compilation, a launch
        total = float((ramp @ ramp).sum())  # cuBLAS
        if total != 22.0:
            return False, f"the GPU computed a wrong result (22 expected, got {total})"
        name = module.cuda.runtime.getDeviceProperties(0)["name"]
        return True, f"{name.decode()} through CuPy {module.__version__}"
    except Exception as error:  # CuPy's many error classes, all of which mean: not usable
        return False, _sentence(error)


# words of an error, any of them -> what they mean; the first line that fits counts
_CAUSES = (
    (("CuPy is not installed",), "CuPy is not installed; install minigrad with the extra cuda12 or cuda13"),
    (
        ("cudaErrorInsufficientDriver", "cudaErrorStubLibrary", "libcuda.so"),
        "no NVIDIA driver was found, or it is older than CuPy's CUDA; install a newer driver",
    ),
    (("cudaErrorNoDevice",), "no CUDA device was found"),
    (("OutOfMemory", "cudaErrorMemoryAllocation"), "the GPU has no memory left; end what else uses it"),
    (("cublas", "CUBLAS"), "cuBLAS was not found or failed; install nvidia-cublas, or the CUDA toolkit"),
    (
        ("nvrtc", "NVRTC", "CompileException", "CUDA_PATH", "CUDA_HOME", "cannot open source file", "headers"),
        "kernels cannot be compiled: the CUDA headers or NVRTC are missing; install nvidia-cuda-runtime and "
        "nvidia-cuda-nvrtc, or the CUDA toolkit",
    ),
)


def _sentence(error: Exception) -> str:
    """What an error of the probe means and what helps; its own first line follows in brackets where it adds to that."""
    text = f"{type(error).__name__}: {error}"
    first = text.splitlines()[0]
    for words, meaning in _CAUSES:
        if any(word in text for word in words):
            return meaning if meaning.split(";")[0] in text else f"{meaning} ({first})"
    return first
