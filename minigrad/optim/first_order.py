"""Optimizers that take one gradient a step: SGD, RMSprop, Adam, AdamW. g is the gradient, theta the parameter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..backend import Array, xp_of
from ..kernels import kernels_of
from ..tensor import Tensor
from .optimizer import Optimizer, check_betas, check_options


def _gradient(parameter: Tensor, weight_decay: float) -> Array:
    """g, plus the gradient of (weight_decay / 2) |theta|^2."""
    grad = parameter.grad.array  # type: ignore[union-attr]
    return grad + weight_decay * parameter.array if weight_decay else grad


class SGD(Optimizer):
    """theta -= lr v, with v = momentum v + (1 - dampening) g; Nesterov: theta -= lr (g + momentum v).

    (Sutskever et al. 2013, in PyTorch's form; the first v is g.)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        check_options("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")
        options = {"dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, {"lr": lr, "momentum": momentum, **options})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        grad, momentum = _gradient(parameter, group["weight_decay"]), group["momentum"]
        if momentum:
            velocity = state.get("momentum_buffer")
            if velocity is None:
                state["momentum_buffer"] = velocity = grad.copy(order="K")
            else:
                velocity *= momentum
                velocity += (1 - group["dampening"]) * grad
            grad = grad + momentum * velocity if group["nesterov"] else velocity
        parameter.array -= group["lr"] * grad


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
        grad, xp = _gradient(parameter, group["weight_decay"]), xp_of(parameter.array)
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


class Adam(Optimizer):
    """theta -= lr mhat / (sqrt(vhat) + eps), with running means m of g and v of g^2, corrected for their start at 0.

    m = beta1 m + (1 - beta1) g, mhat = m / (1 - beta1^t); v and vhat likewise with g^2 and beta2.
    (Kingma and Ba 2015, algorithm 1.) weight_decay is added to g.
    """

    decoupled = False

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        check_options(name, lr=lr, eps=eps, weight_decay=weight_decay)
        check_betas(name, betas)
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        lr, (beta1, beta2), weight_decay = group["lr"], group["betas"], group["weight_decay"]
        grad = _gradient(parameter, 0.0 if self.decoupled else weight_decay)
        if not state:
            zeros_like = xp_of(parameter.array).zeros_like
            state.update(step=0, exp_avg=zeros_like(parameter.array), exp_avg_sq=zeros_like(parameter.array))
        state["step"] += 1
        step_size = lr / (1 - beta1 ** state["step"])
        bias2 = 1 - beta2 ** state["step"]
        decay = lr * weight_decay if self.decoupled else 0.0
        arrays = parameter.array, grad, state["exp_avg"], state["exp_avg_sq"]
        kernels_of(parameter.array).adam(*arrays, step_size, beta1, beta2, bias2, group["eps"], decay)


class AdamW(Adam):
    """Adam with decoupled weight decay: theta -= lr weight_decay theta, apart from g. (Loshchilov and Hutter 2019.)"""

    decoupled = True

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay)
