"""Photographs cropped without chance, so that a batch is the same for any number of processes."""

from contextlib import contextmanager

import numpy as np

from experiments.common import ranks
from experiments.style.photographs import RandomCrops
from experiments.super_resolution.data import Crops
from minigrad import from_numpy


@contextmanager
def same_crops():
    """Inside, both kinds of crops are the upper left corners of the photographs; of super-resolution the first ones."""
    before = RandomCrops.__getitem__, Crops.batch
    RandomCrops.__getitem__, Crops.batch = corner, corners
    try:
        yield
    finally:
        RandomCrops.__getitem__, Crops.batch = before


def corner(crops, index):
    pixels = np.asarray(crops.photographs[index], np.float32)[: crops.size, : crops.size] / np.float32(255)
    return from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def corners(crops, count):
    """This process's part of a batch of count times the number of processes."""
    own = range(ranks.rank(), count * ranks.count(), ranks.count())
    pairs = [crops._kept[crops.paths[number]] for number in own]
    large = np.stack([large[:, : crops.size, : crops.size] for large, _ in pairs]).astype(np.float32) / np.float32(255)
    side = crops.size // 4
    small = np.stack([small[:, :side, :side] for _, small in pairs]).astype(np.float32) / np.float32(255)
    return from_numpy(small), from_numpy(2 * large - 1)
