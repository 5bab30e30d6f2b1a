"""The pictures a GAN learns from, as batches of values in [-1, 1]."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minigrad import devices
from minigrad.autograd import Tensor
from minigrad.data import MNIST, DataLoader, FashionMNIST, ImageFolder, TypesetDigits
from minigrad.nn import functional as F

from ..common.cli import UserError
from .training import Batch

NAMED = ("typeset", "mnist", "fashion_mnist")
TYPESET_COUNT = 10000


def open_dataset(name: str, data_dir: str | None, side: int, train: bool = True) -> Any:
    """A data set by name, or the folder of pictures `name` (cropped to squares of `side`).

    mnist and fashion_mnist are read from `data_dir`; without one, from the user's cache, after a download if needed.
    Errors: UserError if it is none of these.
    """
    if name == "typeset":
        return TypesetDigits(TYPESET_COUNT, train=train)
    if name in NAMED:
        kind = MNIST if name == "mnist" else FashionMNIST
        return kind(data_dir, train=train, download=data_dir is None)
    if not Path(name).expanduser().is_dir():
        raise UserError(f"--dataset {name}: neither {', '.join(NAMED)} nor a folder of pictures")
    return ImageFolder(name, size=side, gray=side == 28)


def check_data_dir(data_dir: str | None, dataset: str | None) -> None:
    """Errors: UserError for a --data-dir that could have no effect."""
    if data_dir is not None and dataset not in (None, "mnist", "fashion_mnist"):
        raise UserError(f"--data-dir has no effect with --dataset {dataset}; it says where mnist or fashion_mnist lie")


def real_batches(loader: DataLoader, side: int, classes: int, device: devices.Device) -> Iterator[Batch]:
    """Batches without end: pictures (N, C, side, side) in [-1, 1] and, if there are classes, their numbers.

    28 x 28 pictures become 32 x 32 with a black border where the network wants a power of two, and smaller by averages.
    """
    for images, labels in loader.forever():
        yield prepared(images, side).to(device), labels.to(device) if classes else None


def prepared(images: Tensor, side: int) -> Tensor:
    """2 (x - 0.5), with a border where pictures are smaller than `side`; averaged where they are larger."""
    if images.shape[-1] > side:
        larger = 1 << (images.shape[-1] - 1).bit_length()
        return F.avg_pool2d(prepared(images, larger), larger // side)
    border = (side - images.shape[-1]) // 2
    return F.pad(2.0 * (images - 0.5), (border,) * 4, value=-1.0) if border > 0 else 2.0 * (images - 0.5)
