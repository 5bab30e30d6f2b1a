"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_betas, check_options, decayed_gradient


class NAdam(Optimizer):
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
        check_options("NAdam", **options)
        check_betas("NAdam", betas)
        switches = {"decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}
        super().__init__(params, {**options, "betas": tuple(betas), **switches})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        decoupled, xp = group["decoupled_weight_decay"], xp_of(parameter.array)
        grad = decayed_gradient(parameter, group, decoupled)
        if decoupled:
            parameter.array *= 1 - group["lr"] * group["weight_decay"]
        (beta1, beta2), decay = group["betas"], group["momentum_decay"]
        if not state:
            zeros_like = xp.zeros_like
            state.update(step=0, mu_product=1.0)
            state.update(exp_avg=zeros_like(parameter.array), exp_avg_sq=zeros_like(parameter.array))
        state["step"] += 1
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (state["step"], state["step"] + 1))
        state["mu_product"] *= now
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean *= beta1
        mean += (1 - beta1) * grad
        square *= beta2
        square += (1 - beta2) * grad * grad
        root = xp.sqrt(square / (1 - beta2 ** state["step"])) + group["eps"]
        by_gradient = group["lr"] * (1 - now) / (1 - state["mu_product"])
        by_mean = group["lr"] * following / (1 - state["mu_product"] * following)
        parameter.array -= (by_gradient * grad + by_mean * mean) / root
