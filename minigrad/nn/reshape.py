"""Layers that rearrange, resize or pad."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import StatelessModule


class Identity(StatelessModule):
    """y = x, whatever arguments it was made with: a stand-in for any layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Flatten(StatelessModule):
    """Merge the axes from start_dim to end_dim: (N, C, H, W) to (N, C H W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__(start_dim=start_dim, end_dim=end_dim)

    def forward(self, input: Tensor) -> Tensor:
        return ops.flatten(input, **self.options)


class Unflatten(StatelessModule):
    """Split axis `dim` into several of the given sizes: the inverse of Flatten."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__(dim=dim, unflattened_size=tuple(unflattened_size))

    def forward(self, input: Tensor) -> Tensor:
        dim = self.options["dim"] % input.dim()
        return input.reshape(*input.shape[:dim], *self.options["unflattened_size"], *input.shape[dim + 1 :])


class Upsample(StatelessModule):
    """Resize images; see `functional.interpolate`."""

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        options = {"align_corners": align_corners, "recompute_scale_factor": recompute_scale_factor}
        super().__init__(size=size, scale_factor=scale_factor, mode=mode, **options)

    def forward(self, input: Tensor) -> Tensor:
        return ops.interpolate(input, **self.options)


class UpsamplingNearest2d(Upsample):
    """Resize images by repeating the nearest pixel."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """Resize images linearly, their corners kept."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)


class _Pad2d(StatelessModule):
    """A border of `padding` pixels: an int, or (left, right, top, bottom); (N, C, H, W) or (C, H, W)."""

    mode = "constant"

    def __init__(self, padding: Any, **options: Any) -> None:
        super().__init__(padding=(padding,) * 4 if isinstance(padding, int) else tuple(padding), **options)

    def forward(self, input: Tensor) -> Tensor:
        options = {"pad": self.options["padding"], "mode": self.mode, "value": self.options.get("value", 0.0)}
        return ops.pad(input.unsqueeze(0), **options).squeeze(0) if input.dim() == 3 else ops.pad(input, **options)


class ReflectionPad2d(_Pad2d):
    """A mirrored border: an int, or (left, right, top, bottom)."""

    mode = "reflect"

    def __init__(self, padding: Any) -> None:
        super().__init__(padding)


class ReplicationPad2d(_Pad2d):
    """A border that repeats the outermost pixels: an int, or (left, right, top, bottom)."""

    mode = "replicate"

    def __init__(self, padding: Any) -> None:
        super().__init__(padding)


class ConstantPad2d(_Pad2d):
    """A border of one number: an int, or (left, right, top, bottom)."""

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding, value=value)


class ZeroPad2d(_Pad2d):
    """A border of zeros: an int, or (left, right, top, bottom)."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding)


class PixelShuffle(StatelessModule):
    """(..., C r^2, H, W) to (..., C, H r, W r)."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=upscale_factor)

    def forward(self, input: Tensor) -> Tensor:
        return ops.pixel_shuffle(input, **self.options)


class PixelUnshuffle(StatelessModule):
    """(..., C, H r, W r) to (..., C r^2, H, W): the inverse of PixelShuffle."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__(downscale_factor=downscale_factor)

    def forward(self, input: Tensor) -> Tensor:
        return ops.pixel_unshuffle(input, **self.options)
