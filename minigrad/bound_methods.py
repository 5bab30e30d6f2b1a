"""The methods of Tensor that are functions of `minigrad.ops`: `x.exp()` is `minigrad.exp(x)`.

A function declares itself a method with `@public("Tensor")` (`ops/public.py`), and `tensor_methods.bind` sets it as an
attribute of the class below. `bound_methods.pyi` lists them with their signatures, for editors and type checkers:

    python -m tests.helpers.stubs        # writes it anew; a test says when that is due
"""

from __future__ import annotations


class BoundMethods:
    """Base of `tensor_methods.Operators`, filled in when `minigrad.ops` is imported."""

    __slots__ = ()
