"""What all schedules share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """The base: a subclass defines `get_lr()`, each group's rate in epoch `last_epoch`.

    base_lrs: each group's first rate, which the group keeps as "initial_lr".
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: optimizer must be an Optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: to go on from epoch {last_epoch}, first load the optimizer's state, of a "
                    "run with a schedule"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.start()

    def start(self) -> None:
        """Enter the first epoch; when going on from a later one, the rates are there already."""
        if self.last_epoch == -1:
            self.step()
        else:
            self.last_epoch += 1
            self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def get_lr(self) -> list[float]:
        raise NotImplementedError(f"{type(self).__name__} defines no get_lr")

    def get_lr_of_epoch(self) -> list[float]:
        """Each group's rate in epoch `last_epoch`, however it was reached."""
        return self.get_lr()

    def step(self, epoch: Any = None) -> None:
        """Move to the next epoch, or to the one given."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._set(self.get_lr() if epoch is None else self.get_lr_of_epoch())

    def restart(self) -> None:
        """Go to epoch 0 and its rates, whatever the present ones are."""
        for group, first in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = first
        self.last_epoch = 0
        self._set(self.get_lr())

    def _set(self, rates: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates):
            group["lr"] = lr
        self._last_lr = list(rates)

    def get_last_lr(self) -> list[float]:
        """Each group's rate as of the last step."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and functions."""
        return {key: value for key, value in vars(self).items() if key not in ("optimizer", "lr_lambdas")}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        vars(self).update(saved)


def one_a_group(what: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """A value for each parameter group, from one for all or a list. Errors: ValueError if there are more or fewer."""
    count = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{what} has {len(values)} entries for {count} parameter groups")
    return values
