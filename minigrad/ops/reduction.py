"""Reductions: many numbers become fewer, and the gradient is spread back over those that took part.

`dim` is None or () (everything), an axis, or several; `keepdim` keeps reduced axes with size 1.
"""

from __future__ import annotations

import builtins
import math
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, xp_of
from .arithmetic import abs, exp, log, maximum, minimum, pow, true_divide, where
from .common import BOOL, INT64, as_float, axes, axis, cast, expand, require_tensor
from .creation import as_dtype, detach
from .index import gather
from .public import public
from .shape import cat, flip, reshape, squeeze


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
    """y = the largest x over the axes; dy is shared evenly among all entries that attain it.

    A NaN attains itself only with `nan_attains`; otherwise the gradient is NaN throughout (as PyTorch's max and amax).
    """

    reduction = "max"

    def __init__(self, dims: tuple[int, ...], keepdim: bool, nan_attains: bool = False) -> None:
        self.dims, self.keepdim, self.nan_attains = dims, keepdim, nan_attains

    def forward(self, x: Array) -> Array:
        y = getattr(x, self.reduction)(axis=self.dims, keepdims=True)
        if self.needs[0]:
            attained = (x == y) | (x != x) if self.nan_attains else x == y
            with np.errstate(invalid="ignore"):
                share = attained.astype(x.dtype) / attained.sum(axis=self.dims, keepdims=True, dtype=x.dtype)
                self.save(tensor_of(share))
        return y if self.keepdim else y.reshape([n for i, n in enumerate(x.shape) if i not in self.dims])

    def backward(self, grad: Tensor) -> Tensor:
        (share,) = self.saved
        return reshape(grad, _kept(share.shape, self.dims)) * share


class Amin(Amax):
    """y = the smallest x over the axes; gradients as those of Amax."""

    reduction = "min"


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


class CumulativeSum(Op):
    """y_i = x_0 + ... + x_i along an axis; dx_i = dy_i + dy_(i+1) + ..., the same from the other end."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        return x.cumsum(axis=self.dim)

    def backward(self, grad: Tensor) -> Tensor:
        return flip(apply(CumulativeSum(self.dim), flip(grad, (self.dim,))), (self.dim,))


def _reduced(operation: str, x: Tensor, dim: Any, keepdim: Any = False) -> tuple[int, ...]:
    """The axes that `dim` names; all for None and (), none for a 0-d tensor. Errors: as `axes`; TypeError for a
    keepdim that is no bool (so that `x.sum(0, 1)`, meant as two axes, is not read as keepdim=1)."""
    if not isinstance(keepdim, (bool, np.bool_)):
        raise TypeError(f"{operation}: keepdim must be a bool, got {keepdim!r}; give several axes as a tuple")
    if dim is None or (isinstance(dim, (tuple, list)) and len(dim) == 0):
        return tuple(range(x.array.ndim))
    dims = axes(operation, dim, x.array.ndim)
    return dims if x.array.ndim else ()


def _summand(operation: str, input: Any, dtype: Any) -> Tensor:
    """The tensor as it is added or multiplied up: converted to dtype, or integers and bools to int64."""
    require_tensor(operation, "input", input)
    if dtype is not None:
        return cast(input, as_dtype(operation, dtype))
    return input if input.array.dtype.kind == "f" else cast(input, INT64)


@public("minigrad", "Tensor")
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum; integers and bools add up to int64. The sum of an empty tensor is 0."""
    x = _summand("sum", input, dtype)
    return apply(Sum(_reduced("sum", x, dim, keepdim), keepdim), x)


def _count(x: Tensor, dims: tuple[int, ...]) -> int:
    return math.prod(x.array.shape[i] for i in dims)


@public("minigrad", "Tensor")
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The arithmetic mean; nan for the mean of an empty tensor. Errors: TypeError for integers without a dtype."""
    x = _floating("mean", input if dtype is None else _summand("mean", input, dtype))
    dims = _reduced("mean", x, dim, keepdim)
    return apply(Sum(dims, keepdim), x) * (1.0 / (_count(x, dims) or math.nan))


def _floating(operation: str, x: Any) -> Tensor:
    require_tensor(operation, "input", x)
    if x.array.dtype.kind != "f":
        raise TypeError(f"{operation}: input must hold floating-point numbers, got {x.dtype}; call .float() first")
    return x


@public("minigrad", "Tensor")
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product of all entries, or along one axis; integers and bools multiply to int64; empty: 1.

    Halves are multiplied with each other until one entry is left, so that the gradient is exact at zeros too.
    """
    x = _summand("prod", input, dtype)
    shape = _kept(x.shape, _reduced("prod", x, None if dim is None else axis("prod", dim, x.array.ndim), keepdim))
    if dim is None or x.array.ndim == 0:
        x, along = reshape(x, (-1,)), 0
    else:
        along = axis("prod", dim, x.array.ndim)
    if x.array.shape[along] == 0:
        return sum(x, along, keepdim) + 1
    while (n := x.array.shape[along]) > 1:
        head, tail, rest = [
            x[(slice(None),) * along + (part,)]
            for part in (slice(n // 2), slice(n // 2, n // 2 * 2), slice(n // 2 * 2, n))
        ]
        x = cat([head * tail, rest], along) if n % 2 else head * tail
    if not keepdim:
        shape = tuple([n for i, n in enumerate(shape) if dim is not None and input.array.ndim and i != along])
    return reshape(x, shape)


@public("minigrad", "Tensor")
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The running sum along an axis: y_i = x_0 + ... + x_i; integers and bools add up to int64."""
    x = _summand("cumsum", input, dtype)
    along = axis("cumsum", dim, x.array.ndim)
    return apply(CumulativeSum(along), x) if x.array.ndim else x * 1


@public("minigrad", "Tensor")
def var(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """sum (x - mean)^2 / max(n - correction, 0). correction: 1 (or unbiased=True, the default) is the unbiased
    estimate, 0 (or unbiased=False) the plain second moment; any number."""
    x, dims, degrees = _spread("var", input, dim, unbiased, keepdim, correction)
    centered = x - mean(x, dims, keepdim=True)
    return true_divide(apply(Sum(dims, keepdim), centered * centered), degrees)


@public("minigrad", "Tensor")
def std(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The square root of `var`; its gradient is taken as 0 where all entries are equal."""
    x, dims, degrees = _spread("std", input, dim, unbiased, keepdim, correction)
    return true_divide(norm(x - mean(x, dims, keepdim=True), 2, dims, keepdim), math.sqrt(degrees))


def _spread(
    operation: str, input: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any
) -> tuple[Tensor, tuple[int, ...], float]:
    """What var and std share: the tensor, the axes, and max(n - correction, 0)."""
    if isinstance(dim, bool):  # PyTorch's var(input, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None and (correction is not None or not isinstance(unbiased, bool)):
        raise TypeError(f"{operation}: unbiased must be True or False, without a correction; got {unbiased!r}")
    x = _floating(operation, input)
    dims = _reduced(operation, x, dim, keepdim)
    taken = 1 if unbiased is None else int(unbiased)
    return x, dims, builtins.max(0.0, _count(x, dims) - (taken if correction is None else correction))


def _check_not_empty(operation: str, x: Tensor, dims: tuple[int, ...]) -> None:
    if _count(x, dims) == 0:
        raise ValueError(f"{operation}: shape {x.shape} has no entries along dim {dims}; the result is undefined")


@public("minigrad", "Tensor")
def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest entry; entries that tie share the gradient evenly. Errors: ValueError if there are no entries."""
    return _extreme("amax", Amax, input, dim, keepdim)


@public("minigrad", "Tensor")
def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest entry; entries that tie share the gradient evenly. Errors: ValueError if there are no entries."""
    return _extreme("amin", Amin, input, dim, keepdim)


def _extreme(operation: str, op: type[Amax], input: Any, dim: Any, keepdim: bool, nan_attains: bool = False) -> Tensor:
    dims = _reduced(operation, require_tensor(operation, "input", input), dim, keepdim)
    _check_not_empty(operation, input, dims)
    return apply(op(dims, keepdim, nan_attains), input)


class ValuesAndIndices(NamedTuple):
    """What `max`, `min`, `sort` and `topk` along one axis return."""

    values: Tensor
    indices: Tensor


@public("minigrad", "Tensor")
def max(input: Tensor, dim: Any = None, keepdim: bool | None = None) -> Any:
    """The largest entry of all (ties share the gradient), or along one axis `(values, indices)`: there the
    gradient goes to the entry at the index, the first among equals. With a Tensor for `dim`: `maximum`."""
    if isinstance(dim, Tensor):
        return maximum(input, dim)
    if dim is None:
        return _extreme_of_all("max", Amax, input, keepdim)
    return _picked(input, dim, argmax(input, dim, keepdim=True), keepdim)


@public("minigrad", "Tensor")
def min(input: Tensor, dim: Any = None, keepdim: bool | None = None) -> Any:
    """As `max`, for the smallest."""
    if isinstance(dim, Tensor):
        return minimum(input, dim)
    if dim is None:
        return _extreme_of_all("min", Amin, input, keepdim)
    return _picked(input, dim, argmin(input, dim, keepdim=True), keepdim)


def _extreme_of_all(operation: str, op: type[Amax], input: Tensor, keepdim: bool | None) -> Tensor:
    if keepdim is not None:
        raise TypeError(f"{operation}: keepdim needs a dim; use a{operation}(keepdim=True)")
    return _extreme(operation, op, input, None, False, nan_attains=True)


def _picked(input: Tensor, dim: int, indices: Tensor, keepdim: bool | None) -> ValuesAndIndices:
    values = gather(input, dim, indices)
    return (
        ValuesAndIndices(values, indices) if keepdim else ValuesAndIndices(squeeze(values, dim), squeeze(indices, dim))
    )


@public("minigrad", "Tensor")
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the first largest entry, along an axis or in the flattened tensor. No gradient."""
    return _place("argmax", input, dim, keepdim)


@public("minigrad", "Tensor")
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index (int64) of the first smallest entry, along an axis or in the flattened tensor. No gradient."""
    return _place("argmin", input, dim, keepdim)


def _place(operation: str, input: Any, dim: int | None, keepdim: bool) -> Tensor:
    x = require_tensor(operation, "input", input).array
    dims = _reduced(operation, input, None if dim is None else axis(operation, dim, x.ndim), keepdim)
    _check_not_empty(operation, input, dims)
    index = getattr(x, operation)(axis=None if dim is None or x.ndim == 0 else dims[0])
    index = xp_of(x).asarray(index, dtype=INT64)
    return tensor_of(index.reshape(_kept(x.shape, dims)) if keepdim else index)


@public("minigrad", "Tensor")
def norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(sum |x|^p)^(1/p) for any number p; the largest |x| for inf, the smallest for -inf, for 0 how many are not 0.

    "fro" and None are other names of 2. Where the norm is 0, the gradient is taken as 0 (a subgradient for p = 2).
    """
    x = _floating("norm", input if dtype is None else _summand("norm", input, dtype))
    dims = _reduced("norm", x, dim, keepdim)
    p = 2 if p in (None, "fro") else p
    if not isinstance(p, (int, float)):
        raise ValueError(f"norm: p must be a number or 'fro', got {p!r}; the nuclear norm needs singular values")
    if p == 1:
        return sum(abs(x), dims, keepdim)
    if p in (math.inf, -math.inf):
        return (amax if p > 0 else amin)(abs(x), dims, keepdim)
    if p == 0:
        return sum(cast(detach(x) != 0, x.dtype), dims, keepdim)
    if p == 2:
        y = apply(Norm(dims), x)
        return y if keepdim else reshape(y, [n for i, n in enumerate(x.shape) if i not in dims])
    zero = x == 0
    total = sum(where(zero, 0.0 if p > 0 else math.inf, pow(abs(where(zero, 1.0, x)), p)), dims, keepdim)
    return where(total == 0, 0.0, pow(where(total == 0, 1.0, total), 1.0 / p))


@public("minigrad", "Tensor")
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(e^x)) without overflow: the largest entry is taken out of the sum first."""
    x = as_float("logsumexp", input)
    dims = _reduced("logsumexp", x, dim, keepdim)
    if x.array.size == 0:
        return log(sum(exp(x), dims, keepdim))
    largest = amax(detach(x), dims, keepdim=True)
    largest = where(abs(largest) == math.inf, 0.0, largest)
    y = log(sum(exp(x - largest), dims, keepdim=True)) + largest
    return y if keepdim else reshape(y, [n for i, n in enumerate(x.shape) if i not in dims])


@public("minigrad", "Tensor")
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether every entry is true (not 0), as bools; True for an empty tensor. dim=() reduces nothing."""
    return _truth("all", input, dim, keepdim)


@public("minigrad", "Tensor")
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether some entry is true (not 0), as bools; False for an empty tensor. dim=() reduces nothing."""
    return _truth("any", input, dim, keepdim)


def _truth(operation: str, input: Any, dim: Any, keepdim: bool) -> Tensor:
    x = require_tensor(operation, "input", input).array
    dims = () if isinstance(dim, (tuple, list)) and not dim else _reduced(operation, input, dim, keepdim)
    result = getattr(x != 0, operation)(axis=dims, keepdims=keepdim)
    return tensor_of(xp_of(x).asarray(result, dtype=x.dtype if x.dtype == np.uint8 else BOOL))
