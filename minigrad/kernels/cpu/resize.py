"""Upsampling and border padding on the CPU, each with its adjoint.

Results lie channels-last, in which a row of pixels is one run of memory, and are made in pieces of some rows, in
threads. An argument that lies channels-first is turned on the way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...devices import Array
from .pool import rows_in_threads

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


def _by_rows(shape: tuple[int, int, int, int], dtype: np.dtype, work: Callable[[Array, slice, slice], None]) -> Array:
    """An array (N, H, W, C), filled by work(out, images, rows) piece by piece, as (N, C, H, W)."""
    y = np.empty(shape, dtype)
    result = y.transpose(0, 3, 1, 2)
    rows_in_threads(lambda images, rows: work(y[images, rows], images, rows), result)
    return result


# -------------------------------------------------------------------------------------------- upsampling


def upsample_nearest2d(x: Array, scale: Pair) -> Array:
    """Each pixel repeated as a block of scale[0] x scale[1]."""
    n, c, h, w = x.shape
    last = x.transpose(0, 2, 3, 1)
    y = np.empty((n, h, scale[0], w, scale[1], c), x.dtype)

    def work(images: slice, rows: slice) -> None:
        block = y[images, rows]
        for j in range(scale[1]):  # the first row of each block, then the others as copies of it
            block[:, :, 0, :, j] = last[images, rows]
        block[:, :, 1:] = block[:, :, :1]

    rows_in_threads(work, y.reshape(n, h, scale[0] * scale[1] * w, c).transpose(0, 3, 1, 2))
    return y.reshape(n, h * scale[0], w * scale[1], c).transpose(0, 3, 1, 2)


def upsample_nearest2d_sum(grad: Array, scale: Pair) -> Array:
    """The sum over each block: the adjoint."""
    n, c, h, w = grad.shape
    blocks = grad.transpose(0, 2, 3, 1)

    def work(total: Array, images: slice, rows: slice) -> None:
        first = True
        for i in range(scale[0]):
            for j in range(scale[1]):
                part = blocks[images, i :: scale[0], j :: scale[1]][:, rows]
                if first:
                    total[...] = part
                else:
                    np.add(total, part, out=total)
                first = False

    return _by_rows((n, h // scale[0], w // scale[1], c), grad.dtype, work)


def pixel_shuffle(x: Array, factor: int) -> Array:
    """(N, C r^2, H, W) to (N, C, H r, W r): channels become sub-pixels."""
    n, channels, h, w = x.shape
    c, r = channels // factor**2, factor
    y = np.empty((n, h, r, w, r, c), x.dtype)
    blocks = x.transpose(0, 2, 3, 1).reshape(n, h, w, c, r, r).transpose(0, 1, 4, 2, 5, 3)

    def work(images: slice, rows: slice) -> None:
        y[images, rows] = blocks[images, rows]

    rows_in_threads(work, y.reshape(n, h, r * w * r, c).transpose(0, 3, 1, 2))
    return y.reshape(n, h * r, w * r, c).transpose(0, 3, 1, 2)


def pixel_unshuffle(x: Array, factor: int) -> Array:
    """(N, C, H r, W r) to (N, C r^2, H, W): the inverse, which is also the adjoint."""
    n, c, height, width = x.shape
    h, w, r = height // factor, width // factor, factor
    blocks = x.transpose(0, 2, 3, 1).reshape(n, h, r, w, r, c).transpose(0, 1, 3, 5, 2, 4)
    y = np.empty((n, h, w, c, r, r), x.dtype)

    def work(images: slice, rows: slice) -> None:
        y[images, rows] = blocks[images, rows]

    result = y.reshape(n, h, w, c * r * r).transpose(0, 3, 1, 2)
    rows_in_threads(work, result)
    return result


# ------------------------------------------------------------------------------------------------ borders


def _sources(n: int, before: int, after: int, mode: str) -> Array:
    """For each of before + n + after places, which of the n entries stands there."""
    places = np.arange(-before, n + after)
    if mode == "replicate":
        return np.clip(places, 0, n - 1)
    return (n - 1) - np.abs((n - 1) - np.abs(places))


def _border(before: int, n: int, after: int) -> list[int]:
    """The places of the padded axis that are border."""
    return [*range(before), *range(before + n, before + n + after)]


def pad2d(x: Array, padding: Sides, mode: str) -> Array:
    """x with its border mirrored ("reflect") or repeated ("replicate")."""
    (n, c, h, w), (top, bottom, left, right) = x.shape, padding
    last = x.transpose(0, 2, 3, 1)
    row_sources, sources = _sources(h, top, bottom, mode), _sources(w, left, right, mode)

    def work(out: Array, images: slice, rows: slice) -> None:
        inside = out[:, :, left : left + w]
        for place, source in enumerate(row_sources[rows]):
            inside[:, place] = last[images, source]
        for place in _border(left, w, right):
            out[:, :, place] = inside[:, :, sources[place]]

    return _by_rows((n, top + h + bottom, left + w + right, c), x.dtype, work)


def pad2d_sum(grad: Array, padding: Sides, mode: str) -> Array:
    """The border's entries added to where they came from: the adjoint."""
    top, bottom, left, right = padding
    n, c, height, width = grad.shape
    h, w = height - top - bottom, width - left - right
    last = grad.transpose(0, 2, 3, 1)
    row_sources, sources = _sources(h, top, bottom, mode), _sources(w, left, right, mode)

    def work(out: Array, images: slice, rows: slice) -> None:
        first, end, _ = rows.indices(h)
        wide = last[images, top + first : top + end].copy()
        for place in _border(top, h, bottom):
            if first <= row_sources[place] < end:
                wide[:, row_sources[place] - first] += last[images, place]
        out[...] = wide[:, :, left : left + w]
        for place in _border(left, w, right):
            out[:, :, sources[place]] += wide[:, :, place]

    return _by_rows((n, h, w, c), grad.dtype, work)
