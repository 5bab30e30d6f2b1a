"""The loader: a data set cut into batches, in order or shuffled, resumable at any batch.

An epoch's order is the permutation that one number, the epoch's seed, gives. The seed is drawn from the
engine's own generator when the epoch starts, so `manual_seed` fixes the order; and where a run stands in
its data is just the pair (seed, position), which is what a checkpoint keeps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Any

import numpy as np

from minigrad.data.dataset import collate

from .. import distributed as dist
from ..random import Generator, drawn_seed
from .sampler import BatchSampler


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
    sampler: item numbers in an order of one's own; batch_sampler: lists of them, instead of batch_size, shuffle,
    sampler and drop_last. num_workers: how many threads fetch batches ahead; the batches and their order are the same,
    but items that draw random numbers draw them in the order in which threads happen to run. collate_fn: makes a batch
    of a list of items; by default `collate`. generator: where the order is drawn from; the common one if None.
    worker_init_fn: called with its number in each worker thread when it starts. prefetch_factor: how many batches a
    worker are fetched ahead, 2 if None. pin_memory, persistent_workers: change nothing; transfers to a GPU are
    synchronous, and threads start at once.
    A batch is a Tensor (B, ...), or a list or dictionary of them where items are tuples or dictionaries.
    Errors: ValueError for a batch size below 1, data without items, or arguments that contradict each other.
    """

    def __init__(
        self, dataset: Any, batch_size: int = 1, shuffle: bool | None = None, sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None, num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None, pin_memory: bool = False, drop_last: bool = False,
        *, worker_init_fn: Callable[[int], Any] | None = None, generator: Generator | None = None,
        prefetch_factor: int | None = None, persistent_workers: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a whole number of at least 1, got {batch_size!r}")
        if len(dataset) == 0:
            raise ValueError("DataLoader: the data set is empty; it needs at least one item")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: batch_sampler leaves no room for batch_size, shuffle, sampler or drop_last")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: a sampler decides the order; leave shuffle out")
        if isinstance(num_workers, bool) or not isinstance(num_workers, int) or num_workers < 0:
            raise ValueError(f"DataLoader: num_workers must be a whole number of at least 0, got {num_workers!r}")
        if prefetch_factor is not None and (num_workers == 0 or prefetch_factor < 1):
            raise ValueError("DataLoader: prefetch_factor must be at least 1, and there must be workers to fetch ahead")
        self.dataset = dataset
        self.generator, self.worker_init_fn = generator, worker_init_fn
        self.prefetch_factor = 2 if prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.batch_size = int(batch_size)
        self.shuffle = bool(shuffle)
        self.drop_last = drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.num_workers, self.collate_fn, self.pin_memory = num_workers, collate_fn, pin_memory
        if sampler is not None:
            self.batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.num_replicas, self.rank = 1, 0
        self._epoch = _Epoch(None, len(self) if batch_sampler is None else 0)  # finished: the next batch starts one

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full if self.drop_last or rest == 0 else full + 1

    def __iter__(self) -> Iterator[Any]:
        """A new epoch from its start."""
        if self.batch_sampler is not None:
            return self._fetched(iter(self.batch_sampler))
        self._epoch = self._new_epoch()
        return self._batches(self._epoch)

    def forever(self) -> Iterator[Any]:
        """Batches without end, first those left of the epoch that a loaded state stands in."""
        self._check_resumable("forever")
        if len(self) == 0:
            raise ValueError(
                f"DataLoader: {len(self.dataset)} items do not fill one batch of {self.batch_size}, "
                "and drop_last leaves out what is not full; use a smaller batch_size"
            )
        while True:
            if self._epoch.position >= len(self):
                self._epoch = self._new_epoch()
            yield from self._batches(self._epoch)

    def shard(self, num_replicas: int, rank: int) -> None:
        """From now on give only every num_replicas-th item of each batch, from item `rank` on: the same batches for any
        number of ranks, shared out. An incomplete batch is filled up from its beginning, so that all get as many.

        Epochs' seeds come from rank 0 of the process group. Where the loader stands is the same on all ranks, and does
        not depend on how many there are. Errors: ValueError if batch_size cannot be divided.
        """
        self._check_resumable("shard")
        if self.batch_size % num_replicas:
            raise ValueError(f"DataLoader: batch_size {self.batch_size} cannot be divided among {num_replicas} ranks")
        self.num_replicas, self.rank = num_replicas, rank

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands. Together with the generator's state it fixes all batches to come."""
        self._check_resumable("state_dict")
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

    def _check_resumable(self, method: str) -> None:
        if self.batch_sampler is not None:
            raise ValueError(f"DataLoader.{method}: where a sampler of one's own stands is not known; use shuffle=True")

    def _identity(self) -> dict[str, int]:
        return {"items": len(self.dataset), "batch_size": self.batch_size, "shuffle": int(self.shuffle)}

    def _new_epoch(self) -> _Epoch:
        if not self.shuffle:
            return _Epoch(None)
        seed = [drawn_seed(self.generator)]
        if self.num_replicas > 1:
            dist.broadcast_object_list(seed)
        return _Epoch(seed[0])

    def _batches(self, epoch: _Epoch) -> Iterator[Any]:
        order = epoch.order(len(self.dataset))
        left = range(epoch.position, len(self))
        for batch in self._fetched(self._part(order[i * self.batch_size :][: self.batch_size]) for i in left):
            epoch.position += 1  # counted before the batch is handed out: a state saved after it has it behind
            yield batch

    def _part(self, numbers: np.ndarray) -> np.ndarray:
        """This rank's part of the item numbers of a batch."""
        equal = -(-len(numbers) // self.num_replicas) * self.num_replicas
        return np.resize(numbers, equal)[self.rank :: self.num_replicas]

    def _fetched(self, numbers: Iterator[Any]) -> Iterator[Any]:
        """The batches of these lists of item numbers, in order, fetched ahead by the workers if there are any."""
        if self.num_workers == 0:
            yield from map(self._fetch, numbers)
            return
        started, start = count(), self.worker_init_fn or (lambda worker: None)
        with ThreadPoolExecutor(self.num_workers, "minigrad-loader", lambda: start(next(started))) as pool:
            first = islice(numbers, self.prefetch_factor * self.num_workers)
            ahead = deque(pool.submit(self._fetch, batch) for batch in first)
            try:
                while ahead:
                    batch = ahead.popleft().result()
                    ahead.extend(pool.submit(self._fetch, following) for following in islice(numbers, 1))
                    yield batch
            finally:
                for future in ahead:
                    future.cancel()

    def _fetch(self, indices: Any) -> Any:
        if self.collate_fn is not None:
            return self.collate_fn([self.dataset[int(index)] for index in indices])
        if hasattr(self.dataset, "batch"):
            return self.dataset.batch(np.asarray(indices))
        return collate([self.dataset[int(index)] for index in indices])
