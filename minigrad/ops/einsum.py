"""Sums of products written with letters: `einsum("ij,jk->ik", a, b)` is the matrix product."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from ..autograd import Tensor
from .common import cast, promoted, require_tensor
from .index import index
from .matrix import matmul
from .public import public
from .reduction import sum
from .shape import permute, reshape


@public("minigrad")
def einsum(equation: str, *operands: Any) -> Tensor:
    """The sum over all letters that the result does not have of the products of the operands' entries.

    equation: one letter for each axis, e.g. "bij,bjk->bik"; `...` stands for any axes in front; without `->` the
    result has the letters that occur once, in alphabetical order. A letter twice in one operand takes its diagonal.
    Operands are contracted from left to right, two at a time, each pair as a matrix product.
    Errors: ValueError for an equation that does not fit the operands.
    """
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    terms, result = _parsed(equation, operands)
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands):
        for letter, n in zip(term, x.shape):
            if sizes.setdefault(letter, n) != n and 1 not in (n, sizes[letter]):
                raise ValueError(f"einsum: {letter!r} stands for sizes {sizes[letter]} and {n} in {equation!r}")
            sizes[letter] = n if sizes[letter] == 1 else sizes[letter]
    total, letters = _without_repeats(operands[0], terms[0])
    for i, (x, term) in enumerate(zip(operands[1:], terms[1:]), 1):
        x, term = _without_repeats(x, term)
        wanted = set(result).union(*terms[i + 1 :])
        total, letters = _contracted(total, letters, x, term, wanted)
    total, letters = _summed(total, letters, set(result))
    total = permute(total, [letters.index(letter) for letter in result])
    return (
        total
        if total.shape == tuple([sizes[letter] for letter in result])
        else total.expand(*[sizes[letter] for letter in result])
    )


def _parsed(equation: str, operands: Sequence[Any]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with letters of their own for the axes that `...` stands for."""
    if not isinstance(equation, str):
        raise TypeError(f"einsum: equation must be a string such as 'ij,jk->ik', got {equation!r}")
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands) or not operands:
        raise ValueError(f"einsum: {equation!r} has {len(terms)} terms for {len(operands)} operands")
    free = [letter for letter in string.ascii_letters if letter not in equation]
    most = 0
    for i, (term, x) in enumerate(zip(terms, operands)):
        count = require_tensor("einsum", f"operands[{i}]", x).array.ndim - len(term.replace("...", ""))
        if (
            count < 0
            or (count and "..." not in term)
            or (not term.replace("...", "", 1).isalpha() and term not in ("", "..."))
        ):
            raise ValueError(f"einsum: {term!r} in {equation!r} does not fit an operand of shape {x.shape}")
        most = max(most, count)
        terms[i] = term.replace("...", "".join(reversed(free[:count])))
    dots = "".join(reversed(free[:most]))
    if not arrow:
        joined = "".join(terms)
        result = dots + "".join(sorted(c for c in set(joined) if joined.count(c) == 1 and c not in dots))
    result = result.replace("...", dots)
    if len(set(result)) != len(result) or not set(result) <= set("".join(terms)):
        raise ValueError(f"einsum: the result of {equation!r} must name letters of the operands, each once")
    return terms, result


def _without_repeats(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """The diagonal along letters that stand for several axes."""
    for letter in letters:
        while letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            x = permute(x, [first, second, *[i for i in range(x.array.ndim) if i not in (first, second)]])
            places = list(range(x.shape[0]))
            x = index(x, (places, places))
            letters = letter + letters[:first] + letters[first + 1 : second] + letters[second + 1 :]
    return x, letters


def _summed(x: Tensor, letters: str, wanted: set[str]) -> tuple[Tensor, str]:
    """x summed over the letters that appear in no other operand and not in the result."""
    dims = [i for i, letter in enumerate(letters) if letter not in wanted]
    return (sum(x, dims), "".join(c for c in letters if c in wanted)) if dims else (x, letters)


def _contracted(a: Tensor, la: str, b: Tensor, lb: str, wanted: set[str]) -> tuple[Tensor, str]:
    """The product of two operands, summed over the letters that only they have: one batched matrix product."""
    a, la = _summed(a, la, wanted | set(lb))
    b, lb = _summed(b, lb, wanted | set(la))
    dtype = promoted(a.dtype, b.dtype)
    a, b = cast(a, dtype), cast(b, dtype)
    shared = [c for c in la if c in lb]
    batch = [c for c in shared if c in wanted]
    inner = [c for c in shared if c not in wanted]
    rows, columns = [c for c in la if c not in lb], [c for c in lb if c not in la]
    size = {c: max(_size(a, la, c), _size(b, lb, c)) for c in la + lb}
    left = _matrix(a, la, batch, rows, inner, size)
    right = _matrix(b, lb, batch, inner, columns, size)
    y = reshape(matmul(left, right), [size[c] for c in batch + rows + columns])
    return y, "".join(batch + rows + columns)


def _size(x: Tensor, letters: str, letter: str) -> int:
    return x.shape[letters.index(letter)] if letter in letters else 1


def _matrix(
    x: Tensor, letters: str, batch: list[str], rows: list[str], columns: list[str], size: dict[str, int]
) -> Tensor:
    """x as a batch of matrices: (product of batch sizes, of row sizes, of column sizes)."""
    x = permute(x, [letters.index(c) for c in batch + rows + columns])
    x = x.expand(*[size[c] for c in batch + rows + columns])
    count = [1, 1, 1]
    for i, group in enumerate((batch, rows, columns)):
        for c in group:
            count[i] *= size[c]
    return reshape(x, count)
