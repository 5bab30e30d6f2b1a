"""Operations that change a tensor in place, with PyTorch's semantics.

A write is recorded like any other operation: the tensor's `node` becomes the operation that wrote, and the
version of its memory is counted up, so that a backward pass that still needs the old contents says so instead of
using the new ones. Since a view and its base are one piece of memory, a write to a view is recorded as a write to
a part of its base, and every other view finds its own new place in the graph from there (`views.View`).

A leaf that requires a gradient must not be changed while operations are recorded (nothing could be recorded that
an optimizer would understand): an error says to use no_grad().
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import SavedTensor, Tensor, apply, tensor_of
from ..devices import device_of, to_device
from ..grad_mode import is_grad_enabled
from ..random import Generator, generator_of
from ..storage import Storage
from ..views import View
from .common import cast, expand, wrapped
from .index import SetItem, index_steps, named, write_array
from .public import declared, public
from .shape import Reshaped

ALL = ((...,),)  # the index of every entry, as `index_steps` would give it


def check_writable(x: Tensor, recorded: bool = True) -> None:
    """Errors: RuntimeError if x cannot be written to, or not while operations are recorded.

    recorded: whether the write is part of a graph, because x or what is written requires a gradient.
    """
    if isinstance(x.base if isinstance(x, View) else x, Reshaped):
        raise RuntimeError(
            "in-place: the numbers of this reshaped tensor may have been copied, so that writing to it would not reach "
            "the tensor it was made from; write to that one, or .clone() this one first"
        )
    if any(stride == 0 and n > 1 for stride, n in zip(x.array.strides, x.array.shape)):
        raise RuntimeError(
            "in-place: several entries of this tensor are the same number in memory, since it was made by expand; "
            ".clone() it first"
        )
    check_recordable(x, recorded)


def check_recordable(x: Tensor, recorded: bool = True) -> None:
    """The part of `check_writable` that has to do with the graph."""
    if not is_grad_enabled():
        return
    owner = x.base if isinstance(x, View) else x
    if (x.requires_grad and x.node is None) or (owner.requires_grad and owner.node is None):
        raise RuntimeError(
            "in-place: this tensor is a leaf that requires a gradient and cannot be changed while operations are "
            "recorded; do it inside `with minigrad.no_grad():`, or change a result computed from it"
        )
    if isinstance(x, View) and not x.recorded and (recorded or owner.requires_grad):
        raise RuntimeError(
            "in-place: this view was made under no_grad() and is changed while operations are recorded; do both "
            "inside `with minigrad.no_grad():`, or both outside"
        )


def write(x: Tensor, steps: tuple[Any, ...], value: Any) -> Tensor:
    """Write a Tensor of x's dtype, or a number, at the index that `index_steps` gave; returns x.

    Recorded if either requires a gradient: the new node of x, or of the base that x is a view of, is a SetItem.
    """
    if isinstance(value, (int, float)):
        value = wrapped(value, x.array.dtype.kind)
    recorded = is_grad_enabled() and (x.requires_grad or getattr(value, "requires_grad", False))
    check_writable(x, recorded)
    if not recorded:
        write_array(x.array, steps, value.array if isinstance(value, Tensor) else value)
        x.storage.bump_version()
        return x
    owner, views = (x.owner, x.steps) if isinstance(x, View) else (x, ())
    node = apply(SetItem(steps, views, inplace=True), owner, value).node
    owner.storage.bump_version()
    owner.node, owner.requires_grad = node, True
    return x


def assign(x: Tensor, result: Tensor) -> Tensor:
    """Make x take over the value and the place in the graph of `result`, which has x's shape; returns x.

    Errors: ValueError for another shape, TypeError for a dtype of a higher kind, RuntimeError as `check_writable`.
    """
    if result.shape != x.shape:
        raise ValueError(f"in-place: a result of shape {result.shape} does not fit into a tensor of shape {x.shape}")
    if result.dtype != x.dtype:
        if "biuf".find(result.dtype.kind) > "biuf".find(x.dtype.kind):
            raise TypeError(f"in-place: a result of dtype {result.dtype} does not fit into a tensor of dtype {x.dtype}")
        result = cast(result, x.dtype)
    if isinstance(x, View):
        _keep_old_value(x, result)
        return write(x, ALL, result)
    check_writable(x)
    _keep_old_value(x, result)
    x.array[...] = result.array
    x.storage.bump_version()
    if is_grad_enabled() and result.requires_grad:
        _keep_new_value(x, result)
        x.node, x.requires_grad = result.node, True
    return x


def _keep_old_value(x: Tensor, result: Tensor) -> None:
    """Let the operation that made the result keep a copy of x if it needs it, as that of `y *= w` needs the old y."""
    for saved in result.node.records if result.node is not None else ():
        if isinstance(saved, SavedTensor) and saved.storage is x.storage and saved.version == x.storage.version:
            saved.array, saved.storage, saved.version = saved.array.copy(), Storage(), 0


def _keep_new_value(x: Tensor, result: Tensor) -> None:
    """Let the operation that made the result use x's memory where it saved its own result: it is not held twice."""
    for saved in result.node.records if result.node is not None else ():
        if isinstance(saved, SavedTensor) and saved.array is result.array:
            saved.array, saved.storage, saved.version = x.array, x.storage, x.storage.version


def set_item(input: Tensor, index: Any, value: Any) -> None:
    """input[index] = value, differentiable in both. Errors: as `index`; RuntimeError on a leaf that requires grad."""
    if isinstance(value, Tensor):
        value = cast(value, input.dtype)
    elif isinstance(value, (list, tuple, np.ndarray)):
        value = tensor_of(to_device(np.asarray(value, dtype=input.dtype), input.device))
    try:
        write(input, index_steps(index, input), value)
    except IndexError as error:
        raise IndexError(f"{named(error)} (the tensor has shape {input.shape})") from None
    except ValueError as error:
        shape = getattr(value, "shape", ())
        raise ValueError(
            f"index: a value of shape {shape} does not fit into that part of shape {input.shape}"
        ) from error


@public("Tensor")
def copy_(x: Tensor, src: Tensor) -> Tensor:
    """Overwrite x with the numbers of `src` (broadcast, converted, moved from another device if need be), or one."""
    if isinstance(src, (bool, int, float, np.generic)):
        src = tensor_of(np.asarray(src))
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_: src must be a Tensor or a number, got {type(src).__name__}")
    moved = src.to(device_of(x.array))
    return write(x, ALL, cast(expand(moved, x.shape), x.dtype))


@public("Tensor")
def fill_(x: Tensor, value: Any) -> Tensor:
    """Overwrite every entry with one number, which may be a 0-d Tensor."""
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise ValueError(f"fill_: value must be a number or a 0-d Tensor, got shape {value.shape}")
        return copy_(x, value)
    return write(x, ALL, value)


@public("Tensor")
def uniform_(x: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with uniform random numbers from [low, high), drawn on the CPU. Errors: ValueError if low > high."""
    if low > high:
        raise ValueError(f"uniform_: low {low} is greater than high {high}")
    return _draw(x, generator_of(generator).random(x.shape, dtype=x.dtype) * (high - low) + low)


@public("Tensor")
def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with normal random numbers, drawn on the CPU. Errors: ValueError if std < 0."""
    if std < 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    return _draw(x, generator_of(generator).standard_normal(x.shape, dtype=x.dtype) * std + mean)


@public("Tensor")
def random_(x: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with random integers from low to high - 1, or from 0 to low - 1 if only that is given, or with all
    that the dtype holds exactly (floats: from 0 to 2^24 or 2^53). Drawn on the CPU. Errors: ValueError if low >= high.
    """
    if high is None:
        largest = {"f": 2 ** (24 if x.dtype.itemsize == 4 else 53) + 1, "b": 2}.get(x.dtype.kind, 0)
        low, high = 0, low or largest or np.iinfo(x.dtype).max
    if low >= high:
        raise ValueError(f"random_: high ({high}) must be greater than low ({low})")
    return _draw(x, generator_of(generator).integers(low, high, x.shape))


@public("Tensor")
def detach_(x: Tensor) -> Tensor:
    """Take x out of the graph. Errors: RuntimeError for a view, whose base stays in it."""
    if isinstance(x, View):
        raise RuntimeError("detach_: a view shares the graph of its base; use .detach()")
    x.node, x.requires_grad = None, False
    return x


def _draw(x: Tensor, drawn: np.ndarray) -> Tensor:
    return write(x, ALL, tensor_of(to_device(np.asarray(drawn, dtype=x.dtype), device_of(x.array))))


def replace_data(x: Tensor, value: Tensor) -> None:
    """`x.data = value`: x gets another array; its place in the graph stays. The shape may not change."""
    if not isinstance(value, Tensor) or value.shape != x.shape:
        raise ValueError(f"data: a Tensor of shape {x.shape} is needed, got {getattr(value, 'shape', type(value))}")
    x.array = value.array
    x.storage.bump_version()


def in_place_methods() -> dict[str, Callable[..., Tensor]]:
    """The methods `exp_`, `squeeze_`, ... of the functions that are declared public in place."""
    reshaping = {f"{name}_": in_place_shape(function) for name, function in declared["in-place shape"].items()}
    return reshaping | {f"{name}_": in_place(function) for name, function in declared["in-place"].items()}


def in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method `x.f_(...)` that writes the result of f(x, ...) into x and returns x."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return assign(self, function(self, *args, **kwargs))

    method.__wrapped__ = function  # type: ignore[attr-defined]  # whose arguments it has, for help() and editors
    method.__name__ = f"{function.__name__}_"
    method.__doc__ = f"`{function.__name__}`, the result written into this tensor."
    return method


def in_place_shape(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method `x.f_(...)` that gives x the shape of the view f(x, ...) and returns x; no number moves.

    Views that were made of x before cannot follow when one of them, or x, is written to: they say so (`View.owner`).
    """

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_recordable(self)
        view = function(self, *args, **kwargs)
        if isinstance(self, View) and isinstance(view, View):
            self.steps = view.steps
        self.array, self.node = view.array, view.node
        return self

    method.__wrapped__ = function  # type: ignore[attr-defined]  # whose arguments it has, for help() and editors
    method.__name__ = f"{function.__name__}_"
    method.__doc__ = f"This tensor under the shape that `{function.__name__}` gives it, on the same memory."
    return method
