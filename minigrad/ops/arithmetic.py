"""Elementwise arithmetic: each operation with its derivative beside it.

Operands broadcast as in NumPy; one of the two may be a Python number. The gradient of a broadcast operand is
summed over the axes along which it was repeated (`sum_to`), since each repeat contributes to the loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .common import BOOL, FLOAT32, as_float, cast, check_broadcast, operands, require_tensor, sum_to


def _shapes(a: Any, b: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return getattr(a, "shape", ()), getattr(b, "shape", ())


class Add(Op):
    """y = a + b; da = dy, db = dy."""

    def forward(self, a: Array, b: Array) -> Array:
        self.shapes = _shapes(a, b)
        if self.shapes[0] == self.shapes[1] != ():
            return kernels_of(a).add(a, b)
        return a + b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return tuple([sum_to(grad, s) if need else None for s, need in zip(self.shapes, self.needs)])


class Subtract(Op):
    """y = a - b; da = dy, db = -dy."""

    def forward(self, a: Array, b: Array) -> Array:
        self.shapes = _shapes(a, b)
        return a - b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (
            sum_to(grad, self.shapes[0]) if self.needs[0] else None,
            neg(sum_to(grad, self.shapes[1])) if self.needs[1] else None,
        )


class Multiply(Op):
    """y = a b; da = dy b, db = dy a."""

    def forward(self, a: Array, b: Array) -> Array:
        self.shapes = _shapes(a, b)
        self.save(a if self.needs[1] else None, b if self.needs[0] else None)
        return a * b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.saved
        return (
            sum_to(grad * b, self.shapes[0]) if self.needs[0] else None,
            sum_to(grad * a, self.shapes[1]) if self.needs[1] else None,
        )


class Divide(Op):
    """y = a / b; da = dy / b, db = -dy a / b^2."""

    def forward(self, a: Array, b: Array) -> Array:
        self.shapes = _shapes(a, b)
        self.save(a if self.needs[1] else None, b)
        with np.errstate(divide="ignore", invalid="ignore"):
            return a / b

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.saved
        return (
            sum_to(grad / b, self.shapes[0]) if self.needs[0] else None,
            sum_to(neg(grad * a / (b * b)), self.shapes[1]) if self.needs[1] else None,
        )


class Negate(Op):
    """y = -x; dx = -dy."""

    def forward(self, x: Array) -> Array:
        return -x

    def backward(self, grad: Tensor) -> Tensor:
        return neg(grad)


class Power(Op):
    """y = a^b; da = dy b a^(b-1), db = dy y log(a), the latter 0 where a = 0."""

    def forward(self, a: Array, b: Array) -> Array:
        self.shapes = _shapes(a, b)
        with np.errstate(divide="ignore", invalid="ignore"):
            y = a**b
        self.save(a, b, y if self.needs[1] else None)
        return y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b, y = self.saved
        grad_a = grad_b = None
        if self.needs[0]:
            grad_a = grad * 0.0 if isinstance(b, (int, float)) and b == 0 else grad * (pow(a, b - 1) * b)
            grad_a = sum_to(grad_a, self.shapes[0])
        if self.needs[1]:
            logarithm = log(where(a > 0, a, 1.0)) if isinstance(a, Tensor) else float(np.log(a)) if a > 0 else 0.0
            grad_b = sum_to(grad * y * logarithm, self.shapes[1])
        return grad_a, grad_b


class Exp(Op):
    """y = e^x; dx = dy y."""

    def forward(self, x: Array) -> Array:
        with np.errstate(over="ignore"):
            y = xp_of(x).exp(x)
        self.save(y)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (y,) = self.saved
        return grad * y


class Log(Op):
    """y = log x; dx = dy / x."""

    def forward(self, x: Array) -> Array:
        self.save(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            return xp_of(x).log(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        return grad / x


class Log1p(Op):
    """y = log(1 + x), exact for small x; dx = dy / (1 + x)."""

    def forward(self, x: Array) -> Array:
        self.save(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            return xp_of(x).log1p(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        return grad / (x + 1.0)


class Sqrt(Op):
    """y = sqrt x; dx = dy / (2 y)."""

    def forward(self, x: Array) -> Array:
        with np.errstate(invalid="ignore"):
            y = xp_of(x).sqrt(x)
        self.save(y)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (y,) = self.saved
        return grad / (y * 2.0)


class Abs(Op):
    """y = |x|; dx = dy sign(x), which is 0 at 0."""

    def forward(self, x: Array) -> Array:
        self.save(x)
        return xp_of(x).abs(x)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        return grad * sign(x)


class Sign(Op):
    """y = -1, 0 or 1 by the sign of x; dx = 0."""

    def forward(self, x: Array) -> Array:
        return xp_of(x).sign(x)

    def backward(self, grad: Tensor) -> Tensor:
        return grad * 0.0


class Clamp(Op):
    """y = x limited to [low, high]; dx = dy where low <= x <= high, else 0."""

    def __init__(self, low: float | None, high: float | None) -> None:
        self.low, self.high = low, high

    def forward(self, x: Array) -> Array:
        if self.needs[0]:
            inside = xp_of(x).ones(x.shape, dtype=bool)
            if self.low is not None:
                inside &= x >= self.low
            if self.high is not None:
                inside &= x <= self.high
            self.save(inside)
        return xp_of(x).clip(x, self.low, self.high)

    def backward(self, grad: Tensor) -> Tensor:
        (inside,) = self.saved
        return grad * inside


class Maximum(Op):
    """y = max(a, b); the gradient goes to the larger operand, half to each where they are equal."""

    def forward(self, a: Array, b: Array) -> Array:
        self.shapes = _shapes(a, b)
        if True in self.needs:
            self.save(((a > b) + 0.5 * (a == b)).astype(a.dtype))  # 1 where a wins, 1/2 at a tie, 0 where b wins
        return xp_of(a).maximum(a, b)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        (share,) = self.saved
        return (
            sum_to(grad * share, self.shapes[0]) if self.needs[0] else None,
            sum_to(grad * (1.0 - share), self.shapes[1]) if self.needs[1] else None,
        )


class Where(Op):
    """y = a where the condition holds, else b; each gets dy where it was chosen, 0 elsewhere."""

    def forward(self, condition: Array, a: Array, b: Array) -> Array:
        self.shapes = _shapes(a, b)
        self.save(condition)
        return xp_of(condition).where(condition, a, b)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        (chosen,) = self.saved
        return (
            None,
            sum_to(where(chosen, grad, 0.0), self.shapes[0]) if self.needs[1] else None,
            sum_to(where(chosen, 0.0, grad), self.shapes[1]) if self.needs[2] else None,
        )


class Clone(Op):
    """y = a copy of x; dx = dy."""

    def forward(self, x: Array) -> Array:
        return x.copy(order="K")

    def backward(self, grad: Tensor) -> Tensor:
        return grad


# -------------------------------------------------------------------------------- the functions


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other."""
    return apply(Add(), *operands("add", input, other if alpha == 1 else other * alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other."""
    return apply(Subtract(), *operands("sub", input, other if alpha == 1 else other * alpha))


def mul(input: Any, other: Any) -> Tensor:
    """input * other."""
    return apply(Multiply(), *operands("mul", input, other))


def div(input: Any, other: Any) -> Tensor:
    """input / other, true division: integers give float32."""
    a, b = operands("div", input, other)
    if getattr(a, "dtype", FLOAT32).kind != "f" or getattr(b, "dtype", FLOAT32).kind != "f":
        a, b = (cast(v, FLOAT32) if isinstance(v, Tensor) else float(v) for v in (a, b))
    if not isinstance(b, Tensor) and b == 0:
        b = Tensor(xp_of(a.array).zeros((), dtype=a.dtype))  # IEEE division, where Python's would raise
    return apply(Divide(), a, b)


def neg(input: Tensor) -> Tensor:
    """-input."""
    return apply(Negate(), require_tensor("neg", "input", input))


def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent; either may be a number. The gradient by the exponent is 0 where the base is 0."""
    a, b = operands("pow", input, exponent)
    if a is input and type(b) in (int, float) and b == 2:
        return apply(Multiply(), a, a)
    return apply(Power(), a, b)


def exp(input: Tensor) -> Tensor:
    """e ** input."""
    return apply(Exp(), as_float("exp", input))


def log(input: Tensor) -> Tensor:
    """The natural logarithm; -inf at 0, nan below."""
    return apply(Log(), as_float("log", input))


def log1p(input: Tensor) -> Tensor:
    """log(1 + input), exact for small inputs."""
    return apply(Log1p(), as_float("log1p", input))


def sqrt(input: Tensor) -> Tensor:
    """The square root; nan below 0."""
    return apply(Sqrt(), as_float("sqrt", input))


def abs(input: Tensor) -> Tensor:
    """|input|; its derivative at 0 is taken as 0."""
    return apply(Abs(), require_tensor("abs", "input", input))


def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; the gradient is 0."""
    return apply(Sign(), require_tensor("sign", "input", input))


def clamp(input: Tensor, min: float | None = None, max: float | None = None) -> Tensor:
    """input limited to [min, max]. Errors: ValueError if both limits are None."""
    require_tensor("clamp", "input", input)
    if min is None and max is None:
        raise ValueError("clamp: at least one of min and max must be given")
    for name, limit in (("min", min), ("max", max)):
        if limit is not None and not isinstance(limit, (int, float, np.number)):
            raise TypeError(f"clamp: {name} must be a number, got {type(limit).__name__}; use maximum and minimum")
    if input.array.dtype.kind != "f" and (isinstance(min, float) or isinstance(max, float)):
        input = cast(input, FLOAT32)
    return apply(Clamp(min, max), input)


def maximum(input: Tensor, other: Any) -> Tensor:
    """The larger of the two, elementwise; at a tie each gets half the gradient."""
    a, b = operands("maximum", input, other)
    return apply(Maximum(), a, b) if isinstance(a, Tensor) else apply(Maximum(), b, a)


def minimum(input: Tensor, other: Any) -> Tensor:
    """The smaller of the two, elementwise; at a tie each gets half the gradient."""
    a, b = operands("minimum", input, other)
    if (a if isinstance(a, Tensor) else b).array.dtype.kind == "f":
        return neg(maximum(-a, -b))
    x, y = (v.array if isinstance(v, Tensor) else v for v in (a, b))  # -x would leave the range of bool and uint8
    return Tensor(xp_of(x if isinstance(a, Tensor) else y).minimum(x, y))


def where(condition: Tensor, input: Any, other: Any) -> Tensor:
    """input where the condition (a bool Tensor) holds, other elsewhere."""
    require_tensor("where", "condition", condition)
    if condition.dtype != BOOL:
        raise TypeError(f"where: condition must be a bool Tensor, got {condition.dtype}")
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        dtype = FLOAT32 if isinstance(input, float) or isinstance(other, float) else None
        input = Tensor(xp_of(condition.array).asarray(input, dtype=dtype))
    a, b = operands("where", input, other)
    for side in (a, b):
        if isinstance(side, Tensor) and side.array.shape != condition.array.shape:
            check_broadcast("where", condition.array.shape, side.array.shape)
    return apply(Where(), condition, a, b)


def clone(input: Tensor) -> Tensor:
    """A copy that passes gradients through."""
    return apply(Clone(), require_tensor("clone", "input", input))


# ---------------------------------------------------------- results without a gradient, as bools


def compare(function: str, a: Any, b: Any) -> Tensor:
    """The elementwise comparison named `function` (less, equal, ...) as a bool Tensor."""
    if a is None or b is None:
        return Tensor(xp_of((a if b is None else b).array).asarray(function == "not_equal"))
    a, b = operands(function, a, b)
    array, other = (v.array if isinstance(v, Tensor) else v for v in (a, b))
    xp = xp_of(array if isinstance(a, Tensor) else other)
    return Tensor(xp.asarray(getattr(xp, function)(array, other)))


def logical(function: str, a: Tensor, b: Any = None) -> Tensor:
    """The elementwise or reducing bool function named `function` (invert, bitwise_and, any, ...).

    Errors: TypeError for floats in a function of bits.
    """
    xp = xp_of(a.array)
    arguments = [a.array] if b is None else [a.array, b.array if isinstance(b, Tensor) else b]
    for x in arguments if function not in ("all", "any") else []:
        dtype = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
        if dtype.kind not in "biu":
            raise TypeError(f"{function}: bools or integers are needed, got {dtype}; compare first, as in (x > 0)")
    return Tensor(xp.asarray(getattr(xp, function)(*arguments)))
