"""Elementary functions beyond arithmetic: sine and cosine, limits, and what powers and products are composed to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Tensor, apply, tensor_of
from ..devices import Array, xp_of
from .arithmetic import neg, pow, sqrt, where
from .common import BOOL, INT64, as_float, cast, operands, require_tensor
from .elementwise import Elementwise
from .public import public


class Sin(Elementwise):
    """y = sin x; dx = dy cos x."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).sin(x)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return dy * cos(x)


class Cos(Elementwise):
    """y = cos x; dx = -dy sin x."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).cos(x)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return neg(dy * sin(x))


class Tan(Elementwise):
    """y = tan x; dx = dy (1 + y^2)."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).tan(x)

    def dx(self, dy: Tensor, y: Tensor) -> Tensor:
        return dy * (y * y + 1.0)


class Log2(Elementwise):
    """y = log x / log 2; dx = dy / (x log 2)."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).log2(x)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return dy / (x * math.log(2))


class Log10(Elementwise):
    """y = log x / log 10; dx = dy / (x log 10)."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).log10(x)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return dy / (x * math.log(10))


class Clamp(Elementwise):
    """y = x limited to [low, high]; dx = dy where low <= x <= high, else 0."""

    def __init__(self, low: float | None, high: float | None) -> None:
        self.low, self.high = low, high

    def formula(self, x: Array) -> Array:
        return xp_of(x).clip(x, self.low, self.high)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        inside = x == x
        if self.low is not None:
            inside = inside & (x >= self.low)
        if self.high is not None:
            inside = inside & (x <= self.high)
        return where(inside, dy, 0.0)


@public("minigrad", "Tensor", "in-place")
def sin(input: Tensor) -> Tensor:
    """The sine of an angle in radians."""
    return apply(Sin(), as_float("sin", input))


@public("minigrad", "Tensor", "in-place")
def cos(input: Tensor) -> Tensor:
    """The cosine of an angle in radians."""
    return apply(Cos(), as_float("cos", input))


@public("minigrad", "Tensor", "in-place")
def tan(input: Tensor) -> Tensor:
    """The tangent of an angle in radians."""
    return apply(Tan(), as_float("tan", input))


@public("minigrad", "Tensor", "in-place")
def log2(input: Tensor) -> Tensor:
    """The logarithm to base 2, exact for powers of 2."""
    return apply(Log2(), as_float("log2", input))


@public("minigrad", "Tensor", "in-place")
def log10(input: Tensor) -> Tensor:
    """The logarithm to base 10."""
    return apply(Log10(), as_float("log10", input))


@public("minigrad", "Tensor", "in-place")
def square(input: Tensor) -> Tensor:
    """input * input; integers stay integers."""
    x = require_tensor("square", "input", input)
    return pow(cast(x, INT64) if x.dtype == BOOL else x, 2)


@public("minigrad", "Tensor", "in-place")
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(input); inf at 0, nan below."""
    return 1.0 / sqrt(as_float("rsqrt", input))


@public("minigrad", "Tensor", "in-place")
def reciprocal(input: Tensor) -> Tensor:
    """1 / input."""
    return 1.0 / as_float("reciprocal", input)


@public("minigrad", "Tensor", "in-place")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """input limited to [min, max], numbers or Tensors; max where min > max. Errors: ValueError if both are None."""
    require_tensor("clamp", "input", input)
    if min is None and max is None:
        raise ValueError("clamp: at least one of min and max must be given")
    for name, limit in (("min", min), ("max", max)):
        if limit is not None and not isinstance(limit, (int, float, np.number, Tensor)):
            raise TypeError(f"clamp: {name} must be a number or a Tensor, got {type(limit).__name__}")
    limits = [None if limit is None else operands("clamp", input, limit)[1] for limit in (min, max)]
    for limit in limits:
        input = input if limit is None else operands("clamp", input, limit)[0]
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _between(input, *limits)
    return apply(Clamp(*limits), input)


def _between(x: Tensor, low: Any, high: Any) -> Tensor:
    """clamp with Tensors as limits. dy goes to x where low <= x <= high, to low where x < low < high, and to high where
    x > high or high < low; to none of them where x < low = high, or where one is nan: as in PyTorch."""
    xp, array = xp_of(x.array), x.array
    low, high = (
        limit if limit is None or isinstance(limit, Tensor) else tensor_of(xp.asarray(limit, dtype=x.dtype))
        for limit in (low, high)
    )
    array = array if low is None else xp.maximum(array, low.array)
    y = tensor_of(xp.asarray(array if high is None else xp.minimum(array, high.array), dtype=x.dtype))
    inside = x == x
    if high is not None:
        inside, above = inside & (x <= high), x > high
        y = where(above if low is None else above | (high < low), high, y)
    if low is not None:
        inside, below = inside & (x >= low), x < low
        y = where(below if high is None else below & (low < high), low, y)
    return where(inside, x, y)


@public("minigrad", "Tensor", "in-place")
def clip(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Another name of `clamp`."""
    return clamp(input, min, max)


@public("minigrad", "Tensor", "in-place")
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight (end - input), computed from the nearer end so that weight 1 gives end exactly.

    weight: a number or a Tensor. Errors: TypeError for two dtypes, as in PyTorch.
    """
    require_tensor("lerp", "input", input)
    require_tensor("lerp", "end", end)
    for name, x in (("end", end), ("weight", weight)):
        if isinstance(x, Tensor) and x.dtype != input.dtype:
            raise TypeError(f"lerp: {name} is {x.dtype}, input is {input.dtype}; convert one with .to()")
    operands("lerp", input, end)
    difference = end - input
    if not isinstance(weight, Tensor):
        return input + difference * weight if abs(weight) < 0.5 else end - difference * (1 - weight)
    return where(abs(weight) < 0.5, input + difference * weight, end - difference * (1.0 - weight))
