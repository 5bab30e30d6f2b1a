"""A folder of pictures as a data set.

Each subfolder is a class, named by the folder, as in torchvision's ImageFolder; pictures that lie in the
folder itself, with no subfolders, are all of class 0. Every picture is cropped to a square in its middle and
resized. Decoded pictures are kept in memory when all of them fit; otherwise each is decoded when asked for.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from minigrad.autograd import Tensor, tensor_of
from minigrad.data.dataset import Dataset
from minigrad.data.image import SUFFIXES, PictureNote, open_picture

MEMORY = 2**30  # bytes of decoded pictures that are kept


class ImageFolder(Dataset):
    """Pictures of a folder, square: item i is the pair (Tensor (C, size, size) in [0, 1], class number).

    root: the folder. size: the side in pixels. gray: one channel instead of three.
    keep: hold the decoded pictures in memory; None decides by their size. With keep, unreadable files are
    left out with a note; without, they are an error when their turn comes.
    Errors: FileNotFoundError, or ValueError when there is no readable picture, or for a size below 1.
    """

    def __init__(
        self, root: str | os.PathLike[str], size: int = 64, gray: bool = False, keep: bool | None = None
    ) -> None:
        if size < 1:
            raise ValueError(f"ImageFolder: size must be at least 1 pixel, got {size}")
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise FileNotFoundError(f"ImageFolder: {self.root} is not a folder")
        self.size = size
        self.gray = gray
        self.classes = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir() and pictures_in(entry))
        self.samples = self._find()
        if keep is None:
            keep = len(self.samples) * size * size * (1 if gray else 3) <= MEMORY
        self._kept = self._decode_all() if keep else None
        if not self.samples:
            raise ValueError(f"ImageFolder: no readable pictures in {self.root} ({SUFFIXES})")

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.samples[index]
        pixels = self._decode(path) if self._kept is None else self._kept[index]
        return tensor_of(pixels.astype(np.float32) / np.float32(255)), label

    def _find(self) -> list[tuple[Path, int]]:
        if not self.classes:
            return [(path, 0) for path in pictures_in(self.root)]
        return [(path, label) for label, name in enumerate(self.classes) for path in pictures_in(self.root / name)]

    def _decode_all(self) -> list[np.ndarray]:
        """Decode every picture once; those that cannot be read leave the list of samples."""
        kept, readable = [], []
        for path, label in self.samples:
            try:
                kept.append(self._decode(path))
                readable.append((path, label))
            except ValueError as error:
                warnings.warn(f"left out: {error}", PictureNote, stacklevel=3)
        self.samples = readable
        return kept

    def _decode(self, path: Path) -> np.ndarray:
        """One picture as (C, size, size) uint8."""
        image = open_picture(path).convert("L" if self.gray else "RGB")
        square = np.asarray(ImageOps.fit(image, (self.size, self.size), Image.Resampling.LANCZOS))
        return square[None] if self.gray else np.ascontiguousarray(square.transpose(2, 0, 1))


def pictures_in(folder: Path) -> list[Path]:
    """The picture files in a folder and below it, by suffix, in the order of their names."""
    suffixes = SUFFIXES.split()
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
