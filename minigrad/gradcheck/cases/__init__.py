"""All cases, family by family: what the table of `python -m minigrad.gradcheck` and the tests go through."""

from ..case import Case
from . import activation, arithmetic, composed, conv, index, loss, matrix, norm, pool, reduction, resize, shape

CASES: list[Case] = [
    *arithmetic.CASES,
    *reduction.CASES,
    *shape.CASES,
    *index.CASES,
    *matrix.CASES,
    *activation.CASES,
    *conv.CASES,
    *pool.CASES,
    *norm.CASES,
    *resize.CASES,
    *loss.CASES,
    *composed.CASES,
]
