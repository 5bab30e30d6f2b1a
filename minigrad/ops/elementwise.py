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
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import Op, SavedTensor, Tensor, tensor_of
from ..devices import Array, as_array
from ..grad_mode import mode, observers
from .common import sum_to


class Elementwise(Op, abstract=True):
    """y[i] = formula(a[i], b[i], ...): a function of numbers applied to each entry, inputs broadcast."""

    quiet = False  # whether formula may overflow, divide by zero, or be undefined, without NumPy's warning of it
    arithmetic = False  # whether the derivatives are written in + - * alone, and so may be handed arrays for Tensors
    derivatives: list[tuple[Callable[..., Any] | None, slice | None]]  # of each input, and which of `saved` it reads
    reads: list[tuple[int, int]]  # what is in `saved`: (the input whose derivative reads it, its place in (*inputs, y))

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        inputs = _arguments(cls.formula)
        places = {name: place for place, name in enumerate([*inputs, "y"])}
        cls.derivatives, cls.reads = [], []
        for i, name in enumerate(inputs):
            derivative = getattr(cls, f"d{name}", None)
            read = [(i, places[argument]) for argument in _arguments(derivative)[1:]] if derivative else []
            cls.derivatives.append((derivative, slice(len(cls.reads), len(cls.reads) + len(read)) if read else None))
            cls.reads += read
        if not cls.quiet:
            cls.forward = cls.formula  # type: ignore[method-assign]

    def formula(self, *arrays: Any) -> Array:
        raise TypeError(f"{type(self).__name__} defines no formula")

    def forward(self, *arrays: Any) -> Array:
        with np.errstate(all="ignore"):
            return self.formula(*arrays)

    def packed(self, inputs: Sequence[Any], result: Array, output: Tensor) -> Sequence[Any]:
        """What the derivatives read that will be needed."""
        values, records = (*inputs, output), []
        for i, place in self.reads:
            value = values[place] if self.needs[i] else None
            records.append(SavedTensor(value) if isinstance(value, Tensor) else value)
        return records

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        dy: Any = grad
        saved: Sequence[Any] = self.saved if self.records else ()
        on_arrays = self.arithmetic and not mode.recording and not observers
        if on_arrays:  # three times as quick for a few numbers
            dy, saved = grad.array, [x.array if isinstance(x, Tensor) else x for x in saved]
        shares: list[Tensor | None] = []
        for need, (derivative, read) in zip(needed, self.derivatives):
            share = None
            if need and derivative:
                share = derivative(self, dy, *saved[read]) if read else derivative(self, dy)
                if on_arrays:
                    share = tensor_of(as_array(share))
            shares.append(share)
        return tuple(shares)

    def fit(self, share: Tensor, shape: tuple[int, ...]) -> Tensor:
        return sum_to(share, shape)


def _arguments(function: Callable[..., Any]) -> list[str]:
    """The names of a method's arguments after `self`."""
    return list(inspect.signature(function).parameters)[1:]
