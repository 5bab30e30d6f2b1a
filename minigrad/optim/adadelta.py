"""Adadelta: steps of the size of earlier steps, in the direction of scaled gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_options, decayed_gradient


class Adadelta(Optimizer):
    """theta -= lr d with d = sqrt(u + eps) / sqrt(s + eps) g; s and u are running means of g^2 and of d^2.

    s = rho s + (1 - rho) g^2, u likewise with d^2. (Zeiler 2012, algorithm 1.)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0,
        *, maximize: bool = False,
    ) -> None:  # fmt: skip
        check_options("Adadelta", lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)
        if rho > 1:
            raise ValueError(f"Adadelta: rho must lie between 0 and 1, got {rho}")
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        grad, xp = decayed_gradient(parameter, group), xp_of(parameter.array)
        if not state:
            zeros_like = xp.zeros_like
            state.update(square_avg=zeros_like(parameter.array), acc_delta=zeros_like(parameter.array))
        rho, eps, square, steps = group["rho"], group["eps"], state["square_avg"], state["acc_delta"]
        square *= rho
        square += (1 - rho) * grad * grad
        change = xp.sqrt(steps + eps) / xp.sqrt(square + eps) * grad
        steps *= rho
        steps += (1 - rho) * change * change
        parameter.array -= group["lr"] * change
