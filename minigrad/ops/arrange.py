"""Rearrangements composed of others: repeat, roll, unbind, triangles, grids. Gradients follow from their parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, tensor_of
from ..devices import xp_of
from .arithmetic import where
from .common import axis, expand, require_tensor
from .public import public
from .shape import cat, reshape


@public("Tensor")
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """input laid side by side: `repeats[i]` copies along axis i; more numbers than axes add axes in front."""
    counts = tuple(repeats[0]) if len(repeats) == 1 and isinstance(repeats[0], (tuple, list)) else repeats
    extra = len(counts) - require_tensor("repeat", "input", input).array.ndim
    if extra < 0 or any(not isinstance(n, (int, np.integer)) or n < 0 for n in counts):
        raise ValueError(f"repeat: a count >= 0 is needed for each axis of shape {input.shape}, got {counts}")
    shape = (1,) * extra + input.shape
    apart = reshape(input, [n for size in shape for n in (1, size)])
    copies = expand(apart, [n for pair in zip(counts, shape) for n in pair])
    return reshape(copies.clone(), [n * size for n, size in zip(counts, shape)])


@public("minigrad", "Tensor")
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """input shifted along axes, what leaves at one end entering at the other; without dims, as one long row."""
    require_tensor("roll", "input", input)
    if dims is None:
        return reshape(roll(reshape(input, (-1,)), shifts, 0), input.shape)
    shifts = tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts,)
    dims = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    if len(shifts) != len(dims):
        raise ValueError(f"roll: shifts {shifts} and dims {dims} must be equally many")
    y = input
    for shift, dim in zip(shifts, dims):
        along = axis("roll", dim, y.array.ndim)
        if y.array.ndim and (cut := -shift % max(y.shape[along], 1)):
            before = (slice(None),) * along
            y = cat([y[(*before, slice(cut, None))], y[(*before, slice(cut))]], along)
    return y if y is not input else input.clone()


@public("minigrad", "Tensor")
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the slices along one axis, which they no longer have."""
    along = axis("unbind", dim, require_tensor("unbind", "input", input).array.ndim)
    if input.array.ndim == 0:
        raise ValueError("unbind: a 0-d tensor has no axis to take apart")
    return tuple([input[(slice(None),) * along + (i,)] for i in range(input.shape[along])])


@public("minigrad", "Tensor")
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices (..., n, m): 0 above the given diagonal."""
    return _triangle("tril", input, lambda row, column: column - row <= diagonal)


@public("minigrad", "Tensor")
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices (..., n, m): 0 below the given diagonal."""
    return _triangle("triu", input, lambda row, column: column - row >= diagonal)


def _triangle(operation: str, input: Any, kept: Any) -> Tensor:
    if require_tensor(operation, "input", input).array.ndim < 2:
        raise ValueError(f"{operation}: input must be (..., n, m), got shape {input.shape}")
    xp, (n, m) = xp_of(input.array), input.shape[-2:]
    mask = kept(xp.arange(n)[:, None], xp.arange(m)[None, :])
    return where(tensor_of(mask), input, False)


@public("minigrad")
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: vectors of lengths n, m, ... each spread to (n, m, ...).

    indexing: "ij" (rows first) or "xy" (the first two axes exchanged, as for pictures).
    """
    given = tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    for i, x in enumerate(given):
        if require_tensor("meshgrid", f"tensors[{i}]", x).array.ndim > 1:
            raise ValueError(f"meshgrid: tensors[{i}] must be a vector or 0-d, got shape {x.shape}")
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    order = list(range(len(given)))
    if indexing == "xy" and len(given) > 1:
        order[:2] = 1, 0
    sizes = [given[i].array.size for i in order]
    return tuple([
        expand(reshape(x, [-1 if order[j] == i else 1 for j in range(len(given))]), sizes)
        for i, x in enumerate(given)
    ])  # fmt: skip
