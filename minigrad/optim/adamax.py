"""Adamax: Adam with the largest gradient so far in place of the root of their mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_betas, check_options, decayed_gradient


class Adamax(Optimizer):
    """theta -= lr / (1 - beta1^t) m / u, with m = beta1 m + (1 - beta1) g and u = max(beta2 u, |g| + eps).

    (Kingma and Ba 2015, algorithm 2.) weight_decay is added to g.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "eps": eps, "weight_decay": weight_decay}
        check_options("Adamax", **options)
        check_betas("Adamax", betas)
        super().__init__(params, {**options, "betas": tuple(betas), "maximize": maximize})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        grad, xp = decayed_gradient(parameter, group), xp_of(parameter.array)
        if not state:
            state.update(step=0, exp_avg=xp.zeros_like(parameter.array), exp_inf=xp.zeros_like(parameter.array))
        state["step"] += 1
        (beta1, beta2), mean, largest = group["betas"], state["exp_avg"], state["exp_inf"]
        mean *= beta1
        mean += (1 - beta1) * grad
        largest[...] = xp.maximum(beta2 * largest, abs(grad) + group["eps"])
        parameter.array -= group["lr"] / (1 - beta1 ** state["step"]) * mean / largest
