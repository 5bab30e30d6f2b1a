"""Functions that minigrad composes of others, from their definitions: one loop an index, one branch a case."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from .array import Array, each, norm
from .hyperdual import HyperDual
from .loops import avg_pool2d, conv2d, conv_transpose2d, filled, max_pool2d, pair, scaled, standardised


def erf(a: HyperDual) -> HyperDual:
    first = 2 / math.sqrt(math.pi) * math.exp(-a.v * a.v)
    return a.chain(math.erf(a.v), first, -2 * a.v * first)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return each(lambda a: a * 0.5 * ((a + a**3 * 0.044715) * math.sqrt(2 / math.pi)).tanh() + a * 0.5, x)
    return each(lambda a: a * 0.5 * (erf(a / math.sqrt(2)) + 1), x)


def hardtanh(x, low=-1.0, high=1.0):
    return each(lambda a: a * 0.0 + low if a < low else a * 0.0 + high if a > high else a, x)


ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946

# ------------------------------------------------------------------------------------- signals


def row(x: Array) -> Array:
    return x.unsqueeze(len(x.shape) - 1)


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    margin = padding if isinstance(padding, str) else (0, padding)
    return conv2d(row(x), row(weight), bias, (1, stride), margin, (1, dilation), groups).squeeze(2)


def conv_transpose1d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    geometry = (1, stride), (0, padding), (0, output_padding), groups, (1, dilation)
    return conv_transpose2d(row(x), row(weight), bias, *geometry).squeeze(2)


def max_pool1d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    steps = (1, kernel if stride is None else stride)
    return max_pool2d(row(x), (1, kernel), steps, (0, padding), (1, dilation), ceil_mode).squeeze(2)


def avg_pool1d(x, kernel, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    steps = (1, kernel if stride is None else stride)
    return avg_pool2d(row(x), (1, kernel), steps, (0, padding), ceil_mode, count_include_pad).squeeze(2)


def adaptive_max_pool2d(x, size):
    height, width = (n if m is None else m for m, n in zip(pair(size), x.shape[2:]))
    y = filled(*x.shape[:2], height, width)
    for n, c, i, j in np.ndindex(*y.shape):
        rows = range(i * x.shape[2] // height, -(-(i + 1) * x.shape[2] // height))
        columns = range(j * x.shape[3] // width, -(-(j + 1) * x.shape[3] // width))
        y[n, c, i, j] = max(x.array[n, c, r, s] for r, s in product(rows, columns))
    return Array(y)


# ------------------------------------------------------------------------------ norms, patches


def group_norm(x, groups, weight=None, bias=None, eps=1e-5):
    n, c, *size = x.shape
    y = standardised(x.reshape(n, groups, -1), (2,), eps).reshape(*x.shape)
    return scaled(y, weight, bias, (1, c, *[1] * len(size)))


def normalize(x, p=2.0, dim=1, eps=1e-12):
    return each(lambda a, length: a / (length if length > eps else eps), x, norm(x, p, dim, True))


def unfold(x, kernel, dilation=1, padding=0, stride=1):
    kernel, gaps, margin, steps = pair(kernel), pair(dilation), pair(padding), pair(stride)
    counts = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(x.shape[2:], margin, gaps, kernel, steps)]
    y = filled(x.shape[0], x.shape[1], *kernel, *counts)
    for n, c, u, v, i, j in np.ndindex(*y.shape):
        r, s = i * steps[0] + u * gaps[0] - margin[0], j * steps[1] + v * gaps[1] - margin[1]
        if 0 <= r < x.shape[2] and 0 <= s < x.shape[3]:
            y[n, c, u, v, i, j] = x.array[n, c, r, s]
    return Array(y.reshape(x.shape[0], -1, math.prod(counts)))


def fold(x, size, kernel, dilation=1, padding=0, stride=1):
    size, kernel, gaps, margin, steps = (pair(v) for v in (size, kernel, dilation, padding, stride))
    counts = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(size, margin, gaps, kernel, steps)]
    columns = x.array.reshape(x.shape[0], -1, *kernel, *counts)
    y = filled(*columns.shape[:2], *size)
    for n, c, u, v, i, j in np.ndindex(*columns.shape):
        r, s = i * steps[0] + u * gaps[0] - margin[0], j * steps[1] + v * gaps[1] - margin[1]
        if 0 <= r < size[0] and 0 <= s < size[1]:
            y[n, c, r, s] = y[n, c, r, s] + columns[n, c, u, v, i, j]
    return Array(y)


def grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    height, width = x.shape[2:]
    y = filled(x.shape[0], x.shape[1], *grid.shape[1:3])
    for n, c, i, j in np.ndindex(*y.shape):
        places = []
        for place, size in ((grid.array[n, i, j, 1], height), (grid.array[n, i, j, 0], width)):
            pixel = (place + 1) * ((size - 1) / 2) if align_corners else ((place + 1) * size - 1) * 0.5
            if padding_mode == "border":
                pixel = pixel * 0.0 if pixel < 0 else pixel * 0.0 + (size - 1) if pixel > size - 1 else pixel
            places.append(pixel)
        for r, s in product(range(height), range(width)):
            near = [abs(place - k) for place, k in zip(places, (r, s))]
            if near[0] < 1 and near[1] < 1:
                y[n, c, i, j] = y[n, c, i, j] + x.array[n, c, r, s] * (1 - near[0]) * (1 - near[1])
    return Array(y)


def affine_grid(theta, size, align_corners=None):
    n, _, height, width = size
    y = filled(n, height, width, 2)
    for b, i, j, k in np.ndindex(*y.shape):
        ends = [1.0 if align_corners else (m - 1) / m for m in (height, width)]
        row, column = (-end + 2 * end * at / (m - 1) for end, at, m in zip(ends, (i, j), (height, width)))
        t = theta.array[b, k]
        y[b, i, j, k] = t[0] * column + t[1] * row + t[2]
    return Array(y)


def pixel_unshuffle(x, r):
    y = filled(x.shape[0], x.shape[1] * r * r, x.shape[2] // r, x.shape[3] // r)
    for n, c, i, j in np.ndindex(*x.shape):
        y[n, (c * r + i % r) * r + j % r, i // r, j // r] = x.array[n, c, i, j]
    return Array(y)


def embedding(numbers, weight, padding_idx=None):
    y = filled(*numbers.shape, weight.shape[1])
    for place in np.ndindex(*numbers.shape):
        for k in range(weight.shape[1]):
            entry = weight.array[int(numbers.array[place]), k]
            y[(*place, k)] = HyperDual(entry.v) if numbers.array[place] == padding_idx else entry
    return Array(y)


FUNCTIONS: dict[str, Any] = {
    "gelu": gelu,
    "silu": lambda x: each(lambda a: a * a.sigmoid(), x),
    "selu": lambda x: each(lambda a: a * SCALE if a > 0 else (a.exp() - 1) * (ALPHA * SCALE), x),
    "hardtanh": hardtanh,
    "relu6": lambda x: hardtanh(x, 0.0, 6.0),
    "softsign": lambda x: each(lambda a: a / (1 + abs(a)), x),
    "conv1d": conv1d,
    "conv_transpose1d": conv_transpose1d,
    "max_pool1d": max_pool1d,
    "avg_pool1d": avg_pool1d,
    "adaptive_max_pool2d": adaptive_max_pool2d,
    "group_norm": group_norm,
    "normalize": normalize,
    "unfold": unfold,
    "fold": fold,
    "grid_sample": grid_sample,
    "affine_grid": affine_grid,
    "pixel_unshuffle": pixel_unshuffle,
    "embedding": embedding,
}
