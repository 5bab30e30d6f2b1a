"""Reductions: many numbers become fewer, and the gradient is spread back over those that took part.

`dim` is None (everything), an axis, or several; `keepdim` keeps reduced axes with size 1.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..autograd import Op, Tensor, apply
from ..devices import Array, xp_of
from .arithmetic import abs, maximum, minimum, neg, sqrt
from .common import INT64, as_float, axes, axis, cast, expand, require_tensor
from .index import gather
from .shape import reshape, squeeze


def _kept(shape: tuple[int, ...], reduced: tuple[int, ...]) -> tuple[int, ...]:
    """The shape after reducing with keepdim=True."""
    return tuple(1 if i in reduced else n for i, n in enumerate(shape))


class Sum(Op):
    """y = the sum of x over the axes; dx = dy, repeated along them."""

    def __init__(self, dims: tuple[int, ...], keepdim: bool) -> None:
        self.dims, self.keepdim = dims, keepdim

    def forward(self, x: Array) -> Array:
        self.source = x.shape
        return x.sum(axis=self.dims, keepdims=self.keepdim)

    def backward(self, grad: Tensor) -> Tensor:
        if not self.keepdim and len(self.dims) < len(self.source):
            grad = reshape(grad, _kept(self.source, self.dims))
        return expand(grad, self.source)


class Amax(Op):
    """y = the largest x over the axes; dy is shared evenly among all entries that attain it."""

    def __init__(self, dims: tuple[int, ...], keepdim: bool) -> None:
        self.dims, self.keepdim = dims, keepdim

    def forward(self, x: Array) -> Array:
        y = x.max(axis=self.dims, keepdims=True)
        if self.needs[0]:
            attained = (x == y).astype(x.dtype)
            self.save(attained / attained.sum(axis=self.dims, keepdims=True))
        return y if self.keepdim else y.reshape([n for i, n in enumerate(x.shape) if i not in self.dims])

    def backward(self, grad: Tensor) -> Tensor:
        (share,) = self.saved
        return reshape(grad, _kept(share.shape, self.dims)) * share


class Norm(Op):
    """y = sqrt(sum x^2) over the axes; dx = dy x / y, taken as 0 where y = 0 (as PyTorch does)."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def forward(self, x: Array) -> Array:
        y = xp_of(x).sqrt((x * x).sum(axis=self.dims, keepdims=True))
        self.save(x, y)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        x, y = self.saved
        zero = y == 0
        return grad * x / (y + zero)


def sum(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The sum; integers and bools add up to int64. The sum of nothing is 0."""
    require_tensor("sum", "input", input)
    x = input if input.array.dtype.kind == "f" else cast(input, INT64)
    return apply(Sum(axes("sum", dim, x.array.ndim), keepdim), x)


def _count(x: Tensor, dims: tuple[int, ...]) -> int:
    return math.prod(x.array.shape[i] for i in dims)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The arithmetic mean; nan for the mean of nothing."""
    x = _floating("mean", input)
    dims = axes("mean", dim, x.array.ndim)
    return apply(Sum(dims, keepdim), x) * (1.0 / (_count(x, dims) or math.nan))


def _floating(operation: str, x: Any) -> Tensor:
    require_tensor(operation, "input", x)
    if x.array.dtype.kind != "f":
        raise TypeError(f"{operation}: input must hold floating-point numbers, got {x.dtype}; call .float() first")
    return x


def var(input: Tensor, dim: Any = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """sum (x - mean)^2 / (n - correction); correction 1 is the unbiased estimate, 0 the plain second moment."""
    x = _floating("var", input)
    dims = axes("var", dim, x.array.ndim)
    centred = x - mean(x, dims, keepdim=True)
    degrees = _count(x, dims) - int(correction)
    return sum(centred * centred, dims, keepdim) * (1.0 / degrees if degrees > 0 else math.nan)


def std(input: Tensor, dim: Any = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """The square root of `var`."""
    return sqrt(var(input, dim, correction, keepdim))


def _check_not_empty(operation: str, x: Tensor, dims: tuple[int, ...]) -> None:
    if _count(x, dims) == 0 and x.array.ndim:
        raise ValueError(
            f"{operation}: shape {x.shape} has no entries along dim {dims}; there is no largest of nothing"
        )


def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest entry; entries that tie share the gradient evenly. Errors: ValueError if there are no entries."""
    require_tensor("amax", "input", input)
    dims = axes("amax", dim, input.array.ndim)
    _check_not_empty("amax", input, dims)
    return apply(Amax(dims, keepdim), input)


class ValuesAndIndices(NamedTuple):
    """What `max` and `min` along one axis return."""

    values: Tensor
    indices: Tensor


def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest entry of all (ties share the gradient), or along one axis `(values, indices)`: there the
    gradient goes to the entry at the index, the first among equals. With a Tensor for `dim`: `maximum`."""
    if isinstance(dim, Tensor):
        return maximum(input, dim)
    if dim is None:
        return amax(input)
    indices = argmax(input, dim, keepdim=True)
    values = gather(input, dim, indices)
    return (
        ValuesAndIndices(values, indices) if keepdim else ValuesAndIndices(squeeze(values, dim), squeeze(indices, dim))
    )


def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """As `max`, for the smallest."""
    if isinstance(dim, Tensor):
        return minimum(input, dim)
    if require_tensor("min", "input", input).array.dtype.kind in "bu":  # whose negatives are not what they say
        values = min(cast(input, INT64), dim, keepdim)
        if dim is None:
            return cast(values, input.dtype)
        return ValuesAndIndices(cast(values.values, input.dtype), values.indices)
    result = max(neg(input), dim, keepdim)
    return neg(result) if dim is None else ValuesAndIndices(neg(result.values), result.indices)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the first largest entry, along an axis or in the flattened tensor. No gradient."""
    x = require_tensor("argmax", "input", input).array
    _check_not_empty("argmax", input, axes("argmax", dim, x.ndim))
    if dim is None:
        index = x.argmax()
        return Tensor(xp_of(x).asarray(index, dtype=INT64).reshape((1,) * x.ndim if keepdim else ()))
    where = axis("argmax", dim, x.ndim)
    index = xp_of(x).asarray(x.argmax(axis=where) if x.ndim else 0, dtype=INT64)
    return Tensor(xp_of(x).expand_dims(index, where) if keepdim and x.ndim else index)


def norm(input: Tensor, p: float = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The p-norm for p = 1, 2 or inf. At the zero vector the gradient is 0 (p = 2: a subgradient)."""
    x = as_float("norm", input)
    dims = axes("norm", dim, x.array.ndim)
    if p == 1:
        return sum(abs(x), dims, keepdim)
    if p == math.inf:
        return amax(abs(x), dims, keepdim)
    if p != 2:
        raise ValueError(f"norm: p must be 1, 2 or inf, got {p}")
    y = apply(Norm(dims), x)
    return y if keepdim else reshape(y, [n for i, n in enumerate(x.shape) if i not in dims])
