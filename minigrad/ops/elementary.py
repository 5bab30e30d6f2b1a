"""Elementary functions beyond arithmetic: sine and cosine, and what powers and products are composed to."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, apply
from ..devices import Array, xp_of
from .arithmetic import clamp, neg, pow, sqrt, where
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


@public("minigrad", "Tensor", "in-place")
def sin(input: Tensor) -> Tensor:
    """The sine of an angle in radians."""
    return apply(Sin(), as_float("sin", input))


@public("minigrad", "Tensor", "in-place")
def cos(input: Tensor) -> Tensor:
    """The cosine of an angle in radians."""
    return apply(Cos(), as_float("cos", input))


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
