"""Sorted values: the gradient goes back to where each came from."""

from ..case import case, distinct

CASES = [
    case("sort", "last axis", lambda m, x: m.sort(x)[0] ** 2, distinct(2, 3)),
    case("sort", "first axis, descending", lambda m, x: x.sort(0, True)[0] * x, distinct(3, 2)),
    case("topk", "largest", lambda m, x: m.topk(x, 2)[0] ** 2, distinct(2, 4)),
    case("topk", "smallest, first axis", lambda m, x: m.topk(x, 2, 0, False)[0], distinct(4, 2)),
]
