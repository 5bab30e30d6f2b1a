"""Several schedules of one optimizer: together, or one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler


class _Several(LRScheduler):
    """Schedules of one optimizer that are saved together; not themselves made of several."""

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None) -> None:
        name = type(self).__name__
        if not schedulers:
            raise ValueError(f"{name}: schedulers is empty; at least one is needed")
        optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        for i, scheduler in enumerate(schedulers):
            single = isinstance(scheduler, LRScheduler) and not isinstance(scheduler, _Several)
            if not single or scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name}: schedulers[{i}] must be a single schedule, of this optimizer, that needs no metric"
                )
        self.optimizer: Optimizer = optimizer
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        super().load_state_dict({key: value for key, value in saved.items() if key != "_schedulers"})
        for scheduler, state in zip(self._schedulers, saved["_schedulers"]):
            scheduler.load_state_dict(state)


class ChainedScheduler(_Several):
    """Several schedules in each step, one after the other."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(schedulers, optimizer)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:  # type: ignore[override]  # as in PyTorch, without an epoch
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


class SequentialLR(_Several):
    """One schedule after the other: each begins, from the first rates, at its milestone, an epoch."""

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        super().__init__(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: milestones must be one fewer than the {len(schedulers)} schedulers, got {milestones}"
            )
        self._milestones, self.last_epoch = list(milestones), last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in self._schedulers:
            scheduler.last_epoch -= 1  # the epoch that it entered when it was made
        self._schedulers[bisect_right(self._milestones, 0)].start()
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    def step(self) -> None:  # type: ignore[override]  # as in PyTorch, without an epoch
        self.last_epoch += 1
        present = bisect_right(self._milestones, self.last_epoch)
        if present > 0 and self._milestones[present - 1] == self.last_epoch:
            self._schedulers[present].restart()
        else:
            self._schedulers[present].step()
        self._last_lr = self._schedulers[present].get_last_lr()
