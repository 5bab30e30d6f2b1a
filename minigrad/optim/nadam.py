"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..devices import Array, xp_of
from .moments import MomentOptimizer


class NAdam(MomentOptimizer):
    """theta -= lr ((1 - mu_t) / (1 - M_t) g + mu_t+1 / (1 - M_t+1) m) / (sqrt(vhat) + eps).

    m and v are Adam's running means of g and g^2, vhat = v / (1 - beta2^t), mu_t = beta1 (1 - 0.96^(t d) / 2) with
    d = momentum_decay, and M_t = mu_1 ... mu_t. (Dozat 2016, in PyTorch's form.) weight_decay is added to g, or, with
    decoupled_weight_decay, theta -= lr weight_decay theta comes first.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        super().__init__(params, betas, decoupled_weight_decay, maximize, **options)

    def step_of(self, grad: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        (beta1, beta2), decay, t = group["betas"], group["momentum_decay"], state["step"]
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (step * decay)) for step in (t, t + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * now
        root = xp_of(grad).sqrt(state["exp_avg_sq"] / (1 - beta2**t)) + group["eps"]
        by_gradient = group["lr"] * (1 - now) / (1 - product)
        by_mean = group["lr"] * following / (1 - product * following)
        return (by_gradient * grad + by_mean * state["exp_avg"]) / root
