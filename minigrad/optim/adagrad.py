"""Adagrad: gradients divided by the root of the sum of all their squares so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_options, decayed_gradient


class Adagrad(Optimizer):
    """theta -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps), with s = s + g^2, which starts at a given value.

    (Duchi, Hazan and Singer 2011.)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0, eps: float = 1e-10, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps}
        check_options("Adagrad", **options, initial_accumulator_value=initial_accumulator_value)
        start = {"initial_accumulator_value": initial_accumulator_value}
        super().__init__(params, {**options, **start, "maximize": maximize})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        grad, xp = decayed_gradient(parameter, group), xp_of(parameter.array)
        if not state:
            start = xp.full_like(parameter.array, group["initial_accumulator_value"])
            state.update(step=0, sum=start)
        state["step"] += 1
        state["sum"] += grad * grad
        rate = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        parameter.array -= rate * (grad / (xp.sqrt(state["sum"]) + group["eps"]))
