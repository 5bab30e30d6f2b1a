"""Convolution on the CPU: the choice of a path, and the readable path, im2col.

im2col copies each window of the image into a row of a matrix ("column buffer"); the convolution is then one matrix
product of that buffer with the weights. The image is taken channels-last, so that a window's row of pixels is one
contiguous run, and the buffer is made in strips of about a megabyte, which stay in the cache and are shared among
threads. (Chellapilla, Puri and Simard 2006.)

The transposed convolution runs the same steps backwards: a matrix product, then each row is added to its window.
The gradient to the weight is the product of the buffer, transposed, with the gradient.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...devices import Array
from ..sizes import convolved_size
from .blas import multiply
from .threads import num_threads, parallel_for, run_workers, scratch
from .winograd import convolve as winograd

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
Strip = tuple[int, int, int, int]  # first image, last, first row, last
STRIP_BYTES = 1 << 20  # of a column buffer: about half the second-level cache
FEW_CHANNELS = 4  # up to here the transposed convolution adds up whole planes


# -------------------------------------------------------------------------------- the choice of a path


def _uses_winograd(
    x: Array, weight: Array, size: Pair, stride: Pair, padding: Sides, dilation: Pair, groups: int
) -> bool:
    """Whether F(4x4, 3x3) runs: float32, 3x3, stride 1, and enough channels and pixels to pay for its transforms.

    MINIGRAD_CONV=im2col never uses it, winograd wherever it is possible, auto (the default) where it is faster.
    """
    choice = os.environ.get("MINIGRAD_CONV", "auto")
    if choice not in ("auto", "im2col", "winograd"):
        raise ValueError(f"MINIGRAD_CONV must be auto, im2col or winograd, got {choice!r}")
    possible = (
        weight.shape[2:] == (3, 3)
        and (stride, dilation, groups) == ((1, 1), (1, 1), 1)
        and x.dtype == weight.dtype == np.float32
        and max(padding) <= 2
        and min(size) >= 1
        and x.size > 0
    )
    if choice == "auto":
        return possible and min(weight.shape[:2]) >= 16 and x.shape[0] * math.prod(size) >= 16
    return possible and choice == "winograd"


def conv2d(
    x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Sides, dilation: Pair, groups: int,
    cache: dict[Any, Any] | None = None,
) -> Array:  # fmt: skip
    """(N, C, H, W) with (O, C / groups, kH, kW) to (N, O, H', W'), channels-last in memory."""
    size = convolved_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    result = _channels_last((x.shape[0], weight.shape[0], *size), x.dtype)
    if result.size == 0:
        return result
    if _uses_winograd(x, weight, size, stride, padding, dilation, groups):
        winograd(x, weight, bias, padding, result, cache, transposed=False)
        return result
    if x.size == 0:  # no channels, or nothing but padding: a sum of nothing
        result[...] = 0
    else:
        for part in range(groups):
            x_part, weight_part = _part(x, 1, part, groups), _part(weight, 0, part, groups)
            _im2col_forward(x_part, weight_part, _part(result, 1, part, groups), stride, padding, dilation)
    if bias is not None:
        _add_bias(result, bias)
    return result


def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None, output_size: Pair, stride: Pair, padding: Sides, dilation: Pair,
    groups: int, cache: dict[Any, Any] | None = None,
) -> Array:  # fmt: skip
    """(N, C, H, W) with (C, O / groups, kH, kW) to (N, O, *output_size): the adjoint of conv2d in its input."""
    result = _channels_last((x.shape[0], weight.shape[1] * groups, *output_size), x.dtype)
    if result.size == 0:
        return result
    if x.size == 0:
        result[...] = 0
    elif _uses_winograd(x, weight, output_size, stride, padding, dilation, groups):
        sides = (2 - padding[0], 2 - padding[1], 2 - padding[2], 2 - padding[3])
        winograd(x, weight, bias, sides, result, cache, transposed=True)
        return result
    else:
        for part in range(groups):
            x_part, weight_part = _part(x, 1, part, groups), _part(weight, 0, part, groups)
            _im2col_backward(x_part, weight_part, _part(result, 1, part, groups), stride, padding, dilation)
    if bias is not None:
        _add_bias(result, bias)
    return result


def conv2d_weight(
    x: Array, grad: Array, kernel_size: Pair, stride: Pair, padding: Sides, dilation: Pair, groups: int
) -> Array:
    """The adjoint of conv2d in its weight: (O, C / groups, kH, kW)."""
    shape = (grad.shape[1], x.shape[1] // groups, *kernel_size)
    parts = [
        _im2col_weight(_part(x, 1, part, groups), _part(grad, 1, part, groups), kernel_size, stride, padding, dilation)
        for part in range(groups)
    ]
    return (parts[0] if groups == 1 else np.concatenate(parts)).reshape(shape)


# ------------------------------------------------------------------------------------------ im2col


def _channels_last(shape: tuple[int, ...], dtype: Any) -> Array:
    """An empty (N, C, H, W) array whose memory is (N, H, W, C)."""
    n, c, h, w = shape
    return np.empty((n, h, w, c), dtype).transpose(0, 3, 1, 2)


def _part(array: Array, axis: int, part: int, groups: int) -> Array:
    """One group's share of an axis."""
    if groups == 1:
        return array
    size = array.shape[axis] // groups
    return array[(slice(None),) * axis + (slice(part * size, (part + 1) * size),)]


def _add_bias(result: Array, bias: Array) -> None:
    rows = result.transpose(0, 2, 3, 1).reshape(-1, result.shape[1])
    step = max(1, STRIP_BYTES // max(1, rows.shape[1] * rows.itemsize))
    parallel_for(lambda a, b: np.add(rows[a:b], bias, out=rows[a:b]), len(rows), step)


def _padded(x: Array, padding: Sides) -> Array:
    """x as a contiguous (N, H, W, C) array with a border of zeros."""
    last = x.transpose(0, 2, 3, 1)
    top, bottom, left, right = padding
    if not any(padding):
        return np.ascontiguousarray(last)
    n, h, w, c = last.shape
    y = np.empty((n, h + top + bottom, w + left + right, c), x.dtype)
    y[:, :top] = y[:, top + h :] = 0
    y[:, :, :left] = y[:, :, left + w :] = 0
    y[:, top : top + h, left : left + w] = last
    return y


def _windows(image: Array, kernel_size: Pair, stride: Pair, dilation: Pair, size: Pair) -> Array:
    """A view (N, H', W', kH, kW, C) of a padded channels-last image: the window of each output pixel."""
    n, _, _, c = image.shape
    sn, sh, sw, sc = image.strides
    shape = (n, *size, *kernel_size, c)
    return as_strided(image, shape, (sn, sh * stride[0], sw * stride[1], sh * dilation[0], sw * dilation[1], sc))


def _strips(n: int, size: Pair, row_bytes: int) -> list[Strip]:
    """Cut n images of size[0] rows into strips of about STRIP_BYTES: several
    images if they are small, else some rows of one."""
    height, width = size
    image_bytes = row_bytes * width * height
    if image_bytes * 2 <= STRIP_BYTES or height == 1:
        step = max(1, min(-(-n // num_threads()), STRIP_BYTES // max(1, image_bytes)))
        return [(a, min(n, a + step), 0, height) for a in range(0, n, step)]
    rows = max(1, STRIP_BYTES // max(1, row_bytes * width))
    rows = -(-height // -(-height // rows))
    return [(i, i + 1, r, min(height, r + rows)) for i in range(n) for r in range(0, height, rows)]


def _columns(windows: Array, strip: Strip) -> Array:
    """The column buffer of a strip: one row for each output pixel, kH kW C entries each."""
    a, b, r, s = strip
    view = windows[a:b, r:s]
    depth = math.prod(view.shape[3:])
    buffer = scratch.get("columns", view.size, view.dtype).reshape(view.shape)
    np.copyto(buffer, view)
    return buffer.reshape(-1, depth)


def _each_strip(work: Any, strips: list[Any]) -> int:
    """Run work(worker, strip) on all strips, shared among the workers; returns the number of workers."""
    count = min(num_threads(), len(strips))

    def worker_loop(worker: int) -> None:
        for strip in strips[worker::count]:
            work(worker, strip)

    run_workers(worker_loop, count)
    return count


def _im2col_forward(x: Array, weight: Array, result: Array, stride: Pair, padding: Sides, dilation: Pair) -> None:
    out = result.transpose(0, 2, 3, 1)
    size = out.shape[1:3]
    windows = _windows(_padded(x, padding), weight.shape[2:], stride, dilation, size)
    matrix = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(-1, weight.shape[0])

    def work(worker: int, strip: Strip) -> None:
        a, b, r, s = strip
        target = out[a:b, r:s]
        if target.flags.c_contiguous:
            multiply(_columns(windows, strip), matrix, target.reshape(-1, matrix.shape[1]))
        else:
            target[...] = (_columns(windows, strip) @ matrix).reshape(target.shape)

    _each_strip(work, _strips(x.shape[0], size, matrix.shape[0] * x.itemsize))


def _im2col_weight(x: Array, grad: Array, kernel_size: Pair, stride: Pair, padding: Sides, dilation: Pair) -> Array:
    """(O, C, kH, kW): each worker adds up its strips, then the workers' sums are added."""
    grads = np.ascontiguousarray(grad.transpose(0, 2, 3, 1))
    channels, depth = grads.shape[3], math.prod(kernel_size) * x.shape[1]
    if grads.size == 0 or x.size == 0:
        return np.zeros((channels, x.shape[1], *kernel_size), x.dtype)
    size = grads.shape[1:3]
    windows = _windows(_padded(x, padding), kernel_size, stride, dilation, size)
    strips = _strips(len(x), size, depth * x.itemsize)
    sums = np.zeros((min(num_threads(), len(strips)), depth, channels), x.dtype)

    def work(worker: int, strip: Strip) -> None:
        a, b, r, s = strip
        product = scratch.get("weight product", depth * channels, x.dtype).reshape(depth, channels)
        np.matmul(_columns(windows, strip).T, grads[a:b, r:s].reshape(-1, channels), out=product)
        np.add(sums[worker], product, out=sums[worker])

    _each_strip(work, strips)
    total = sums.sum(axis=0) if len(sums) > 1 else sums[0]
    return total.reshape(*kernel_size, x.shape[1], channels).transpose(3, 2, 0, 1)


def _im2col_backward(x: Array, weight: Array, result: Array, stride: Pair, padding: Sides, dilation: Pair) -> None:
    """Each pixel of x times the weights is added to its window. Workers own whole images; where there are fewer images
    than workers, each worker adds into an image of its own, and these are summed at the end."""
    job = _Scatter(x, weight, result, stride, padding, dilation)
    n, height, width, _ = job.pixels.shape
    strips = _strips(n, (height, width), job.matrix.shape[1] * x.itemsize)
    if n >= num_threads():
        by_image: dict[int, list[Any]] = {}
        for strip in strips:
            by_image.setdefault(strip[0], []).append(strip)
        _each_strip(lambda worker, group: job.whole_images(group), list(by_image.values()))
        return
    for i in range(n):
        own = [strip for strip in strips if strip[0] <= i < strip[1]]
        sums = [job.blank(f"image {worker}", 1) for worker in range(min(num_threads(), len(own)))]
        _each_strip(lambda worker, strip, sums=sums, i=i: job.scatter(sums[worker], strip, i), own)
        job.out[i : i + 1] = sum(sums[1:], start=sums[0])[job.inside]


class _Scatter:
    """One transposed convolution: pixels (N, H, W, C) times the weights, added to the windows of padded images.

    Additions are quick where they run along memory: along the channels, or along the pixels if channels are few.
    """

    def __init__(self, x: Array, weight: Array, result: Array, stride: Pair, padding: Sides, dilation: Pair) -> None:
        self.pixels = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        self.matrix = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(len(weight), -1)
        self.kernel_size, self.out_channels = weight.shape[2:], weight.shape[1]
        self.planar = self.out_channels <= FEW_CHANNELS
        self.stride, self.dilation = stride, dilation
        self.out = result.transpose(0, 2, 3, 1)
        self.padded = tuple(
            max(
                self.out.shape[1 + i] + padding[2 * i] + padding[2 * i + 1],
                (self.pixels.shape[1 + i] - 1) * stride[i] + dilation[i] * (self.kernel_size[i] - 1) + 1,
            )
            for i in (0, 1)
        )
        top, left = padding[0], padding[2]
        self.inside = (
            slice(None), slice(top, top + self.out.shape[1]), slice(left, left + self.out.shape[2]),
        )  # fmt: skip

    def blank(self, name: str, count: int) -> Array:
        """Zeros (count, *padded, O) in a scratch buffer."""
        shape = (count, *self.padded)
        buffer = scratch.get(name, math.prod(shape) * self.out_channels, self.pixels.dtype)
        buffer.fill(0)
        if self.planar:
            return buffer.reshape(self.out_channels, *shape).transpose(1, 2, 3, 0)
        return buffer.reshape(*shape, self.out_channels)

    def products(self, strip: Strip) -> Array:
        """A strip's pixels times the weights: (images, rows, W, kH, kW, O)."""
        a, b, r, s = strip
        rows = self.pixels[a:b, r:s].reshape(-1, len(self.matrix))
        shape, window = (b - a, s - r, self.pixels.shape[2]), (*self.kernel_size, self.out_channels)
        columns = scratch.get("columns", len(rows) * self.matrix.shape[1], rows.dtype)
        if self.planar:
            np.matmul(self.matrix.T, rows.T, out=columns.reshape(-1, len(rows)))
            return columns.reshape(*window, *shape).transpose(3, 4, 5, 0, 1, 2)
        multiply(rows, self.matrix, columns.reshape(len(rows), -1))
        return columns.reshape(*shape, *window)

    def scatter(self, image: Array, strip: Strip, first: int) -> None:
        """Add a strip's products to the images, of which the first has number `first`."""
        a, b, r, s = strip
        blocks, width = self.products(strip), self.pixels.shape[2]
        (down, right), (below, beside) = self.stride, self.dilation
        for i in range(self.kernel_size[0]):
            top = i * below + r * down
            for j in range(self.kernel_size[1]):
                left = j * beside
                place = image[
                    a - first : b - first,
                    top : top + (s - r - 1) * down + 1 : down,
                    left : left + (width - 1) * right + 1 : right,
                ]
                np.add(place, blocks[:, :, :, i, j], out=place)

    def whole_images(self, strips: list[Strip]) -> None:
        """Write the result of images all of whose strips are given."""
        first, last = strips[0][:2]
        image = self.blank("image", last - first)
        for strip in strips:
            self.scatter(image, strip, first)
        self.out[first:last] = image[self.inside]
