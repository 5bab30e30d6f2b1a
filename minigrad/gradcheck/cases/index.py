"""Reading and writing parts: slices with steps, negative ones, index arrays with repeats, masks, mixtures."""

from typing import Any

from ..case import case, constant, normal

MASK = [[True, False, True], [False, False, True]]


def _written(m: Any, x: Any, index: Any, value: Any) -> Any:
    """A copy of x with a value written into it."""
    y = x * 1.0
    y[index] = value
    return y


def _filled(m: Any, x: Any, value: Any, method: str) -> Any:
    """A copy of x whose first row `copy_` or `fill_` has written."""
    y = x * 1.0
    getattr(y[0], method)(value)
    return y


CASES = [
    case("copy_", "a row, broadcast", lambda m, x, v: _filled(m, x, v, "copy_"), normal(3, 2), normal(1)),
    case("fill_", "a row", lambda m, x, v: _filled(m, x, v, "fill_"), normal(3, 2), normal()),
    case("Index", "int", lambda m, x: x[1], normal(3, 2)),
    case("Index", "negative int, to a scalar", lambda m, x: x[-1, 0], normal(3, 2)),
    case("Index", "slices with steps", lambda m, x: x[::2, 1:], normal(4, 3)),
    case("Index", "new axes and dots", lambda m, x: x[..., None, 1], normal(2, 2, 3)),
    case("Index", "empty slice", lambda m, x: x[2:2], normal(3, 2)),
    case("Index", "repeated rows", lambda m, x, k: x[k], normal(3, 2), constant([0, 2, 0, -1])),
    case("Index", "pairs", lambda m, x, i, j: x[i, j], normal(3, 2), constant([0, 2, 0]), constant([1, 1, 1])),
    case("Index", "columns by an array", lambda m, x, k: x[:, k], normal(2, 3), constant([[2, 0], [2, 2]])),
    case("Index", "array, slice, array", lambda m, x, k: x[k, :, k], normal(2, 3, 2), constant([0, 1, 0])),
    case("Index", "mask", lambda m, x, c: x[c], normal(2, 3), constant(MASK)),
    case(
        "Index", "mask of rows", lambda m, x, c: x[c], normal(3, 2, layout="transposed"), constant([True, False, True])
    ),
    case("Index", "gather", lambda m, x, k: m.gather(x, 1, k), normal(2, 3), constant([[2, 0, 2, 1], [1, 1, 1, 0]])),
    case("Index", "gather fewer rows", lambda m, x, k: x.gather(0, k), normal(3, 3), constant([[2, 0], [2, 1]])),
    case("Index", "an int beside an array", lambda m, x, k: x[0, :, k], normal(2, 3, 3), constant([2, 0])),
    case("gather", "scalar", lambda m, x, k: m.gather(x, 0, k) * x, normal(), constant(0)),
    case("index_select", "columns", lambda m, x, k: m.index_select(x, 1, k), normal(2, 3), constant([2, 0, 2])),
    case("masked_select", "broadcast", lambda m, x, c: m.masked_select(x, c), normal(2, 3), constant(MASK[0])),
    case("masked_fill", "a number", lambda m, x, c: m.masked_fill(x, c, 0.5), normal(2, 3), constant(MASK)),
    case("masked_fill", "a tensor", lambda m, x, v, c: x.masked_fill(c, v), normal(2, 3), normal(), constant(MASK)),
    case("scatter", "a number", lambda m, x, k: m.scatter(x, 1, k, 0.5), normal(2, 3), constant([[2], [0]])),
    case(
        "scatter", "fewer rows", lambda m, x, v, k: x.scatter(0, k, v), normal(3, 2), normal(1, 2), constant([[2, 0]])
    ),
    case(
        "scatter_add",
        "repeats",
        lambda m, x, v, k: m.scatter_add(x, 1, k, v),
        normal(2, 3),
        normal(2, 4),
        constant([[2, 0, 2, 2], [1, 1, 0, 1]]),
    ),
    case(
        "SetItem",
        "an int beside an array",
        lambda m, x, v, k: _written(m, x, (0, slice(None), k), v),
        normal(2, 3, 3),
        normal(3, 2),
        constant([2, 0]),
    ),
    case("IndexAdd", "slice", lambda m, x: m.adjoint.index_add(x, (slice(None), slice(0, 4, 2)), (2, 5)), normal(2, 2)),
    case(
        "IndexAdd", "repeats", lambda m, x, k: m.adjoint.index_add(x, k, (3, 2)), normal(4, 2), constant([0, 2, 0, 0])
    ),
    case("IndexAdd", "nothing", lambda m, x, k: m.adjoint.index_add(x, k, (3,)), normal(0), constant([False] * 3)),
    case("SetItem", "a row", lambda m, x, v: _written(m, x, 1, v * v), normal(3, 2), normal(2)),
    case(
        "SetItem",
        "broadcast into a block",
        lambda m, x, v: _written(m, x, (slice(1, 3),), v),
        normal(3, 2),
        normal(1, 1),
    ),
    case("SetItem", "a number under a mask", lambda m, x, c: _written(m, x, c, 0.5), normal(2, 3), constant(MASK)),
    case(
        "SetItem", "index array", lambda m, x, v, k: _written(m, x, k, v), normal(4, 2), normal(2, 2), constant([3, 1])
    ),
    case("SetItem", "a row with an axis too many", lambda m, x, v: _written(m, x, 1, v), normal(3, 2), normal(1, 2)),
    case("SetItem", "a scalar tensor", lambda m, x, v: _written(m, x, (0, 0), v), normal(2, 2), normal()),
    case("SetItem", "from itself", lambda m, x: _written(m, x, (slice(0, 2),), x[1:3]), normal(3, 2)),
]
