"""Repeats, shifts, slices, triangles and grids."""

from typing import Any

from ..case import case, normal


def _grid(m: Any, x: Any, y: Any, indexing: str) -> Any:
    rows, columns = m.meshgrid(x, y, indexing=indexing)
    return rows * columns * columns


CASES = [
    case("repeat", "axes and a new one", lambda m, x: x.repeat(2, 1, 3), normal(2, 2)),
    case("repeat", "once", lambda m, x: x.repeat(1, 1) * x, normal(2, 2)),
    case("repeat", "scalar", lambda m, x: x.repeat(3), normal()),
    case("repeat", "no times", lambda m, x: x.repeat(0, 2), normal(2, 2)),
    case("roll", "one axis", lambda m, x: m.roll(x, 1, 1), normal(2, 3)),
    case("roll", "two axes, back", lambda m, x: m.roll(x, (-1, 4), (0, 1)) * x, normal(3, 3)),
    case("roll", "as one row", lambda m, x: m.roll(x, 2), normal(2, 3, layout="transposed")),
    case("unbind", "products of columns", lambda m, x: m.unbind(x, 1)[0] * m.unbind(x, 1)[2], normal(2, 3)),
    case("tril", "below the diagonal", lambda m, x: m.tril(x, -1), normal(3, 3)),
    case("tril", "a batch", lambda m, x: m.tril(x), normal(2, 2, 3)),
    case("triu", "above the diagonal", lambda m, x: m.triu(x, 1), normal(3, 4)),
    case("meshgrid", "rows first", lambda m, x, y: _grid(m, x, y, "ij"), normal(2), normal(3)),
    case("meshgrid", "columns first", lambda m, x, y: _grid(m, x, y, "xy"), normal(2), normal(3)),
]
