"""Sums of products by letters: contractions, diagonals, batches, dots, several operands."""

from ..case import case, normal

CASES = [
    case("einsum", "matrix product", lambda m, a, b: m.einsum("ij,jk->ik", a, b), normal(2, 3), normal(3, 2)),
    case("einsum", "batches", lambda m, a, b: m.einsum("bij,bkj->kbi", a, b), normal(2, 2, 3), normal(2, 4, 3)),
    case("einsum", "outer product, letters in order", lambda m, a, b: m.einsum("j,i", a, b), normal(2), normal(3)),
    case("einsum", "trace", lambda m, a: m.einsum("ii", a), normal(3, 3)),
    case("einsum", "diagonal", lambda m, a: m.einsum("kii->ik", a), normal(2, 3, 3)),
    case("einsum", "sum over a lone letter", lambda m, a, b: m.einsum("ij,k->k", a, b), normal(2, 3), normal(2)),
    case("einsum", "dots", lambda m, a, b: m.einsum("...ij,jk->...ik", a, b), normal(2, 2, 3), normal(3, 2)),
    case(
        "einsum", "three operands", lambda m, a, b, c: m.einsum("ij,jk,kl->il", a, b, c), normal(2, 3), normal(3, 2),
        normal(2, 2),
    ),
    case("einsum", "Gram matrix", lambda m, x: m.einsum("bchw,bdhw->bcd", x, x), normal(2, 2, 2, 3)),
]  # fmt: skip
