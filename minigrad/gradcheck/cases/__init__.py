"""All cases, family by family: what the table of `python -m minigrad.gradcheck` and the tests go through."""

from ..case import Case
from . import (
    activation,
    arithmetic,
    arrange,
    composed,
    conv,
    einsum,
    elementary,
    index,
    loss,
    matrix,
    norm,
    pool,
    reduction,
    resize,
    rounding,
    shape,
    sorting,
)

CASES: list[Case] = [
    *arithmetic.CASES,
    *elementary.CASES,
    *rounding.CASES,
    *reduction.CASES,
    *sorting.CASES,
    *shape.CASES,
    *arrange.CASES,
    *index.CASES,
    *matrix.CASES,
    *einsum.CASES,
    *activation.CASES,
    *conv.CASES,
    *pool.CASES,
    *norm.CASES,
    *resize.CASES,
    *loss.CASES,
    *composed.CASES,
]
