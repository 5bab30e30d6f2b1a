"""Schedules that set the rate anew in each epoch, whatever it was."""

from __future__ import annotations

import math
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, one_a_group


class CosineAnnealingWarmRestarts(LRScheduler):
    """As CosineAnnealingLR, started anew after T_0 epochs, and then each time after T_mult times as many.

    `step(epoch + batch / batches)` goes to a place within an epoch. (Loshchilov and Hutter 2017, equation 5.)
    """

    fraction = 0.0  # of an epoch, beyond last_epoch

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_0 < 1 or T_mult < 1:
            raise ValueError(f"CosineAnnealingWarmRestarts: T_0 ({T_0}) and T_mult ({T_mult}) must be at least 1")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        epoch, length = self.last_epoch + self.fraction, self.T_0
        while epoch >= length:
            epoch -= length
            length *= self.T_mult
        share = (1 + math.cos(math.pi * epoch / length)) / 2
        return [self.eta_min + (first - self.eta_min) * share for first in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        if epoch is not None:
            if epoch < 0:
                raise ValueError(f"CosineAnnealingWarmRestarts: epoch must not be negative, got {epoch}")
            self.fraction, epoch = epoch % 1, math.floor(epoch)
        super().step(epoch)


class LambdaLR(LRScheduler):
    """lr = first lr * lr_lambda(epoch), any function, or a list of them, one a group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas = one_a_group("LambdaLR: lr_lambda", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [first * factor(self.last_epoch) for factor, first in zip(self.lr_lambdas, self.base_lrs)]


class CyclicLR(LRScheduler):
    """lr = base_lr + (max_lr - base_lr) h, in steps of batches, where h rises from 0 to 1 and falls back, on and on.

    mode: "triangular"; "triangular2", where the n-th cycle's h is 2^(1 - n) times that; or "exp_range", where h is
    gamma^step times that. cycle_momentum: whether momentum (or Adam's first beta) meanwhile moves from max_momentum to
    base_momentum and back. (Smith 2017.)
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: Any, max_lr: Any, step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0, cycle_momentum: bool = True,
        base_momentum: Any = 0.8, max_momentum: Any = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"CyclicLR: mode {mode!r} is unknown; use 'triangular', 'triangular2' or 'exp_range'")
        self.up, self.mode, self.gamma, self.cycle_momentum = float(step_size_up), mode, gamma, cycle_momentum
        self.length = self.up + (self.up if step_size_down is None else float(step_size_down))
        lowest, self.max_lrs = (one_a_group("CyclicLR: the rates", optimizer, lr) for lr in (base_lr, max_lr))
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, lowest):
                group.update(lr=lr, initial_lr=lr)
            if cycle_momentum:
                start_momentum("CyclicLR", optimizer, base_momentum, max_momentum)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        cycle, at = divmod(self.last_epoch, self.length)
        height = at / self.up if at <= self.up else (self.length - at) / (self.length - self.up)
        height *= {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**self.last_epoch}[self.mode]
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                set_momentum(group, group["max_momentum"] - (group["max_momentum"] - group["base_momentum"]) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]


class OneCycleLR(LRScheduler):
    """One cycle, in steps of batches: from max_lr / div_factor up to max_lr in the first pct_start of total_steps, then
    down to its start / final_div_factor; with three_phase down to its start as fast as it rose, then on to the end.

    cycle_momentum: whether momentum (or Adam's first beta) meanwhile moves from max_momentum to base_momentum and back.
    anneal_strategy: "cos" or "linear". total_steps: or give epochs and steps_per_epoch. (Smith and Topin 2018.)
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: Any, total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: Any = 0.85, max_momentum: Any = 0.95, div_factor: float = 25.0,
        final_div_factor: float = 1e4, three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if total_steps is None and epochs is not None and steps_per_epoch is not None:
            total_steps = epochs * steps_per_epoch
        if total_steps is None or total_steps < 1:
            raise ValueError("OneCycleLR: give total_steps, at least 1, or both epochs and steps_per_epoch")
        if not 0 <= pct_start <= 1 or anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                "OneCycleLR: pct_start must lie between 0 and 1, anneal_strategy be 'cos' or 'linear', got "
                f"{pct_start} and {anneal_strategy!r}"
            )
        self.total_steps, self.anneal_strategy, self.cycle_momentum = total_steps, anneal_strategy, cycle_momentum
        rise = pct_start * total_steps - 1  # the last step of the first phase
        self.phases = [(rise, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
        if three_phase:
            self.phases.append((2 * rise, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
            self.phases.append((total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
        else:
            self.phases.append((total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"))
        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, one_a_group("OneCycleLR: max_lr", optimizer, max_lr)):
                group.update(initial_lr=top / div_factor, max_lr=top, min_lr=top / div_factor / final_div_factor)
            if cycle_momentum:
                start_momentum("OneCycleLR", optimizer, base_momentum, max_momentum)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} was asked for, the schedule has {self.total_steps}")
        last = len(self.phases) - 1
        number = next((i for i, phase in enumerate(self.phases) if self.last_epoch <= phase[0]), last)
        end, *names = self.phases[number]
        start = self.phases[number - 1][0] if number else 0.0
        share = (self.last_epoch - start) / (end - start) if end != start else 1.0
        if self.anneal_strategy == "cos":
            share = (1 - math.cos(math.pi * share)) / 2
        rates = []
        for group in self.optimizer.param_groups:
            lr, momentum = (group[a] + (group[b] - group[a]) * share for a, b in (names[:2], names[2:]))
            rates.append(lr)
            if self.cycle_momentum:
                set_momentum(group, momentum)
        return rates


def start_momentum(what: str, optimizer: Optimizer, base_momentum: Any, max_momentum: Any) -> None:
    """Give each group its limits of momentum. Errors: ValueError for an optimizer that has none."""
    if not {"momentum", "betas"} & optimizer.defaults.keys():
        raise ValueError(f"{what}: this optimizer has neither momentum nor betas; set cycle_momentum=False")
    lowest = one_a_group(f"{what}: base_momentum", optimizer, base_momentum)
    highest = one_a_group(f"{what}: max_momentum", optimizer, max_momentum)
    for group, low, high in zip(optimizer.param_groups, lowest, highest):
        group.update(base_momentum=low, max_momentum=high)


def set_momentum(group: dict[str, Any], momentum: float) -> None:
    """Set a group's momentum, or the first of its betas."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum
