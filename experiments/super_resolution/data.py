"""Random crops of photographs, each with its small version: what super-resolution learns from."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from minigrad import Tensor, from_numpy
from minigrad.data.image import SUFFIXES, PictureNote, open_picture
from minigrad.random import generator
from nets.srresnet import SCALE

from .resampling import reduced

MEMORY = 2**31  # bytes of decoded photographs that are kept; of a larger folder each is decoded when it is drawn


class Crops:
    """Pairs (small, large) cut at random from the photographs of a folder.

    size: the side of the large crops in pixels, a multiple of 4. A photograph is made four times as small as a whole
    (bicubic, antialiased, 8 bits), and crops are cut at the same place from both, so that no crop's border shows in
    its small version. Each pair is turned by a multiple of 90 degrees and mirrored at random.
    Unreadable files are left out with a note, as are photographs smaller than a crop.
    Errors: FileNotFoundError if the folder is missing; ValueError if no photograph is left, or for a bad size.
    """

    def __init__(self, folder: str | os.PathLike[str], size: int = 96) -> None:
        if size < 16 or size % SCALE:
            raise ValueError(f"Crops: size must be a multiple of {SCALE} of at least 16, got {size}")
        self.folder, self.size = Path(folder).expanduser(), size
        self.paths: list[Path] = []
        self._kept: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
        kept_bytes = 0
        for path in picture_files(self.folder):
            try:
                pair = read_pair(path)
            except ValueError as error:
                _note(f"left out: {error}")
                continue
            if min(pair[0].shape[1:]) < size:
                _note(f"left out: {path}: smaller than a crop of {size} pixels")
                continue
            self.paths.append(path)
            kept_bytes += pair[0].nbytes + pair[1].nbytes
            if kept_bytes <= MEMORY:
                self._kept[path] = pair
        if not self.paths:
            raise ValueError(f"{self.folder}: no readable photographs of at least {size} x {size} pixels ({SUFFIXES})")

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """(small (count, 3, size / 4, size / 4) in [0, 1], large (count, 3, size, size) in [-1, 1])."""
        pairs = [self._draw() for _ in range(count)]
        small, large = (np.stack(crops).astype(np.float32) / np.float32(255) for crops in zip(*pairs))
        return from_numpy(small), from_numpy(2 * large - 1)

    def _draw(self) -> tuple[np.ndarray, np.ndarray]:
        random = generator()
        path = self.paths[random.integers(len(self.paths))]
        large, small = self._kept.get(path) or read_pair(path)
        side = self.size // SCALE
        top, left = (int(random.integers(extent - side + 1)) for extent in small.shape[1:])
        turns, mirrored = int(random.integers(4)), bool(random.integers(2))
        crops = (
            small[:, top : top + side, left : left + side],
            large[:, SCALE * top : SCALE * (top + side), SCALE * left : SCALE * (left + side)],
        )
        turned = [np.rot90(crop, turns, axes=(1, 2)) for crop in crops]
        small_crop, large_crop = (crop[:, :, ::-1] if mirrored else crop for crop in turned)
        return small_crop, large_crop


def picture_files(folder: Path) -> list[Path]:
    """The picture files in a folder, in the order of their names. Errors: FileNotFoundError if it is not there."""
    if not folder.is_dir():
        raise FileNotFoundError(2, "there is no such folder", str(folder))
    suffixes = SUFFIXES.split()
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())


def read_pair(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A photograph, cut to sides that are multiples of 4, and its small version: bytes (3, H, W), (3, H / 4, W / 4)."""
    pixels = np.asarray(open_picture(path)).transpose(2, 0, 1)
    height, width = (extent // SCALE * SCALE for extent in pixels.shape[1:])
    if min(height, width) < SCALE:
        raise ValueError(
            f"{path}: {pixels.shape[2]} x {pixels.shape[1]} pixels are too few to be made {SCALE} times smaller"
        )
    large = np.ascontiguousarray(pixels[:, :height, :width])
    return large, reduced(large, SCALE)


def _note(text: str) -> None:
    warnings.warn(text, PictureNote, stacklevel=3)
