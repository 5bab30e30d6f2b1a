"""Pooling: windows of an image become single numbers.

Max pooling remembers which entry of each window won (`indices`). Given these indices it is linear, and its two
directions, scattering gradients to the winners and gathering from them, are adjoint operations.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Op, Tensor, apply
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .common import require_float
from .conv import Pair, pair
from .matrix import matmul


class MaxPool2d(Op):
    """y = the maximum of each window; dy goes to the first entry (row by row) that attains it."""

    def __init__(self, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> None:
        self.window = kernel_size, stride, padding, dilation
        self.ceil_mode = ceil_mode

    def forward(self, x: Array) -> Array:
        self.size = x.shape[2:]
        y, indices = kernels_of(x).max_pool2d(x, *self.window, self.ceil_mode)
        self.save(Tensor(indices))
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
    operation: str, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[Pair, Pair, Pair, Pair]:
    x = require_float(operation, input, "input")
    if x.array.ndim != 4 or 0 in x.shape[2:]:
        raise ValueError(f"{operation}: input must be (N, C, H, W) with H and W at least 1, got shape {x.shape}")
    kernel = pair(operation, "kernel_size", kernel_size, 1)
    steps = kernel if stride is None else pair(operation, "stride", stride, 1)
    margin, gaps = pair(operation, "padding", padding, 0), pair(operation, "dilation", dilation, 1)
    for n, k, p, d in zip(x.shape[2:], kernel, margin, gaps):
        if p > k // 2:
            raise ValueError(f"{operation}: padding {margin} must be at most half the kernel_size {kernel}")
        if n + 2 * p < d * (k - 1) + 1:
            raise ValueError(f"{operation}: the window {kernel} is larger than the padded image (input {x.shape})")
    return kernel, steps, margin, gaps


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The maximum of each window. input: (N, C, H, W); stride defaults to kernel_size; padding counts as -inf."""
    window = _checked("max_pool2d", input, kernel_size, stride, padding, dilation)
    return apply(MaxPool2d(*window, bool(ceil_mode)), input)


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window. count_include_pad: whether zeros from padding count in the divisor."""
    kernel, steps, margin, _ = _checked("avg_pool2d", input, kernel_size, stride, padding, 1)
    return apply(AvgPool2d(kernel, steps, margin, bool(ceil_mode), bool(count_include_pad)), input)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows chosen so that the result has `output_size`: row i averages rows floor(i H / H') to
    ceil((i + 1) H / H') - 1. Written as two products with matrices of averaging weights."""
    x = require_float("adaptive_avg_pool2d", input, "input")
    if x.array.ndim != 4 or 0 in x.shape[2:]:
        raise ValueError(f"adaptive_avg_pool2d: input must be (N, C, H, W), H and W at least 1, got shape {x.shape}")
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    height, width = pair(
        "adaptive_avg_pool2d", "output_size", [n if m is None else m for m, n in zip(given, x.shape[2:])], 1
    )
    return matmul(matmul(_averaging(x, 2, height), x), _averaging(x, 3, width).t())


def _averaging(x: Tensor, axis: int, count: int) -> Tensor:
    """The (count, n) matrix whose row i holds 1 / length over window i and 0 elsewhere."""
    xp, n = xp_of(x.array), x.shape[axis]
    rows, columns = xp.arange(count)[:, None], xp.arange(n)[None, :]
    inside = (columns >= rows * n // count) & (columns < ((rows + 1) * n + count - 1) // count)
    return Tensor((inside / inside.sum(axis=1, keepdims=True)).astype(x.dtype))
