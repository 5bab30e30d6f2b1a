"""Weight normalization: a layer's weight w = g v / |v|, its length g and its direction v trained apart.

(Salimans and Kingma 2016, "Weight Normalization", equation 2.)
"""

from __future__ import annotations

from typing import Any, TypeVar

from ..autograd import Tensor
from ..grad_mode import no_grad
from ..ops.reduction import norm
from .module import Module
from .parameter import Parameter

M = TypeVar("M", bound=Module)


def _length(v: Tensor, dim: int | None) -> Tensor:
    """|v| over all axes but `dim` (all axes if None), kept as axes of size 1."""
    return norm(v) if dim is None else norm(v, dim=tuple(i for i in range(v.dim()) if i != dim), keepdim=True)


class WeightNorm:
    """The hook that sets `module.weight` to g v / |v| before each call."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def weight(self, module: Any) -> Tensor:
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return v * (g / _length(v, self.dim))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.weight(module))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Split the parameter `name` of one layer into `name`_g (the lengths along axis dim) and `name`_v.

    Returns the layer. dim: None for one length of the whole weight. Errors: ValueError without such a parameter.
    """
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"weight_norm: {type(module).__name__} has no parameter {name!r} that could be normalized")
    axis = None if dim is None or dim == -1 else dim % weight.dim()
    hook = WeightNorm(name, axis)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(_length(weight.detach(), axis)))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    with no_grad():
        setattr(module, name, hook.weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make g v / |v| an ordinary parameter again; returns the layer."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            with no_grad():
                weight = hook.weight(module)
            for part in (name, f"{name}_g", f"{name}_v"):
                delattr(module, part)
            module.register_parameter(name, Parameter(weight.detach()))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"remove_weight_norm: {name!r} of {type(module).__name__} is not normalized")
