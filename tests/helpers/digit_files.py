"""A folder in MNIST's format with few random pictures: data for runs that are not about what they learn."""

import gzip
import struct

import numpy as np


def write_digits(folder, count=64):
    """Both splits, `count` pictures each; returns the folder."""
    numbers = np.random.default_rng(0)
    pixels, labels = numbers.integers(0, 256, (count, 28, 28), np.uint8), numbers.integers(0, 10, count, np.uint8)
    for split in ("train", "t10k"):
        with gzip.open(folder / f"{split}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">IIII", 2051, count, 28, 28) + pixels.tobytes())
        with gzip.open(folder / f"{split}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">II", 2049, count) + labels.tobytes())
    return folder
