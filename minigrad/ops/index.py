"""Taking parts of a tensor, and putting parts back.

Reading `y = x[index]` and scattering `x_bar[index] += y_bar` are adjoint: each is the other's derivative.
An index is whatever NumPy takes: ints, slices, None, ..., and Tensors or arrays of ints or bools.
"""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply
from ..devices import Array, device_of, to_device, xp_of
from ..grad_mode import is_grad_enabled
from ..kernels import kernels_of
from .common import INT64, axis, cast, require_tensor, sum_to
from .inplace import assign, check_writable


class Index(Op):
    """y = x[index]; dx = zeros with dy added at the index."""

    is_view = True

    def __init__(self, index: Any) -> None:
        self.index = index

    def forward(self, x: Array) -> Array:
        self.source = x.shape
        y = x[self.index]
        if isinstance(y, np.generic) and _is_basic(self.index):  # a view, so that writing to it reaches x
            y = x[(*self.index, ...) if isinstance(self.index, tuple) else (self.index, ...)]
        return y

    def backward(self, grad: Tensor) -> Tensor:
        return apply(IndexAdd(self.index, self.source), grad)


class IndexAdd(Op):
    """y = zeros(shape) with x added at the index (repeated places add up); dx = dy[index]."""

    def __init__(self, index: Any, shape: tuple[int, ...]) -> None:
        self.index, self.target = index, shape

    def forward(self, x: Array) -> Array:
        if _is_basic(self.index):
            y = xp_of(x).zeros(self.target, dtype=x.dtype)
            y[self.index] = x
            return y
        return kernels_of(x).index_add(self.target, self.index, x)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(Index(self.index), grad)


class SetItem(Op):
    """y = x with v written at the index; dx = dy with zeros written there, dv = dy[index]."""

    def __init__(self, index: Any) -> None:
        self.index = index

    def forward(self, x: Array, v: Any) -> Array:
        self.value_shape = getattr(v, "shape", ())
        y = x.copy(order="K")
        y[self.index] = v
        return y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (
            apply(SetItem(self.index), grad, 0.0) if self.needs[0] else None,
            sum_to(apply(Index(self.index), grad), self.value_shape) if self.needs[1] else None,
        )


def _is_basic(index: Any) -> bool:
    """Whether an index is made of ints, slices, None and ... only, so that no place is named twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or (isinstance(part, (int, np.integer, slice, EllipsisType)) and not isinstance(part, bool))
        for part in parts
    )


def _plain(index: Any, x: Tensor) -> Any:
    """The index with Tensors and lists replaced by arrays on x's device. Errors: IndexError for float indices."""
    if isinstance(index, tuple):
        return tuple(_plain(part, x) for part in index)
    if isinstance(index, Tensor):
        index = index.array
    elif isinstance(index, list):
        index = np.asarray(index, dtype=None if index else INT64)
    if hasattr(index, "dtype"):
        if index.dtype.kind not in "biu":
            raise IndexError(f"index: a tensor of dtype {index.dtype} is no index; use int64 or bool")
        tracked = x.requires_grad and is_grad_enabled()  # then backward reads the index again: nobody may change it
        return to_device(index.copy() if tracked else index, device_of(x.array))
    return index


def index(input: Tensor, index: Any) -> Tensor:
    """input[index]: a view for ints and slices, a copy for index tensors. Errors: IndexError naming index and shape."""
    plain = _plain(index, input)
    try:
        return apply(Index(plain), input)
    except IndexError as error:
        raise IndexError(f"index: {error} (the tensor has shape {input.shape})") from None


def set_item(input: Tensor, index: Any, value: Any) -> None:
    """input[index] = value, differentiable in both. Errors: as `index`; RuntimeError on a leaf that requires grad."""
    plain = _plain(index, input)
    if isinstance(value, Tensor):
        value = cast(value, input.dtype)
    elif isinstance(value, (list, np.ndarray)):
        value = Tensor(to_device(np.asarray(value, dtype=input.dtype), input.device))
    tracked = is_grad_enabled() and (input.requires_grad or getattr(value, "requires_grad", False))
    try:
        if tracked:
            check_writable(input)
            assign(input, apply(SetItem(plain), input, value))
        else:
            input.array[plain] = value.array if isinstance(value, Tensor) else value
            input.version.bump()
    except IndexError as error:
        raise IndexError(f"index: {error} (the tensor has shape {input.shape})") from None
    except ValueError as error:
        shape = getattr(value, "shape", ())
        raise ValueError(
            f"index: a value of shape {shape} does not fit into that part of shape {input.shape}"
        ) from error


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """y[i, j, k] = x[index[i, j, k], j, k] for dim 0, and likewise for other axes; index: int64 of y's shape."""
    require_tensor("gather", "input", input)
    require_tensor("gather", "index", index)
    if index.dtype.kind not in "iu":
        raise TypeError(f"gather: index must hold integers, got {index.dtype}")
    if index.array.ndim != input.array.ndim:
        raise ValueError(f"gather: index has shape {index.shape}, input {input.shape}; they need equally many axes")
    where = axis("gather", dim, input.array.ndim)
    if index.array.size and isinstance(index.array, np.ndarray):  # on a GPU looking would wait for it
        low, high = int(index.array.min()), int(index.array.max())
        if low < 0 or high >= input.shape[where]:
            raise IndexError(
                f"gather: index {low if low < 0 else high} is out of range for dim {dim} of size {input.shape[where]}"
            )
    return apply(Index(_along(index.array, where)), input)


def _along(index: Array, dim: int) -> tuple[Array, ...]:
    """The open mesh of index arrays that picks along one axis and keeps the others."""
    if index.ndim == 0:
        return (Ellipsis,)
    xp = xp_of(index)
    mesh = []
    for i, n in enumerate(index.shape):
        mesh.append(index if i == dim else xp.arange(n).reshape([n if j == i else 1 for j in range(index.ndim)]))
    return tuple(mesh)
