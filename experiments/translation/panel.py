"""The panels: a row for each picture of the held-out data, what was made of it beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from PIL import Image

from minigrad import Tensor
from minigrad.random import get_rng_state, manual_seed, set_rng_state

from ..common.images import Picture, table, to_array, to_image
from .pictures import to_unit

ROWS = 8
SMALLEST = 96  # pixels: smaller pictures are enlarged to about this


def panel(columns: Mapping[str, Tensor]) -> Picture:
    """Columns of pictures (N, C, S, S) in [-1, 1] under their names, as one picture."""
    arrays = [to_unit(pictures) for pictures in columns.values()]
    rows = [[_enlarged(array[number]) for array in arrays] for number in range(len(arrays[0]))]
    return to_array(table(rows, columns=list(columns)))


def _enlarged(picture: np.ndarray) -> Image.Image:
    image = to_image(picture)
    factor = max(1, SMALLEST // image.width)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


@contextmanager
def fixed_noise() -> Iterator[None]:
    """Inside, dropout always drops the same; outside, the random generator goes on as if nothing had been drawn."""
    before = get_rng_state()
    manual_seed(0)
    try:
        yield
    finally:
        set_rng_state(before)
