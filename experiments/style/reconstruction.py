"""What the commands share that find a picture again: the loop, its quality, and the size of a Gram matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nets.vgg import Architecture

from ..common.progress import interruptible, progress_bar, show
from .search import Search

POOLING_SET = ("conv1_1", "pool1", "pool2", "pool3", "pool4")
MAX_PSNR = 99.0  # decibels, shown for an exact copy


def psnr(picture: np.ndarray, original: np.ndarray) -> float:
    """The peak signal-to-noise ratio of pictures in [0, 1]: -10 log10 of the mean squared difference, in decibels."""
    error = float(((np.clip(picture, 0, 1) - original) ** 2).mean())
    return MAX_PSNR if error == 0 else -10 * math.log10(error)


def gram_parameters(architecture: Architecture, layers: Sequence[str], components: int | None = None) -> int:
    """How many different numbers the Gram matrices of these layers hold: C (C + 1) / 2 each.

    components: of each layer only so many directions are kept.
    """
    channels = [architecture.widths[int(name.removeprefix("conv").removeprefix("pool")[0]) - 1] for name in layers]
    kept = [min(components or c, c) for c in channels]
    return sum(c * (c + 1) // 2 for c in kept)


def searched(search: Search, title: str) -> np.ndarray:
    """Run a search with a progress bar; its best picture (1, 3, H, W) in [0, 1]. Ctrl-C: KeyboardInterrupt."""
    with interruptible() as stop, progress_bar(search.steps, title) as bar:
        for evaluation in search:
            bar.update()
            show(bar, loss=evaluation.losses["total"])
            if stop:
                raise KeyboardInterrupt
    return np.clip(search.best, 0, 1)
