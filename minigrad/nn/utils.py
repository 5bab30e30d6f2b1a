"""Gradient clipping, parameters as one vector, and (from files of their own) weights normalized in each call."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..autograd import Tensor, tensor_of
from ..devices import xp_of
from ..ops import cat, reshape, zeros
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "remove_spectral_norm",
    "remove_weight_norm",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in given if parameter.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients down together so that their common norm is at most max_norm; returns the norm before.

    norm_type: the p of (sum |g|^p)^(1/p), or inf for the largest entry. Errors: RuntimeError for a norm that is not
    finite, if error_if_nonfinite; nothing is changed then.
    """
    gradients = _gradients(parameters)
    if not gradients:
        return zeros(())
    xp, p = xp_of(gradients[0].array), float(norm_type)
    if p == math.inf:
        total = xp.max(xp.stack([abs(g.array).max() for g in gradients]))
    elif p == 2:
        total = xp.sqrt(sum((g.array * g.array).sum() for g in gradients))
    else:
        total = sum((abs(g.array) ** p).sum() for g in gradients) ** (1 / p)
    if error_if_nonfinite and not np.isfinite(float(total)):
        raise RuntimeError(f"clip_grad_norm_: the gradients' norm is {float(total)}; look for the first such loss")
    scale = xp.minimum(max_norm / (total + 1e-6), 1.0)
    for g in gradients:
        g.array *= scale.astype(g.dtype)
        g.storage.bump_version()
    return tensor_of(xp.asarray(total))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each entry of each gradient to [-clip_value, clip_value]."""
    for g in _gradients(parameters):
        xp_of(g.array).clip(g.array, -clip_value, clip_value, out=g.array)
        g.storage.bump_version()


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, one after the other, as one vector."""
    return cat([reshape(parameter, (-1,)) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the pieces of a vector into the parameters. Errors: ValueError if it has another length than they."""
    given = list(parameters)
    total = sum(parameter.numel() for parameter in given)
    if vec.shape != (total,):
        raise ValueError(f"vector_to_parameters: vec has shape {vec.shape}, the parameters need ({total},)")
    start = 0
    for parameter in given:
        piece = vec.array[start : start + parameter.numel()]
        parameter.array[...] = piece.reshape(parameter.shape)
        parameter.storage.bump_version()
        start += parameter.numel()
