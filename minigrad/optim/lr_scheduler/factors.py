"""Schedules that multiply the present rate by what an epoch changes; several can act on one optimizer, in turn."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, one_a_group


class FactorLR(LRScheduler):
    """lr = eta_min + (first lr - eta_min) * factor(epoch), by steps. A subclass defines `factor`."""

    eta_min = 0.0

    def factor(self, epoch: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} defines no factor")

    def get_lr(self) -> list[float]:
        now, before = self.factor(self.last_epoch), self.factor(self.last_epoch - 1) if self.last_epoch > 0 else 1.0
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if before == 0:
            return [lr + (first - self.eta_min) * now for lr, first in zip(rates, self.base_lrs)]
        return [lr if now == before else self.eta_min + (lr - self.eta_min) * (now / before) for lr in rates]

    def get_lr_of_epoch(self) -> list[float]:
        factor = self.factor(self.last_epoch)
        return [self.eta_min + (first - self.eta_min) * factor for first in self.base_lrs]


class StepLR(FactorLR):
    """factor = gamma^floor(epoch / step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)


class MultiStepLR(FactorLR):
    """factor = gamma^k, with k the number of milestones (epochs) that have been reached."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return self.gamma ** bisect_right(self.milestones, epoch)


class ExponentialLR(FactorLR):
    """factor = gamma^epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return self.gamma**epoch


class ConstantLR(FactorLR):
    """`factor` for the first total_iters epochs, then 1."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor must lie between 0 and 1, got {factor}")
        self.first_factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return self.first_factor if epoch < self.total_iters else 1.0


class LinearLR(FactorLR):
    """factor moves linearly from start_factor to end_factor over total_iters epochs, and stays there."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1:
            raise ValueError(
                f"LinearLR: start_factor ({start_factor}) must lie above 0, end_factor ({end_factor}) not below, and "
                "neither above 1"
            )
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class PolynomialLR(FactorLR):
    """factor = (1 - epoch / total_iters)^power, 0 from total_iters on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(FactorLR):
    """factor = (1 + cos(pi epoch / T_max)) / 2, of the way from eta_min to the first lr.

    (Loshchilov and Hutter 2017, equation 5.)
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return (1 + math.cos(math.pi * epoch / self.T_max)) / 2


class MultiplicativeLR(LRScheduler):
    """Each epoch but the first multiplies lr by lr_lambda(epoch), a function, or a list of them, one a group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas = one_a_group("MultiplicativeLR: lr_lambda", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if self.last_epoch == 0:
            return rates
        return [lr * factor(self.last_epoch) for factor, lr in zip(self.lr_lambdas, rates)]
