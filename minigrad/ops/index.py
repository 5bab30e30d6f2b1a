"""Taking parts of a tensor, and putting parts back.

Reading `y = x[index]` and scattering `x_bar[index] += y_bar` are adjoint: each is the other's derivative.

An index is PyTorch's: ints, slices, None, ..., and Tensors, arrays or lists of ints or bools. It differs from
NumPy's in one thing: an int takes its axis away before index arrays are looked at, so that `x[0, :, [1, 2]]` has
shape (n, 2), where NumPy counts the 0 as an index array and gives (2, n). `index_steps` therefore splits an index
into one or two that mean the same to both libraries.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, device_of, to_device, xp_of
from ..grad_mode import is_grad_enabled
from ..kernels import kernels_of
from ..views import ViewOp, replay
from .arithmetic import where
from .common import BOOL, INT64, axis, cast, check_broadcast, expand, require_tensor, sum_to, wrapped
from .public import public
from .shape import reshape


class Index(ViewOp):
    """y = x[index]; dx = zeros with dy added at the index."""

    def __init__(self, index: Any) -> None:
        self.index = index

    def forward(self, x: Array) -> Array:
        self.source = x.shape
        return x[self.index]

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
    """y = x with v written at the index (see `index_steps`); dx = dy with zeros written there, dv = dy[index].

    views: operations that lead from x to the view of it that the index is applied to. inplace: whether y is x
    itself, its memory written to, and not a copy.
    """

    def __init__(self, steps: tuple[Any, ...], views: tuple[Op, ...] = (), inplace: bool = False) -> None:
        self.steps, self.views, self.inplace = steps, views, inplace

    def forward(self, x: Array, v: Any) -> Array:
        self.value_shape = getattr(v, "shape", ())
        y = target = x if self.inplace else x.copy(order="K")
        for view in self.views:
            target = view.forward(target)
        write_array(target, self.steps, v)
        return y

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        by_value = None
        if needed[1]:
            by_value = replay(self.views, grad)
            for step in self.steps:
                by_value = apply(Index(step), by_value)
            extra = max(0, len(self.value_shape) - by_value.array.ndim)  # leading axes of size 1 that writing ignores
            by_value = reshape(sum_to(by_value, self.value_shape[extra:]), self.value_shape)
        return apply(SetItem(self.steps, self.views), grad, 0.0) if needed[0] else None, by_value


def write_array(y: Array, steps: tuple[Any, ...], value: Any) -> None:
    """y[index] = value in place; all steps but the last take views. Leading axes of size 1 of an array do not count."""
    while getattr(value, "ndim", 0) and value.shape[0] == 1:
        value = value[0]
    for step in steps[:-1]:
        y = y[step]
    y[steps[-1]] = value


def _is_basic(index: Any) -> bool:
    """Whether an index is made of ints, slices, None and ... only, so that no place is named twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or (isinstance(part, (int, np.integer, slice, EllipsisType)) and not isinstance(part, bool))
        for part in parts
    )


def index_steps(index: Any, x: Tensor) -> tuple[Any, ...]:
    """PyTorch's index as one or two NumPy indices to be applied in turn: ints, slices and None, then arrays.

    A 0-d tensor of ints counts as an int, True and False as an axis of size 1 or 0.
    Errors: IndexError for floats and other things that are no index, or for too many of them.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if _is_basic(parts):
        return (with_dots(parts),)
    parts = tuple([_part(part, x) for part in parts])
    basic: list[Any] = []
    arrays: list[Any] = []
    used = sum([_axes_taken(part) for part in parts])
    for part in parts:
        if part is Ellipsis:
            arrays += [slice(None)] * (x.array.ndim - used)
            basic.append(part)
        elif hasattr(part, "dtype"):
            arrays.append(part.reshape(1) if part.ndim == 0 else part)
            basic += [slice(None)] * part.ndim if part.dtype == BOOL and part.ndim else [_axis_of(part)]
        else:
            arrays += [] if isinstance(part, (int, np.integer)) else [slice(None)]
            basic.append(part)
    if all(part is Ellipsis or (isinstance(part, slice) and part == slice(None)) for part in basic):
        return (tuple(arrays),)
    if not any(hasattr(part, "dtype") for part in arrays):
        return (with_dots(basic),)
    return with_dots(basic), tuple(arrays)


def with_dots(parts: Sequence[Any]) -> tuple[Any, ...]:
    """The index with ... in it: NumPy then gives a view even where every axis is taken by an int."""
    return tuple(parts) if any(part is Ellipsis for part in parts) else (*parts, ...)


def _axis_of(part: Array) -> Any:
    """Where an index array stands before it is applied: on an axis of its own, a new one for True and False."""
    return None if part.dtype == BOOL else slice(None)


def _axes_taken(part: Any) -> int:
    """How many of the tensor's axes a part of an index stands for."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if hasattr(part, "dtype") and part.dtype == BOOL else 1


def _part(part: Any, x: Tensor) -> Any:
    """One part of an index: arrays for Tensors and lists, on x's device, and ints for 0-d tensors of ints."""
    if isinstance(part, Tensor):
        part = part.array
    elif isinstance(part, (list, range, tuple)):
        part = np.asarray(
            [p.tolist() if isinstance(p, Tensor) else p for p in part], dtype=None if len(part) else INT64
        )
    elif isinstance(part, (bool, np.bool_)):
        part = np.asarray(part)
    if part is None or isinstance(part, (slice, EllipsisType, int, np.integer)):
        return part
    if not hasattr(part, "dtype"):
        raise IndexError(
            f"index: {part!r} is no index; use ints, slices, None, ..., and tensors or lists of ints or bools"
        )
    if part.dtype.kind not in "biu":
        raise IndexError(f"index: a tensor of dtype {part.dtype} is no index; use int64 or bool")
    if part.dtype == np.uint8:  # PyTorch's masks from before it had bools
        part = part.astype(BOOL)
    if part.ndim == 0 and part.dtype != BOOL:
        return int(part)
    tracked = x.requires_grad and is_grad_enabled()  # then backward reads the index again: nobody may change it
    return to_device(part.copy() if tracked else part, device_of(x.array))


def index(input: Tensor, index: Any) -> Tensor:
    """input[index]: a view for ints and slices, a copy for index tensors. Errors: IndexError naming index and shape."""
    result = input
    try:
        for step in index_steps(index, input):
            result = apply(Index(step), result)
    except IndexError as error:
        raise IndexError(f"{named(error)} (the tensor has shape {input.shape})") from None
    return result


def named(error: IndexError) -> str:
    """What the error says, once named as one of indexing."""
    text = str(error)
    return text if text.startswith("index: ") else f"index: {text}"


# ------------------------------------------------------------------- picking along one axis


@public("minigrad", "Tensor")
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """y[i, j, k] = x[index[i, j, k], j, k] for dim 0, and likewise for other axes; index: int64 of y's shape.

    Errors: TypeError, ValueError or IndexError if the index does not fit (on a GPU its range is not looked at).
    """
    _check_index("gather", input, dim, index)
    if index.array.size == 0:
        return reshape(reshape(input, (-1,))[:0], index.shape)
    if input.array.ndim == 0:
        return reshape(gather(reshape(input, (1,)), 0, reshape(index, (1,))), index.shape)
    return apply(Index(_along(index.array, axis("gather", dim, input.array.ndim))), input)


@public("minigrad", "Tensor", "in-place")
def scatter(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """A copy of input with y[index[i, j, k], j, k] = src[i, j, k] for dim 0, and likewise for other axes.

    src: a Tensor at least as large as index along each axis, of input's dtype, or a number. Where an index is
    repeated, which value is kept is undefined. Errors: as `gather`.
    """
    _check_index("scatter", input, dim, index)
    if isinstance(src, Tensor):
        src = _cut("scatter", input, index, src)
    if index.array.size == 0:
        return input * 1
    if input.array.ndim == 0:
        source = reshape(src, (1,)) if isinstance(src, Tensor) else src
        return reshape(scatter(reshape(input, (1,)), 0, reshape(index, (1,)), source), ())
    return apply(SetItem((_along(index.array, axis("scatter", dim, input.array.ndim)),)), input, src)


@public("minigrad", "Tensor", "in-place")
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of input with src[i, j, k] added to y[index[i, j, k], j, k] for dim 0, and likewise for other axes.

    Repeated indices add up. Errors: as `scatter`.
    """
    _check_index("scatter_add", input, dim, index)
    src = _cut("scatter_add", input, index, require_tensor("scatter_add", "src", src))
    if input.array.ndim == 0 or index.array.size == 0:
        return input + src if index.array.size and input.array.ndim == 0 else input * 1
    where = axis("scatter_add", dim, input.array.ndim)
    return input + apply(IndexAdd(_along(index.array, where), input.shape), src)


def _check_index(operation: str, input: Any, dim: int, index: Any) -> None:
    """Errors: TypeError, ValueError or IndexError, unless index can pick from (or write to) input along dim."""
    require_tensor(operation, "input", input)
    require_tensor(operation, "index", index)
    if index.dtype.kind not in "iu":
        raise TypeError(f"{operation}: index must hold integers, got {index.dtype}")
    where = axis(operation, dim, input.array.ndim)
    if index.array.size == 0:
        return
    ours, theirs = input.shape or (1,), index.shape or (1,)
    if len(ours) != len(theirs) or any(m > n for i, (m, n) in enumerate(zip(theirs, ours)) if i != where):
        raise ValueError(
            f"{operation}: index has shape {index.shape}, input {input.shape}; they need equally many axes, and only "
            f"along dim {where} may index be longer"
        )
    if isinstance(index.array, np.ndarray):  # on a GPU looking would wait for it
        low, high = int(index.array.min()), int(index.array.max())
        if low < 0 or high >= ours[where]:
            raise IndexError(
                f"{operation}: index {low if low < 0 else high} is out of range for dim {dim} of size {ours[where]}"
            )


def _cut(operation: str, input: Tensor, index: Tensor, src: Tensor) -> Tensor:
    """The part of src that belongs to index. Errors: TypeError for another dtype, ValueError if src is too small."""
    if src.dtype != input.dtype:
        raise TypeError(f"{operation}: src is {src.dtype}, input is {input.dtype}; convert one with .to()")
    if index.array.size and (src.array.ndim != index.array.ndim or any(m < n for m, n in zip(src.shape, index.shape))):
        raise ValueError(f"{operation}: src has shape {src.shape}, but index {index.shape} asks for at least that much")
    return src if src.shape == index.shape or index.array.size == 0 else src[tuple([slice(n) for n in index.shape])]


def _along(index: Array, dim: int) -> tuple[Array, ...]:
    """The open mesh of index arrays that picks along one axis and keeps the others."""
    xp = xp_of(index)
    mesh = []
    for i, n in enumerate(index.shape):
        mesh.append(index if i == dim else xp.arange(n).reshape([n if j == i else 1 for j in range(index.ndim)]))
    return tuple(mesh)


@public("minigrad", "Tensor")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The entries of input along one axis whose numbers stand in index: int64, of at most one axis."""
    require_tensor("index_select", "input", input)
    require_tensor("index_select", "index", index)
    if index.array.ndim > 1 or index.dtype.kind not in "iu":
        raise ValueError(f"index_select: index must be a vector of int64, got {index.dtype} of shape {index.shape}")
    where = axis("index_select", dim, input.array.ndim)
    if isinstance(index.array, np.ndarray) and index.array.size and index.array.min() < 0:
        raise IndexError("index_select: indices must not be negative")
    if input.array.ndim == 0:
        return reshape(reshape(input, (1,))[reshape(index, (-1,))], ())
    return input[(slice(None),) * where + (reshape(index, (-1,)),)]


@public("minigrad", "Tensor")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The entries where mask (a bool Tensor) holds, as a vector; the two broadcast."""
    require_tensor("masked_select", "input", input)
    if require_tensor("masked_select", "mask", mask).dtype != BOOL:
        raise TypeError(f"masked_select: mask must be a bool Tensor, got {mask.dtype}")
    check_broadcast("masked_select", input.shape, mask.shape)
    shape = np.broadcast_shapes(input.shape, mask.shape)
    return reshape(expand(input, shape)[expand(mask, shape)], (-1,))


@public("minigrad", "Tensor")
def nonzero(input: Tensor, as_tuple: bool = False) -> Any:
    """The places of the entries that are not 0: int64 of shape (number, axes); as_tuple: one vector an axis."""
    x = require_tensor("nonzero", "input", input).array
    places = xp_of(x).stack(x.reshape(x.shape or (1,)).nonzero(), axis=1).astype(INT64)
    if as_tuple:
        return tuple([tensor_of(places[:, i]) for i in range(places.shape[1])])
    return tensor_of(places[:, : x.ndim])


@public("minigrad", "Tensor", "in-place")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy of input with value, a number or a 0-d Tensor, where mask (a bool Tensor) holds; the two broadcast."""
    require_tensor("masked_fill", "input", input)
    if require_tensor("masked_fill", "mask", mask).dtype != BOOL:
        raise TypeError(f"masked_fill: mask must be a bool Tensor, got {mask.dtype}")
    if not isinstance(value, Tensor):
        value = tensor_of(xp_of(input.array).asarray(wrapped(value, input.dtype.kind), dtype=input.dtype))
    elif value.array.ndim:
        raise ValueError(f"masked_fill: value must be a number or a 0-d Tensor, got shape {value.shape}")
    return where(mask, cast(value, input.dtype), input)
