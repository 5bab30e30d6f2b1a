"""Sines, powers and interpolation between two tensors."""

from ..case import case, constant, nonzero, normal, positive

CASES = [
    case("Sin", "plain", lambda m, x: m.sin(x), normal(2, 3)),
    case("Sin", "transposed", lambda m, x: x.sin() * x, normal(3, 2, layout="transposed")),
    case("Cos", "plain", lambda m, x: m.cos(x), normal(2, 3)),
    case("Cos", "scalar", lambda m, x: x.cos() ** 2, normal()),
    case("Log2", "plain", lambda m, x: m.log2(x), positive(2, 3)),
    case("Log10", "plain", lambda m, x: m.log10(x), positive(2, 3)),
    case("Tan", "plain", lambda m, x: m.tan(x * 0.3), normal(2, 3)),
    case("square", "plain", lambda m, x: m.square(x), normal(2, 3)),
    case("rsqrt", "plain", lambda m, x: m.rsqrt(x), positive(2, 3)),
    case("reciprocal", "plain", lambda m, x: m.reciprocal(x), nonzero(2, 3)),
    case("clip", "both limits", lambda m, x: m.clip(x, -1.0, 1.1), nonzero(2, 3)),
    case("clamp", "limits that are tensors", lambda m, x, a, b: m.clamp(x, a, b),
         constant([[-2.0, 0.1, 0.5]] * 2), normal(1, 3), positive(2, 1)),
    case("lerp", "a number", lambda m, a, b: m.lerp(a, b, 0.75), normal(2, 3), normal(3)),
    case("lerp", "a tensor", lambda m, a, b, w: m.lerp(a, b, w), normal(2, 3), normal(2, 3), nonzero(3)),
]  # fmt: skip
