"""Questions about numbers: comparisons, logic, NaN and infinity. The answers are bools and have no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, tensor_of
from ..devices import xp_of
from .common import BOOL, operands, require_tensor
from .public import public


def compare(function: str, a: Any, b: Any) -> Tensor:
    """The elementwise comparison named `function` (less, equal, ...) as a bool Tensor."""
    if a is None or b is None:
        return tensor_of(xp_of((a if b is None else b).array).asarray(function == "not_equal"))
    a, b = operands(function, a, b)
    array, other = (v.array if isinstance(v, Tensor) else v for v in (a, b))
    xp = xp_of(array if isinstance(a, Tensor) else other)
    return tensor_of(xp.asarray(getattr(xp, function)(array, other)))


@public("minigrad", "Tensor")
def eq(input: Tensor, other: Any) -> Tensor:
    """input == other."""
    return compare("equal", require_tensor("eq", "input", input), other)


@public("minigrad", "Tensor")
def ne(input: Tensor, other: Any) -> Tensor:
    """input != other."""
    return compare("not_equal", require_tensor("ne", "input", input), other)


@public("minigrad", "Tensor")
def lt(input: Tensor, other: Any) -> Tensor:
    """input < other."""
    return compare("less", require_tensor("lt", "input", input), other)


@public("minigrad", "Tensor")
def le(input: Tensor, other: Any) -> Tensor:
    """input <= other."""
    return compare("less_equal", require_tensor("le", "input", input), other)


@public("minigrad", "Tensor")
def gt(input: Tensor, other: Any) -> Tensor:
    """input > other."""
    return compare("greater", require_tensor("gt", "input", input), other)


@public("minigrad", "Tensor")
def ge(input: Tensor, other: Any) -> Tensor:
    """input >= other."""
    return compare("greater_equal", require_tensor("ge", "input", input), other)


# -------------------------------------------------------------------- of a whole tensor, as one bool


@public("minigrad", "Tensor")
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same numbers, as a Python bool."""
    x, y = require_tensor("equal", "input", input).array, require_tensor("equal", "other", other).array
    return x.shape == y.shape and bool((x == y).all())


@public("minigrad", "Tensor")
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether |input - other| <= atol + rtol |other| everywhere, as a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


@public("minigrad", "Tensor")
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Where |input - other| <= atol + rtol |other|. Errors: TypeError for two dtypes."""
    x, y = require_tensor("isclose", "input", input).array, require_tensor("isclose", "other", other).array
    if x.dtype != y.dtype:
        raise TypeError(f"isclose: input is {x.dtype}, other is {y.dtype}; convert one with .to()")
    operands("isclose", input, other)
    return tensor_of(xp_of(x).asarray(xp_of(x).isclose(x, y, rtol, atol, equal_nan)))


# --------------------------------------------------------------------------- NaN and infinity


@public("minigrad", "Tensor")
def isnan(input: Tensor) -> Tensor:
    """Where the entries are NaN."""
    x = require_tensor("isnan", "input", input).array
    return tensor_of(xp_of(x).asarray(x != x))


@public("minigrad", "Tensor")
def isinf(input: Tensor) -> Tensor:
    """Where the entries are inf or -inf."""
    x = require_tensor("isinf", "input", input).array
    return tensor_of(xp_of(x).asarray(xp_of(x).isinf(x)))


@public("minigrad", "Tensor")
def isfinite(input: Tensor) -> Tensor:
    """Where the entries are neither NaN nor infinite."""
    x = require_tensor("isfinite", "input", input).array
    return tensor_of(xp_of(x).asarray(xp_of(x).isfinite(x)))


# --------------------------------------------------------------------------------------- logic


def bits(function: str, a: Any, b: Any = None) -> Tensor:
    """The function of bits named `function` (invert, bitwise_and, ...) of bools or integers; one may be a number.

    Errors: TypeError for floats.
    """
    given = [a] if b is None else list(operands(function, a, b))
    for x in given:
        dtype = x.dtype if isinstance(x, Tensor) else np.asarray(x).dtype
        if dtype.kind not in "biu":
            raise TypeError(f"{function}: bools or integers are needed, got {dtype}; compare first, as in (x > 0)")
    arrays = [x.array if isinstance(x, Tensor) else x for x in given]
    xp = xp_of(next(x.array for x in given if isinstance(x, Tensor)))
    return tensor_of(xp.asarray(getattr(xp, function)(*arrays)))


@public("minigrad", "Tensor")
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Where both are true (not 0)."""
    return _logical("logical_and", input, other)


@public("minigrad", "Tensor")
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Where at least one is true (not 0)."""
    return _logical("logical_or", input, other)


@public("minigrad", "Tensor")
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Where exactly one is true (not 0)."""
    return _logical("logical_xor", input, other)


@public("minigrad", "Tensor")
def logical_not(input: Tensor) -> Tensor:
    """Where input is false (0)."""
    x = require_tensor("logical_not", "input", input).array
    return tensor_of(xp_of(x).asarray(x == 0))


def _logical(function: str, input: Any, other: Any) -> Tensor:
    a, b = operands(function, require_tensor(function, "input", input), require_tensor(function, "other", other))
    xp = xp_of(a.array)
    return tensor_of(xp.asarray(getattr(xp, function)(a.array, b.array), dtype=BOOL))
