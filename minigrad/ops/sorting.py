"""Order along an axis: sort, its indices, and the k largest. NaN counts as the largest number."""

from __future__ import annotations

from ..autograd import Tensor, tensor_of
from ..devices import Array, xp_of
from .common import INT64, axis, require_tensor
from .index import gather
from .public import public
from .reduction import ValuesAndIndices


def _order(x: Array, dim: int, descending: bool) -> Array:
    """The indices that sort x; equal entries keep their order."""
    if not x.ndim:
        return xp_of(x).zeros((), dtype=INT64)
    if not descending:
        return x.argsort(axis=dim, kind="stable")
    xp = xp_of(x)  # sorted from the other end, and turned around: this keeps the order of equal entries
    return x.shape[dim] - 1 - xp.flip(xp.flip(x, dim).argsort(axis=dim, kind="stable"), dim)


@public("minigrad", "Tensor")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices (int64) that sort input along an axis. The order of equal entries is kept in any case."""
    x = require_tensor("argsort", "input", input).array
    order = _order(x, axis("argsort", dim, x.ndim), descending)
    return tensor_of(xp_of(x).ascontiguousarray(order).astype(INT64).reshape(x.shape))


@public("minigrad", "Tensor")
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesAndIndices:
    """(values, indices) of input sorted along an axis; the gradient goes back to where each value came from.

    The order of equal entries is kept in any case.
    """
    indices = argsort(input, dim, descending)
    return ValuesAndIndices(gather(input, dim, indices), indices)


@public("minigrad", "Tensor")
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesAndIndices:
    """(values, indices) of the k largest entries along an axis (or smallest), in order whatever `sorted` says.

    Errors: ValueError if there are fewer than k.
    """
    along = axis("topk", dim, require_tensor("topk", "input", input).array.ndim)
    length = (input.shape or (1,))[along]
    if not 0 <= k <= length:
        raise ValueError(f"topk: k must lie between 0 and {length}, the size of dim {dim}, got {k}")
    order = argsort(input, dim, largest)
    indices = order[(slice(None),) * along + (slice(k),)] if input.array.ndim else order
    return ValuesAndIndices(gather(input, dim, indices), indices)
