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
    derivatives: list[tuple[Callable[..., Tensor] | None, slice]]  # of each input, and which of `saved` it reads
    kept: dict[tuple[bool, ...], list[int]]  # by `needs`: what to save, as places in (*inputs, y, None)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        inputs = _arguments(cls.formula)
        places = {name: place for place, name in enumerate([*inputs, "y"])}
        derivatives = [getattr(cls, f"d{name}", None) for name in inputs]
        reads = [[places[name] for name in _arguments(d)[1:]] if d else [] for d in derivatives]
        ends = itertools.accumulate([len(read) for read in reads])
        cls.derivatives = [(d, slice(end - len(read), end)) for d, read, end in zip(derivatives, reads, ends)]
        cls.kept = {}
        for needs in itertools.product((False, True), repeat=len(inputs)) if any(reads) else ():
            cls.kept[needs] = [place if need else -1 for need, read in zip(needs, reads) for place in read]
        if not cls.kept and not cls.quiet:
            cls.forward = cls.formula  # type: ignore[method-assign]

    def formula(self, *arrays: Any) -> Array:
        raise TypeError(f"{type(self).__name__} defines no formula")

    def forward(self, *arrays: Any) -> Array:
        if self.quiet:
            with np.errstate(all="ignore"):
                y = self.formula(*arrays)
        else:
            y = self.formula(*arrays)
        if True in self.needs and self.kept:
            values = (*arrays, y, None)
            self.save(*[values[place] for place in self.kept[tuple(self.needs)]])
        return y

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        saved = self.saved if self.records else ()
        shares: list[Tensor | None] = []
        for need, (derivative, read) in zip(needed, self.derivatives):
            shares.append(derivative(self, grad, *saved[read]) if need and derivative else None)
        return tuple(shares)

    def fit(self, share: Tensor, shape: tuple[int, ...]) -> Tensor:
        return sum_to(share, shape)


def _arguments(function: Callable[..., Any]) -> list[str]:
    """The names of a method's arguments after `self`."""
    return list(inspect.signature(function).parameters)[1:]
