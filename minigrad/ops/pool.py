"""Pooling: windows of an image become single numbers.

Max pooling remembers which entry of each window won (`indices`). Given these indices it is linear, and its two
directions, scattering gradients to the winners and gathering from them, are adjoint operations.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .common import require_float
from .conv import Pair, is_single, one, pair
from .index import gather
from .matrix import matmul
from .public import public
from .shape import flatten, squeeze, unsqueeze


class MaxPool2d(Op):
    """y = the maximum of each window; dy goes to the first entry (row by row) that attains it."""

    def __init__(
        self, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool, return_indices: bool
    ) -> None:
        self.window = kernel_size, stride, padding, dilation
        self.ceil_mode, self.return_indices = ceil_mode, return_indices

    def forward(self, x: Array) -> Array:
        self.size = x.shape[2:]
        y, indices = kernels_of(x).max_pool2d(x, *self.window, self.ceil_mode)
        self.save(tensor_of(indices))
        if self.return_indices:
            self.indices = indices
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (indices,) = self.saved
        return apply(MaxPool2dScatter(indices.array, self.size, self.window), grad)


class MaxPool2dScatter(Op):
    """y = each window's x at the place of its winner, windows that overlap added; dx = dy gathered there."""

    def __init__(self, indices: Array, size: Pair, window: tuple[Pair, Pair, Pair, Pair]) -> None:
        self.indices, self.size, self.window = indices, size, window

    def forward(self, x: Array) -> Array:
        return kernels_of(x).max_pool2d_scatter(x, self.indices, self.size, *self.window)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(MaxPool2dGather(self.indices, self.size, self.window), grad)


class MaxPool2dGather(Op):
    """y = the x at each window's winner; dx = dy scattered back."""

    def __init__(self, indices: Array, size: Pair, window: tuple[Pair, Pair, Pair, Pair]) -> None:
        self.indices, self.size, self.window = indices, size, window

    def forward(self, x: Array) -> Array:
        return kernels_of(x).max_pool2d_gather(x, self.indices, *self.window)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(MaxPool2dScatter(self.indices, self.size, self.window), grad)


class AvgPool2d(Op):
    """y = the mean of each window; dx = dy / window size, spread over the window."""

    def __init__(self, *window: Any) -> None:
        self.window = window  # kernel_size, stride, padding, ceil_mode, count_include_pad

    def forward(self, x: Array) -> Array:
        self.size = x.shape[2:]
        return kernels_of(x).avg_pool2d(x, *self.window)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(AvgPool2dScatter(self.size, self.window), grad)


class AvgPool2dScatter(Op):
    """The adjoint of AvgPool2d, whose own gradient is AvgPool2d again."""

    def __init__(self, size: Pair, window: tuple[Any, ...]) -> None:
        self.size, self.window = size, window

    def forward(self, x: Array) -> Array:
        return kernels_of(x).avg_pool2d_scatter(x, self.size, *self.window)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(AvgPool2d(*self.window), grad)


def _checked(
    operation: str, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Pair, Pair, Pair, Pair]:
    x = require_float(operation, input, "input")
    if x.array.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(f"{operation}: input must be (N, C, H, W) or (C, H, W) without zeros, got shape {x.shape}")
    kernel = pair(operation, "kernel_size", kernel_size, 1)
    steps = kernel if stride is None else pair(operation, "stride", stride, 1)
    margin, gaps = pair(operation, "padding", padding, 0), pair(operation, "dilation", dilation, 1)
    for n, k, s, p, d in zip(x.shape[2:], kernel, steps, margin, gaps):
        if p > k // 2:
            raise ValueError(f"{operation}: padding {margin} must be at most half the kernel_size {kernel}")
        if n + 2 * p + (s - 1 if ceil_mode else 0) < d * (k - 1) + 1:  # with ceil_mode a window may hang over
            raise ValueError(f"{operation}: the window {kernel} is larger than the padded image (input {x.shape})")
    return kernel, steps, margin, gaps


@public("nn.functional")
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window. input: (N, C, H, W) or (C, H, W); stride defaults to kernel_size; padding counts
    as -inf. ceil_mode: keep a last window that hangs over the edge. return_indices: (maxima, their places i W + j)."""
    if is_single(input, 3):
        found = max_pool2d(unsqueeze(input, 0), kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return tuple([squeeze(part, 0) for part in found]) if return_indices else squeeze(found, 0)
    window = _checked("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    pooling = MaxPool2d(*window, bool(ceil_mode), return_indices)
    maxima = apply(pooling, input)
    return (maxima, tensor_of(_places(pooling.indices, input.shape[3], *window))) if return_indices else maxima


def _places(choice: Array, width: int, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Each window's winner, given as a place in the window, as a place i W + j in the image; for a window over nothing
    but padding the first place that is not before the image."""
    xp = xp_of(choice)
    choice = choice.astype(np.int64)
    rows = xp.arange(choice.shape[2])[:, None] * stride[0] - padding[0] + choice // kernel[1] * dilation[0]
    columns = xp.arange(choice.shape[3]) * stride[1] - padding[1] + choice % kernel[1] * dilation[1]
    return xp.where(rows < 0, rows % dilation[0], rows) * width + xp.where(columns < 0, columns % dilation[1], columns)


@public("nn.functional")
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window. input: (N, C, H, W) or (C, H, W). count_include_pad: whether zeros from padding count in
    the divisor. divisor_override: divide the sum of each window by this instead."""
    if is_single(input, 3):
        options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
        return squeeze(avg_pool2d(unsqueeze(input, 0), *options), 0)
    kernel, steps, margin, _ = _checked("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is None:
        return apply(AvgPool2d(kernel, steps, margin, bool(ceil_mode), bool(count_include_pad)), input)
    if not divisor_override:
        raise ValueError("avg_pool2d: divisor_override must not be 0")
    means = apply(AvgPool2d(kernel, steps, margin, bool(ceil_mode), False), input)
    rows, columns = (
        [min(i * s - p + k, n) - max(i * s - p, 0) for i in range(count)]
        for n, k, s, p, count in zip(input.shape[2:], kernel, steps, margin, means.shape[2:])
    )
    pixels = np.outer(rows, columns).astype(input.dtype)  # in each window
    return means * tensor_of(xp_of(input.array).asarray(pixels / divisor_override))


@public("nn.functional")
def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of a signal: `max_pool2d` along one axis. input: (N, C, L) or (C, L)."""
    kernel, step = one("max_pool1d", "kernel_size", kernel_size), one("max_pool1d", "stride", stride)
    margin, gap = one("max_pool1d", "padding", padding), one("max_pool1d", "dilation", dilation)
    window = (1, kernel), None if step is None else (1, step), (0, margin), (1, gap), ceil_mode, return_indices
    found = max_pool2d(_as_rows("max_pool1d", input), *window)
    return tuple([squeeze(part, -2) for part in found]) if return_indices else squeeze(found, -2)


@public("nn.functional")
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of a signal: `avg_pool2d` along one axis. input: (N, C, L) or (C, L)."""
    kernel, step = one("avg_pool1d", "kernel_size", kernel_size), one("avg_pool1d", "stride", stride)
    margin = 0, one("avg_pool1d", "padding", padding)
    rows = _as_rows("avg_pool1d", input)
    y = avg_pool2d(rows, (1, kernel), None if step is None else (1, step), margin, ceil_mode, count_include_pad)
    return squeeze(y, -2)


def _as_rows(operation: str, input: Any) -> Tensor:
    """Signals (N, C, L) or (C, L) as images of height 1."""
    if require_float(operation, input, "input").array.ndim not in (2, 3):
        raise ValueError(f"{operation}: input must be (N, C, L) or (C, L), got shape {input.shape}")
    return unsqueeze(input, -2)


def _adaptive_sizes(operation: str, x: Tensor, output_size: Any) -> Pair:
    """The height and width asked for; None keeps one."""
    if x.array.ndim not in (3, 4) or 0 in x.shape[-3:]:
        raise ValueError(f"{operation}: input must be (N, C, H, W) or (C, H, W) without zeros, got shape {x.shape}")
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    return pair(operation, "output_size", [n if m is None else m for m, n in zip(given, x.shape[-2:])], 1)


@public("nn.functional")
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows chosen so that the result has `output_size`: row i averages rows floor(i H / H') to
    ceil((i + 1) H / H') - 1. input: (N, C, H, W) or (C, H, W). Two products with matrices of averaging weights."""
    x = require_float("adaptive_avg_pool2d", input)
    height, width = _adaptive_sizes("adaptive_avg_pool2d", x, output_size)
    return matmul(matmul(_averaging(x, -2, height), x), _averaging(x, -1, width).t())


@public("nn.functional")
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima over the windows of `adaptive_avg_pool2d`; return_indices: (maxima, their places i W + j)."""
    x = require_float("adaptive_max_pool2d", input)
    height, width = _adaptive_sizes("adaptive_max_pool2d", x, output_size)
    places = []
    for i, j in np.ndindex(height, width):
        top, bottom = i * x.shape[-2] // height, -(-(i + 1) * x.shape[-2] // height)
        left, right = j * x.shape[-1] // width, -(-(j + 1) * x.shape[-1] // width)
        window = x.array[..., top:bottom, left:right]
        best = window.reshape(*x.shape[:-2], (bottom - top) * (right - left)).argmax(-1)
        places.append((top + best // (right - left)) * x.shape[-1] + left + best % (right - left))
    chosen = tensor_of(xp_of(x.array).stack(places, -1))
    shape = (*x.shape[:-2], height, width)
    y = gather(flatten(x, -2), x.dim() - 2, chosen).reshape(shape)
    return (y, chosen.reshape(shape)) if return_indices else y


def _averaging(x: Tensor, axis: int, count: int) -> Tensor:
    """The (count, n) matrix whose row i holds 1 / length over window i and 0 elsewhere."""
    xp, n = xp_of(x.array), x.shape[axis]
    rows, columns = xp.arange(count)[:, None], xp.arange(n)[None, :]
    inside = (columns >= rows * n // count) & (columns < ((rows + 1) * n + count - 1) // count)
    return tensor_of((inside / inside.sum(axis=1, keepdims=True)).astype(x.dtype))
