"""Steps, whose derivative is 0 between their jumps, and divisions with a remainder."""

from ..case import case, constant, nonzero, normal, positive

OFF = [[-1.7, -0.4, 0.3], [0.6, 1.2, 2.7]]  # away from the jumps of every kind of rounding

CASES = [
    case("Round", "floor", lambda m, x, c: m.floor(x * 0.01 + c) * x, normal(2, 3), constant(OFF)),
    case("Round", "ceil", lambda m, x, c: m.ceil(x * 0.01 + c) * x, normal(2, 3), constant(OFF)),
    case("Round", "trunc", lambda m, x, c: m.trunc(x * 0.01 + c) * x, normal(2, 3), constant(OFF)),
    case("Round", "to the nearest", lambda m, x, c: m.round(x * 0.01 + c) * x, normal(2, 3), constant(OFF)),
    case("Round", "alone", lambda m, x: m.round(x * 0.1 + 0.2), nonzero(3)),
    case("round", "decimals", lambda m, x: m.round(x * 0.001 + 0.26, decimals=1) * x, normal(3)),
    case("FloorDivide", "both", lambda m, a, b: m.div(a * 0.01 + 5.5, b * 0.01 + 2.0, rounding_mode="floor") * a,
         normal(2, 3), positive(3)),
    case("FloorDivide", "by a number", lambda m, a: m.div(a * 0.01 + 5.5, -2.0, rounding_mode="floor") * a, normal(3)),
    case("floor_divide", "by a number", lambda m, a: m.floor_divide(a * 0.01 + 5.5, 2.0) * a, normal(3)),
    case("div", "toward 0", lambda m, a, b: m.div(a * 0.01 - 5.5, b * 0.01 + 2.0, rounding_mode="trunc") * a,
         normal(2, 3), positive(3)),
    case("Remainder", "both", lambda m, a, b: m.remainder(a * 0.01 - 5.5, b * 0.01 + 2.0), normal(2, 3), positive(3)),
    case("Remainder", "operator", lambda m, a: (a * 0.01 + 5.5) % 2.0 * a, normal(3)),
]  # fmt: skip
