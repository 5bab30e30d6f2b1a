"""Convolution, pooling, normalization and resizing as their definitions say: one loop an index."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from .array import FUNCTIONS as ELEMENTWISE
from .array import Array, each, matmul
from .hyperdual import HyperDual


def pair(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def filled(*shape: int) -> np.ndarray:
    """Zeros to add to."""
    result = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        result[place] = 0.0
    return result


def sides(padding: Any, kernel: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) from every way to write padding."""
    if padding == "same":
        height, width = (d * (k - 1) for d, k in zip(dilation, kernel))
        return height // 2, height - height // 2, width // 2, width - width // 2
    if padding == "valid":
        return 0, 0, 0, 0
    if isinstance(padding, tuple) and len(padding) == 4:
        return padding
    vertical, horizontal = pair(padding)
    return vertical, vertical, horizontal, horizontal


def taps(y_shape, w_shape, x_size, stride, corner, dilation, groups):
    """The terms of the trilinear form: (n, o, i, j), (o, c, u, v), (n, channel, row, column) inside the image."""
    per_group = w_shape[0] // groups
    for n, o, i, j in np.ndindex(*y_shape):
        for c, u, v in np.ndindex(*w_shape[1:]):
            row = stride[0] * i + dilation[0] * u - corner[0]
            column = stride[1] * j + dilation[1] * v - corner[1]
            if 0 <= row < x_size[0] and 0 <= column < x_size[1]:
                channel = (o // per_group) * w_shape[1] + c
                yield (n, o, i, j), (o, c, u, v), (n, channel, row, column)


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, dilation, kernel = pair(stride), pair(dilation), weight.shape[2:]
    top, bottom, left, right = sides(padding, kernel, dilation)
    height = (x.shape[2] + top + bottom - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1
    width = (x.shape[3] + left + right - dilation[1] * (kernel[1] - 1) - 1) // stride[1] + 1
    y = filled(x.shape[0], weight.shape[0], height, width)
    for at_y, at_w, at_x in taps(y.shape, weight.shape, x.shape[2:], stride, (top, left), dilation, groups):
        y[at_y] = y[at_y] + x.array[at_x] * weight.array[at_w]
    return Array(y) if bias is None else Array(y) + bias.reshape(1, -1, 1, 1)


def conv_transpose2d(x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, dilation, margin, extra = pair(stride), pair(dilation), pair(padding), pair(output_padding)
    size = [
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(x.shape[2:], stride, margin, dilation, weight.shape[2:], extra)
    ]
    y = filled(x.shape[0], weight.shape[1] * groups, *size)
    for at_x, at_w, at_y in taps(x.shape, weight.shape, size, stride, margin, dilation, groups):
        y[at_y] = y[at_y] + x.array[at_x] * weight.array[at_w]
    return Array(y) if bias is None else Array(y) + bias.reshape(1, -1, 1, 1)


def conv2d_weight(x, y, kernel, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    weight = filled(y.shape[1], x.shape[1] // groups, *kernel)
    corner = padding[0], padding[2]
    for at_y, at_w, at_x in taps(y.shape, weight.shape, x.shape[2:], stride, corner, dilation, groups):
        weight[at_w] = weight[at_w] + x.array[at_x] * y.array[at_y]
    return Array(weight)


# ------------------------------------------------------------------------------------- pooling


def pooled_size(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> int:
    """PyTorch's rule: a window kept by ceil_mode must start inside the image or its left padding."""
    span = n + 2 * p - d * (k - 1) - 1
    count = (-(-span // s) if ceil_mode else span // s) + 1
    return count - 1 if ceil_mode and (count - 1) * s >= n + p else count


def max_pool2d(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    kernel, margin, gaps = pair(kernel_size), pair(padding), pair(dilation)
    steps = kernel if stride is None else pair(stride)
    size = [pooled_size(*a, ceil_mode) for a in zip(x.shape[2:], kernel, steps, margin, gaps)]
    y = filled(*x.shape[:2], *size)
    for n, c, i, j in np.ndindex(*y.shape):
        window = []
        for u, v in np.ndindex(*kernel):
            row, column = i * steps[0] + u * gaps[0] - margin[0], j * steps[1] + v * gaps[1] - margin[1]
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                window.append(x.array[n, c, row, column])
        y[n, c, i, j] = max(window)
    return Array(y)


def winners(choice: Any, kernel: Any, stride: Any, padding: Any, dilation: Any):
    """Each window's place, and the place of its winner in the image."""
    for n, c, i, j in np.ndindex(*choice.shape):
        u, v = divmod(int(choice.array[n, c, i, j]), kernel[1])
        yield (
            (n, c, i, j),
            (n, c, i * stride[0] + u * dilation[0] - padding[0], j * stride[1] + v * dilation[1] - padding[1]),
        )


def max_pool2d_scatter(x, choice, size, *window):
    y = filled(*x.shape[:2], *size)
    for at_window, at_image in winners(choice, *window):
        y[at_image] = y[at_image] + x.array[at_window]
    return Array(y)


def max_pool2d_gather(x, choice, *window):
    y = filled(*choice.shape)
    for at_window, at_image in winners(choice, *window):
        y[at_window] = x.array[at_image]
    return Array(y)


def averaged_windows(size, kernel, stride, padding, ceil_mode, count_include_pad):
    """(i, j), the pixels of window (i, j), and the divisor."""
    counts = [pooled_size(n, k, s, p, 1, ceil_mode) for n, k, s, p in zip(size, kernel, stride, padding)]
    for i, j in np.ndindex(*counts):
        starts = [i * stride[0] - padding[0], j * stride[1] - padding[1]]
        ends = [min(a + k, n + p) for a, k, n, p in zip(starts, kernel, size, padding)]
        rows, columns = (range(max(a, 0), min(b, n)) for a, b, n in zip(starts, ends, size))
        whole = (ends[0] - starts[0]) * (ends[1] - starts[1])
        yield (i, j), list(product(rows, columns)), whole if count_include_pad else len(rows) * len(columns)


def avg_pool2d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    kernel, margin = pair(kernel_size), pair(padding)
    steps = kernel if stride is None else pair(stride)
    size = [pooled_size(*a, 1, ceil_mode) for a in zip(x.shape[2:], kernel, steps, margin)]
    y = filled(*x.shape[:2], *size)
    for place, pixels, divisor in averaged_windows(x.shape[2:], kernel, steps, margin, ceil_mode, count_include_pad):
        for n, c in np.ndindex(*x.shape[:2]):
            y[(n, c, *place)] = sum(x.array[(n, c, *pixel)] for pixel in pixels) * (1.0 / divisor)
    return Array(y)


def avg_pool2d_scatter(x, size, *window):
    y = filled(*x.shape[:2], *size)
    for place, pixels, divisor in averaged_windows(size, *window):
        for (n, c), pixel in product(np.ndindex(*x.shape[:2]), pixels):
            y[(n, c, *pixel)] = y[(n, c, *pixel)] + x.array[(n, c, *place)] * (1.0 / divisor)
    return Array(y)


def adaptive_avg_pool2d(x, size):
    height, width = (n if m is None else m for m, n in zip(pair(size), x.shape[2:]))
    y = filled(*x.shape[:2], height, width)
    for n, c, i, j in np.ndindex(*y.shape):
        rows = range(i * x.shape[2] // height, -(-(i + 1) * x.shape[2] // height))
        columns = range(j * x.shape[3] // width, -(-(j + 1) * x.shape[3] // width))
        total = sum(x.array[n, c, row, column] for row, column in product(rows, columns))
        y[n, c, i, j] = total * (1.0 / (len(rows) * len(columns)))
    return Array(y)


# ------------------------------------------------------------------- normalization and resizing


def scaled(y: Array, weight: Any, bias: Any, shape: tuple[int, ...]) -> Array:
    y = y if weight is None else y * weight.reshape(*shape)
    return y if bias is None else y + bias.reshape(*shape)


def standardised(x: Array, dims: tuple[int, ...], eps: float) -> Array:
    if 0 in x.shape:
        return x
    return (x - x.mean(dims, True)) / (x.var(dims, 0, True) + eps) ** 0.5


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    shape = (1, -1) + (1,) * (len(x.shape) - 2)
    if training:
        return scaled(standardised(x, (0, *range(2, len(x.shape))), eps), weight, bias, shape)
    y = (x - mean.reshape(*shape)) / (var.reshape(*shape) + eps) ** 0.5
    return scaled(y, weight, bias, shape)


def instance_norm(x, weight=None, bias=None, eps=1e-5):
    dims = tuple(range(2, len(x.shape)))
    return scaled(standardised(x, dims, eps), weight, bias, (1, -1, *[1] * len(dims)))


def layer_norm(x, sizes, weight=None, bias=None, eps=1e-5):
    dims = tuple(range(len(x.shape) - len(sizes), len(x.shape)))
    return scaled(standardised(x, dims, eps), weight, bias, sizes)


def source_of(index: int, size: int, mode: str) -> int:
    """Where a padded position takes its number from, counted in the image."""
    if mode == "replicate":
        return min(max(index, 0), size - 1)
    return -index if index < 0 else 2 * (size - 1) - index if index >= size else index


def pad(x, widths, mode="constant", value=0.0):
    before = [0] * (len(x.shape) - len(widths) // 2) + list(widths[::2])[::-1]
    after = [0] * (len(x.shape) - len(widths) // 2) + list(widths[1::2])[::-1]
    y = filled(*[n + a + b for n, a, b in zip(x.shape, before, after)])
    for place in np.ndindex(*y.shape):
        inner = [i - a for i, a in zip(place, before)]
        if mode != "constant":
            inner = [source_of(i, n, mode) for i, n in zip(inner, x.shape)]
        inside = all(0 <= i < n for i, n in zip(inner, x.shape))
        y[place] = x.array[tuple(inner)] if inside else value
    return Array(y)


def pad_border_sum(x, padding, mode):
    top, bottom, left, right = padding
    height, width = x.shape[2] - top - bottom, x.shape[3] - left - right
    y = filled(*x.shape[:2], height, width)
    for n, c, i, j in np.ndindex(*x.shape):
        place = n, c, source_of(i - top, height, mode), source_of(j - left, width, mode)
        y[place] = y[place] + x.array[n, c, i, j]
    return Array(y)


def interpolate(x, size=None, scale_factor=None, mode="nearest", align_corners=False, antialias=False):
    if mode == "area":
        return adaptive_avg_pool2d(x, size)
    factors = None if scale_factor is None else pair(scale_factor)
    sizes = [math.floor(n * f) for n, f in zip(x.shape[2:], factors)] if factors else pair(size)
    steps = [1 / f for f in factors] if factors else [n / m for n, m in zip(x.shape[2:], sizes)]
    weights = [
        [shares(i, n, m, step, mode, align_corners, antialias) for i in range(m)]
        for n, m, step in zip(x.shape[2:], sizes, steps)
    ]
    y = filled(*x.shape[:2], *sizes)
    for n, c, i, j in np.ndindex(*y.shape):
        for (row, p), (column, q) in product(weights[0][i], weights[1][j]):
            y[n, c, i, j] = y[n, c, i, j] + x.array[n, c, row, column] * (p * q)
    return Array(y)


def bump(distance: float, mode: str, a: float) -> float:
    """A triangle, or the cubic through 1, 0, 0 with slope a at 1."""
    d = abs(distance)
    if mode == "bilinear":
        return max(1 - d, 0.0)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def shares(
    i: int, n: int, m: int, step: float, mode: str, align_corners: bool, antialias: bool
) -> list[tuple[int, float]]:
    """The old points that make up new point i, with their weights."""
    if antialias:
        wide = max(step, 1.0)
        weights = [bump((j + 0.5 - step * (i + 0.5)) / wide, mode, -0.5) for j in range(n)]
        return [(j, weight / sum(weights)) for j, weight in enumerate(weights)]
    if mode == "bilinear" and n == m and not align_corners:
        return [(i, 1.0)]
    if mode == "bicubic":
        place = i * (n - 1) / (m - 1) if align_corners else (i + 0.5) * step - 0.5
        near = [math.floor(place) + k for k in (-1, 0, 1, 2)]
        return [(min(max(j, 0), n - 1), bump(place - j, mode, -0.75)) for j in near]
    if mode == "nearest":  # twice as many points are PyTorch's exact doubling, whatever factor led there
        return [(i // 2 if m == 2 * n else min(math.floor(i * step), n - 1), 1.0)]
    place = i * ((n - 1) / (m - 1) if m > 1 else 0.0) if align_corners else max((i + 0.5) * step - 0.5, 0.0)
    left = min(int(place), n - 1)
    return [(left, 1 - (place - left)), (min(left + 1, n - 1), place - left)]


def upsample_nearest_sum(x, scale):
    y = filled(*x.shape[:2], x.shape[2] // scale[0], x.shape[3] // scale[1])
    for n, c, i, j in np.ndindex(*x.shape):
        place = n, c, i // scale[0], j // scale[1]
        y[place] = y[place] + x.array[n, c, i, j]
    return Array(y)


def pixel_shuffle(x, r):
    y = filled(x.shape[0], x.shape[1] // (r * r), x.shape[2] * r, x.shape[3] * r)
    for n, c, i, j in np.ndindex(*y.shape):
        y[n, c, i, j] = x.array[n, (c * r + i % r) * r + j % r, i // r, j // r]
    return Array(y)


def index_add(x, index, shape):
    """The places are numbered, the numbers are indexed, and each value goes where its number says."""
    y = filled(math.prod(shape))
    numbers = np.arange(math.prod(shape)).reshape(shape)
    where = numbers[index.array if isinstance(index, Array) else index]
    for number, value in zip(where.flat, np.broadcast_to(x.array, where.shape).flat):
        y[number] = y[number] + value
    return Array(y.reshape(shape))


def sum_to(x, shape):
    while len(x.shape) > len(shape):
        x = x.sum(0)
    for axis, n in enumerate(shape):
        x = x.sum(axis, True) if n == 1 else x
    return x


FUNCTIONS = {
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "layer_norm": layer_norm,
    "pad": pad,
    "interpolate": interpolate,
    "pixel_shuffle": pixel_shuffle,
    "gram": lambda x: matmul(x, x.transpose(-2, -1)),
    "linear": lambda x, w, b=None: matmul(x, w.t()) if b is None else matmul(x, w.t()) + b,
    "leaky_relu": lambda x, slope=0.01: each(lambda a: a if a > 0 else a * slope, x),
    "prelu": lambda x, w: each(lambda a, b: a if a > 0 else a * b, x, w.reshape(-1, *[1] * (len(x.shape) - 2))),
    "elu": lambda x, alpha=1.0: each(lambda a: a if a > 0 else (a.exp() - 1) * alpha, x),
    "softplus": lambda x, beta=1.0: each(lambda a: (a * beta).softplus() * (1 / beta), x),
    "logsigmoid": lambda x: each(lambda a: -(-a).softplus(), x),
    "dropout": lambda x, p, training: x,
    "dropout2d": lambda x, p, training: x,
    "relu": ELEMENTWISE["relu"],
    "sigmoid": lambda x: each(HyperDual.sigmoid, x),
}

ADJOINTS = {
    "all_reduce": lambda x: x,  # of one process
    "sync_batch_norm": lambda x, *affine: batch_norm(x, None, None, *affine, training=True),
    "cast": lambda x: x,
    "move": lambda x: x,
    "sum_to": sum_to,
    "index_add": index_add,
    "leaky_relu_backward": lambda g, x, slope: each(lambda a, b: a if b > 0 else a * slope, g, x),
    "conv2d_weight": conv2d_weight,
    "channel_sum": lambda x: x.sum((0, *range(2, len(x.shape)))),
    "max_pool2d_scatter": max_pool2d_scatter,
    "max_pool2d_gather": max_pool2d_gather,
    "avg_pool2d_scatter": avg_pool2d_scatter,
    "pad_border_sum": pad_border_sum,
    "upsample_nearest_sum": upsample_nearest_sum,
}
