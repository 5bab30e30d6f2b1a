"""PyTorch's `DataParallel`, on the one device that minigrad computes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .module import Module


class DataParallel(Module):
    """A module under the name `module`, called as it is: what code for several GPUs finds on a machine with one.

    Errors: ValueError for more than one device.
    """

    def __init__(
        self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        if len(device_ids or ()) > 1:
            raise ValueError(f"DataParallel: one device is supported, got device_ids {list(device_ids or ())}")
        if dim != 0:
            raise ValueError(f"DataParallel: dim must be 0, got {dim}")
        if output_device is not None and device_ids is not None and output_device != device_ids[0]:
            raise ValueError(f"DataParallel: output_device {output_device} must be the one of device_ids {device_ids}")
        self.module = module

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.module(*inputs, **options)
