"""RAdam: Adam that waits with dividing by the gradients' size until it is known well enough."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_betas, check_options, decayed_gradient


class RAdam(Optimizer):
    """theta -= lr mhat r sqrt(1 - beta2^t) / (sqrt(v) + eps) where rho > 5, else theta -= lr mhat.

    m, mhat and v are Adam's, rho_inf = 2 / (1 - beta2) - 1, rho = rho_inf - 2 t beta2^t / (1 - beta2^t), and
    r^2 = (rho - 4)(rho - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho). (Liu et al. 2020, algorithm 2.) weight_decay is
    added to g, or, with decoupled_weight_decay, theta -= lr weight_decay theta comes first.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, decoupled_weight_decay: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "eps": eps, "weight_decay": weight_decay}
        check_options("RAdam", **options)
        check_betas("RAdam", betas)
        switches = {"decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "betas": tuple(betas), **switches})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        decoupled, xp = group["decoupled_weight_decay"], xp_of(parameter.array)
        grad = decayed_gradient(parameter, group, decoupled)
        if decoupled:
            parameter.array *= 1 - group["lr"] * group["weight_decay"]
        if not state:
            state.update(step=0, exp_avg=xp.zeros_like(parameter.array), exp_avg_sq=xp.zeros_like(parameter.array))
        state["step"] += 1
        (beta1, beta2), t, mean, square = group["betas"], state["step"], state["exp_avg"], state["exp_avg_sq"]
        mean *= beta1
        mean += (1 - beta1) * grad
        square *= beta2
        square += (1 - beta2) * grad * grad
        step = group["lr"] / (1 - beta1**t) * mean
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / (1 - beta2**t)
        if length > 5:
            share = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            step *= math.sqrt(share * (1 - beta2**t)) / (xp.sqrt(square) + group["eps"])
        parameter.array -= step
