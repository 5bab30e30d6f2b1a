"""Where users find a function: one declaration beside its definition.

    @public("minigrad", "Tensor")
    def exp(input: Tensor) -> Tensor:
        \"\"\"e ** input.\"\"\"

makes it `minigrad.exp(x)` and `x.exp()`. The stubs, which list the names for editors and type checkers, are written
anew by `python -m tests.helpers.stubs`; a test says when that is due. The places are

    "minigrad"                  minigrad.exp(x)
    "Tensor"                    x.exp(): the tensor takes the place of the first argument
    "in-place"                  x.exp_(): the result is written into x; the method is made from the declaration
    "in-place shape"            x.squeeze_(): x itself takes on the result's shape, on the same memory
    "nn.functional"             minigrad.nn.functional.exp(x)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

PLACES = ("minigrad", "Tensor", "in-place", "in-place shape", "nn.functional")

F = TypeVar("F", bound=Callable[..., Any])

declared: dict[str, dict[str, Callable[..., Any]]] = {place: {} for place in PLACES}


def public(*places: str) -> Callable[[F], F]:
    """Offer a function to users under its own name, in the places named. Errors: ValueError for an unknown place."""

    for place in places:
        if place not in declared:
            raise ValueError(f"public: {place!r} is not a place; use {', '.join(PLACES)}")

    def declare(function: F) -> F:
        for place in places:
            declared[place][function.__name__] = function
        return function

    return declare
