"""Normalisation on the CPU: statistics per channel, and the fused forward and backward.

An image batch that lies channels-last is a matrix of pixels by channels; sums over pixels are then products of ones
with that matrix, and everything else is one pass in chunks. Other layouts take NumPy's plain reductions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...devices import Array
from .elementwise import CHUNK
from .threads import num_threads, run_workers


def _per_channel(values: Array, x: Array) -> Array:
    """(C,) values shaped to broadcast over x: (N, C, ...)."""
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def _matrix(x: Array) -> Array | None:
    """x as a matrix (rows, C) if that is a view of its memory."""
    last = x.transpose(0, *range(2, x.ndim), 1)
    return last.reshape(math.prod(last.shape[:-1]), x.shape[1]) if last.flags.c_contiguous else None


def _over_rows(work: Callable[[int, int, int], None], rows: int, channels: int) -> int:
    """Run work(worker, first, last) over row ranges of about CHUNK entries; returns the number of workers."""
    step = max(1, CHUNK // max(1, channels))
    count = max(1, min(num_threads(), -(-rows // step)))

    def worker_loop(worker: int) -> None:
        for first in range(worker * step, rows, step * count):
            work(worker, first, min(rows, first + step))

    run_workers(worker_loop, count)
    return count


def moments(x: Array) -> tuple[Array, Array]:
    """(mean, biased variance) of each channel, each (C,); the variance from centred values, in two passes."""
    axes = (0, *range(2, x.ndim))
    matrix = _matrix(x)
    if matrix is None or x.dtype != np.float32 or x.size <= CHUNK:
        return x.mean(axis=axes), x.var(axis=axes)
    rows, channels = matrix.shape
    sums = np.zeros((num_threads(), channels), x.dtype)
    ones = np.ones(max(1, CHUNK // channels), x.dtype)

    def add(worker: int, a: int, b: int) -> None:
        sums[worker] += ones[: b - a] @ matrix[a:b]

    _over_rows(add, rows, channels)
    mean = sums.sum(axis=0) / x.dtype.type(rows)
    sums[...] = 0

    def add_squares(worker: int, a: int, b: int) -> None:
        centred = matrix[a:b] - mean
        np.multiply(centred, centred, out=centred)
        sums[worker] += ones[: b - a] @ centred

    _over_rows(add_squares, rows, channels)
    return mean, sums.sum(axis=0) / x.dtype.type(rows)


def normalize(x: Array, mean: Array, rstd: Array, weight: Array | None, bias: Array | None) -> Array:
    """(x - mean) rstd weight + bias."""
    scale = rstd if weight is None else rstd * weight
    matrix = _matrix(x)
    if matrix is None:
        y = x - _per_channel(mean, x)
        y *= _per_channel(scale, x)
        return y if bias is None else np.add(y, _per_channel(bias, x), out=y)
    result = np.empty_like(x)
    out: Any = _matrix(result)

    def work(worker: int, a: int, b: int) -> None:
        y = out[a:b]
        np.subtract(matrix[a:b], mean, out=y)
        np.multiply(y, scale, out=y)
        if bias is not None:
            np.add(y, bias, out=y)

    if matrix.size:
        _over_rows(work, *matrix.shape)
    return result


def normalize_backward(
    grad: Array, x: Array, mean: Array, rstd: Array, weight: Array | None
) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias) of `normalize` when mean and rstd are x's own:

    dx = weight rstd (dy - sum(dy) / M - xhat sum(dy xhat) / M), over the M entries of each channel.
    """
    axes = (0, *range(2, x.ndim))
    count = x.size // max(1, x.shape[1])
    scale = rstd if weight is None else rstd * weight
    matrix = _matrix(x)
    grads = None if matrix is None else np.ascontiguousarray(grad.transpose(0, *range(2, x.ndim), 1))
    if matrix is None or grads is None or matrix.size == 0:
        xhat = (x - _per_channel(mean, x)) * _per_channel(rstd, x)
        grad_weight, grad_bias = (grad * xhat).sum(axis=axes), grad.sum(axis=axes)
        centred = grad - (_per_channel(grad_bias, x) + xhat * _per_channel(grad_weight, x)) / x.dtype.type(count or 1)
        return centred * _per_channel(scale, x), grad_weight, grad_bias
    grads = grads.reshape(matrix.shape)
    rows, channels = matrix.shape
    sums = np.zeros((2, num_threads(), channels), x.dtype)
    ones = np.ones(max(1, CHUNK // channels), x.dtype)

    def add(worker: int, a: int, b: int) -> None:
        product = (matrix[a:b] - mean) * grads[a:b]
        sums[0, worker] += ones[: b - a] @ grads[a:b]
        sums[1, worker] += ones[: b - a] @ product

    _over_rows(add, rows, channels)
    grad_bias = sums[0].sum(axis=0)
    grad_weight = sums[1].sum(axis=0) * rstd
    result = np.empty_like(x)
    out: Any = _matrix(result)
    slope = grad_weight * rstd / x.dtype.type(count)
    level = grad_bias / x.dtype.type(count)

    def work(worker: int, a: int, b: int) -> None:
        y = out[a:b]
        np.subtract(matrix[a:b], mean, out=y)
        np.multiply(y, slope, out=y)
        np.add(y, level, out=y)
        np.subtract(grads[a:b], y, out=y)
        np.multiply(y, scale, out=y)

    _over_rows(work, rows, channels)
    return result, grad_weight, grad_bias
