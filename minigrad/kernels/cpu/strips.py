"""im2col in strips: the fast path for images of any size.

The columns of a picture take kH kW times its memory, and the time to write and to read it again. Here they are made
for a strip of the picture at a time, about a megabyte, which is still in the processor's cache when the product reads
it, and each thread works on strips of its own.

The columns' order is (kH, kW, C), not (C, kH, kW): pictures lie channels-last, so that a row of a window is one
contiguous run. The weight is copied into that order with O still outermost, which moves runs of C numbers. With O
innermost, as the product would like it, the copy of a large weight costs more than the product: (512, 1024, 4, 4) took
546 ms at 0.12 GB/s, and takes 4.5 ms in this order; BLAS multiplies with the transposed matrix as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...devices import Array
from .blas import LONG, multiply
from .im2col import Cache, ConvShape, windows
from .threads import num_threads, run_workers, scratch

STRIP_BYTES = 1 << 20  # of columns: about half the second-level cache
FEW_CHANNELS = 4  # up to here the adjoint adds up whole planes
SMALL_WEIGHT = 1 << 16  # entries: up to here the order that the product likes best costs little

Strip = tuple[int, int, int, int]  # first image, last, first row, last


def _cut(shape: ConvShape, itemsize: int, depth: int) -> list[Strip]:
    """The images in strips whose columns, `depth` numbers a pixel, take about STRIP_BYTES: several images if they are
    small, else some rows of one."""
    n, (height, width) = shape.images, shape.out_size
    row_bytes = depth * itemsize * width
    if row_bytes * height * 2 <= STRIP_BYTES or height == 1:
        step = max(1, min(-(-n // num_threads()), STRIP_BYTES // (row_bytes * height)))
        return [(a, min(n, a + step), 0, height) for a in range(0, n, step)]
    rows = max(1, STRIP_BYTES // row_bytes)
    rows = -(-height // -(-height // rows))
    return [(i, i + 1, r, min(height, r + rows)) for i in range(n) for r in range(0, height, rows)]


def _each(work: Callable[[int, Any], None], strips: list[Any]) -> None:
    """Run work(worker, strip) on all strips, divided among the workers."""
    count = min(num_threads(), len(strips))

    def worker_loop(worker: int) -> None:
        for strip in strips[worker::count]:
            work(worker, strip)

    run_workers(worker_loop, count)


def columns(views: Array, strip: Strip) -> Array:
    """The columns of a strip, (pixels, kH kW C), from the windows (N, H', W', kH, kW, C)."""
    a, b, r, s = strip
    view = views[a:b, r:s]
    buffer = scratch.get("columns", view.size, view.dtype).reshape(view.shape)
    np.copyto(buffer, view)
    return buffer.reshape(-1, math.prod(view.shape[3:]))


def _weight_rows(weight: Array) -> Array:
    """The weight as (O, kH kW C)."""
    return np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(len(weight), -1)


def forward(x: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, O, H', W') = conv2d(x, weight) + bias."""
    out = result.transpose(0, 2, 3, 1)
    views = windows(x, shape).transpose(0, 1, 2, 4, 5, 3)
    matrix = _weight_rows(weight).T
    if matrix.size <= SMALL_WEIGHT and shape.pixels >= LONG:
        matrix = np.ascontiguousarray(matrix)

    def work(worker: int, strip: Strip) -> None:
        a, b, r, s = strip
        target = out[a:b, r:s]
        if target.flags.c_contiguous:
            y = multiply(columns(views, strip), matrix, target.reshape(-1, shape.out_channels))
        else:
            y = columns(views, strip) @ matrix
        if bias is not None:
            np.add(y, bias, out=y)
        if not target.flags.c_contiguous:
            target[...] = y.reshape(target.shape)

    _each(work, _cut(shape, x.itemsize, len(matrix)))


def weight_gradient(x: Array, y: Array, shape: ConvShape) -> Array:
    """The adjoint in the weight, (O, C, kH, kW): each worker adds up its strips, then the workers' sums are added."""
    grads = np.ascontiguousarray(y.transpose(0, 2, 3, 1))
    views = windows(x, shape).transpose(0, 1, 2, 4, 5, 3)
    depth = math.prod(views.shape[3:])
    strips = _cut(shape, x.itemsize, depth)
    sums = np.zeros((min(num_threads(), len(strips)), shape.out_channels, depth), x.dtype)

    def work(worker: int, strip: Strip) -> None:
        a, b, r, s = strip
        product = scratch.get("weight product", sums[0].size, x.dtype).reshape(sums[0].shape)
        np.matmul(grads[a:b, r:s].reshape(-1, shape.out_channels).T, columns(views, strip), out=product)
        np.add(sums[worker], product, out=sums[worker])

    _each(work, strips)
    total = sums.sum(axis=0) if len(sums) > 1 else sums[0]
    total = total.reshape(shape.out_channels, *shape.kernel_size, shape.in_channels)
    return np.ascontiguousarray(total.transpose(0, 3, 1, 2))


def adjoint(y: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, C, H, W) = conv_transpose2d(y, weight) + bias: the adjoint in x.

    Each pixel of y, times the weights, is added to its window. Workers own whole images. Where there are fewer images
    than workers, each worker adds into an image of its own, and these are summed at the end.
    """
    job = _Scatter(y, weight, bias, result, shape)
    strips = _cut(shape, y.itemsize, job.matrix.shape[1])
    if shape.images >= num_threads():
        by_image: dict[int, list[Strip]] = {}
        for strip in strips:
            by_image.setdefault(strip[0], []).append(strip)
        _each(lambda worker, group: job.whole_images(group), list(by_image.values()))
        return
    for i in range(shape.images):
        own = [strip for strip in strips if strip[0] <= i < strip[1]]
        sums = [job.zeros(f"image {worker}", 1) for worker in range(min(num_threads(), len(own)))]
        _each(job.into(sums, i), own)
        job.store(sum(sums[1:], start=sums[0]), slice(i, i + 1))


class _Scatter:
    """One transposed convolution: pixels (N, H', W', O) times the weights, added to the windows of padded images.

    Additions are quick where they run along memory: along the channels, or along the pixels if channels are few.
    """

    def __init__(self, y: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape) -> None:
        self.pixels = np.ascontiguousarray(y.transpose(0, 2, 3, 1))
        self.matrix, self.bias, self.shape = _weight_rows(weight), bias, shape
        self.planar = shape.in_channels <= FEW_CHANNELS
        self.out = result.transpose(0, 2, 3, 1)

    def zeros(self, name: str, count: int) -> Array:
        """Zeros (count, *padded_size, C) in a scratch buffer."""
        sizes = (count, *self.shape.padded_size)
        buffer = scratch.get(name, math.prod(sizes) * self.shape.in_channels, self.pixels.dtype)
        buffer.fill(0)
        if self.planar:
            return buffer.reshape(-1, *sizes).transpose(1, 2, 3, 0)
        return buffer.reshape(*sizes, -1)

    def products(self, strip: Strip) -> Array:
        """A strip's pixels times the weights: (images, rows, W', kH, kW, C)."""
        a, b, r, s = strip
        rows = self.pixels[a:b, r:s].reshape(-1, len(self.matrix))
        sizes = (b - a, s - r, self.pixels.shape[2])
        window = (*self.shape.kernel_size, self.shape.in_channels)
        products = scratch.get("columns", len(rows) * self.matrix.shape[1], rows.dtype)
        if self.planar:
            np.matmul(self.matrix.T, rows.T, out=products.reshape(-1, len(rows)))
            return products.reshape(*window, *sizes).transpose(3, 4, 5, 0, 1, 2)
        multiply(rows, self.matrix, products.reshape(len(rows), -1))
        return products.reshape(*sizes, *window)

    def scatter(self, image: Array, strip: Strip, first: int) -> None:
        """Add a strip's products to the images, of which the first has number `first`."""
        a, b, r, s = strip
        blocks = self.products(strip)
        for i, j in np.ndindex(*self.shape.kernel_size):
            rows, cols = self.shape.place(i, j, slice(r, s))
            place = image[a - first : b - first, rows, cols]
            np.add(place, blocks[:, :, :, i, j], out=place)

    def into(self, images: list[Array], first: int) -> Callable[[int, Strip], None]:
        """Work that adds a strip's products to the worker's own image, which has number `first`."""
        return lambda worker, strip: self.scatter(images[worker], strip, first)

    def store(self, image: Array, images: slice) -> None:
        """Write padded images to their place in the result, plus the bias."""
        if self.bias is None:
            self.out[images] = image[self.shape.inside]
        else:
            np.add(image[self.shape.inside], self.bias, out=self.out[images])

    def whole_images(self, strips: list[Strip]) -> None:
        """Write the result of images all of whose strips are given."""
        first, last = strips[0][:2]
        image = self.zeros("image", last - first)
        for strip in strips:
            self.scatter(image, strip, first)
        self.store(image, slice(first, last))
