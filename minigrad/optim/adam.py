"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .optimizer import Optimizer, check_betas, check_options, decayed_gradient


class Adam(Optimizer):
    """theta -= lr mhat / (sqrt(vhat) + eps), with running means m of g and v of g^2, corrected for their start at 0.

    m = beta1 m + (1 - beta1) g, mhat = m / (1 - beta1^t); v and vhat likewise with g^2 and beta2.
    (Kingma and Ba 2015, algorithm 1.) weight_decay is added to g.
    amsgrad: the largest vhat so far takes the place of vhat. (Reddi, Kale and Kumar 2018.)
    """

    decoupled = False

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, amsgrad: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        check_options(name, lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(name, betas)
        options = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**options, "amsgrad": amsgrad, "maximize": maximize})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        lr, (beta1, beta2), weight_decay = group["lr"], group["betas"], group["weight_decay"]
        grad = decayed_gradient(parameter, group, self.decoupled)
        if not state:
            zeros_like = xp_of(parameter.array).zeros_like
            state.update(step=0, exp_avg=zeros_like(parameter.array), exp_avg_sq=zeros_like(parameter.array))
        state["step"] += 1
        step_size = lr / (1 - beta1 ** state["step"])
        bias2 = 1 - beta2 ** state["step"]
        decay = lr * weight_decay if self.decoupled else 0.0
        arrays = parameter.array, grad, state["exp_avg"], state["exp_avg_sq"]
        if group["amsgrad"]:
            _amsgrad(*arrays, state, step_size, beta1, beta2, bias2, group["eps"], decay)
        else:
            kernels_of(parameter.array).adam(*arrays, step_size, beta1, beta2, bias2, group["eps"], decay)


def _amsgrad(
    theta: Array, grad: Array, mean: Array, square: Array, state: dict[str, Any], step_size: float, beta1: float,
    beta2: float, bias2: float, eps: float, decay: float,
) -> None:  # fmt: skip
    """Adam's step with the largest v so far, state["max_exp_avg_sq"], in place of v."""
    xp = xp_of(theta)
    mean *= beta1
    mean += (1 - beta1) * grad
    square *= beta2
    square += (1 - beta2) * grad * grad
    largest = state.setdefault("max_exp_avg_sq", xp.zeros_like(square))
    largest[...] = xp.maximum(largest, square)
    theta *= 1 - decay
    theta -= step_size * mean / (xp.sqrt(largest / bias2) + eps)


class AdamW(Adam):
    """Adam with decoupled weight decay: theta -= lr weight_decay theta, apart from g. (Loshchilov and Hutter 2019.)"""

    decoupled = True

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
