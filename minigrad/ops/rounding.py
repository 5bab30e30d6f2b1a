"""Rounding, and division with a whole quotient: steps, whose derivative is 0 wherever it exists."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, apply, tensor_of
from ..devices import Array, xp_of
from .arithmetic import neg, true_divide
from .common import INT64, cast, operands, require_tensor
from .creation import zeros_like
from .elementwise import Elementwise
from .public import public


class Round(Elementwise):
    """y = x rounded by NumPy's function of that name (floor, ceil, trunc, rint); dx = 0."""

    def __init__(self, function: str) -> None:
        self.function = function

    def formula(self, x: Array) -> Array:
        return getattr(xp_of(x), self.function)(x)

    def dx(self, dy: Tensor) -> Tensor:
        return zeros_like(dy)


class FloorDivide(Elementwise):
    """y = floor(a / b), or trunc(a / b) of floats; da = db = 0."""

    quiet = True

    def __init__(self, toward_zero: bool = False) -> None:
        self.toward_zero = toward_zero

    def formula(self, a: Array, b: Array) -> Array:
        return xp_of(a).trunc(a / b) if self.toward_zero else a // b

    def da(self, dy: Tensor) -> Tensor:
        return zeros_like(dy)

    def db(self, dy: Tensor) -> Tensor:
        return zeros_like(dy)


class Remainder(Elementwise):
    """y = a - b floor(a / b), of b's sign; da = dy, db = -dy floor(a / b)."""

    quiet = True

    def formula(self, a: Array, b: Array) -> Array:
        return a % b

    def da(self, dy: Tensor) -> Tensor:
        return dy

    def db(self, dy: Tensor, a: Any, b: Any) -> Tensor:
        return neg(dy * floor_divide(a, b))


def _rounded(operation: str, function: str, input: Any) -> Tensor:
    """Integers are whole already. Errors: TypeError for bools."""
    x = require_tensor(operation, "input", input)
    if x.array.dtype.kind == "b":
        raise TypeError(f"{operation}: numbers are needed, got bool; call .long() or .float()")
    return apply(Round(function), x) if x.array.dtype.kind == "f" else x * 1


@public("minigrad", "Tensor", "in-place")
def floor(input: Tensor) -> Tensor:
    """The largest whole number that is not above input."""
    return _rounded("floor", "floor", input)


@public("minigrad", "Tensor", "in-place")
def ceil(input: Tensor) -> Tensor:
    """The smallest whole number that is not below input."""
    return _rounded("ceil", "ceil", input)


@public("minigrad", "Tensor", "in-place")
def trunc(input: Tensor) -> Tensor:
    """input without its fractional part."""
    return _rounded("trunc", "trunc", input)


@public("minigrad", "Tensor", "in-place")
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest whole number, of two equally near the even one; with decimals, that many are kept."""
    if decimals == 0:
        return _rounded("round", "rint", input)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return _rounded("round", "rint", input * scale) / scale
    return _rounded("round", "rint", input / scale) * scale


@public("minigrad", "Tensor", "in-place")
def floor_divide(input: Any, other: Any) -> Tensor:
    """floor(input / other); integers give integers. Errors: ZeroDivisionError for an integer divided by 0."""
    return apply(FloorDivide(), *_divisible("floor_divide", input, other))


@public("minigrad", "Tensor", "in-place")
def remainder(input: Any, other: Any) -> Tensor:
    """input - other * floor(input / other), which has other's sign, as Python's %.

    Errors: ZeroDivisionError for an integer divided by 0.
    """
    return apply(Remainder(), *_divisible("remainder", input, other))


def _divisible(operation: str, a: Any, b: Any) -> tuple[Any, Any]:
    """The operands in one dtype, bools as integers; both Tensors if one number would raise Python's own error."""
    a, b = operands(operation, a, b)
    a, b = (cast(x, INT64) if isinstance(x, Tensor) and x.array.dtype.kind == "b" else x for x in (a, b))
    whole = all(x.array.dtype.kind in "iu" for x in (a, b) if isinstance(x, Tensor))
    divisor = b.array if isinstance(b, Tensor) else np.asarray(b)
    if whole and isinstance(divisor, np.ndarray) and not divisor.all():  # on a GPU looking would wait for it
        raise ZeroDivisionError(f"{operation}: an integer is divided by 0; convert to floats for inf and nan")
    if not isinstance(b, Tensor):
        b = tensor_of(xp_of(a.array).asarray(b, dtype=a.dtype))
    return a, b


@public("minigrad", "Tensor", "in-place")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; integers give float32. rounding_mode: "floor" (down) or "trunc" (toward 0) keep integers.

    Errors: ValueError for another mode; ZeroDivisionError for an integer divided by 0 with a mode.
    """
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise ValueError(f"div: rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    a, b = _divisible("div", input, other)
    whole = "f" not in (x.array.dtype.kind for x in (a, b) if isinstance(x, Tensor))
    quotient = apply(FloorDivide(rounding_mode == "trunc" and not whole), a, b)
    if rounding_mode == "floor" or not whole:
        return quotient
    return quotient + cast((quotient < 0) & (quotient * b != a), quotient.dtype)
