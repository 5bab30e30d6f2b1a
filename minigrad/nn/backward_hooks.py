"""What `Module.register_full_backward_hook` needs: to see the gradients of all inputs, and of all outputs, at once.

The engine's hooks see one gradient each. So several tensors are led through one node, their numbers side by side: its
gradient is complete when all of theirs are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import Tensor
from ..ops import cat, clone, flatten, reshape, split, zeros_like

Gradients = Sequence[Tensor | None]


class ModuleWatch:
    """One call of a module whose backward hooks are to run.

    `inputs` and `outputs` stand in for what goes in and comes out; the gradients that pass them are shown to the hooks.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        self.without: Gradients = ()  # for each input what stands for its gradient if it has none
        self.needing: list[int] = []  # which inputs need a gradient
        self.grad_outputs: Gradients | None = None

    def inputs(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs, those that need a gradient led past the hooks."""
        self.without, self.needing = _without(values), _needing(values)
        return tuple(_led(values, self.needing, self._inputs_arrived))

    def outputs(self, value: Any) -> Any:
        """The output, a Tensor or several, led past the hooks. Errors: TypeError for anything else."""
        if isinstance(value, Tensor):
            return self.outputs((value,))[0]
        if not isinstance(value, (tuple, list)):
            raise TypeError(
                f"register_full_backward_hook: {type(self.module).__name__} must return a Tensor, or several in a "
                f"tuple or list, not a {type(value).__name__}"
            )
        needing, without = _needing(value), _without(value)
        return type(value)(_led(value, needing, lambda grads: self._outputs_arrived(grads, needing, without)))

    def _outputs_arrived(self, grads: list[Tensor], needing: list[int], without: Gradients) -> Gradients:
        grad_outputs = _spread(grads, needing, without)
        for hook in tuple(self.module._backward_pre_hooks.values()):
            changed = hook(self.module, grad_outputs)
            grad_outputs = grad_outputs if changed is None else _as_tuple(changed)
        self.grad_outputs = grad_outputs
        if not self.needing:
            self._run((None,) * len(self.without))
        return [grad_outputs[i] for i in needing]

    def _inputs_arrived(self, grads: list[Tensor]) -> Gradients:
        if self.grad_outputs is None:  # a walk that did not come in by the outputs: a derivative of a gradient
            return grads
        grad_inputs = self._run(_spread(grads, self.needing, self.without))
        return [grad_inputs[i] for i in self.needing]

    def _run(self, grad_inputs: Gradients) -> Gradients:
        """The gradients of the inputs after each hook has seen, and perhaps replaced, them."""
        for hook in tuple(self.module._backward_hooks.values()):
            changed = hook(self.module, grad_inputs, self.grad_outputs)
            grad_inputs = grad_inputs if changed is None else _as_tuple(changed)
        self.grad_outputs = None
        return grad_inputs


def _needing(values: Sequence[Any]) -> list[int]:
    return [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]


def _as_tuple(gradients: Any) -> Gradients:
    return (gradients,) if isinstance(gradients, Tensor) else tuple(gradients)


def _without(values: Sequence[Any]) -> Gradients:
    """What stands, beside gradients that there are, for those that there are not: zeros for tensors, else None."""
    return tuple([zeros_like(v) if isinstance(v, Tensor) and not v.requires_grad else None for v in values])


def _spread(grads: list[Tensor], places: list[int], without: Gradients) -> Gradients:
    """The gradients in their places among those that are not there."""
    by_place = dict(zip(places, grads))
    return tuple([by_place.get(i, absent) for i, absent in enumerate(without)])


def _led(values: Sequence[Any], places: list[int], arrived: Callable[[list[Tensor]], Gradients]) -> list[Any]:
    """The values; those at `places` led through one node. When their gradients are complete, `arrived` sees them, and
    what it returns goes on in their place."""
    led = list(values)
    if len(places) == 1:
        led[places[0]] = one = clone(values[places[0]])
        one.register_hook(lambda grad: arrived([grad])[0])
    elif places:
        tensors = [values[i] for i in places]
        sizes = [x.numel() for x in tensors]
        joined = cat([flatten(x) for x in tensors])

        def seen(grad: Tensor) -> Tensor:
            grads = [reshape(part, x.shape).to(x.dtype) for part, x in zip(split(grad, sizes), tensors)]
            return cat([flatten(part) for part in arrived(grads)]).to(grad.dtype)  # type: ignore[arg-type]

        joined.register_hook(seen)
        for place, part, x in zip(places, split(joined, sizes), tensors):
            led[place] = reshape(part, x.shape).to(x.dtype)
    return led
