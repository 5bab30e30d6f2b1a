"""Normalization on the CPU: statistics per channel, and the fused forward and backward.

An image batch that lies channels-last is a matrix of pixels by channels; sums over pixels are then products of ones
with that matrix, and everything else is one pass in chunks. Where each image has statistics of its own, it is one
such matrix ("block") for each image. Other layouts take NumPy's plain reductions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...devices import Array
from .elementwise import CHUNK
from .threads import num_threads, run_workers


def _per_channel(values: Array, x: Array) -> Array:
    """(C,) or (N, C) values shaped to broadcast over x: (N, C, ...)."""
    return values.reshape(*(1, *values.shape)[-2:], *[1] * (x.ndim - 2))


def _axes(x: Array, per_image: bool) -> tuple[int, ...]:
    """The axes of (N, C, ...) over which statistics are taken."""
    return tuple(range(2, x.ndim)) if per_image else (0, *range(2, x.ndim))


def _blocks(x: Array, per_image: bool) -> Array | None:
    """x as (blocks, rows, C), the rows of a block sharing their statistics, if that is a view of its memory."""
    last = x.transpose(0, *range(2, x.ndim), 1)
    count = len(x) if per_image else 1
    rows = math.prod(last.shape[:-1]) // max(1, count)
    return last.reshape(count, rows, x.shape[1]) if last.flags.c_contiguous and x.size else None


def _over_rows(work: Callable[[int, int, int], None], rows: int, channels: int) -> None:
    """Run work(worker, first, last) over row ranges of about CHUNK entries."""
    step = max(1, CHUNK // max(1, channels))
    count = max(1, min(num_threads(), -(-rows // step)))

    def worker_loop(worker: int) -> None:
        for first in range(worker * step, rows, step * count):
            work(worker, first, min(rows, first + step))

    run_workers(worker_loop, count)


def _row_sums(rows: int, channels: int, dtype: np.dtype, *terms: Callable[[int, int], Array]) -> list[Array]:
    """For each of the terms, which give rows a .. b of a matrix (rows, channels), the sum of all rows: (channels,)."""
    sums = np.zeros((len(terms), num_threads(), channels), dtype)
    ones = np.ones(max(1, CHUNK // channels), dtype)

    def add(worker: int, a: int, b: int) -> None:
        for term, total in zip(terms, sums):
            total[worker] += ones[: b - a] @ term(a, b)

    _over_rows(add, rows, channels)
    return list(sums.sum(axis=1))


def moments(x: Array, per_image: bool = False) -> tuple[Array, Array]:
    """(mean, biased variance) of each channel, (C,), or of each channel of each image, (N, C); the variance from
    centered values, in two passes."""
    blocks = _blocks(x, per_image)
    if blocks is None or x.dtype != np.float32 or x.size <= CHUNK:
        axes = _axes(x, per_image)
        return x.mean(axis=axes), x.var(axis=axes)
    means, variances = zip(*[_block_moments(block) for block in blocks])
    return (np.stack(means), np.stack(variances)) if per_image else (means[0], variances[0])


def _block_moments(block: Array) -> tuple[Array, Array]:
    rows, channels = block.shape
    (total,) = _row_sums(rows, channels, block.dtype, lambda a, b: block[a:b])
    mean = total / block.dtype.type(rows)

    def squares(a: int, b: int) -> Array:
        centered = block[a:b] - mean
        return np.multiply(centered, centered, out=centered)

    (total,) = _row_sums(rows, channels, block.dtype, squares)
    return mean, total / block.dtype.type(rows)


def inverse_std(var: Array, eps: float) -> Array:
    """(var + eps)^-1/2."""
    return 1 / np.sqrt(var + eps)


def follow(running: Array, batch: Array, momentum: float) -> None:
    """In place, running = (1 - momentum) running + momentum batch."""
    running *= 1 - momentum
    running += momentum * batch


def normalize(x: Array, mean: Array, rstd: Array, weight: Array | None, bias: Array | None) -> Array:
    """(x - mean) rstd weight + bias; mean and rstd are (C,) or (N, C)."""
    scale = rstd if weight is None else rstd * weight
    blocks = _blocks(x, mean.ndim == 2)
    if blocks is None:
        y = x - _per_channel(mean, x)
        y *= _per_channel(scale, x)
        return y if bias is None else np.add(y, _per_channel(bias, x), out=y)
    result = np.empty_like(x)
    outs = _blocks(result, mean.ndim == 2)
    for block, out, center, factor in zip(blocks, outs, np.atleast_2d(mean), np.atleast_2d(scale)):  # type: ignore[arg-type]
        _normalize_block(block, out, center, factor, bias)
    return result


def _normalize_block(block: Array, out: Array, mean: Array, scale: Array, bias: Array | None) -> None:
    def work(worker: int, a: int, b: int) -> None:
        y = out[a:b]
        np.subtract(block[a:b], mean, out=y)
        np.multiply(y, scale, out=y)
        if bias is not None:
            np.add(y, bias, out=y)

    _over_rows(work, *block.shape)


def normalize_backward(
    grad: Array, x: Array, mean: Array, rstd: Array, weight: Array | None
) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias) of `normalize` when mean and rstd are x's own:

    dx = weight rstd (dy - sum(dy) / M - xhat sum(dy xhat) / M), over the M entries that share a mean.
    """
    per_image = mean.ndim == 2
    scale = rstd if weight is None else rstd * weight
    blocks = _blocks(x, per_image)
    if blocks is None:
        axes = _axes(x, per_image)
        count = x.dtype.type(max(1, math.prod(x.shape[axis] for axis in axes)))
        xhat = (x - _per_channel(mean, x)) * _per_channel(rstd, x)
        weights, biases = (grad * xhat).sum(axis=axes), grad.sum(axis=axes)
        centered = grad - (_per_channel(biases, x) + xhat * _per_channel(weights, x)) / count
        result = centered * _per_channel(scale, x)
    else:
        result = np.empty_like(x)
        grads = np.ascontiguousarray(grad.transpose(0, *range(2, x.ndim), 1)).reshape(blocks.shape)
        statistics = zip(*[np.atleast_2d(values) for values in (mean, rstd, scale)])
        arrays = zip(grads, blocks, _blocks(result, per_image))  # type: ignore[arg-type]
        sums = [_backward_block(*each, *values) for each, values in zip(arrays, statistics)]
        weights, biases = (np.stack(parts) if per_image else parts[0] for parts in zip(*sums))
    return (result, weights.sum(axis=0), biases.sum(axis=0)) if per_image else (result, weights, biases)


def _backward_block(
    grads: Array, block: Array, out: Array, mean: Array, rstd: Array, scale: Array
) -> tuple[Array, Array]:
    """Write a block of dx; returns the block's sums (sum(dy xhat), sum(dy)), each (C,)."""
    rows, channels = block.shape
    biases, products = _row_sums(
        rows, channels, block.dtype, lambda a, b: grads[a:b], lambda a, b: (block[a:b] - mean) * grads[a:b]
    )
    weights = products * rstd
    slope, level = weights * rstd / block.dtype.type(rows), biases / block.dtype.type(rows)

    def work(worker: int, a: int, b: int) -> None:
        y = out[a:b]
        np.subtract(block[a:b], mean, out=y)
        np.multiply(y, slope, out=y)
        np.add(y, level, out=y)
        np.subtract(grads[a:b], y, out=y)
        np.multiply(y, scale, out=y)

    _over_rows(work, rows, channels)
    return weights, biases
