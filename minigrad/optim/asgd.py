"""ASGD: stochastic gradient descent that also keeps the mean of where it has been."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from .optimizer import Optimizer, check_options, decayed_gradient


class ASGD(Optimizer):
    """theta = (1 - lambd eta) theta - eta g, with eta = lr / (1 + lambd lr t)^alpha from the second step on.

    The mean of theta over the steps after t0 is the entry "ax" of the state; before, it is theta. (Polyak and Juditsky
    1992.) weight_decay is added to g.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0.0, *, maximize: bool = False,
    ) -> None:  # fmt: skip
        check_options("ASGD", lr=lr, weight_decay=weight_decay)
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        super().__init__(params, {**options, "maximize": maximize})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        grad, lr, lambd = decayed_gradient(parameter, group), group["lr"], group["lambd"]
        if not state:
            state.update(step=0, eta=lr, mu=1.0, ax=parameter.array * 0)
        state["step"] += 1
        parameter.array *= 1 - lambd * state["eta"]
        parameter.array -= state["eta"] * grad
        state["ax"] += (parameter.array - state["ax"]) * state["mu"]
        state["eta"] = lr / (1 + lambd * lr * state["step"]) ** group["alpha"]
        state["mu"] = 1 / max(1, state["step"] - group["t0"])
