"""Layers that rearrange, resize or pad."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import StatelessModule


class Identity(StatelessModule):
    """y = x."""

    def __init__(self, *ignored: Any, **also_ignored: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


class Flatten(StatelessModule):
    """Merge the axes from start_dim to end_dim: (N, C, H, W) to (N, C H W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__(start_dim=start_dim, end_dim=end_dim)

    def forward(self, x: Tensor) -> Tensor:
        return ops.flatten(x, **self.options)


class Unflatten(StatelessModule):
    """Split axis `dim` into several of the given sizes: the inverse of Flatten."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__(dim=dim, unflattened_size=tuple(unflattened_size))

    def forward(self, x: Tensor) -> Tensor:
        dim = self.options["dim"] % x.dim()
        return x.reshape(*x.shape[:dim], *self.options["unflattened_size"], *x.shape[dim + 1 :])


class Upsample(StatelessModule):
    """Resize images; see `functional.interpolate`."""

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool = False
    ) -> None:
        super().__init__(size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners)

    def forward(self, x: Tensor) -> Tensor:
        return ops.interpolate(x, **self.options)


class ReflectionPad2d(StatelessModule):
    """A mirrored border: an int, or (left, right, top, bottom)."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding=(padding,) * 4 if isinstance(padding, int) else tuple(padding))

    def forward(self, x: Tensor) -> Tensor:
        return ops.pad(x, self.options["padding"], mode="reflect")


class PixelShuffle(StatelessModule):
    """(N, C r^2, H, W) to (N, C, H r, W r)."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=upscale_factor)

    def forward(self, x: Tensor) -> Tensor:
        return ops.pixel_shuffle(x, **self.options)
