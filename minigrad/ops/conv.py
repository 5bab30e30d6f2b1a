"""Convolution, its transpose, and the gradient of its weight: three faces of one trilinear form.

Let f(x, w, y) = sum over all n, o, c, i, j, u, v of  y[n,o,i,j] w[o,c,u,v] x[n,c, s i + d u - p, s j + d v - p].
It is linear in each of the three. Fix two and differentiate by the third:

    df/dy = conv2d(x, w)               the convolution
    df/dx = conv_transpose2d(y, w)     its adjoint in x
    df/dw = conv2d_weight(x, y)        its adjoint in w

So the gradients of each of the three operations are the other two, and gradients of gradients come for free.
(What deep learning calls convolution is a correlation: the kernel is not flipped. Shapes and arithmetic:
Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning".)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .common import require_float
from .public import public
from .shape import cat, squeeze, unsqueeze

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """How a kernel moves over an image. padding: (top, bottom, left, right)."""

    stride: Pair
    padding: tuple[int, int, int, int]
    dilation: Pair
    groups: int

    def arguments(self) -> tuple[Pair, tuple[int, int, int, int], Pair, int]:
        return self.stride, self.padding, self.dilation, self.groups

    def output_size(self, size: tuple[int, ...], kernel_size: tuple[int, ...]) -> Pair:
        """The height and width of the result: floor((n + p + p' - d (k - 1) - 1) / s) + 1."""
        before, after = self.padding[::2], self.padding[1::2]
        height, width = (
            (n + p + q - d * (k - 1) - 1) // s + 1
            for n, p, q, d, k, s in zip(size, before, after, self.dilation, kernel_size, self.stride)
        )
        return height, width

    def input_size(self, size: tuple[int, ...], kernel_size: tuple[int, ...], extra: Pair) -> Pair:
        """The height and width a result of `size` came from; striding loses a remainder, given as `extra`."""
        before, after = self.padding[::2], self.padding[1::2]
        height, width = (
            (n - 1) * s - p - q + d * (k - 1) + e + 1
            for n, s, p, q, d, k, e in zip(size, self.stride, before, after, self.dilation, kernel_size, extra)
        )
        return height, width


class Conv2d(Op):
    """y = df/dy, plus the bias; dx = conv_transpose2d(dy, w), dw = conv2d_weight(x, dy), db = sum of dy."""

    def __init__(self, geometry: Geometry, cache: dict[Any, Any] | None = None) -> None:
        self.geometry, self.cache = geometry, cache

    def forward(self, x: Array, weight: Array, bias: Array | None) -> Array:
        self.size, self.kernel_size = x.shape[2:], weight.shape[2:]
        self.save(x if self.needs[1] else None, weight if self.needs[0] else None)
        return kernels_of(x).conv2d(x, weight, bias, *self.geometry.arguments(), self.cache)

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        x, weight = self.saved
        return (
            _transposed(grad, weight, None, self.size, self.geometry) if needed[0] else None,
            apply(Conv2dWeight(self.kernel_size, self.geometry), x, grad) if needed[1] else None,
            apply(ChannelSum(), grad) if needed[2] else None,
        )


class ConvTranspose2d(Op):
    """y = df/dx, plus the bias; with x in the role of f's y: dx = conv2d(dy, w), dw = conv2d_weight(dy, x)."""

    def __init__(self, output_size: Pair, geometry: Geometry, cache: dict[Any, Any] | None = None) -> None:
        self.output_size, self.geometry, self.cache = output_size, geometry, cache

    def forward(self, x: Array, weight: Array, bias: Array | None) -> Array:
        self.kernel_size = weight.shape[2:]
        self.save(x if self.needs[1] else None, weight if self.needs[0] else None)
        return kernels_of(x).conv_transpose2d(x, weight, bias, self.output_size, *self.geometry.arguments(), self.cache)

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        x, weight = self.saved
        return (
            _forward(grad, weight, None, self.geometry) if needed[0] else None,
            apply(Conv2dWeight(self.kernel_size, self.geometry), grad, x) if needed[1] else None,
            apply(ChannelSum(), grad) if needed[2] else None,
        )


class Conv2dWeight(Op):
    """w = df/dw; dx = conv_transpose2d(y, dw), dy = conv2d(x, dw)."""

    def __init__(self, kernel_size: Pair, geometry: Geometry) -> None:
        self.kernel_size, self.geometry = kernel_size, geometry

    def forward(self, x: Array, y: Array) -> Array:
        self.size = x.shape[2:]
        self.save(x if self.needs[1] else None, y if self.needs[0] else None)
        return kernels_of(x).conv2d_weight(x, y, self.kernel_size, *self.geometry.arguments())

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        x, y = self.saved
        return (
            _transposed(y, grad, None, self.size, self.geometry) if needed[0] else None,
            _forward(x, grad, None, self.geometry) if needed[1] else None,
        )


class ChannelSum(Op):
    """y[c] = the sum of x[:, c] over everything else, x: (N, C, H, W); dx = dy repeated."""

    def forward(self, x: Array) -> Array:
        self.source = x.shape
        return kernels_of(x).channel_sum(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad.reshape(-1, 1, 1).expand(self.source)


def _forward(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    return apply(Conv2d(geometry, weight.storage.cache), x, weight, bias)


def _transposed(x: Tensor, weight: Tensor, bias: Tensor | None, output_size: Pair, geometry: Geometry) -> Tensor:
    return apply(ConvTranspose2d(output_size, geometry, weight.storage.cache), x, weight, bias)


def pair(operation: str, name: str, value: Any, least: int) -> Pair:
    """(v, v) from an int, (a, b) from two; each at least `least`."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) == 1:
        values *= 2
    if len(values) != 2 or not all(isinstance(v, (int, np.integer)) and v >= least for v in values):
        raise ValueError(f"{operation}: {name} must be an int or a pair of ints of at least {least}, got {value!r}")
    return int(values[0]), int(values[1])


def _sides(
    operation: str, padding: Any, kernel_size: tuple[int, ...], stride: Pair, dilation: Pair
) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) from an int, a pair, four ints, or 'valid' and 'same'."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"{operation}: padding='same' needs stride 1, got {stride}; give the padding in numbers")
        total = [d * (k - 1) for d, k in zip(dilation, kernel_size)]
        return total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2
    if isinstance(padding, (tuple, list)) and len(padding) == 4:
        if any(not isinstance(p, (int, np.integer)) or p < 0 for p in padding):
            raise ValueError(f"{operation}: padding must be four ints of at least 0, got {padding!r}")
        top, bottom, left, right = (int(p) for p in padding)
        return top, bottom, left, right
    if isinstance(padding, str):
        raise ValueError(f"{operation}: padding {padding!r} is unknown; use 'same', 'valid', or numbers")
    vertical, horizontal = pair(operation, "padding", padding, 0)
    return vertical, vertical, horizontal, horizontal


def _checked(
    operation: str, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Geometry:
    """The geometry, after everything about the arguments but the channels has been checked."""
    x, w = require_float(operation, input, "input"), require_float(operation, weight, "weight")
    if x.array.ndim != 4 or w.array.ndim != 4:
        raise ValueError(
            f"{operation}: input must be (N, C, H, W) or (C, H, W) and weight have 4 axes, got {x.shape} and {w.shape}"
        )
    if x.dtype != w.dtype:
        raise TypeError(f"{operation}: input is {x.dtype}, weight is {w.dtype}; convert one with .to()")
    if not isinstance(groups, (int, np.integer)) or groups < 1 or w.shape[0] % groups or x.shape[1] % groups:
        raise ValueError(f"{operation}: groups {groups} must divide {x.shape[1]} channels and weight {w.shape}")
    if 0 in w.shape:
        raise ValueError(f"{operation}: weight has shape {w.shape}; no size may be 0")
    steps, gaps = pair(operation, "stride", stride, 1), pair(operation, "dilation", dilation, 1)
    kernel_size = w.shape[2:]
    return Geometry(steps, _sides(operation, padding, kernel_size, steps, gaps), gaps, int(groups))


def _check_bias(operation: str, bias: Any, channels: int, x: Tensor) -> None:
    if bias is not None and require_float(operation, bias, "bias").shape != (channels,):
        raise ValueError(f"{operation}: bias has shape {bias.shape}, expected ({channels},)")
    if bias is not None and bias.dtype != x.dtype:
        raise TypeError(f"{operation}: input is {x.dtype}, bias is {bias.dtype}; convert one with .to()")


def is_single(input: Any, ndim: int) -> bool:
    """Whether the input is one example without the batch's axis."""
    return isinstance(input, Tensor) and input.array.ndim == ndim


@public("minigrad", "nn.functional")
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """2-d convolution. input: (N, C, H, W), weight: (O, C / groups, kH, kW), bias: (O,); result (N, O, H', W').

    One image (C, H, W) gives (O, H', W'). padding: an int, a pair, 'same' (stride 1), 'valid', or (top, bottom, left,
    right). Errors: ValueError naming the argument if shapes do not fit, or the kernel is larger than the padded image.
    """
    if is_single(input, 3):
        return squeeze(conv2d(unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups), 0)
    geometry = _checked("conv2d", input, weight, bias, stride, padding, dilation, groups)
    channels, expected = input.shape[1], weight.shape[1] * geometry.groups
    if channels != expected:
        raise ValueError(
            f"conv2d: input has {channels} channels {input.shape}, weight expects {expected} {weight.shape}"
        )
    _check_bias("conv2d", bias, weight.shape[0], input)
    size = geometry.output_size(input.shape[2:], weight.shape[2:])
    if min(size) < 1:
        raise ValueError(
            f"conv2d: the kernel {weight.shape[2:]} with dilation {geometry.dilation} is larger than the padded "
            f"image (input {input.shape}, padding {geometry.padding})"
        )
    return _forward(input, weight, bias, geometry)


@public("minigrad", "nn.functional")
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Transposed 2-d convolution, the adjoint of conv2d. input: (N, C, H, W), weight: (C, O / groups, kH, kW).

    The result is (N, O, H', W') with H' = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1; one
    image (C, H, W) gives (O, H', W').
    Errors: ValueError naming the argument; output_padding must be smaller than stride or dilation.
    """
    if is_single(input, 3):
        options = (stride, padding, output_padding, groups, dilation)
        return squeeze(conv_transpose2d(unsqueeze(input, 0), weight, bias, *options), 0)
    geometry = _checked("conv_transpose2d", input, weight, bias, stride, padding, dilation, groups)
    if input.shape[1] != weight.shape[0]:
        raise ValueError(
            f"conv_transpose2d: input has {input.shape[1]} channels {input.shape}, weight expects {weight.shape[0]} "
            f"{weight.shape}"
        )
    _check_bias("conv_transpose2d", bias, weight.shape[1] * geometry.groups, input)
    extra = pair("conv_transpose2d", "output_padding", output_padding, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, geometry.stride, geometry.dilation)):
        raise ValueError(f"conv_transpose2d: output_padding {extra} must be smaller than stride or dilation")
    # an output_padding of a stride or more is the same as rows and columns of zeros after the input
    input = _with_zeros(input, 2, extra[0] // geometry.stride[0])
    input = _with_zeros(input, 3, extra[1] // geometry.stride[1])
    rest = extra[0] % geometry.stride[0], extra[1] % geometry.stride[1]
    size = geometry.input_size(input.shape[2:], weight.shape[2:], rest)
    if min(size) < 1:
        raise ValueError(f"conv_transpose2d: the result of input {input.shape} would have size {size}; reduce padding")
    return _transposed(input, weight, bias, size, geometry)


def _with_zeros(x: Tensor, dim: int, count: int) -> Tensor:
    if count == 0:
        return x
    shape = tuple([count if i == dim else n for i, n in enumerate(x.shape)])
    return cat([x, tensor_of(xp_of(x.array).zeros(shape, x.dtype))], dim)


def one(operation: str, name: str, value: Any) -> Any:
    """The number of an argument that may also be written as a tuple of one. Errors: ValueError for other tuples."""
    if not isinstance(value, (tuple, list)):
        return value
    if len(value) != 1:
        raise ValueError(f"{operation}: {name} must be one int, got {value!r}")
    return value[0]


def _as_rows(operation: str, input: Any, weight: Any) -> tuple[Tensor, Tensor]:
    """Signals (N, C, L) as images of height 1, and their kernels likewise."""
    x, w = require_float(operation, input, "input"), require_float(operation, weight, "weight")
    if x.array.ndim != 3 or w.array.ndim != 3:
        raise ValueError(
            f"{operation}: input must be (N, C, L) or (C, L) and weight have 3 axes, got {x.shape} and {w.shape}"
        )
    return unsqueeze(x, 2), unsqueeze(w, 2)


@public("nn.functional")
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """1-d convolution: `conv2d` along one axis. input: (N, C, L) or (C, L), weight: (O, C / groups, k), bias: (O,)."""
    if is_single(input, 2):
        return squeeze(conv1d(unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups), 0)
    rows, kernels = _as_rows("conv1d", input, weight)
    step, gap = one("conv1d", "stride", stride), one("conv1d", "dilation", dilation)
    margin = padding if isinstance(padding, str) else (0, one("conv1d", "padding", padding))
    return squeeze(conv2d(rows, kernels, bias, (1, step), margin, (1, gap), groups), 2)


@public("nn.functional")
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Transposed 1-d convolution. input: (N, C, L) or (C, L), weight: (C, O / groups, k)."""
    operation = "conv_transpose1d"
    if is_single(input, 2):
        options = (stride, padding, output_padding, groups, dilation)
        return squeeze(conv_transpose1d(unsqueeze(input, 0), weight, bias, *options), 0)
    rows, kernels = _as_rows(operation, input, weight)
    step, gap = one(operation, "stride", stride), one(operation, "dilation", dilation)
    margin, extra = one(operation, "padding", padding), one(operation, "output_padding", output_padding)
    y = conv_transpose2d(rows, kernels, bias, (1, step), (0, margin), (0, extra), groups, (1, gap))
    return squeeze(y, 2)
