"""What code written for PyTorch finds in `torch.autograd` besides `grad`: Function and Variable.

minigrad's own operations are `Op`s. A Function is the same idea in PyTorch's words: static methods, and a context that
carries what backward needs. This module offers it and `Variable` as `minigrad.autograd.Function` and
`minigrad.autograd.Variable`, so that the engine's file stays free of them.
"""

from __future__ import annotations

from typing import Any

from . import autograd, cuda
from .autograd import Op, Tensor, apply, tensor_of
from .devices import Array
from .grad_mode import no_grad
from .ops import TYPES, requires_grad_


class Context:
    """What `Function.forward` and `Function.backward` are handed as `ctx`; further attributes may be set freely."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._to_save: tuple[Tensor | None, ...] = ()
        self.saved_tensors: tuple[Tensor | None, ...] = ()  # filled while backward runs

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward; inputs and the result stay differentiable there."""
        self._to_save = tensors


class Function:
    """An operation of one's own: static methods forward(ctx, *inputs) and backward(ctx, grad).

    `MyFunction.apply(x, 2.0)` runs it. forward returns one Tensor; backward returns one value an input, None for those
    that are no tensors. For second derivatives it must be written in differentiable operations.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        raise NotImplementedError("Function: a static method forward(ctx, *inputs) is needed")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("Function: a static method backward(ctx, grad) is needed")

    @classmethod
    def apply(cls, *inputs: Any) -> Tensor:
        """Run the operation on tensors and constants and record it."""
        return apply(_Call(cls, inputs), *[x for x in inputs if isinstance(x, Tensor)])


class _Call(Op, abstract=True):
    """One use of a Function."""

    def __init__(self, function: type[Function], inputs: tuple[Any, ...]) -> None:
        self.function = function
        self.constants = [None if isinstance(x, Tensor) else x for x in inputs]
        self.places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor)]

    def forward(self, *arrays: Array) -> Array:
        inputs, needs = list(self.constants), [False] * len(self.constants)
        for place, array, need in zip(self.places, arrays, self.needs):
            inputs[place], needs[place] = tensor_of(array), need
        self.context = context = Context(tuple(needs))
        with no_grad():
            result = self.function.forward(context, *inputs)
        if not isinstance(result, Tensor):
            raise TypeError(f"{self.function.__name__}.forward: one Tensor is needed, got {type(result).__name__}")
        y = result.array.copy() if any(result.array is array for array in arrays) else result.array
        self.save(*[self._kept(tensor, y, result, arrays) for tensor in context._to_save])
        context._to_save = ()
        return y

    def _kept(self, tensor: Tensor | None, y: Array, result: Tensor, arrays: tuple[Array, ...]) -> Any:
        """What `save` takes: the array of an input or of the result, or another tensor as a constant."""
        if tensor is None or any(tensor.array is array for array in arrays):
            return None if tensor is None else tensor.array
        return y if tensor is result else tensor

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        self.context.saved_tensors = self.saved
        try:
            shares = self.function.backward(self.context, grad)
        finally:
            self.context.saved_tensors = ()  # they may lead back here: nothing is to wait for the garbage collector
        shares = shares if isinstance(shares, tuple) else (shares,)
        if len(shares) != len(self.constants):
            raise RuntimeError(
                f"{self.function.__name__}.backward returned {len(shares)} gradients for {len(self.constants)} inputs"
            )
        return tuple([shares[place] for place in self.places])


def Variable(data: Tensor, requires_grad: bool = False) -> Tensor:
    """PyTorch's former way to ask for gradients: a new leaf on the same memory. Tensors need it no longer."""
    if not isinstance(data, Tensor):
        raise TypeError(f"Variable: data must be a Tensor, got {type(data).__name__}")
    leaf = tensor_of(data.array)
    leaf.storage = data.storage
    return requires_grad_(leaf, requires_grad)


for _name in ("Function", "Variable"):  # users look for them in minigrad.autograd
    setattr(autograd, _name, globals()[_name])
for _name, _kind in TYPES.items():  # and for torch.cuda.FloatTensor in minigrad.cuda
    if _name.startswith("torch.cuda."):
        setattr(cuda, _name.removeprefix("torch.cuda."), _kind)
