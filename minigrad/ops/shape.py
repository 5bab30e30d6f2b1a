"""Operations that rearrange: the numbers stay what they are, and the gradient is rearranged back.

Most results are views: they share memory with their input.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply
from ..devices import Array, xp_of
from ..views import View, ViewOp
from .common import axes, axis, cast, promoted, require_tensor
from .public import public


class Reshape(ViewOp):
    """y = the same numbers in row-major order under another shape; dx = dy under the old one."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.target = shape

    def forward(self, x: Array) -> Array:
        self.source = x.shape
        return x.reshape(self.target)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(Reshape(self.source), grad)


class Permute(ViewOp):
    """y = x with its axes in another order; dx = dy with the order undone."""

    def __init__(self, dims: Sequence[int]) -> None:
        self.dims = dims

    def forward(self, x: Array) -> Array:
        return x.transpose(self.dims)

    def backward(self, grad: Tensor) -> Tensor:
        inverse = sorted(range(len(self.dims)), key=self.dims.__getitem__)
        return apply(Permute(inverse), grad)


class Flip(Op):
    """y = x read backwards along the axes; dx = dy read backwards."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def forward(self, x: Array) -> Array:
        return xp_of(x).flip(x, self.dims).copy()

    def backward(self, grad: Tensor) -> Tensor:
        return apply(Flip(self.dims), grad)


class Concatenate(Op):
    """y = the inputs one after the other along an axis; each gets its slice of dy."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, *parts: Array) -> Array:
        self.lengths = [part.shape[self.dim] for part in parts]
        return xp_of(parts[0]).concatenate(parts, axis=self.dim)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return split(grad, self.lengths, self.dim)


@public("minigrad", "Tensor")
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same numbers under another shape (row-major); one size may be -1. A view where memory allows."""
    require_tensor("reshape", "input", input)
    wanted = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    if not all(isinstance(n, (int, np.integer)) for n in wanted):
        raise TypeError(f"reshape: sizes must be ints, got {tuple(wanted)}")
    sizes = tuple([int(n) for n in wanted])
    count = input.array.size
    if -1 in sizes:
        known = math.prod([n for n in sizes if n != -1])
        if sizes.count(-1) > 1 or known == 0 or count % known:
            raise ValueError(f"reshape: shape {input.shape} cannot become {sizes}: no size fits the -1")
        sizes = tuple([count // known if n == -1 else n for n in sizes])
    if math.prod(sizes) != count or min(sizes, default=0) < 0:
        raise ValueError(f"reshape: shape {input.shape} has {count} entries, {sizes} has {math.prod(sizes)}")
    step = Reshape(sizes)
    result = apply(step, input)
    is_view = isinstance(result, View)
    if count == 0 or is_view == _is_view_in_pytorch(input, sizes):
        return result
    if is_view:
        return result.clone()
    if type(input) is not Tensor or input._storage is not None:
        return Reshaped(result, input)
    input.array = result.array.reshape(input.array.shape)  # nobody shares its memory: it moves to the copy
    view = View(result.array, input, step)
    view.node, view.requires_grad = result.node, result.requires_grad
    return view


class Reshaped(Tensor):
    """The result of a reshape that here is a copy and in PyTorch is a view.

    Which it is depends on the memory order, and that is free here (a convolution's result lies channels-last).
    As long as nothing is written the two are the same. Writing to it is refused, as is its use once the tensor it
    was made from has been written to, for then they would differ.
    """

    __slots__ = ("_array", "source", "version")

    def __init__(self, result: Tensor, source: Tensor) -> None:
        self.source, self.version = source.storage, source.storage.version
        self.array, self.storage, self.requires_grad = result.array, result.storage, result.requires_grad
        self.node, self.grad, self.hooks = result.node, None, None

    @property
    def array(self) -> Array:  # type: ignore[override]
        if self.version != self.source.version:
            raise RuntimeError(
                "in-place: the tensor that this one was reshaped from, with its numbers copied, was changed in place "
                "since; reshape it again after the change, or .clone() the reshaped one before"
            )
        return self._array

    @array.setter
    def array(self, array: Array) -> None:
        self._array = array


def _in_rows(x: Tensor) -> Array:
    """An array that lies in memory as x does in PyTorch, where what views are made of lies row by row."""
    base, steps = (x.base, x.steps) if isinstance(x, View) else (x, ())
    if base.array.flags.c_contiguous:
        return x.array
    array = np.empty(base.array.shape, dtype=bool)
    for step in steps:
        array = step.forward(array)
    return array


def _is_view_in_pytorch(x: Tensor, shape: tuple[int, ...]) -> bool:
    array = _in_rows(x)
    return xp_of(array).may_share_memory(array.reshape(shape), array)


@public("Tensor")
def is_contiguous(input: Tensor) -> bool:
    """Whether the entries lie row by row in PyTorch's memory; in minigrad's a result may lie otherwise."""
    return bool(_in_rows(input).flags.c_contiguous)


@public("Tensor")
def contiguous(input: Tensor) -> Tensor:
    """The tensor itself if PyTorch would say so, else a copy, as of a transposed or expanded view."""
    return input if is_contiguous(input) else input.clone()


@public("minigrad", "Tensor")
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the axes from start_dim to end_dim (inclusive) into one."""
    require_tensor("flatten", "input", input)
    if input.array.ndim == 0:
        return reshape(input, (1,))
    first, last = axis("flatten", start_dim, input.array.ndim), axis("flatten", end_dim, input.array.ndim)
    if last < first:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    shape = input.array.shape
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@public("minigrad")
def permute(input: Tensor, dims: Sequence[int]) -> Tensor:
    """The axes in the order `dims`. A view."""
    require_tensor("permute", "input", input)
    order = tuple(axis("permute", d, input.array.ndim) for d in dims)
    if sorted(order) != list(range(input.array.ndim)):
        raise ValueError(f"permute: dims {tuple(dims)} must name each of the {input.array.ndim} axes once")
    return apply(Permute(order), input)


@public("minigrad", "Tensor", "in-place shape")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged. A view."""
    require_tensor("transpose", "input", input)
    order = list(range(input.array.ndim))
    a, b = axis("transpose", dim0, input.array.ndim), axis("transpose", dim1, input.array.ndim)
    if order:
        order[a], order[b] = order[b], order[a]
    return apply(Permute(tuple(order)), input)


@public("minigrad", "Tensor", "in-place shape")
def t(input: Tensor) -> Tensor:
    """A matrix transposed (vectors and scalars as they are)."""
    if require_tensor("t", "input", input).array.ndim > 2:
        raise ValueError(f"t: at most 2 axes, got shape {input.shape}; use .permute() or .transpose()")
    return apply(Permute(tuple(reversed(range(input.array.ndim)))), input)


@public("minigrad", "Tensor", "in-place shape")
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without axes of size 1: all of them, or those named."""
    require_tensor("squeeze", "input", input)
    candidates = axes("squeeze", dim, input.array.ndim)
    return reshape(input, [n for i, n in enumerate(input.array.shape) if n != 1 or i not in candidates])


@public("minigrad", "Tensor", "in-place shape")
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new axis of size 1 at position `dim`."""
    require_tensor("unsqueeze", "input", input)
    position = axis("unsqueeze", dim, input.array.ndim + 1)
    return reshape(input, (*input.array.shape[:position], 1, *input.array.shape[position:]))


@public("minigrad", "Tensor")
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Another name of `transpose`."""
    return transpose(input, axis0, axis1)


@public("minigrad", "Tensor")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """The axes of `source`, an int or several, moved to the positions of `destination`. A view."""
    ndim = require_tensor("movedim", "input", input).array.ndim
    before, after = (
        [axis("movedim", d, ndim) for d in (dims if isinstance(dims, (tuple, list)) else (dims,))]
        for dims in (source, destination)
    )
    if len(before) != len(after) or len(set(before)) < len(before) or len(set(after)) < len(after):
        raise ValueError(
            f"movedim: source {source} and destination {destination} must name equally many axes, each once"
        )
    rest = iter([d for d in range(ndim) if d not in before])
    order = [before[after.index(d)] if d in after else next(rest) for d in range(ndim)]
    return permute(input, order)


@public("minigrad", "Tensor")
def ravel(input: Tensor) -> Tensor:
    """All entries in one axis, as `flatten` gives them."""
    return flatten(input)


@public("minigrad", "Tensor")
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` entries along an axis, from `start` on. A view. Errors: ValueError if there are not so many."""
    where = axis("narrow", dim, require_tensor("narrow", "input", input).array.ndim)
    size = input.array.shape[where]
    first = start + size if start < 0 else start
    if length < 0 or not 0 <= first <= size - length:
        raise ValueError(f"narrow: {length} entries from {start} on are not there: dim {dim} has size {size}")
    return input[(slice(None),) * where + (slice(first, first + length),)]


@public("minigrad", "Tensor")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Entry `index` along an axis, which goes away. A view."""
    where = axis("select", dim, require_tensor("select", "input", input).array.ndim)
    return input[(slice(None),) * where + (index,)]


@public("minigrad")
def flip(input: Tensor, dims: Any) -> Tensor:
    """Read backwards along `dims`. A copy."""
    require_tensor("flip", "input", input)
    return apply(Flip(axes("flip", dims, input.array.ndim)), input)


def _tensors(operation: str, values: Any) -> list[Tensor]:
    if not isinstance(values, Iterable):
        raise TypeError(f"{operation}: a list of tensors is needed, got {type(values).__name__}")
    tensors = [require_tensor(operation, f"tensors[{i}]", x) for i, x in enumerate(values)]
    if not tensors:
        raise ValueError(f"{operation}: the list of tensors is empty; at least one is needed")
    return tensors


@public("minigrad")
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """One after the other along an existing axis; all other sizes must agree."""
    parts = _tensors("cat", tensors)
    where = axis("cat", dim, parts[0].array.ndim)
    first = parts[0].shape
    for i, part in enumerate(parts):
        shape = part.array.shape
        if len(shape) != len(first) or not len(shape):
            raise ValueError(
                f"cat: tensors[{i}] has shape {shape}, tensors[0] {first}; at least one axis, equally many"
            )
        if any(m != n for j, (m, n) in enumerate(zip(shape, first)) if j != where):
            raise ValueError(
                f"cat: tensors[{i}] has shape {shape}, tensors[0] {first}; they may differ only in dim {where}"
            )
    dtype = functools.reduce(promoted, [part.dtype for part in parts])
    return apply(Concatenate(where), *[cast(part, dtype) for part in parts])


@public("minigrad")
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Joined along a new axis; all shapes must be equal."""
    parts = _tensors("stack", tensors)
    for i, part in enumerate(parts):
        if part.shape != parts[0].shape:
            raise ValueError(
                f"stack: tensors[{i}] has shape {part.shape}, tensors[0] {parts[0].shape}; they must be equal"
            )
    return cat([unsqueeze(part, dim) for part in parts], axis("stack", dim, parts[0].array.ndim + 1))


@public("minigrad")
def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Another name of `cat`."""
    return cat(tensors, dim)


@public("minigrad")
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """One below the other, along axis 0; numbers and vectors count as rows."""
    return cat([x if x.array.ndim > 1 else reshape(x, (1, -1)) for x in _tensors("vstack", tensors)], 0)


@public("minigrad")
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Side by side, along axis 1; numbers and vectors one after the other."""
    parts = [x if x.array.ndim else reshape(x, (1,)) for x in _tensors("hstack", tensors)]
    return cat(parts, 0 if parts[0].array.ndim == 1 else 1)


@public("minigrad", "Tensor")
def split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive pieces along an axis: of `split_size` each (the last may be smaller), or of given sizes."""
    require_tensor("split", "input", input)
    where = axis("split", dim, input.array.ndim)
    length = input.array.shape[where]
    if isinstance(split_size, (int, np.integer)):
        if split_size < 1:
            raise ValueError(f"split: split_size must be at least 1, got {split_size}")
        sizes = [min(split_size, length - start) for start in range(0, length, split_size)] or [0]
    else:
        sizes = list(split_size)
        if sum(sizes) != length:
            raise ValueError(f"split: sizes {sizes} add up to {sum(sizes)}, but dim {dim} has size {length}")
    pieces, start = [], 0
    for size in sizes:
        pieces.append(input[(slice(None),) * where + (slice(start, start + size),)])
        start += size
    return tuple(pieces)


@public("minigrad", "Tensor")
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of equal size along an axis (the last may be smaller)."""
    require_tensor("chunk", "input", input)
    if chunks < 1:
        raise ValueError(f"chunk: chunks must be at least 1, got {chunks}")
    length = input.array.shape[axis("chunk", dim, input.array.ndim)]
    return split(input, max(1, -(-length // chunks)), dim)
