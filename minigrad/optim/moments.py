"""What NAdam and RAdam have in common: Adam's running means, and either kind of weight decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import Array, xp_of
from .optimizer import Optimizer, check_betas, check_options, decayed_gradient


class MomentOptimizer(Optimizer):
    """theta -= a step that depends on g and its running means m = beta1 m + (1 - beta1) g, v likewise with g^2.

    weight_decay is added to g, or, with decoupled_weight_decay, theta -= lr weight_decay theta comes first.
    A subclass says in `step_of` what the step is.
    """

    def __init__(
        self, params: Iterable[Any], betas: tuple[float, float], decoupled: bool, maximize: bool, **options: float
    ) -> None:
        check_options(type(self).__name__, **options)
        check_betas(type(self).__name__, betas)
        switches = {"decoupled_weight_decay": decoupled, "maximize": maximize}
        super().__init__(params, {**options, "betas": tuple(betas), **switches})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        decoupled, (beta1, beta2) = group["decoupled_weight_decay"], group["betas"]
        grad = decayed_gradient(parameter, group, decoupled)
        if decoupled:
            parameter.array *= 1 - group["lr"] * group["weight_decay"]
        if not state:
            zeros_like = xp_of(parameter.array).zeros_like
            state.update(step=0, exp_avg=zeros_like(parameter.array), exp_avg_sq=zeros_like(parameter.array))
        state["step"] += 1
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean *= beta1
        mean += (1 - beta1) * grad
        square *= beta2
        square += (1 - beta2) * grad * grad
        parameter.array -= self.step_of(grad, state, group)

    def step_of(self, grad: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """What is taken from the parameter. state: "step" t, "exp_avg" m and "exp_avg_sq" v, of this step already."""
        raise NotImplementedError(f"{type(self).__name__} defines no step_of")
