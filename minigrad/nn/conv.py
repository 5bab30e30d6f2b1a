"""Convolutional layers. They start as PyTorch's do."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..autograd import Tensor
from ..ops.conv import one, pair
from .init import layer_start_
from .module import Module, check_sizes
from .parameter import Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What all convolutions share: their options, weight and bias."""

    transposed = False
    signal = False  # along one axis instead of two

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        layer = type(self).__name__
        check_sizes(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{layer}: groups {groups} must divide {in_channels} and {out_channels} channels")
        usable = PADDING_MODES[:1] if self.transposed else PADDING_MODES
        if padding_mode not in usable:
            raise ValueError(f"{layer}: padding_mode {padding_mode!r} is unknown; use one of {', '.join(usable)}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = self._sizes("kernel_size", kernel_size), self._sizes("stride", stride)
        self.dilation, self.padding_mode = self._sizes("dilation", dilation), padding_mode
        four = isinstance(padding, (tuple, list)) and len(padding) == 4  # top, bottom, left, right
        self.padding = padding if isinstance(padding, str) or four else self._sizes("padding", padding, 0)
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = channels[0], channels[1] // groups, *self.kernel_size
        self.weight = Parameter(ops.empty(*shape, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(ops.empty(out_channels, device=device, dtype=dtype)) if bias else None
        )
        layer_start_(self.weight, self.bias, math.prod(self.weight.shape[1:]))

    def _sizes(self, name: str, value: Any, least: int = 1) -> tuple[int, ...]:
        layer = type(self).__name__
        return pair(layer, name, one(layer, name, value), least)[:1] if self.signal else pair(layer, name, value, least)

    def padded(self, x: Tensor) -> tuple[Tensor, Any]:
        """The input with the border that padding_mode asks for, and the padding that is left to the convolution."""
        if self.padding_mode == "zeros":
            return x, self.padding
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
            sides = [(total // 2, total - total // 2) for total in totals]
        elif self.padding == "valid":
            return x, 0
        else:
            margins = (one("Conv1d", "padding", self.padding),) if self.signal else self._margins()
            sides = [(margin, margin) for margin in margins]
        return bordered(x, sides, self.padding_mode), 0

    def _margins(self) -> tuple[int, ...]:
        return pair(type(self).__name__, "padding", self.padding, 0)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        unit = (1,) * len(self.dilation)
        shown = {
            "padding": (self.padding, (0,) * len(unit)), "dilation": (self.dilation, unit), "groups": (self.groups, 1),
            "padding_mode": (self.padding_mode, "zeros"),
        }  # fmt: skip
        text += "".join(f", {name}={value}" for name, (value, usual) in shown.items() if value != usual)
        return text if self.bias is not None else f"{text}, bias=False"


def bordered(x: Tensor, sides: list[tuple[int, int]], mode: str) -> Tensor:
    """x with a border of (before, after) on each of its last axes, read from its other side ("circular"), mirrored or
    repeated. Errors: ValueError for a border wider than the axis."""
    if mode != "circular":
        single = x.dim() == len(sides) + 1
        images = x.unsqueeze(0) if single else x
        images = images.unsqueeze(2) if len(sides) == 1 else images
        widths = [width for side in reversed(sides) for width in side]
        y = ops.pad(images, widths, mode=mode)
        y = y.squeeze(2) if len(sides) == 1 else y
        return y.squeeze(0) if single else y
    for dim, (before, after) in zip(range(-len(sides), 0), sides):
        size = x.shape[dim]
        if max(before, after) > size:
            raise ValueError(f"pad: a circular border of {max(before, after)} is wider than the axis of size {size}")
        index = ops.arange(-before, size + after).cpu().numpy() % size
        x = x[(..., index, *[slice(None)] * (-dim - 1))]
    return x


class Conv2d(_Convolution):
    """2-d convolution, (N, in_channels, H, W) to (N, out_channels, H', W'); see `functional.conv2d`.

    padding_mode: what the border holds: "zeros", or the image "reflect"ed, "replicate"d or "circular".
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        options = (stride, padding, dilation, groups, bias, padding_mode, device, dtype)
        super().__init__(in_channels, out_channels, kernel_size, *options)

    def forward(self, input: Tensor) -> Tensor:
        input, padding = self.padded(input)
        convolve = ops.conv1d if self.signal else ops.conv2d
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(Conv2d):
    """1-d convolution, (N, in_channels, L) to (N, out_channels, L'); see `functional.conv1d`."""

    signal = True


class ConvTranspose2d(_Convolution):
    """Transposed 2-d convolution; see `functional.conv_transpose2d`."""

    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        options = (stride, padding, dilation, groups, bias, padding_mode, device, dtype)
        super().__init__(in_channels, out_channels, kernel_size, *options)
        self.output_padding = self._sizes("output_padding", output_padding, 0)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """output_size: the height and width wanted, of those that the stride leaves open."""
        extra = self.output_padding if output_size is None else self._extra(input, tuple(output_size))
        convolve = ops.conv_transpose1d if self.signal else ops.conv_transpose2d
        return convolve(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _extra(self, x: Tensor, output_size: tuple[int, ...]) -> tuple[int, ...]:
        count = len(self.kernel_size)
        margins = (one("ConvTranspose1d", "padding", self.padding),) if self.signal else self._margins()
        geometry = zip(x.shape[-count:], self.stride, margins, self.dilation, self.kernel_size)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in geometry]
        extra = tuple(wanted - size for wanted, size in zip(output_size[-count:], least))
        if len(output_size) not in (count, count + 2) or any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            most = [size + s - 1 for size, s in zip(least, self.stride)]
            raise ValueError(f"{type(self).__name__}: output_size {output_size} must lie between {least} and {most}")
        return extra


class ConvTranspose1d(ConvTranspose2d):
    """Transposed 1-d convolution; see `functional.conv_transpose1d`."""

    signal = True
