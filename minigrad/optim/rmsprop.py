"""RMSprop: gradients divided by the root of their running mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_options, decayed_gradient


class RMSprop(Optimizer):
    """theta -= lr g / (sqrt(s) + eps), with s = alpha s + (1 - alpha) g^2. (Hinton, Coursera lecture 6e, 2012.)"""

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0,
    ) -> None:  # fmt: skip
        check_options("RMSprop", lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        options = {"eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {"lr": lr, "alpha": alpha, **options})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        grad, xp = decayed_gradient(parameter, group["weight_decay"]), xp_of(parameter.array)
        if "square_avg" not in state:
            state["square_avg"] = xp.zeros_like(parameter.array)
        square = state["square_avg"]
        square *= group["alpha"]
        square += (1 - group["alpha"]) * grad * grad
        change = grad / (xp.sqrt(square) + group["eps"])
        if group["momentum"]:
            velocity = state.setdefault("momentum_buffer", xp.zeros_like(parameter.array))
            velocity *= group["momentum"]
            velocity += change
            change = velocity
        parameter.array -= group["lr"] * change
