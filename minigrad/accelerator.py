"""PyTorch's `torch.accelerator`: whichever GPU there is."""

from __future__ import annotations

from . import cuda
from .devices import Device


def is_available() -> bool:
    """Whether a GPU is there and computes correctly."""
    return cuda.is_available()


def device_count() -> int:
    """How many GPUs there are."""
    return cuda.device_count()


def current_accelerator(check_available: bool = False) -> Device | None:
    """The GPU as a device, or None without one, with or without check_available."""
    return Device("cuda") if cuda.is_available() else None


def synchronize() -> None:
    """Wait until the GPU has done all work."""
    cuda.synchronize()
