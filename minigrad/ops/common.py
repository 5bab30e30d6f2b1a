"""What every operation's entrance needs: operands made ready, axes checked, gradients un-broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, xp_of
from ..views import ViewOp
from .public import public

FLOAT32: np.dtype = np.dtype("float32")
FLOAT64: np.dtype = np.dtype("float64")
INT32: np.dtype = np.dtype("int32")
INT64: np.dtype = np.dtype("int64")
UINT8: np.dtype = np.dtype("uint8")
BOOL: np.dtype = np.dtype("bool")
_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2}


def require_tensor(operation: str, argument: str, value: Any) -> Tensor:
    """The value, if it is a Tensor. Errors: TypeError naming the operation and the argument."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{operation}: {argument} must be a Tensor, got {type(value).__name__}")
    return value


def require_float(operation: str, x: Any, argument: str = "input") -> Tensor:
    """The value, if it is a Tensor of floating-point numbers."""
    require_tensor(operation, argument, x)
    if x.array.dtype.kind != "f":
        raise TypeError(f"{operation}: {argument} must hold floating-point numbers, got {x.dtype}; call .float()")
    return x


def as_float(operation: str, x: Any) -> Tensor:
    """The tensor; integers and bools converted to float32, as PyTorch's elementwise functions do."""
    require_tensor(operation, "input", x)
    return x if x.array.dtype.kind == "f" else cast(x, FLOAT32)


def operands(operation: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Two operands of an elementwise operation: Tensors of one dtype, or a Tensor and a Python number.

    Promotion is PyTorch's: bool < integer < float; among operands of one kind a tensor with axes outranks one
    without, and that a number. Errors: TypeError for anything else; ValueError for shapes that do not broadcast.
    """
    if isinstance(a, Tensor):
        x = a.array
        if isinstance(b, Tensor):
            y = b.array
            if x.dtype is not y.dtype:
                dtype = result_type(x, y)
                a, b = cast(a, dtype), cast(b, dtype)
            if x.shape != y.shape:
                check_broadcast(operation, x.shape, y.shape)
            return a, b
        if type(b) is float and x.dtype.kind == "f":
            return a, b
        return _with_number(operation, a, b)
    if isinstance(b, Tensor):
        b, a = _with_number(operation, b, a)
        return a, b
    raise TypeError(f"{operation}: a Tensor is needed, got {type(a).__name__} and {type(b).__name__}")


def _with_number(operation: str, x: Tensor, number: Any) -> tuple[Tensor, Any]:
    """A Tensor and a number, the Tensor converted if the number is of a higher kind."""
    kind = x.array.dtype.kind
    if type(number) is float and kind == "f":
        return x, number
    if isinstance(number, np.generic) and number.dtype.kind in "biuf":
        number = number.item()
    if isinstance(number, float):
        return (x if kind == "f" else cast(x, FLOAT32)), number
    if isinstance(number, int):
        return (cast(x, INT64) if kind == "b" and not isinstance(number, bool) else x), wrapped(number, kind)
    hint = "; wrap it with minigrad.tensor(...)" if isinstance(number, (np.ndarray, list, tuple)) else ""
    raise TypeError(f"{operation}: a Tensor or a number is needed, got {type(number).__name__}{hint}")


def wrapped(number: Any, kind: str) -> Any:
    """A number beside a tensor of this kind of dtype: a negative one beside bytes is its two's complement."""
    return number + 256 if kind == "u" and number < 0 else number


def result_type(a: Array, b: Array) -> np.dtype:
    """The dtype of an operation on two arrays: that of the higher kind (bool < int < float); within a kind that of
    the array with axes if the other has none, else the wider."""
    if (a.ndim == 0) != (b.ndim == 0) and _KINDS[a.dtype.kind] == _KINDS[b.dtype.kind]:
        return a.dtype if a.ndim else b.dtype
    return promoted(a.dtype, b.dtype)


def promoted(a: np.dtype, b: np.dtype) -> np.dtype:
    """The dtype of the higher kind (bool < int < float), within a kind the wider."""
    kind_a, kind_b = _KINDS[a.kind], _KINDS[b.kind]
    if kind_a == kind_b:
        return np.promote_types(a, b)
    return a if kind_a > kind_b else b


def check_broadcast(operation: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Errors: ValueError naming both shapes if they do not broadcast."""
    for m, n in zip(reversed(a), reversed(b)):
        if m != n and m != 1 and n != 1:
            raise ValueError(
                f"{operation}: shapes {a} and {b} do not broadcast: from the last axis back, sizes must be equal or 1"
            )


def axes(operation: str, dim: Any, ndim: int) -> tuple[int, ...]:
    """`dim` (None, an int, or several) as a sorted tuple of axes from 0 to ndim - 1; None means all."""
    if dim is None:
        return tuple(range(ndim))
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    result = tuple(sorted({axis(operation, d, ndim) for d in dims}))
    if len(result) != len(dims):
        raise ValueError(f"{operation}: dim {dim} names an axis twice")
    return result


def axis(operation: str, dim: Any, ndim: int) -> int:
    """One axis, negative ones counted from the end. Errors: ValueError naming the valid range."""
    if not isinstance(dim, (int, np.integer)) or isinstance(dim, bool):
        raise TypeError(f"{operation}: dim must be an int, got {dim!r}")
    low, high = (-ndim, ndim - 1) if ndim else (-1, 0)
    if not low <= dim <= high:
        raise ValueError(f"{operation}: dim {dim} is out of range for {ndim} axes; use {low} to {high}")
    return int(dim) % max(ndim, 1)


class Cast(Op):
    """y = x in another dtype; the gradient is converted back."""

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def forward(self, x: Array) -> Array:
        self.source = x.dtype
        return x.astype(self.dtype)

    def backward(self, grad: Tensor) -> Tensor:
        return cast(grad, self.source)


def cast(x: Tensor, dtype: Any) -> Tensor:
    """x converted to `dtype` (x itself if it has it already). Integers and bools carry no gradient."""
    if x.array.dtype == dtype:
        return x
    dtype = np.dtype(dtype)
    if dtype.kind != "f" or x.array.dtype.kind != "f":
        return tensor_of(x.array.astype(dtype))
    return apply(Cast(dtype), x)


class SumTo(Op):
    """y = x summed over the axes along which `shape` was broadcast; the adjoint of Expand."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.target = tuple(shape)

    def forward(self, x: Array) -> Array:
        self.source = x.shape
        extra = x.ndim - len(self.target)
        stretched = [i + extra for i, n in enumerate(self.target) if n == 1 and x.shape[i + extra] != 1]
        return x.sum(axis=tuple(range(extra)) + tuple(stretched)).reshape(self.target)

    def backward(self, grad: Tensor) -> Tensor:
        return expand(grad, self.source)


class Expand(ViewOp):
    """y[..., i, ...] = x[..., 0, ...]: axes of size 1 repeated without copying; dx = dy summed over the repeats."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.target = tuple(shape)

    def forward(self, x: Array) -> Array:
        self.source = x.shape
        return xp_of(x).broadcast_to(x, self.target)

    def backward(self, grad: Tensor) -> Tensor:
        return sum_to(grad, self.source)


def sum_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x summed down to `shape`, which must broadcast to x's shape: what broadcasting does to gradients."""
    return x if x.array.shape == tuple(shape) else apply(SumTo(shape), x)


@public("Tensor")
def expand(x: Tensor, *shape: Any) -> Tensor:
    """x repeated along its axes of size 1 (and new leading axes) to `shape`; -1 keeps a size. Nothing is copied."""
    require_tensor("expand", "input", x)
    wanted = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    extra = len(wanted) - x.array.ndim
    if extra < 0:
        raise ValueError(f"expand: {wanted} has fewer axes than the tensor's shape {x.shape}")
    sizes = tuple(x.shape[i - extra] if n == -1 and i >= extra else int(n) for i, n in enumerate(wanted))
    if min(sizes, default=0) < 0:
        raise ValueError(f"expand: {wanted} asks for negative sizes; -1 keeps the size of an axis that is there")
    for old, new in zip(x.shape, sizes[extra:]):
        if old not in (1, new):
            raise ValueError(f"expand: shape {x.shape} cannot become {sizes}: only axes of size 1 can be repeated")
    return x if sizes == x.array.shape else apply(Expand(sizes), x)
