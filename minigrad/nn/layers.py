"""Layers with parameters: linear, convolution, embedding. They start as PyTorch's do."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..ops.conv import pair
from ..tensor import Tensor
from .init import layer_start_, normal_
from .module import Module, Parameter


def _sizes(layer: str, **values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{layer}: {name} must be an int of at least 1, got {value!r}")


class Linear(Module):
    """y = x W^T + b. x: (..., in_features), y: (..., out_features), W: (out_features, in_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        _sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(ops.empty(out_features, in_features))
        self.register_parameter("bias", Parameter(ops.empty(out_features)) if bias else None)
        layer_start_(self.weight, self.bias, in_features)

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, bias={self.bias is not None}"


class _Convolution(Module):
    """What Conv2d and ConvTranspose2d share: their options, weight and bias."""

    transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        groups: int, bias: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        layer = type(self).__name__
        _sizes(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
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


class Embedding(Module):
    """A table of vectors, looked up by number. indices: int64 of any shape; result: shape + (embedding_dim,)."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        _sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.weight = Parameter(ops.empty(num_embeddings, embedding_dim))
        normal_(self.weight)

    def forward(self, indices: Tensor) -> Tensor:
        if indices.dtype.kind not in "iu":
            raise TypeError(f"Embedding: indices must hold integers, got {indices.dtype}")
        return self.weight[indices]

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"
