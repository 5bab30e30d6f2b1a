"""What the GPU kernels share: compiling on first use, contiguous arguments, and the width of indices."""

from __future__ import annotations

from functools import cache
from typing import Any

from ...cuda import cupy
from ...devices import Array

LARGEST_INT32 = 2**31 - 1


@cache
def elementwise(inputs: str, outputs: str, body: str, name: str) -> Any:
    """A kernel that runs `body` once for each entry of its outputs, `i` being the entry's number in row-major order.

    `raw` arrays are indexed by the body; others stand for their i-th entry. T is the dtype of the numbers.
    """
    return cupy().ElementwiseKernel(inputs, outputs, body, name)


def rows(array: Array) -> Array:
    """The numbers in row-major order as a vector: a view if they lie so, else a copy."""
    return cupy().ascontiguousarray(array).reshape(-1)


def indexed(largest: int, inputs: str, outputs: str, body: str, name: str) -> Any:
    """As `elementwise`, with I standing for integers wide enough to count the entries of arrays up to `largest`.

    64-bit integers are used only where 32 bits are too few: dividing them is several times slower on a GPU, and
    these kernels divide for every entry.
    """
    kind, bits = ("int", 32) if largest <= LARGEST_INT32 else ("long long", 64)
    return elementwise(inputs.replace("I ", f"int{bits} "), outputs, f"typedef {kind} I;\n{body}", f"{name}_{bits}")
