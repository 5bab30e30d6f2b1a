"""Hyper-dual numbers: v + a e1 + b e2 + c e1 e2 with e1^2 = e2^2 = 0.

Evaluate f at x + e1 + e2 and read off f(x), f'(x), f'(x), f''(x); with several inputs moved along directions
p (by e1) and q (by e2), the parts are f, p . grad f, q . grad f and p^T (Hessian of f) q. No step, no rounding
beyond the arithmetic itself. Source: Fike and Alonso, "The Development of Hyper-Dual Numbers for Exact
Second-Derivative Calculations", AIAA 2011-886.
"""

from __future__ import annotations

import math
from typing import Any


class HyperDual:
    """v: the value; a, b: the first derivatives along two directions; c: the mixed second derivative."""

    __slots__ = ("v", "a", "b", "c")

    def __init__(self, v: float, a: float = 0.0, b: float = 0.0, c: float = 0.0) -> None:
        self.v, self.a, self.b, self.c = v, a, b, c

    def chain(self, value: float, first: float, second: float) -> HyperDual:
        """f(self) for a function with these derivatives at v (the chain rule, twice)."""
        return HyperDual(value, first * self.a, first * self.b, first * self.c + second * self.a * self.b)

    def __add__(self, other: Any) -> HyperDual:
        if not isinstance(other, HyperDual):
            return HyperDual(self.v + other, self.a, self.b, self.c)
        return HyperDual(self.v + other.v, self.a + other.a, self.b + other.b, self.c + other.c)

    def __mul__(self, other: Any) -> HyperDual:
        if not isinstance(other, HyperDual):
            return HyperDual(self.v * other, self.a * other, self.b * other, self.c * other)
        return HyperDual(
            self.v * other.v,
            self.v * other.a + self.a * other.v,
            self.v * other.b + self.b * other.v,
            self.v * other.c + self.a * other.b + self.b * other.a + self.c * other.v,
        )

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> HyperDual:
        return self * -1.0

    def __sub__(self, other: Any) -> HyperDual:
        return self + -other

    def __rsub__(self, other: Any) -> HyperDual:
        return -self + other

    def __truediv__(self, other: Any) -> HyperDual:
        return self * (other.reciprocal() if isinstance(other, HyperDual) else 1.0 / other)

    def __rtruediv__(self, other: float) -> HyperDual:
        return self.reciprocal() * other

    def __pow__(self, power: Any) -> HyperDual:
        if isinstance(power, HyperDual):
            return (power * self.log()).exp()
        first = power * self.v ** (power - 1) if power else 0.0
        second = power * (power - 1) * self.v ** (power - 2) if power not in (0, 1) else 0.0
        return self.chain(self.v**power, first, second)

    def __rpow__(self, base: float) -> HyperDual:
        return (self * math.log(base)).exp()

    def __lt__(self, other: Any) -> bool:
        return self.v < (other.v if isinstance(other, HyperDual) else other)

    def __gt__(self, other: Any) -> bool:
        return self.v > (other.v if isinstance(other, HyperDual) else other)

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __abs__(self) -> HyperDual:
        return self if self.v >= 0 else -self

    def reciprocal(self) -> HyperDual:
        return self.chain(1 / self.v, -1 / self.v**2, 2 / self.v**3)

    def exp(self) -> HyperDual:
        e = math.exp(self.v)
        return self.chain(e, e, e)

    def log(self) -> HyperDual:
        return self.chain(math.log(self.v), 1 / self.v, -1 / self.v**2)

    def log1p(self) -> HyperDual:
        return self.chain(math.log1p(self.v), 1 / (1 + self.v), -1 / (1 + self.v) ** 2)

    def sin(self) -> HyperDual:
        return self.chain(math.sin(self.v), math.cos(self.v), -math.sin(self.v))

    def cos(self) -> HyperDual:
        return self.chain(math.cos(self.v), -math.sin(self.v), -math.cos(self.v))

    def tanh(self) -> HyperDual:
        t = math.tanh(self.v)
        return self.chain(t, 1 - t * t, -2 * t * (1 - t * t))

    def sigmoid(self) -> HyperDual:
        s = 1 / (1 + math.exp(-self.v))
        return self.chain(s, s * (1 - s), s * (1 - s) * (1 - 2 * s))

    def softplus(self) -> HyperDual:
        s = 1 / (1 + math.exp(-self.v))
        value = max(self.v, 0.0) + math.log1p(math.exp(-abs(self.v)))
        return self.chain(value, s, s * (1 - s))


def value_of(x: Any) -> float:
    """The value of a hyper-dual number, or of a plain one."""
    return x.v if isinstance(x, HyperDual) else x
