"""Rprop: steps whose size follows the signs of the gradients alone, for full batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autograd import Tensor
from ..devices import xp_of
from .optimizer import Optimizer, check_options, decayed_gradient


class Rprop(Optimizer):
    """theta -= sign(g) s, where each entry's s grows by etas[1] while its gradient keeps its sign.

    Where the sign has changed, s shrinks by etas[0] and theta stays for this step. s begins as lr and is limited to
    step_sizes. (Riedmiller and Braun 1993, without going back.)
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, maximize: bool = False,
    ) -> None:  # fmt: skip
        check_options("Rprop", lr=lr)
        if not 0 < etas[0] < 1 < etas[1]:
            raise ValueError(f"Rprop: etas must be a number below 1 and one above, got {etas}")
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def update(self, parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp, (shrink, grow) = xp_of(parameter.array), group["etas"]
        grad = decayed_gradient(parameter, group, decoupled=True)
        if not state:
            start = xp.full_like(parameter.array, group["lr"])
            state.update(step=0, prev=xp.zeros_like(parameter.array), step_size=start)
        state["step"] += 1
        agreement = grad * state["prev"]
        factors = xp.where(agreement > 0, grow, xp.where(agreement < 0, shrink, 1.0))
        state["step_size"] = (state["step_size"] * factors).clip(*group["step_sizes"]).astype(grad.dtype)
        state["prev"] = xp.where(agreement < 0, xp.zeros_like(grad), grad)
        parameter.array -= xp.sign(state["prev"]) * state["step_size"]
