"""Parameter: what training changes."""

from __future__ import annotations

from ..autograd import Tensor


class Parameter(Tensor):
    """A tensor that a Module lists among its parameters: what training changes. Shares the memory of `data`."""

    __slots__ = ()

    def __init__(self, data: Tensor, requires_grad: bool = True) -> None:
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter: data must be a Tensor, got {type(data).__name__}")
        self.array, self.storage, self.requires_grad = data.array, data.storage, requires_grad
        self.grad = self.node = self.hooks = None
