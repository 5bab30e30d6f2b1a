"""Adam, and Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import Array, device_of, xp_of
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

    def update_group(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Parameters that are at the same step go to the kernel together: on a GPU they cost one launch."""
        alike: dict[Any, list[Tensor]] = {}
        for parameter in parameters:
            array, state = parameter.array, self.state.setdefault(parameter, {})
            if not state:
                zeros_like = xp_of(array).zeros_like
                state.update(step=0, exp_avg=zeros_like(array), exp_avg_sq=zeros_like(array))
            state["step"] += 1
            alike.setdefault((state["step"], array.dtype, device_of(array)), []).append(parameter)
        lr, (beta1, beta2) = group["lr"], group["betas"]
        decay = lr * group["weight_decay"] if self.decoupled else 0.0
        for (step, _, _), members in alike.items():
            numbers = lr / (1 - beta1**step), beta1, beta2, 1 - beta2**step, group["eps"], decay
            if group["amsgrad"]:
                for parameter in members:
                    _amsgrad(*self._arrays(parameter, group), self.state[parameter], *numbers)
            else:
                tensors = [self._arrays(parameter, group) for parameter in members]
                kernels_of(members[0].array).adam(tensors, *numbers)

    def _arrays(self, parameter: Tensor, group: dict[str, Any]) -> tuple[Array, Array, Array, Array]:
        """theta, g, m and v."""
        state = self.state[parameter]
        grad = decayed_gradient(parameter, group, self.decoupled)
        return parameter.array, grad, state["exp_avg"], state["exp_avg_sq"]


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
