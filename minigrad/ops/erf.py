"""The error function, which NumPy lacks: rational approximations, exact to the last few bits of float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply
from ..devices import Array, xp_of
from .arithmetic import exp
from .common import as_float
from .public import public

# Coefficients of numerator and denominator, highest power first. (Cody 1969, "Rational Chebyshev approximations for
# the error function", tables I to III.)
_SMALL = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE = (
    (
        2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
        2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
        3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
    ),
)  # fmt: skip
_LARGE = (
    (
        1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
        1.60837851487422766e-2, 6.58749161529837803e-4,
    ),
    (
        1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)  # fmt: skip


def _ratio(coefficients: Any, x: Array) -> Array:
    numerator, denominator = (0 * x + row[0] for row in coefficients)
    for a, b in zip(*(row[1:] for row in coefficients)):
        numerator, denominator = numerator * x + a, denominator * x + b
    return numerator / denominator


class Erf(Op):
    """y = 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x; dx = dy 2 / sqrt(pi) exp(-x^2)."""

    def forward(self, x: Array) -> Array:
        self.save(x)
        xp = xp_of(x)
        size = abs(x)
        middle, large = xp.clip(size, 0.46875, 4.0), xp.maximum(xp.minimum(size, 8.0), 4.0)
        near = size * _ratio(_SMALL, xp.minimum(size, 0.5) ** 2)
        tail = xp.exp(-middle * middle) * _ratio(_MIDDLE, middle)
        inverse = 1 / (large * large)
        far = xp.exp(-large * large) / large * (1 / math.sqrt(math.pi) - inverse * _ratio(_LARGE, inverse))
        y = xp.where(size <= 0.46875, near, 1 - xp.where(size <= 4, tail, far))
        return xp.where(xp.isnan(x), np.nan, xp.copysign(y, x)).astype(x.dtype, copy=False)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        return grad * exp(-(x * x)) * (2 / math.sqrt(math.pi))


@public("minigrad", "Tensor", "in-place")
def erf(input: Tensor) -> Tensor:
    """The error function."""
    return apply(Erf(), as_float("erf", input))
