"""All cases, family by family: what the table of `python -m minigrad.gradcheck` and the tests go through."""

from ..case import Case
from . import arithmetic, conv, indexing, loss, matrix, nonlinear, norm, pool, reduction, resize, shape

CASES: list[Case] = [
    *arithmetic.CASES,
    *reduction.CASES,
    *shape.CASES,
    *indexing.CASES,
    *matrix.CASES,
    *nonlinear.CASES,
    *conv.CASES,
    *pool.CASES,
    *norm.CASES,
    *resize.CASES,
    *loss.CASES,
]
