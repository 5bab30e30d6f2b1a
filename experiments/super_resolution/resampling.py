"""Bicubic resizing as MATLAB's `imresize` does it, in which super-resolution results are published.

Each new pixel is a weighted mean of old ones under the cubic kernel of Keys (1981) with a = -1/2, which is stretched
by the factor when a picture is made smaller (antialiasing); beyond the border the picture is mirrored.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def cubic(t: np.ndarray) -> np.ndarray:
    """Keys' kernel: 3/2 |t|^3 - 5/2 |t|^2 + 1 up to 1, -1/2 |t|^3 + 5/2 |t|^2 - 4 |t| + 2 up to 2, then 0."""
    t = np.abs(t)
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t <= 1, near, np.where(t <= 2, far, 0.0))


@lru_cache(maxsize=64)
def bicubic_matrix(old: int, new: int) -> np.ndarray:
    """The (new, old) matrix, float64, that resamples `old` points to `new`; each row sums to 1."""
    scale = new / old
    stretch = max(1.0, 1.0 / scale)
    places = (np.arange(new) + 0.5) / scale - 0.5
    reach = int(np.ceil(2 * stretch)) + 1
    sources = np.floor(places)[:, None].astype(int) + np.arange(-reach, reach + 1)[None]
    weights = cubic((places[:, None] - sources) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = sources % (2 * old)
    mirrored = np.where(mirrored < old, mirrored, 2 * old - 1 - mirrored)
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new)[:, None], mirrored), weights)
    return matrix


def bicubic(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture (..., H, W) at another size (..., height, width), in the picture's dtype; values may overshoot."""
    rows = bicubic_matrix(picture.shape[-2], height).astype(picture.dtype)
    columns = bicubic_matrix(picture.shape[-1], width).astype(picture.dtype)
    return rows @ picture @ columns.T


def as_bytes(picture: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as whole numbers from 0 to 255 (uint8), clipped and rounded as a picture file does."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def reduced(picture: np.ndarray, scale: int = 4) -> np.ndarray:
    """A picture (..., H, W) of bytes, sides multiples of `scale`, at 1 / scale of its size, as bytes."""
    height, width = picture.shape[-2:]
    return as_bytes(bicubic(picture / np.float32(255), height // scale, width // scale))
