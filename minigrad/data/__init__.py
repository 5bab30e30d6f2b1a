"""Data: data sets, the loader that cuts them into batches, and the pictures they are made of.

    from minigrad.data import DataLoader, MNIST, TypesetDigits

    digits = TypesetDigits(10000)                     # needs no download; MNIST(folder) is the real thing
    for images, labels in DataLoader(digits, batch_size=128, shuffle=True):
        ...                                           # images (128, 1, 28, 28) in [0, 1], labels (128,)

Read `dataset.py`, then `loader.py`; `typeset.py` shows how digits are drawn and bent.
"""

from minigrad.data.captioned_digits import CaptionedDigits
from minigrad.data.dataset import ConcatDataset, Dataset, LabelledImages, Subset, TensorDataset, random_split
from minigrad.data.folder import ImageFolder
from minigrad.data.loader import DataLoader
from minigrad.data.mnist import MNIST, FashionMNIST, read_idx
from minigrad.data.synthetic_digits import TypesetDigits

__all__ = [
    "MNIST",
    "ConcatDataset",
    "CaptionedDigits",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "ImageFolder",
    "LabelledImages",
    "Subset",
    "TensorDataset",
    "TypesetDigits",
    "random_split",
    "read_idx",
]
