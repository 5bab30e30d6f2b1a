"""RAdam: Adam that waits with dividing by the gradients' size until it is known well enough."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..devices import Array, xp_of
from .moments import MomentOptimizer


class RAdam(MomentOptimizer):
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
        super().__init__(params, betas, decoupled_weight_decay, maximize, **options)

    def step_of(self, grad: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        (beta1, beta2), t = group["betas"], state["step"]
        step = group["lr"] / (1 - beta1**t) * state["exp_avg"]
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / (1 - beta2**t)
        if length > 5:
            share = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            step *= math.sqrt(share * (1 - beta2**t)) / (xp_of(grad).sqrt(state["exp_avg_sq"]) + group["eps"])
        return step
