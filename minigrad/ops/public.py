"""Where users find a function: one declaration beside its definition.

    @public("minigrad", "Tensor")
    def exp(input: Tensor) -> Tensor:
        \"\"\"e ** input.\"\"\"

makes `minigrad.exp(x)` and `x.exp()`. The places are

    "minigrad"                  minigrad.exp(x)
    "Tensor"                    x.exp(): the tensor takes the place of the first argument
    "in-place"                  x.exp_(): the result is written into x
    "nn.functional"             minigrad.nn.functional.exp(x)

Editors and type checkers read the names and signatures from the stubs beside the modules (`__init__.pyi`,
`tensor_methods.pyi`, `nn/functional.pyi`), which also are the lists to look through. `python -m minigrad.stubs`
writes them; a test fails while they are out of date.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

PLACES = ("minigrad", "Tensor", "in-place", "nn.functional")

F = TypeVar("F", bound=Callable[..., Any])

declared: dict[str, dict[str, Callable[..., Any]]] = {place: {} for place in PLACES}


def public(*places: str) -> Callable[[F], F]:
    """Offer a function to users under its own name, in the places named. Errors: ValueError for an unknown place."""

    def declare(function: F) -> F:
        for place in places:
            if place not in declared:
                raise ValueError(f"public: {place!r} is not a place; use {', '.join(PLACES)}")
            declared[place][function.__name__] = function
        return function

    return declare
