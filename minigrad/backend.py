"""Where arrays live: devices, array modules, transfers, and the one random generator.

Everything above this module is written once for two array libraries. NumPy arrays live on the device
`cpu`, CuPy arrays on `cuda` (`cuda:1` is the second card). Code that computes asks `xp_of(array)` for the
module whose functions fit that array and never asks which device it is on:

    xp = xp_of(x)
    y = xp.exp(x)

CuPy is imported here and nowhere else, and only when a GPU is asked for. Random numbers are always drawn
on the CPU from one seeded generator and then moved, so that a CPU run and a GPU run start alike.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy

Array = Any  # numpy.ndarray or cupy.ndarray

_cupy: Any = None


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
        _cupy = module
    return _cupy


def _limit_memory(module: Any) -> None:
    """Hold CuPy's memory pool to MINIGRAD_GPU_MEMORY, a number of gigabytes. Errors: ValueError for anything else."""
    setting = os.environ.get("MINIGRAD_GPU_MEMORY")
    if setting is None:
        return
    try:
        gigabytes = float(setting)
    except ValueError:
        gigabytes = -1.0
    if not gigabytes > 0:
        raise ValueError(f"MINIGRAD_GPU_MEMORY must be a positive number of gigabytes, got {setting!r}")
    module.get_default_memory_pool().set_limit(size=int(gigabytes * 2**30))


@dataclass(frozen=True)
class Device:
    """A place where arrays live: `Device("cpu")` or `Device("cuda", 1)`. Equal to its own name as a string."""

    type: str
    index: int = 0

    def __str__(self) -> str:
        return self.type if self.index == 0 else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='{self}')"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self == device(other)
        return isinstance(other, Device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = Device("cpu")


def device(name: str | Device) -> Device:
    """Turn `"cpu"`, `"cuda"`, `"cuda:1"` or `"auto"` into a Device. `auto` is the GPU if it works, else the CPU.

    Errors: ValueError for any other name.
    """
    if isinstance(name, Device):
        return name
    if name == "auto":
        return Device("cuda") if cuda_is_available() else CPU
    kind, _, number = str(name).partition(":")
    if kind == "cpu" and number in ("", "0"):
        return CPU
    if kind == "cuda" and (number == "" or number.isdecimal()):
        return Device("cuda", int(number or 0))
    raise ValueError(f"device: {name!r} is not a device; use 'cpu', 'cuda', 'cuda:1' or 'auto'")


def default_device() -> Device:
    """The device named by the environment variable MINIGRAD_DEVICE, else the CPU."""
    return device(os.environ.get("MINIGRAD_DEVICE", "cpu"))


# ---------------------------------------------------------------------------------------- arrays


def xp_of(array: Array) -> Any:
    """The module (numpy or cupy) whose functions work on this array."""
    return numpy if isinstance(array, (numpy.ndarray, numpy.generic)) else cupy()


def device_of(array: Array) -> Device:
    """The device an array lives on."""
    if isinstance(array, (numpy.ndarray, numpy.generic)):
        return CPU
    return Device("cuda", array.device.id)


def to_device(array: Array, target: Device) -> Array:
    """The same numbers on another device; the array itself if it is already there."""
    if device_of(array) == target:
        return array
    if target.type == "cpu":
        return array.get()
    usable, reason = cuda_status()
    if not usable:
        raise RuntimeError(f"device {target}: the GPU cannot be used: {reason}; use device 'cpu'")
    with cupy().cuda.Device(target.index):
        return cupy().asarray(array)


def to_numpy(array: Array) -> numpy.ndarray:
    """The array as a NumPy array: the array itself on the CPU, a copy from the GPU."""
    return array if isinstance(array, numpy.ndarray) else numpy.asarray(to_device(array, CPU))


# ------------------------------------------------------------------------------------- GPU probe

_status: tuple[bool, str] | None = None


def cuda_status() -> tuple[bool, str]:
    """(usable, reason): whether a GPU really computes, found out once by running a kernel and a matmul on it.

    The reason is one sentence fit for a user: the card's name, or what is missing (CuPy, a driver, toolkit
    headers, cuBLAS, memory) or wrong (a false result).
    """
    global _status
    if _status is None:
        _status = _probe()
    return _status


def cuda_is_available() -> bool:
    """True if a GPU is there and computes correctly."""
    return cuda_status()[0]


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


# -------------------------------------------------------------------------------- random numbers

_generator = numpy.random.default_rng()


def generator() -> numpy.random.Generator:
    """The one random generator behind every random number that minigrad draws."""
    return _generator


def manual_seed(seed: int) -> None:
    """Restart the random generator from a seed (a non-negative int): the same seed gives the same numbers."""
    global _generator
    if not isinstance(seed, (int, numpy.integer)) or seed < 0:
        raise ValueError(f"manual_seed: seed must be a non-negative int, got {seed!r}")
    _generator = numpy.random.default_rng(int(seed))


def get_rng_state() -> dict[str, Any]:
    """The generator's state as a dictionary of plain numbers, for checkpoints."""
    return dict(_generator.bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Put the generator back into a state that `get_rng_state` returned."""
    global _generator
    restored = numpy.random.default_rng()
    restored.bit_generator.state = state
    _generator = restored
