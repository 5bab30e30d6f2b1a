"""Where arrays live: devices, array modules, and transfers.

Everything above this module is written once for two array libraries. NumPy arrays live on the device
`cpu`, CuPy arrays on `cuda` (`cuda:1` is the second card). Code that computes asks `xp_of(array)` for the
module whose functions fit that array and never asks which device it is on:

    xp = xp_of(x)
    y = xp.exp(x)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import cuda

Array = Any  # numpy.ndarray or cupy.ndarray


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
        return Device("cuda") if cuda.is_available() else CPU
    kind, _, number = str(name).partition(":")
    if kind == "cpu" and number in ("", "0"):
        return CPU
    if kind == "cuda" and (number == "" or number.isdecimal()):
        return Device("cuda", int(number or 0))
    raise ValueError(f"device: {name!r} is not a device; use 'cpu', 'cuda', 'cuda:1' or 'auto'")


def default_device() -> Device:
    """The device named by the environment variable MINIGRAD_DEVICE, else the CPU."""
    return device(os.environ.get("MINIGRAD_DEVICE", "cpu"))


def xp_of(array: Array) -> Any:
    """The module (numpy or cupy) whose functions work on this array."""
    return np if isinstance(array, (np.ndarray, np.generic)) else cuda.cupy()


def as_array(result: Any) -> Array:
    """What a NumPy expression gave, as an array: results without axes come as NumPy scalars."""
    return np.asarray(result) if isinstance(result, np.generic) else result


def device_of(array: Array) -> Device:
    """The device an array lives on."""
    if isinstance(array, (np.ndarray, np.generic)):
        return CPU
    return Device("cuda", array.device.id)


def to_device(array: Array, target: Device) -> Array:
    """The same numbers on another device; the array itself if it is already there."""
    if device_of(array) == target:
        return array
    if target.type == "cpu":
        return array.get()
    usable, reason = cuda.status()
    if not usable:
        raise RuntimeError(f"device {target}: the GPU cannot be used: {reason}; use device 'cpu'")
    with cuda.cupy().cuda.Device(target.index):
        return cuda.cupy().asarray(array)


def to_numpy(array: Array) -> np.ndarray:
    """The array as a NumPy array: the array itself on the CPU, a copy from the GPU."""
    return array if isinstance(array, np.ndarray) else np.asarray(to_device(array, CPU))
