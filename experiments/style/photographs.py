"""Photographs as training data for fast style transfer: random crops at random scales, mirrored at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from minigrad import Tensor, from_numpy
from minigrad.data import Dataset
from minigrad.data.image import open_picture
from minigrad.random import generator

SCALES = (1.0, 2.0)  # the shorter side of what is cropped from, in sides of the crop


class RandomCrops(Dataset):
    """Photographs of a folder; each time one is asked for, another square of it: (3, size, size) float32 in [0, 1].

    The photograph is resized until its shorter side is 1 to 2 times `size`, cropped at random and mirrored every
    other time; all is drawn from minigrad's generator. Errors: ValueError without pictures in the folder.
    """

    def __init__(self, paths: list[Path], size: int) -> None:
        self.size = size
        if not paths:
            raise ValueError("RandomCrops: there are no pictures")
        self.photographs = [self._kept(path) for path in paths]

    def _kept(self, path: Path) -> Image.Image:
        """The photograph, no larger than any crop needs."""
        photograph = open_picture(path)
        factor = SCALES[1] * self.size / min(photograph.size)
        return photograph if factor >= 1 else _scaled(photograph, factor)

    def __len__(self) -> int:
        return len(self.photographs)

    def __getitem__(self, index: int) -> Tensor:
        random, photograph = generator(), self.photographs[index]
        shorter = round(self.size * random.uniform(*SCALES))
        scaled = _scaled(photograph, shorter / min(photograph.size))
        left, top = (int(random.integers(side - self.size + 1)) for side in scaled.size)
        pixels = np.asarray(scaled, np.float32)[top : top + self.size, left : left + self.size] / np.float32(255)
        if random.random() < 0.5:
            pixels = pixels[:, ::-1]
        return from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    """The image with both sides times `factor`, rounded up so that the shorter side never falls short."""
    width, height = (max(1, int(np.ceil(side * factor - 1e-6))) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)
