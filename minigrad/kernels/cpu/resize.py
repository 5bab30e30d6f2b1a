"""Upsampling and border padding on the CPU, each with its adjoint."""

from __future__ import annotations

import numpy as np

from ...devices import Array

Pair = tuple[int, int]


def upsample_nearest2d(x: Array, scale: Pair) -> Array:
    """Each pixel repeated as a block of scale[0] x scale[1]; channels-last in memory."""
    n, c, h, w = x.shape
    y = np.empty((n, h, scale[0], w, scale[1], c), x.dtype)
    y[...] = x.transpose(0, 2, 3, 1)[:, :, None, :, None]
    return y.reshape(n, h * scale[0], w * scale[1], c).transpose(0, 3, 1, 2)


def upsample_nearest2d_sum(grad: Array, scale: Pair) -> Array:
    """The sum over each block: the adjoint."""
    n, c, h, w = grad.shape
    total = np.zeros((n, h // scale[0], w // scale[1], c), grad.dtype)
    last = grad.transpose(0, 2, 3, 1)
    for i in range(scale[0]):
        for j in range(scale[1]):
            total += last[:, i :: scale[0], j :: scale[1]]
    return total.transpose(0, 3, 1, 2)


def _sources(n: int, before: int, after: int, mode: str) -> Array:
    """For each of before + n + after places, which of the n entries stands there."""
    places = np.arange(-before, n + after)
    if mode == "replicate":
        return np.clip(places, 0, n - 1)
    return (n - 1) - np.abs((n - 1) - np.abs(places))


def pad2d(x: Array, padding: tuple[int, int, int, int], mode: str) -> Array:
    """x with its border mirrored ("reflect") or repeated ("replicate")."""
    top, bottom, left, right = padding
    rows = _sources(x.shape[2], top, bottom, mode)
    columns = _sources(x.shape[3], left, right, mode)
    last = x.transpose(0, 2, 3, 1)
    return last[:, rows[:, None], columns[None, :]].transpose(0, 3, 1, 2)


def pad2d_sum(grad: Array, padding: tuple[int, int, int, int], mode: str) -> Array:
    """The border's entries added to where they came from: the adjoint."""
    top, bottom, left, right = padding
    height, width = grad.shape[2] - top - bottom, grad.shape[3] - left - right
    last = grad.transpose(0, 2, 3, 1)
    tall = last[:, top : top + height].copy()
    rows = _sources(height, top, bottom, mode)
    for place in (*range(top), *range(top + height, len(rows))):
        tall[:, rows[place]] += last[:, place]
    wide = tall[:, :, left : left + width].copy()
    columns = _sources(width, left, right, mode)
    for place in (*range(left), *range(left + width, len(columns))):
        wide[:, :, columns[place]] += tall[:, :, place]
    return wide.transpose(0, 3, 1, 2)
