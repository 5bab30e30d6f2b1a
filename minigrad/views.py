"""Views: tensors that share the memory of another, and the operations that make them.

A write through a view changes its base, and the other way round; so must the derivatives. `ops/inplace.py` gives the
base its new node in the graph, and each view finds its own from there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from .autograd import Op, Tensor, apply, tensor_of
from .devices import Array, xp_of
from .grad_mode import enable_grad, mode


class View(Tensor):
    """A tensor that shares the memory of its `base`: what the view operations `steps`, one after the other, make of it.

    A write through either changes both, and their derivatives too. The base is then given its new node
    (`ops/inplace.py`); a view finds its own, when next asked for it, by taking its steps from the base anew.
    """

    __slots__ = ("base", "base_array", "steps", "version", "recorded", "_node", "_requires_grad")

    def __init__(self, array: Array, source: Tensor, step: Op) -> None:
        self.array, self.storage, self.version = array, source.storage, source.storage.version
        self.grad, self.hooks = None, None
        self._node: Op | None = None
        self.base: Tensor = source
        self.base_array = source.array
        self.steps: tuple[Op, ...] = (step,)
        self.recorded = mode.recording
        self._requires_grad = False
        if isinstance(source, View):
            self.base, self.base_array, self.steps = source.base, source.base_array, (*source.steps, step)
            self.recorded = self.recorded and source.recorded

    @property
    def owner(self) -> Tensor:
        """The base, if the steps still lead from it. Errors: RuntimeError if it was given another array since."""
        if self.base.array is not self.base_array:
            raise RuntimeError(
                "in-place: the tensor that this view was made of was reshaped in place, or given other data, since; "
                "make the view after that"
            )
        return self.base

    @property
    def node(self) -> Op | None:  # type: ignore[override]
        if self.version != self.storage.version and self.base.requires_grad and self.recorded:
            with enable_grad():
                self._node = replay(self.steps, self.owner).node
            self.version = self.storage.version
        return self._node

    @node.setter
    def node(self, node: Op | None) -> None:
        self._node, self.version = node, self.storage.version

    @property
    def requires_grad(self) -> bool:  # type: ignore[override]
        return self._requires_grad or (self.recorded and self.base.requires_grad)

    @requires_grad.setter
    def requires_grad(self, requires_grad: bool) -> None:
        self._requires_grad = requires_grad


def replay(steps: Iterable[Op], x: Tensor) -> Tensor:
    """Apply operations once more, one after the other, to another tensor."""
    for step in steps:
        again = copy.copy(step)
        again.records, again.hooks, again.retained = (), None, ()
        x = apply(again, x)
    return x


class ViewOp(Op, abstract=True):
    """An operation whose result may share memory with its first input; then it is a `View` of it."""

    def wrap(self, array: Array, inputs: Sequence[Any]) -> Tensor:
        if array.base is not None and xp_of(array).may_share_memory(array, inputs[0].array):
            return View(array, inputs[0], self)
        return tensor_of(array)
