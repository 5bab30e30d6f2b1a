"""Elementwise arithmetic: each operation with its derivative beside it, then the functions that users call.

How a formula and a derivative become an operation is told in `elementwise.py`. One of two operands may be a number.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor, apply, tensor_of
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .common import BOOL, FLOAT32, INT64, as_float, cast, check_broadcast, operands, require_tensor
from .creation import zeros_like
from .elementwise import Elementwise
from .public import public

LARGE = 4096  # entries from which a kernel's own overhead no longer counts


class Add(Elementwise):
    """y = a + b; da = dy, db = dy."""

    def formula(self, a: Array, b: Array) -> Array:
        if getattr(a, "size", 1) > LARGE and a.shape == getattr(b, "shape", ()):
            return kernels_of(a).add(a, b)
        return a + b

    def da(self, dy: Tensor) -> Tensor:
        return dy

    def db(self, dy: Tensor) -> Tensor:
        return dy


class Subtract(Elementwise):
    """y = a - b; da = dy, db = -dy."""

    arithmetic = True

    def formula(self, a: Array, b: Array) -> Array:
        return a - b

    def da(self, dy: Tensor) -> Tensor:
        return dy

    def db(self, dy: Tensor) -> Tensor:
        return -dy


class Multiply(Elementwise):
    """y = a b; da = dy b, db = dy a."""

    arithmetic = True

    def formula(self, a: Array, b: Array) -> Array:
        return a * b

    def da(self, dy: Tensor, b: Any) -> Tensor:
        return dy * b

    def db(self, dy: Tensor, a: Any) -> Tensor:
        return dy * a


class Divide(Elementwise):
    """y = a / b; da = dy / b, db = -dy a / b^2."""

    quiet = True

    def formula(self, a: Array, b: Array) -> Array:
        return a / b

    def da(self, dy: Tensor, b: Any) -> Tensor:
        return dy / b

    def db(self, dy: Tensor, a: Any, b: Any) -> Tensor:
        return neg(dy * a / (b * b))


class Negate(Elementwise):
    """y = -x; dx = -dy."""

    arithmetic = True

    def formula(self, x: Array) -> Array:
        return -x

    def dx(self, dy: Tensor) -> Tensor:
        return -dy


class Power(Elementwise):
    """y = a^b; da = dy b a^(b-1), which is 0 where b = 0; db = dy y log(a), which is 0 where a = 0 and b >= 0."""

    quiet = True

    def formula(self, a: Array, b: Array) -> Array:
        return a**b

    def da(self, dy: Tensor, a: Any, b: Any) -> Tensor:
        if isinstance(b, (int, float)):
            return dy * (pow(a, b - 1) * b) if b else zeros_like(dy)
        zero = b == 0
        return dy * where(zero, 0.0, b * pow(where(zero, 1.0, a), b - 1))

    def db(self, dy: Tensor, a: Any, b: Any, y: Tensor) -> Tensor:
        if isinstance(a, (int, float)):
            a = tensor_of(xp_of(y.array).asarray(a, dtype=y.dtype))
        flat = (a == 0) & (b >= 0)
        return where(flat, 0.0, dy * y * log(where(flat, 1.0, a)))


class Exp(Elementwise):
    """y = e^x; dx = dy y."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).exp(x)

    def dx(self, dy: Tensor, y: Tensor) -> Tensor:
        return dy * y


class Log(Elementwise):
    """y = log x; dx = dy / x."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).log(x)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return dy / x


class Log1p(Elementwise):
    """y = log(1 + x), exact for small x; dx = dy / (1 + x)."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).log1p(x)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return dy / (x + 1.0)


class Sqrt(Elementwise):
    """y = sqrt x; dx = dy / (2 y)."""

    quiet = True

    def formula(self, x: Array) -> Array:
        return xp_of(x).sqrt(x)

    def dx(self, dy: Tensor, y: Tensor) -> Tensor:
        return dy / (y * 2.0)


class Abs(Elementwise):
    """y = |x|; dx = dy sign(x), which is 0 at 0."""

    def formula(self, x: Array) -> Array:
        return xp_of(x).abs(x)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return dy * sign(x)


class Sign(Elementwise):
    """y = -1, 0 or 1 by the sign of x, 0 for nan; dx = 0."""

    def formula(self, x: Array) -> Array:
        if x.dtype.kind == "b":
            return x.copy()
        return ((x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)) if x.dtype.kind == "f" else xp_of(x).sign(x)

    def dx(self, dy: Tensor) -> Tensor:
        return zeros_like(dy)


class Maximum(Elementwise):
    """y = max(a, b), nan if either is; the larger operand gets dy, each half of it where equal, both where nan."""

    def formula(self, a: Array, b: Array) -> Array:
        return xp_of(a).maximum(a, b)

    def da(self, dy: Tensor, a: Tensor, b: Any) -> Tensor:
        return where(a < b, 0.0, where(a == b, dy * 0.5, dy))

    def db(self, dy: Tensor, a: Tensor, b: Any) -> Tensor:
        return where(a > b, 0.0, where(a == b, dy * 0.5, dy))


class Where(Elementwise):
    """y = a where the condition holds, else b; each gets dy where it was chosen, 0 elsewhere."""

    def formula(self, condition: Array, a: Array, b: Array) -> Array:
        return xp_of(condition).where(condition, a, b)

    def da(self, dy: Tensor, condition: Tensor) -> Tensor:
        return where(condition, dy, 0.0)

    def db(self, dy: Tensor, condition: Tensor) -> Tensor:
        return where(condition, 0.0, dy)


class Clone(Elementwise):
    """y = a copy of x; dx = dy."""

    def formula(self, x: Array) -> Array:
        return x.copy(order="K")

    def dx(self, dy: Tensor) -> Tensor:
        return dy


# -------------------------------------------------------------------------------- the functions


@public("minigrad", "Tensor", "in-place")
def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other."""
    a, b = operands("add", input, other) if alpha == 1 else _scaled("add", input, other, alpha)
    return apply(Add(), a, b)


@public("minigrad", "Tensor", "in-place")
def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other."""
    return apply(Subtract(), *_scaled("sub", input, other, alpha))


def _scaled(operation: str, input: Any, other: Any, alpha: float) -> tuple[Any, Any]:
    """The operands of input + alpha * other, whose dtype alpha does not change. Errors: TypeError for a float alpha of
    integers."""
    a, b = operands(operation, input, other)
    if alpha == 1:
        return a, b
    dtype = (a if isinstance(a, Tensor) else b).array.dtype
    if isinstance(alpha, float) and dtype.kind != "f":
        raise TypeError(f"{operation}: alpha must be an integer for {dtype}, got {alpha}")
    if isinstance(b, Tensor):
        return a, cast(b * alpha, dtype)
    product = b * alpha
    return a, bool(product) if dtype == BOOL else product % 256 if dtype.kind == "u" else product


@public("minigrad", "Tensor", "in-place")
def mul(input: Any, other: Any) -> Tensor:
    """input * other."""
    a, b = operands("mul", input, other)
    return apply(Multiply(), a, b)


def true_divide(input: Any, other: Any) -> Tensor:
    """input / other; integers give float32. With a rounding mode: `div`."""
    a, b = operands("div", input, other)
    if getattr(a, "dtype", FLOAT32).kind != "f" or getattr(b, "dtype", FLOAT32).kind != "f":
        a, b = (cast(v, FLOAT32) if isinstance(v, Tensor) else float(v) for v in (a, b))
    if not isinstance(b, Tensor) and b == 0:
        b = tensor_of(xp_of(a.array).asarray(b, dtype=a.dtype))  # IEEE division, where Python's would raise
    return apply(Divide(), a, b)


@public("minigrad", "Tensor", "in-place")
def neg(input: Tensor) -> Tensor:
    """-input."""
    return apply(Negate(), require_tensor("neg", "input", input))


@public("minigrad", "Tensor", "in-place")
def pow(input: Any, exponent: Any) -> Tensor:
    """input ** exponent; either may be a number. Where the base is 0 the derivative by an exponent >= 0 is 0."""
    a, b = operands("pow", input, exponent)
    if a is input and type(b) in (int, float) and b == 2:
        return apply(Multiply(), a, a)
    if all(x.dtype == BOOL if isinstance(x, Tensor) else isinstance(x, bool) for x in (a, b)):
        a, b = (cast(x, INT64) if isinstance(x, Tensor) else int(x) for x in (a, b))  # which NumPy can raise to powers
        return cast(apply(Power(), a, b), BOOL)
    return apply(Power(), a, b)


@public("minigrad", "Tensor", "in-place")
def exp(input: Tensor) -> Tensor:
    """e ** input."""
    return apply(Exp(), as_float("exp", input))


@public("minigrad", "Tensor", "in-place")
def log(input: Tensor) -> Tensor:
    """The natural logarithm; -inf at 0, nan below."""
    return apply(Log(), as_float("log", input))


@public("minigrad", "Tensor", "in-place")
def log1p(input: Tensor) -> Tensor:
    """log(1 + input), exact for small inputs."""
    return apply(Log1p(), as_float("log1p", input))


@public("minigrad", "Tensor", "in-place")
def sqrt(input: Tensor) -> Tensor:
    """The square root; nan below 0."""
    return apply(Sqrt(), as_float("sqrt", input))


@public("minigrad", "Tensor", "in-place")
def abs(input: Tensor) -> Tensor:
    """|input|; its derivative at 0 is taken as 0. Errors: TypeError for bools."""
    if require_tensor("abs", "input", input).dtype == BOOL:
        raise TypeError("abs: bools have no absolute value; call .int() or .float()")
    return apply(Abs(), input)


@public("minigrad", "Tensor", "in-place")
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; the gradient is 0."""
    return apply(Sign(), require_tensor("sign", "input", input))


@public("minigrad", "Tensor")
def maximum(input: Tensor, other: Any) -> Tensor:
    """The larger of the two, elementwise; at a tie each gets half the gradient."""
    a, b = operands("maximum", input, other)
    return apply(Maximum(), a, b) if isinstance(a, Tensor) else apply(Maximum(), b, a)


@public("minigrad", "Tensor")
def minimum(input: Tensor, other: Any) -> Tensor:
    """The smaller of the two, elementwise; at a tie each gets half the gradient."""
    a, b = operands("minimum", input, other)
    if (a if isinstance(a, Tensor) else b).array.dtype.kind == "f":
        return neg(maximum(-a, -b))
    x, y = (v.array if isinstance(v, Tensor) else v for v in (a, b))  # -x would leave the range of bool and uint8
    xp = xp_of(x if isinstance(a, Tensor) else y)
    return tensor_of(xp.asarray(xp.minimum(x, y)))


@public("minigrad")
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """input where the condition (a bool Tensor) holds, other elsewhere; without both the places where it is not 0, as
    `nonzero(as_tuple=True)` gives them."""
    require_tensor("where", "condition", condition)
    if input is None and other is None:
        places = condition.array.reshape(condition.array.shape or (1,)).nonzero()
        return tuple([tensor_of(along.astype(INT64)) for along in places])
    if condition.dtype != BOOL:
        raise TypeError(f"where: condition must be a bool Tensor, got {condition.dtype}")
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        dtype = FLOAT32 if isinstance(input, float) or isinstance(other, float) else None
        input = tensor_of(xp_of(condition.array).asarray(input, dtype=dtype))
    a, b = operands("where", input, other)
    for side in (a, b):
        if isinstance(side, Tensor) and side.array.shape != condition.array.shape:
            check_broadcast("where", condition.array.shape, side.array.shape)
    return apply(Where(), condition, a, b)


@public("minigrad", "Tensor")
def clone(input: Tensor) -> Tensor:
    """A copy that passes gradients through."""
    return apply(Clone(), require_tensor("clone", "input", input))
