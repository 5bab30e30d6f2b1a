"""Operations that change a tensor in place.

`y += x` on a tensor with a graph computes y + x as an operation, writes the result into y's memory and moves y
to the new place in the graph. The memory's version is counted up, so that a backward pass that still needs the
old contents says so instead of using the new ones. Two cases differ:

* A leaf that requires a gradient must not be changed while operations are recorded (nothing could be recorded
  that the optimizer would understand): an error says to use no_grad().
* A view with a graph (`y = x[0]; y += 1`) gets memory of its own; `x[0] += 1` still changes x, since Python
  assigns the result back to `x[0]`. So does a tensor whose old value the operation itself will need (`y *= x`).
"""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, Version
from ..devices import Array, device_of, to_device
from ..grad_mode import is_grad_enabled
from ..random import generator
from .common import cast, expand


def check_writable(x: Tensor) -> None:
    """Errors: RuntimeError if x is a leaf that requires a gradient and operations are being recorded."""
    if x.requires_grad and x.node is None and is_grad_enabled():
        raise RuntimeError(
            "in-place: this tensor is a leaf that requires a gradient and cannot be changed while operations are "
            "recorded; do it inside `with minigrad.no_grad():`, or change a result computed from it"
        )


def assign(x: Tensor, result: Tensor) -> Tensor:
    """Make x take over the value and the place in the graph of `result`, which has x's shape and dtype."""
    check_writable(x)
    if result.shape != x.shape:
        raise ValueError(f"in-place: a result of shape {result.shape} does not fit into a tensor of shape {x.shape}")
    if result.dtype != x.dtype:
        raise TypeError(f"in-place: a result of dtype {result.dtype} does not fit into a tensor of dtype {x.dtype}")
    if result.requires_grad and (x.is_view or _is_saved(x.array, result)):
        x.array, x.version, x.is_view = result.array, Version(), False
    else:
        x.array[...] = result.array
        x.version.bump()
    if is_grad_enabled():
        x.node, x.requires_grad = result.node, result.requires_grad
    return x


def _is_saved(array: Array, result: Tensor) -> bool:
    """Whether the operation that made the result needs `array` in its backward, as `y *= x` needs the old y."""
    records = result.node.records if result.node is not None else ()
    return any(getattr(record, "array", None) is array for record in records)


def copy_(x: Tensor, source: Tensor) -> Tensor:
    """Overwrite x with the numbers of `source` (broadcast, converted, moved from another device if need be)."""
    if not isinstance(source, Tensor):
        raise TypeError(f"copy_: source must be a Tensor, got {type(source).__name__}")
    if is_grad_enabled() and source.requires_grad:
        return assign(x, expand(cast(source, x.dtype), x.shape))
    return _overwrite(x, to_device(source.array, device_of(x.array)))


def fill_(x: Tensor, value: float) -> Tensor:
    """Overwrite every entry with one number."""
    return _overwrite(x, value.item() if isinstance(value, Tensor) else value)


def _overwrite(x: Tensor, value: Any) -> Tensor:
    """Write values that have no graph; x is then a constant, whatever it was before."""
    check_writable(x)
    x.array[...] = value
    x.version.bump()
    if is_grad_enabled() and x.node is not None:
        x.node, x.requires_grad = None, False
    return x


def uniform_(x: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Overwrite with uniform random numbers from [low, high), drawn on the CPU. Errors: ValueError if low > high."""
    if low > high:
        raise ValueError(f"uniform_: low {low} is greater than high {high}")
    drawn = generator().random(x.shape, dtype=x.dtype) * (high - low) + low
    return _overwrite(x, to_device(drawn.astype(x.dtype, copy=False), device_of(x.array)))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Overwrite with normal random numbers, drawn on the CPU. Errors: ValueError if std < 0."""
    if std < 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    drawn = generator().standard_normal(x.shape, dtype=x.dtype) * std + mean
    return _overwrite(x, to_device(drawn.astype(x.dtype, copy=False), device_of(x.array)))


def replace_data(x: Tensor, value: Tensor) -> None:
    """`x.data = value`: x gets another array; its place in the graph stays. The shape may not change."""
    if not isinstance(value, Tensor) or value.shape != x.shape:
        raise ValueError(f"data: a Tensor of shape {x.shape} is needed, got {getattr(value, 'shape', type(value))}")
    x.array = value.array
    x.version.bump()
