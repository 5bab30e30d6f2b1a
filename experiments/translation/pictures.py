"""Pictures as training data of translation: bytes in memory where they fit, cut at random, mirrored at random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad import Tensor, from_numpy
from minigrad.data import Dataset
from minigrad.random import generator

MEMORY = 2**30  # bytes of pictures that are kept


class Pictures(Dataset):
    """Pictures (N, channels, size, size) of float32 in [-1, 1], from bytes.

    decode: picture number to (channels, H, W) uint8, H and W at least `size`. What is larger than `size` is cropped
    at random (Isola et al. 2017, section 6.2: jitter), or in the middle where jitter is off, as for testing. mirror:
    every other picture is turned around. An aligned pair is one picture with both halves' channels, so that both are
    cut alike.
    """

    def __init__(
        self, count: int, decode: Callable[[int], np.ndarray], size: int, jitter: bool = False, mirror: bool = False
    ) -> None:
        if count < 1:
            raise ValueError("Pictures: there are none")
        self.count, self.decode, self.size, self.jitter, self.mirror = count, decode, size, jitter, mirror
        first = decode(0)
        self.channels = first.shape[0]
        self.kept = [first, *(decode(i) for i in range(1, count))] if count * first.size <= MEMORY else None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Tensor:
        return from_numpy(self.batch(np.array([index])).array[0])

    def batch(self, indices: np.ndarray) -> Tensor:
        """The pictures of these numbers, (B, channels, size, size) in [-1, 1]."""
        cut = [self._cut(self.decode(int(i)) if self.kept is None else self.kept[int(i)]) for i in indices]
        return scaled(np.stack(cut))

    def rolled(self, channels: int) -> Pictures:
        """The same pictures with the first `channels` channels behind the others: a pair with its halves exchanged."""
        decode = self.decode
        return Pictures(
            self.count, lambda index: np.roll(decode(index), -channels, axis=0), self.size, self.jitter, self.mirror
        )

    def first(self, count: int) -> Tensor:
        """The first pictures, or as many as there are, cut in the middle and not mirrored."""
        return scaled(np.stack([self._middle(self.decode(i)) for i in range(min(count, self.count))]))

    def _cut(self, picture: np.ndarray) -> np.ndarray:
        random = generator()
        if self.jitter and picture.shape[1:] != (self.size, self.size):
            top, left = (int(random.integers(side - self.size + 1)) for side in picture.shape[1:])
            picture = picture[:, top : top + self.size, left : left + self.size]
        if self.mirror and random.random() < 0.5:
            picture = picture[:, :, ::-1]
        return self._middle(picture)

    def _middle(self, picture: np.ndarray) -> np.ndarray:
        top, left = ((side - self.size) // 2 for side in picture.shape[1:])
        return picture[:, top : top + self.size, left : left + self.size]


def in_memory(pixels: np.ndarray, size: int, jitter: bool = False, mirror: bool = False) -> Pictures:
    """Pictures of an array (N, channels, H, W) uint8."""
    return Pictures(len(pixels), lambda index: pixels[index], size, jitter, mirror)


def scaled(pixels: np.ndarray) -> Tensor:
    """Bytes as values in [-1, 1], float32."""
    return from_numpy(pixels.astype(np.float32) / np.float32(127.5) - np.float32(1))


def to_unit(pictures: Tensor) -> np.ndarray:
    """Values in [-1, 1] as an array of RGB pictures (N, 3, H, W) in [0, 1]; gray ones get three equal channels."""
    array = np.clip(pictures.cpu().numpy() * 0.5 + 0.5, 0, 1)
    return np.repeat(array, 3, axis=1) if array.shape[1] == 1 else array
