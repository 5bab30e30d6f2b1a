"""What all elementwise operations have in common; each of them is then its formula and its derivative.

    class Multiply(Elementwise):
        \"\"\"y = a b; da = dy b, db = dy a.\"\"\"

        def formula(self, a, b):
            return a * b

        def da(self, dy, b):
            return dy * b

        def db(self, dy, a):
            return dy * a

The names of the arguments say everything else. `formula` takes arrays (or numbers) and gives an array y. For an
input x that may need a gradient the method `dx` is handed dy, the gradient of the result, and then those of the
inputs and of the result y that it names; what it does not name is not kept. It is written in operations on
Tensors, so that it can be differentiated again. Inputs without such a method have no gradient.

The gradient of an input that was broadcast is summed over its repeats, since each repeat contributes to the loss.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import Op, Tensor
from ..devices import Array
from .common import sum_to


class Elementwise(Op, abstract=True):
    """y[i] = formula(a[i], b[i], ...): a function of numbers applied to each entry, inputs broadcast."""

    quiet = False  # whether formula may overflow, divide by zero, or be undefined, without NumPy's warning of it
    derivatives: tuple[Callable[..., Tensor] | None, ...]  # of each input
    reads: tuple[tuple[int, ...], ...]  # for each derivative, where in (*inputs, y) its arguments stand
    kept: dict[tuple[bool, ...], list[bool] | None]  # which of (*inputs, y) to save (None: none), by `needs`

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        inputs = _arguments(cls.formula)
        places = {name: place for place, name in enumerate([*inputs, "y"])}
        cls.derivatives = tuple([getattr(cls, f"d{name}", None) for name in inputs])
        cls.reads = tuple([tuple([places[n] for n in _arguments(d)[1:]]) if d else () for d in cls.derivatives])
        cls.kept = {}
        for needs in itertools.product((False, True), repeat=len(inputs)):
            read = {place for need, where in zip(needs, cls.reads) if need for place in where}
            cls.kept[needs] = [place in read for place in places.values()] if read else None

    def formula(self, *arrays: Any) -> Array:
        raise TypeError(f"{type(self).__name__} defines no formula")

    def forward(self, *arrays: Any) -> Array:
        if self.quiet:
            with np.errstate(all="ignore"):
                y = self.formula(*arrays)
        else:
            y = self.formula(*arrays)
        if True in self.needs:
            kept = self.kept[tuple(self.needs)]
            if kept is not None:
                self.save(*[value if keep else None for value, keep in zip((*arrays, y), kept)])
        return y

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        saved = self.saved if self.records else ()
        shares: list[Tensor | None] = []
        for need, derivative, places, parent in zip(needed, self.derivatives, self.reads, self.parents):
            if need and derivative is not None:
                share = derivative(self, grad, *[saved[place] for place in places])
                shares.append(share if share.array.shape == parent.shape else sum_to(share, parent.shape))
            else:
                shares.append(None)
        return tuple(shares)


def _arguments(function: Callable[..., Any]) -> list[str]:
    """The names of a method's arguments after `self`."""
    return list(inspect.signature(function).parameters)[1:]
