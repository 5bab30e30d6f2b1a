"""Matrix products: vectors, batches that broadcast, empty and size-1 dimensions, odd layouts."""

from ..case import case, normal


def _product(m, a, b):  # type: ignore[no-untyped-def]
    return m.matmul(a, b)


CASES = [
    case("dot", "vectors", lambda m, a, b: m.dot(a, b), normal(3), normal(3)),
    case("outer", "vectors", lambda m, a, b: m.outer(a, b), normal(3), normal(2)),
    case("MatMul", "matrices", _product, normal(2, 3), normal(3, 2)),
    case("MatMul", "operator", lambda m, a, b: a @ b, normal(3, 1), normal(1, 2)),
    case("MatMul", "vector and vector", _product, normal(3), normal(3)),
    case("MatMul", "matrix and vector", _product, normal(2, 3), normal(3)),
    case("MatMul", "vector and matrix", _product, normal(3), normal(3, 2)),
    case("MatMul", "vector and batch", _product, normal(3), normal(2, 3, 2)),
    case("MatMul", "batch and vector", _product, normal(2, 2, 3), normal(3)),
    case("MatMul", "batches", lambda m, a, b: m.bmm(a, b), normal(2, 2, 3), normal(2, 3, 2)),
    case("MatMul", "batches broadcast", _product, normal(2, 1, 2, 3), normal(3, 3, 1)),
    case("MatMul", "matrix and batch", _product, normal(2, 3), normal(2, 3, 2)),
    case("MatMul", "nothing summed", _product, normal(2, 0), normal(0, 3)),
    case("MatMul", "no rows", _product, normal(0, 2), normal(2, 3)),
    case(
        "MatMul", "transposed and strided", _product, normal(2, 3, layout="transposed"), normal(3, 2, layout="strided")
    ),
    case("MatMul", "Gram matrix", lambda m, x: m.mm(x, x.t()), normal(2, 3)),
    case("MatMul", "Gram matrices", lambda m, x: x @ x.transpose(1, 2), normal(2, 3, 2)),
    case("MatMul", "Gram matrix, symmetric gradient", lambda m, x: ((x @ x.t()) ** 2).sum(), normal(3, 2)),
    case("Gram", "matrix", lambda m, x: m.nn.functional.gram(x), normal(2, 3)),
    case("Gram", "batches", lambda m, x: m.nn.functional.gram(x), normal(2, 1, 3, 2)),
    case("Gram", "channels last", lambda m, x: m.nn.functional.gram(x), normal(3, 2, layout="transposed")),
    case("Gram", "nothing summed", lambda m, x: m.nn.functional.gram(x), normal(2, 0)),
    case(
        "Linear", "with bias", lambda m, x, w, b: m.nn.functional.linear(x, w, b), normal(3, 2), normal(4, 2), normal(4)
    ),
    case("Linear", "without bias", lambda m, x, w: m.nn.functional.linear(x, w), normal(3, 2), normal(1, 2)),
    case("Linear", "vector", lambda m, x, w, b: m.nn.functional.linear(x, w, b), normal(2), normal(3, 2), normal(3)),
    case(
        "Linear",
        "leading axes",
        lambda m, x, w, b: m.nn.functional.linear(x, w, b),
        normal(2, 2, 2),
        normal(3, 2),
        normal(3),
    ),
    case(
        "Linear",
        "empty batch",
        lambda m, x, w, b: m.nn.functional.linear(x, w, b),
        normal(0, 2),
        normal(3, 2),
        normal(3),
    ),
    case(
        "Linear",
        "transposed",
        lambda m, x, w: m.nn.functional.linear(x, w),
        normal(3, 2, layout="transposed"),
        normal(4, 2, layout="reversed"),
    ),
]
