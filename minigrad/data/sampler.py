"""Samplers: in which order a loader asks for items. Random ones draw from `generator`, the common one if None."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from .. import distributed as dist
from ..random import Generator, generator_of


class Sampler:
    """The base: a subclass defines `__iter__`, which gives item numbers (or lists of them), and `__len__`."""

    def __init__(self, data_source: Sized | None = None) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{type(self).__name__}: a Sampler needs a method __iter__ that gives item numbers")


class SequentialSampler(Sampler):
    """0, 1, 2, ... of a data set."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source: Sized = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """The numbers of a data set in random order, or with replacement `num_samples` of them drawn independently."""

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:  # fmt: skip
        self.generator = generator
        count = len(data_source)
        self.data_source: Sized = data_source
        self.replacement, self.num_samples = replacement, count if num_samples is None else num_samples
        if count < 1 or self.num_samples < 1:
            raise ValueError(
                f"RandomSampler: {self.num_samples} of {count} items cannot be drawn; both must be above 0"
            )

    def __iter__(self) -> Iterator[int]:
        count, numbers = len(self.data_source), generator_of(self.generator)
        if self.replacement:
            return iter(numbers.integers(count, size=self.num_samples).tolist())
        rounds = -(-self.num_samples // count)
        order = np.concatenate([numbers.permutation(count) for _ in range(rounds)])
        return iter(order[: self.num_samples].tolist())

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """Given item numbers, in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        return iter([self.indices[i] for i in generator_of(self.generator).permutation(len(self.indices))])

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` numbers below len(weights), number i with a probability proportional to weights[i]."""

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        self.generator = generator
        self.weights = np.asarray(weights.tolist() if hasattr(weights, "tolist") else list(weights), float)
        self.num_samples, self.replacement = num_samples, replacement
        if self.weights.ndim != 1 or not (self.weights >= 0).all() or not self.weights.sum() > 0:
            raise ValueError("WeightedRandomSampler: weights must be a list of numbers of at least 0, not all 0")
        if num_samples < 1 or (not replacement and num_samples > (self.weights > 0).sum()):
            raise ValueError(f"WeightedRandomSampler: {num_samples} numbers cannot be drawn from {len(self.weights)}")

    def __iter__(self) -> Iterator[int]:
        shares = self.weights / self.weights.sum()
        numbers = generator_of(self.generator)
        return iter(numbers.choice(len(shares), self.num_samples, self.replacement, shares).tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` numbers from another sampler; drop_last: leave out a last list that is shorter."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"BatchSampler: batch_size must be a whole number of at least 1, got {batch_size!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, int(batch_size), drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


class DistributedSampler(Sampler):
    """One rank's part of a data set: every num_replicas-th number, in an order that all ranks agree on.

    num_replicas, rank: by default those of the process group. All parts are equally long: where the data set does not
    divide, some numbers are given twice, or with drop_last a few are left out. shuffle: in the random order that seed
    and epoch give; call `set_epoch(epoch)` before each epoch, or all have the same order.
    Errors: ValueError for a rank that is not in 0 to num_replicas - 1, or data that gives a rank nothing.
    """

    def __init__(
        self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
        seed: int = 0, drop_last: bool = False,
    ) -> None:  # fmt: skip
        self.dataset, self.shuffle, self.seed, self.drop_last, self.epoch = dataset, shuffle, seed, drop_last, 0
        self.num_replicas = dist.get_world_size() if num_replicas is None else num_replicas
        self.rank = dist.get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"DistributedSampler: rank {self.rank} must be in 0 to {self.num_replicas - 1}")
        count = len(dataset)
        self.num_samples = count // self.num_replicas if drop_last else -(-count // self.num_replicas)
        if self.num_samples < 1:
            raise ValueError(f"DistributedSampler: {count} items are too few for {self.num_replicas} ranks")

    def __iter__(self) -> Iterator[int]:
        count, total = len(self.dataset), self.num_samples * self.num_replicas
        order = np.arange(count)
        if self.shuffle:
            order = np.random.default_rng(self.seed + self.epoch).permutation(count)
        return iter(np.resize(order, total)[self.rank :: self.num_replicas].tolist())  # resize repeats, or cuts off

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next epoch: the same number on all ranks."""
        self.epoch = epoch
