"""Spectral normalization: a layer's weight divided by its largest singular value, anew in each call.

The layer then stretches no direction by more than 1, and a network of such layers and 1-Lipschitz activations is
1-Lipschitz, which keeps a discriminator from growing cliffs. The singular value is followed by one power iteration a
step: v <- W^T u / |W^T u|, u <- W v / |W v|, sigma = u^T W v, with the weight seen as a matrix (out, everything else);
gradients flow through W and through sigma, not through u and v.
(Miyato, Kataoka, Koyama and Yoshida 2018, "Spectral normalization for GANs", algorithm 1.)
"""

from __future__ import annotations

from typing import Any, TypeVar

from ..autograd import Tensor
from ..grad_mode import no_grad
from ..ops import clamp, permute, randn, reshape
from ..ops.reduction import norm
from .conv import ConvTranspose2d
from .module import Module
from .parameter import Parameter

M = TypeVar("M", bound=Module)


class SpectralNorm:
    """The hook that sets `module.weight` to weight_orig / sigma before each call; in training it first iterates."""

    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        self.name, self.n_power_iterations, self.eps, self.dim = name, n_power_iterations, eps, dim

    def unit(self, vector: Tensor) -> Tensor:
        return vector / clamp(norm(vector), min=self.eps)

    def as_matrix(self, weight: Tensor) -> Tensor:
        """(size of axis `dim`, product of the others)."""
        others = [i for i in range(weight.dim()) if i != self.dim]
        return reshape(permute(weight, (self.dim, *others)), (weight.shape[self.dim], -1))

    def normalized(self, module: Any, iterate: bool) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = self.as_matrix(weight)
        if iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(self.unit(matrix.t() @ u))
                    u.copy_(self.unit(matrix @ v))
        u, v = u.clone(), v.clone()  # the next call changes the buffers, which this call's backward still needs
        return weight / (u * (matrix @ v)).sum()

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.normalized(module, iterate=module.training))


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Normalize the parameter `name` of one layer; returns the layer. The trained parameter is then `name`_orig.

    n_power_iterations: per call in training. eps: the least length that is divided by. dim: the axis of the outputs;
    by default 1 for transposed convolutions, else 0. For a whole network, see `Module.apply`.
    Errors: ValueError if the layer has no such parameter or it is normalized already.
    """
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter {name!r} that could be normalized")
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations must be at least 1, got {n_power_iterations}")
    outputs = int(isinstance(module, ConvTranspose2d)) if dim is None else dim
    hook = SpectralNorm(name, n_power_iterations, eps, outputs)
    matrix = hook.as_matrix(weight.detach())
    u, v = (randn(size, dtype=weight.dtype, device=weight.device) for size in matrix.shape)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", hook.unit(u))
    module.register_buffer(f"{name}_v", hook.unit(v))
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make the present normalized weight an ordinary parameter again; returns the layer."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            with no_grad():
                weight = hook.normalized(module, iterate=False)
            for part in (name, f"{name}_orig", f"{name}_u", f"{name}_v"):
                delattr(module, part)
            module.register_parameter(name, Parameter(weight.detach()))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"remove_spectral_norm: {name!r} of {type(module).__name__} is not normalized")
