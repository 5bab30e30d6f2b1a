"""Elementwise arithmetic: operands of equal and of broadcast shapes, numbers, empty tensors, odd layouts."""

from typing import Any

import numpy as np

from ..case import Case, Input, case, constant, distinct, nonzero, normal, positive

ONES = Input(lambda _, shape: np.ones(shape), (3,))
MASK = [[True, False, True], [False, False, True]]


def _binary(op: str, function: Any, left: Any, right: Any) -> list[Case]:
    """The shapes that every operation of two operands meets."""
    return [
        case(op, "equal shapes", function, left(2, 3), right(2, 3)),
        case(op, "both broadcast", function, left(3, 1, 2), right(2, 1)),
        case(op, "scalar tensor left", function, left(), right(2, 3)),
        case(op, "scalar tensor right", function, left(2, 3), right()),
        case(op, "size 1 meets empty", function, left(1, 3), right(0, 3)),
        case(op, "strided and transposed", function, left(2, 3, layout="strided"), right(2, 3, layout="transposed")),
        case(op, "a tensor with itself", lambda m, x: function(m, x, x) * x, nonzero(2, 3))
        if op != "Maximum"
        else case(op, "limited above", lambda m, x: m.minimum(x, x * 0.5 + 0.1), distinct(2, 3)),
    ]


def _unary(op: str, function: Any, draw: Any) -> list[Case]:
    """The shapes that every operation of one operand meets."""
    return [
        case(op, "matrix", function, draw(2, 3)),
        case(op, "scalar", function, draw()),
        case(op, "empty", function, draw(0, 3)),
        case(op, "transposed", function, draw(3, 2, layout="transposed")),
        case(op, "reversed", function, draw(4, layout="reversed")),
    ]


CASES = [
    *_binary("Add", lambda m, a, b: a + b, normal, normal),
    case("Add", "number", lambda m, a: (a + 2.5) * (1.5 + a), normal(2, 3)),
    case("Add", "alpha", lambda m, a, b: m.add(a, b, alpha=0.3), normal(2, 3), normal(3)),
    *_binary("Subtract", lambda m, a, b: a - b, normal, normal),
    case("Subtract", "number", lambda m, a: (a - 2.5) * (1.5 - a), normal(2, 3)),
    *_binary("Multiply", lambda m, a, b: a * b, normal, normal),
    case("Multiply", "number", lambda m, a: (a * 2.5) * (-1.5 * a), normal(2, 3)),
    case("Multiply", "square as a power", lambda m, a: a**2, normal(2, 3)),
    *_binary("Divide", lambda m, a, b: a / b, normal, nonzero),
    case("Divide", "number", lambda m, a: (a / 2.5) + (-1.5 / a), nonzero(2, 3)),
    *_unary("Negate", lambda m, x: -x, normal),
    *_binary("Power", lambda m, a, b: m.pow(a * a + 0.5, b), nonzero, normal),
    case("Power", "cube, both signs", lambda m, x: x**3, normal(2, 3)),
    case("Power", "root", lambda m, x: x**0.5, positive(2, 3)),
    case("Power", "negative exponent", lambda m, x: x**-1.5, positive(2, 3)),
    case("Power", "exponents 0 and 1", lambda m, x: x**0 + x**1, normal(2, 3)),
    case(
        "Power",
        "base 1, whole exponents",
        lambda m, a, b: m.pow(a, b),
        ONES,
        Input(lambda *_: np.arange(1.0, 4.0), (3,)),
    ),
    case("Power", "number as base", lambda m, x: 2.5**x, normal(2, 3)),
    case("Power", "number below 1 as base", lambda m, x: 0.3**x, normal(2, 3)),
    *_unary("Exp", lambda m, x: m.exp(x), normal),
    *_unary("Log", lambda m, x: m.log(x), positive),
    *_unary("Log1p", lambda m, x: m.log1p(x), positive),
    case("Log1p", "near zero", lambda m, x: m.log1p(x * 1e-3), normal(5)),
    *_unary("Sqrt", lambda m, x: m.sqrt(x), positive),
    *_unary("Abs", lambda m, x: m.abs(x), nonzero),
    *_unary("Sign", lambda m, x: m.sign(x) * x * x, nonzero),
    *_unary("Clamp", lambda m, x: m.clamp(x, min=-0.11, max=0.13), nonzero),
    case("Clamp", "below only", lambda m, x: m.clamp(x, min=0.1) * x, nonzero(2, 3)),
    case("Clamp", "above only", lambda m, x: m.clamp(x, max=0.1) * x, nonzero(2, 3)),
    *_binary("Maximum", lambda m, a, b: m.maximum(a, b + 0.01), distinct, distinct),
    case("Maximum", "minimum, broadcast", lambda m, a, b: m.minimum(a, b + 0.01), distinct(3, 2), distinct(2)),
    case("Where", "equal shapes", lambda m, c, a, b: m.where(c, a * a, b), constant(MASK), normal(2, 3), normal(2, 3)),
    case("Where", "all broadcast", lambda m, c, a, b: m.where(c, a, b), constant(MASK), normal(2, 1), normal(4, 1, 3)),
    case("Where", "a number below", lambda m, c, a: m.where(c, a, 0.5), constant(MASK), normal(3)),
    case("Where", "a number above", lambda m, c, a: m.where(c, 0.5, a) * a, constant(MASK), normal(2, 3)),
    *_unary("Clone", lambda m, x: x.clone() * x, normal),
]
