"""Convolutional layers. They start as PyTorch's do."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..autograd import Tensor
from ..ops.conv import pair
from .init import layer_start_
from .module import Module, Parameter, check_sizes


class _Convolution(Module):
    """What Conv2d and ConvTranspose2d share: their options, weight and bias."""

    transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        groups: int, bias: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        layer = type(self).__name__
        check_sizes(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"{layer}: groups {groups} must divide {in_channels} and {out_channels} channels")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair(layer, "kernel_size", kernel_size, 1)
        self.stride, self.dilation = pair(layer, "stride", stride, 1), pair(layer, "dilation", dilation, 1)
        self.padding = padding
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(ops.empty(channels[0], channels[1] // groups, *self.kernel_size))
        self.register_parameter("bias", Parameter(ops.empty(out_channels)) if bias else None)
        layer_start_(self.weight, self.bias, math.prod(self.weight.shape[1:]))

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        shown = {"padding": (self.padding, 0), "dilation": (self.dilation, (1, 1)), "groups": (self.groups, 1)}
        text += "".join(f", {name}={value}" for name, (value, usual) in shown.items() if value != usual)
        return text if self.bias is not None else f"{text}, bias=False"


class Conv2d(_Convolution):
    """2-d convolution, (N, in_channels, H, W) to (N, out_channels, H', W'); see `functional.conv2d`."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(_Convolution):
    """Transposed 2-d convolution; see `functional.conv_transpose2d`."""

    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        self.output_padding = output_padding

    def forward(self, x: Tensor) -> Tensor:
        options = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return ops.conv_transpose2d(x, self.weight, self.bias, *options)
