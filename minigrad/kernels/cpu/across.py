"""A convolution with stride 1 that yields few channels: columns across, shifted sums down.

    y[o, i, j] = sum_u ( sum_{v, c} w[o, c, u, v] x[c, i + u, j + v] )

The inner sum is a product, kW C numbers for each pixel with a matrix of kH O columns; the outer one adds kH rows of it
to the result, each one row further up. Columns of whole windows, kH kW C numbers, would be large and yield O numbers
each, which BLAS computes slowly; products of single pixels yield kH kW O numbers, all of which must be added up. This
lies between: a 9x9 kernel from 32 channels to 3 takes 288 numbers for 27, instead of 2592 for 3 or 32 for 243.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...devices import Array
from .blas import multiply
from .im2col import Cache, ConvShape, windows
from .mirrored import mirror
from .strips import STRIP_BYTES, columns
from .threads import num_threads, parallel_for, scratch


def forward(x: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, O, H', W') = conv2d(x, weight) + bias."""
    (height, width), kernel_height = shape.out_size, shape.kernel_size[0]
    lost = kernel_height - 1  # so many rows more has x, with its padding, than the result
    row = replace(shape, kernel_size=(1, shape.kernel_size[1]), out_size=(height + lost, width))
    views = windows(x, row).transpose(0, 1, 2, 4, 5, 3)
    matrix = np.ascontiguousarray(weight.transpose(3, 1, 2, 0)).reshape(math.prod(views.shape[3:]), -1)
    step = max(1, STRIP_BYTES // (len(matrix) * x.itemsize * width))

    def rows_of_one(image: int, first: int, last: int) -> None:
        sums = scratch.get("sums", (last - first + 2 * lost) * width * shape.out_channels, x.dtype)
        sums = sums.reshape(-1, width, shape.out_channels)
        sums.fill(0)
        for a in range(first, last + lost, step):
            b = min(a + step, last + lost)
            product = scratch.get("products", (b - a) * width * matrix.shape[1], x.dtype).reshape(-1, matrix.shape[1])
            multiply(columns(views, (image, image + 1, a, b)), matrix, product)
            shares = product.reshape(b - a, width, kernel_height, -1)
            for u in range(kernel_height):  # row a of x counts for row a - u of the result, which `lost` rows precede
                place = sums[a - first + lost - u : b - first + lost - u]
                np.add(place, shares[:, :, u], out=place)
        y = sums[lost : lost + last - first]
        result.transpose(0, 2, 3, 1)[image, first:last] = y if bias is None else y + bias

    parts = -(-num_threads() // shape.images)  # of each image, so that each worker has one
    rows = -(-height // parts)

    def work(start: int, stop: int) -> None:
        for part in range(start, stop):
            image, first = part // parts, part % parts * rows
            if first < height:
                rows_of_one(image, first, min(height, first + rows))

    parallel_for(work, shape.images * parts, 1)


def adjoint(y: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, C, H, W) = conv_transpose2d(y, weight) + bias: the adjoint in x."""
    forward(y, mirror(weight), bias, result, shape.mirrored())
