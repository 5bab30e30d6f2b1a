"""The loader: a data set cut into batches, in order or shuffled, resumable at any batch.

An epoch's order is the permutation that one number, the epoch's seed, gives. The seed is drawn from the
engine's own generator when the epoch starts, so `manual_seed` fixes the order; and where a run stands in
its data is just the pair (seed, position), which is what a checkpoint keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.data.dataset import collate

from ..random import generator


class _Epoch:
    """One pass through the data: its seed (None: the data's own order) and how many batches it has given."""

    def __init__(self, seed: int | None, position: int = 0) -> None:
        self.seed = seed
        self.position = position

    def order(self, size: int) -> np.ndarray:
        """The numbers 0 .. size - 1 in this epoch's order."""
        if self.seed is None:
            return np.arange(size)
        return np.random.default_rng(self.seed).permutation(size)


class DataLoader:
    """Batches of a data set: `for images, labels in DataLoader(dataset, batch_size=128, shuffle=True)`.

    Each `for` is one epoch; `forever()` goes on through epoch after epoch, for training by steps.
    dataset: anything with `__len__` and `__getitem__`. drop_last: leave out a last batch that is not full.
    A batch is a Tensor (B, ...), or a list of them where items are tuples.
    Errors: ValueError for a batch size below 1 or data without items.
    """

    def __init__(self, dataset: Any, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a whole number of at least 1, got {batch_size!r}")
        if len(dataset) == 0:
            raise ValueError("DataLoader: the data set is empty; it needs at least one item")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self._epoch = _Epoch(None, len(self))  # a finished one: the next batch starts a new epoch

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full if self.drop_last or rest == 0 else full + 1

    def __iter__(self) -> Iterator[Any]:
        """A new epoch from its start."""
        self._epoch = self._new_epoch()
        return self._batches(self._epoch)

    def forever(self) -> Iterator[Any]:
        """Batches without end, first those left of the epoch that a loaded state stands in."""
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {len(self.dataset)} items do not fill one batch of {self.batch_size}, "
                "and drop_last leaves out what is not full; use a smaller batch_size"
            )
        while True:
            if self._epoch.position >= len(self):
                self._epoch = self._new_epoch()
            yield from self._batches(self._epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands. Together with the generator's state it fixes all batches to come."""
        return {"seed": self._epoch.seed, "position": self._epoch.position, **self._identity()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where `state` was taken: `forever()` goes on with the very next batch.

        Errors: ValueError when the data, the batch size or the shuffling are not those of the saved run, and for a seed
        or a position that no loader can have.
        """
        mine = self._identity()
        saved = {name: int(state[name]) for name in mine}
        if saved != mine:
            raise ValueError(f"DataLoader: the saved state has {saved}, this loader has {mine}; use the same data")
        seed, position = state["seed"], int(state["position"])
        if (seed is not None and int(seed) < 0) or not 0 <= position <= len(self):
            raise ValueError(
                f"DataLoader: the saved state is damaged: seed {seed} must not be negative, "
                f"position {position} must lie in 0 to {len(self)}"
            )
        self._epoch = _Epoch(None if seed is None else int(seed), position)

    def _identity(self) -> dict[str, int]:
        return {"items": len(self.dataset), "batch_size": self.batch_size, "shuffle": int(self.shuffle)}

    def _new_epoch(self) -> _Epoch:
        return _Epoch(int(generator().integers(2**63)) if self.shuffle else None)

    def _batches(self, epoch: _Epoch) -> Iterator[Any]:
        order = epoch.order(len(self.dataset))
        while epoch.position < len(self):
            start = epoch.position * self.batch_size
            epoch.position += 1  # counted before the batch is handed out: a state saved after it has it behind
            yield self._fetch(order[start : start + self.batch_size])

    def _fetch(self, indices: np.ndarray) -> Any:
        if hasattr(self.dataset, "batch"):
            return self.dataset.batch(indices)
        return collate([self.dataset[int(index)] for index in indices])
