"""Gradient clipping."""

from __future__ import annotations

from collections.abc import Iterable

from ..autograd import Tensor
from ..devices import xp_of


def _with_gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter for parameter in given if parameter.grad is not None]


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale all gradients down together so that their common 2-norm is at most max_norm; returns the norm before."""
    chosen = _with_gradients(parameters)
    if not chosen:
        from ..ops import zeros

        return zeros(())
    xp = xp_of(chosen[0].array)
    total = xp.sqrt(sum((p.grad.array * p.grad.array).sum() for p in chosen))  # type: ignore[union-attr]
    scale = xp.minimum(max_norm / (total + 1e-6), 1.0)
    for parameter in chosen:
        parameter.grad.array *= scale.astype(parameter.dtype)  # type: ignore[union-attr]
    return Tensor(xp.asarray(total))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each entry of each gradient to [-clip_value, clip_value]."""
    for parameter in _with_gradients(parameters):
        grad = parameter.grad.array  # type: ignore[union-attr]
        xp_of(grad).clip(grad, -clip_value, clip_value, out=grad)
