"""RMSprop: gradients divided by the root of their running mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_options, decayed_gradient


class RMSprop(Optimizer):
    """theta -= lr g / (sqrt(s) + eps), with s = alpha s + (1 - alpha) g^2. (Hinton, Coursera lecture 6e, 2012.)

    centered: g's running mean m is taken off, sqrt(s - m^2), so that s estimates the variance. (Graves 2013, eq. 38.)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        check_options("RMSprop", lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        options = {"eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        switches = {"centered": centered, "maximize": maximize}
        super().__init__(params, {"lr": lr, "alpha": alpha, **options, **switches})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        grad, xp = decayed_gradient(parameter, group), xp_of(parameter.array)
        if "square_avg" not in state:
            state["square_avg"] = xp.zeros_like(parameter.array)
        square = state["square_avg"]
        square *= group["alpha"]
        square += (1 - group["alpha"]) * grad * grad
        scale = square
        if group["centered"]:
            mean = state.setdefault("grad_avg", xp.zeros_like(parameter.array))
            mean *= group["alpha"]
            mean += (1 - group["alpha"]) * grad
            scale = square - mean * mean
        change = grad / (xp.sqrt(scale) + group["eps"])
        if group["momentum"]:
            velocity = state.setdefault("momentum_buffer", xp.zeros_like(parameter.array))
            velocity *= group["momentum"]
            velocity += change
            change = velocity
        parameter.array -= group["lr"] * change
