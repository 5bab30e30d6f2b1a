"""Learning-rate schedules: each `step()` moves to the next epoch and sets every group's lr from its first one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .optimizer import Optimizer


class _Schedule:
    """lr(epoch) = first lr * factor(epoch). A subclass defines `factor`."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = -1
        self.step()

    def factor(self, epoch: int) -> float:
        raise TypeError(f"{type(self).__name__} defines no factor")

    def step(self) -> None:
        """Move to the next epoch."""
        self.last_epoch += 1
        for group, first in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = self.rate(first, self.last_epoch)

    def rate(self, first: float, epoch: int) -> float:
        return first * self.factor(epoch)

    def get_last_lr(self) -> list[float]:
        """Each group's present learning rate."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        self.base_lrs = list(saved["base_lrs"])
        self.last_epoch = saved["last_epoch"] - 1
        self.step()


class StepLR(_Schedule):
    """factor = gamma^floor(epoch / step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)


class ExponentialLR(_Schedule):
    """factor = gamma^epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        return self.gamma**epoch


class LinearLR(_Schedule):
    """factor moves linearly from start_factor to end_factor over total_iters epochs, and stays there."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        share = min(epoch, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * share


class CosineAnnealingLR(_Schedule):
    """lr = eta_min + (first - eta_min) (1 + cos(pi epoch / T_max)) / 2. (Loshchilov and Hutter 2017, equation 5.)"""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, first: float, epoch: int) -> float:
        return self.eta_min + (first - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2


class LambdaLR(_Schedule):
    """factor = lr_lambda(epoch), any function."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def factor(self, epoch: int) -> float:
        return self.lr_lambda(epoch)
