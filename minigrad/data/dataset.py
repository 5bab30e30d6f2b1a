"""What a data set is: things that can be counted and fetched by number.

A data set has a length and gives its item number i: `len(dataset)` and `dataset[i]`. That is all the loader
needs. One that can fetch many items faster than one by one says so by overriding `batch`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.autograd import Tensor, tensor_of

from ..random import Generator, generator_of

IndexArray = np.ndarray  # (B,) int64: the numbers of the items that make a batch


class Dataset:
    """The base class: write `__len__` and `__getitem__` in a class of your own, as in PyTorch."""

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__}: a Dataset needs a method __len__ that counts its items")

    def __getitem__(self, index: int) -> Any:
        raise TypeError(f"{type(self).__name__}: a Dataset needs a method __getitem__ that gives item {index}")

    def batch(self, indices: IndexArray) -> Any:
        """The items of these numbers, put together along a new first axis (see `collate`)."""
        return collate([self[int(index)] for index in indices])


class TensorDataset(Dataset):
    """Tensors of equal length side by side; item i is the tuple of their i-th rows.

    tensors: each (N, ...). Errors: ValueError when there is none, or when their lengths differ.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError("TensorDataset: no tensors given; give one or more of equal length")
        for tensor in tensors:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"TensorDataset: expected Tensors, got {type(tensor).__name__}")
        shapes = [tuple(tensor.shape) for tensor in tensors]
        if any(not shape or shape[0] != shapes[0][0] for shape in shapes):
            raise ValueError(f"TensorDataset: the tensors must have equal length, got shapes {shapes}")
        self.tensors = tensors

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def batch(self, indices: IndexArray) -> list[Tensor]:
        return [tensor_of(tensor.array[indices]) for tensor in self.tensors]


class Subset(Dataset):
    """Some items of another data set: item i is dataset[indices[i]]."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]


class ConcatDataset(Dataset):
    """Data sets one after the other."""

    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: no data sets given; give one or more")
        self.cumulative_sizes = np.cumsum([len(dataset) for dataset in self.datasets]).tolist()

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ConcatDataset: item {index} is out of range for {len(self)} items")
        index %= len(self)
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None) -> list[Subset]:
    """Cut a data set at random into parts of given lengths, or of given shares that add up to 1.

    Shares are rounded down; what is left over goes to the first parts, one item each. generator: where the order is
    drawn from; the common one if None.
    Errors: ValueError if the lengths do not add up to the number of items.
    """
    count, sizes = len(dataset), list(lengths)
    if sizes and abs(sum(sizes) - 1) < 1e-9 and any(isinstance(size, float) for size in sizes):
        sizes = [int(count * share) for share in sizes]
        for part in range(count - int(sum(sizes))):
            sizes[part % len(sizes)] += 1
    if sum(sizes) != count:
        raise ValueError(f"random_split: lengths {list(lengths)} must add up to the {count} items, or to 1")
    order, ends = generator_of(generator).permutation(count).tolist(), np.cumsum(sizes).tolist()
    return [Subset(dataset, order[end - int(size) : end]) for size, end in zip(sizes, ends)]


class LabelledImages(Dataset):
    """Gray images with a class each. Kept as bytes, given as float32 in [0, 1].

    pixels: (N, H, W) uint8. labels: (N,) int64. Item i is the pair (Tensor (1, H, W), int).
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.pixels = pixels
        self.targets = labels.astype(np.int64)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return tensor_of(self._scaled(self.pixels[index][None])), int(self.targets[index])

    def batch(self, indices: IndexArray) -> list[Tensor]:
        return [tensor_of(self._scaled(self.pixels[indices][:, None])), tensor_of(self.targets[indices])]

    @property
    def images(self) -> Tensor:
        """All images: (N, 1, H, W) float32 in [0, 1], made anew at each call."""
        return tensor_of(self._scaled(self.pixels[:, None]))

    @property
    def labels(self) -> Tensor:
        """All classes: (N,) int64."""
        return tensor_of(self.targets)

    @staticmethod
    def _scaled(pixels: np.ndarray) -> np.ndarray:
        return pixels.astype(np.float32) / np.float32(255)


def collate(items: Sequence[Any]) -> Any:
    """Put items of one kind together: tuples place by place, Tensors and arrays stacked, numbers in a row.

    items: B of them. Gives a Tensor (B, ...); for tuples a list of such, for dictionaries a dictionary; strings stay a
    list. Python's integers become int64, its floats float64, as in PyTorch.
    Errors: ValueError when shapes differ, TypeError for items that are none of these.
    """
    first = items[0]
    if isinstance(first, Mapping):
        return {key: collate([item[key] for item in items]) for key in first}
    if isinstance(first, str):
        return list(items)
    if isinstance(first, (tuple, list)):
        if any(len(item) != len(first) for item in items):
            raise ValueError(f"DataLoader: items of one batch must have equally many parts, got {first!r} first")
        return [collate(part) for part in zip(*items)]
    if isinstance(first, Tensor):
        items = [item.array for item in items]
    if isinstance(items[0], (bool, int, np.number, np.bool_)):
        return tensor_of(np.array(items))
    if isinstance(items[0], float):
        return tensor_of(np.array(items, dtype=np.float64))
    if not hasattr(items[0], "shape"):
        raise TypeError(
            f"DataLoader: cannot make a batch of {type(first).__name__}; items must be Tensors, arrays or numbers"
        )
    if any(item.shape != items[0].shape for item in items):
        shapes = sorted({tuple(item.shape) for item in items})
        raise ValueError(f"DataLoader: the items of one batch must have one shape, got {shapes}")
    return tensor_of(np.stack(items))
