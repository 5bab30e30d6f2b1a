"""Convolution as one matrix product (im2col): the readable path, and where reading the CPU kernels may end.

Write the window of the image that each output pixel sees as one row of a matrix, the *columns*. Row by row, the
convolution is then the product of that matrix with the weights, just as they lie in memory:

    columns (N H' W', C kH kW)  times  weight^T (C kH kW, O)  =  result (N H' W', O)

The two adjoints are the same product, differentiated by one factor or the other:

    by the image:   result^ (N H' W', O)   times  weight (O, C kH kW)         =  columns^, each row added to its window
    by the weight:  result^^T (O, N H' W') times  columns (N H' W', C kH kW)  =  weight^

This is all there is to convolution on a CPU; what `conv` prefers for larger images computes the same numbers, faster:
`strips` never holds more than a megabyte of columns at a time, `winograd` needs at most 39 % of the multiplications.
The columns take kH kW times the memory of the image, so that this path suits small images.
(Chellapilla, Puri and Simard 2006, "High performance convolutional neural networks for document processing".)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...devices import Array
from .matmul import matmul

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
Cache = dict[Any, Any] | None  # what a path may keep with the weight while the weight does not change


@dataclass(frozen=True)
class ConvShape:
    """The sizes of one convolution: x (N, C, H, W) with weight (O, C, kH, kW) gives y (N, O, H', W').

    All three forms of it are described by the same sizes: the one that computes y from x and the weight, the one that
    computes x from y and the weight, and the one that computes the weight from x and y.
    """

    images: int
    in_channels: int
    out_channels: int
    in_size: Pair
    out_size: Pair
    kernel_size: Pair
    stride: Pair
    padding: Sides  # top, bottom, left, right
    dilation: Pair

    @property
    def pixels(self) -> int:
        """The number of windows, N H' W'."""
        return self.images * math.prod(self.out_size)

    @property
    def padded_size(self) -> Pair:
        """The height and width of an image that holds x with its padding, and every window."""
        height, width = (
            max(n + before + after, (m - 1) * s + d * (k - 1) + 1)
            for n, m, k, s, d, before, after in zip(
                self.in_size, self.out_size, self.kernel_size, self.stride, self.dilation,
                self.padding[::2], self.padding[1::2],
            )
        )  # fmt: skip
        return height, width

    @property
    def inside(self) -> tuple[slice, slice, slice]:
        """Where x lies in the padded images (N, H, W, C)."""
        (height, width), top, left = self.in_size, self.padding[0], self.padding[2]
        return slice(None), slice(top, top + height), slice(left, left + width)

    def place(self, i: int, j: int, rows: slice) -> tuple[slice, slice]:
        """The rows and columns of a padded image that are entry (i, j) of the windows of some rows of y."""
        top = i * self.dilation[0] + rows.start * self.stride[0]
        left = j * self.dilation[1]
        bottom = top + (rows.stop - rows.start - 1) * self.stride[0] + 1
        right = left + (self.out_size[1] - 1) * self.stride[1] + 1
        return slice(top, bottom, self.stride[0]), slice(left, right, self.stride[1])

    def mirrored(self) -> ConvShape:
        """The sizes of the convolution, with stride 1, that takes y to x by the mirrored kernels."""
        (height, width), (top, bottom, left, right) = self.kernel_size, self.padding
        return replace(
            self, in_channels=self.out_channels, out_channels=self.in_channels, in_size=self.out_size,
            out_size=self.in_size, padding=(height - 1 - top, height - 1 - bottom, width - 1 - left, width - 1 - right),
        )  # fmt: skip


# ------------------------------------------------------------------------------- windows of an image


def padded(x: Array, shape: ConvShape) -> Array:
    """x as a contiguous (N, H, W, C) array with a border of zeros."""
    last = x.transpose(0, 2, 3, 1)
    if shape.padded_size == shape.in_size:
        return np.ascontiguousarray(last)
    n, h, w, c = last.shape
    height, width = shape.padded_size
    top, left = shape.padding[0], shape.padding[2]
    y = np.empty((n, height, width, c), x.dtype)
    y[:, :top] = y[:, top + h :] = 0
    y[:, :, :left] = y[:, :, left + w :] = 0
    y[shape.inside] = last
    return y


def windows(x: Array, shape: ConvShape) -> Array:
    """A view (N, H', W', C, kH, kW) of the padded images: the window of each output pixel. Windows overlap."""
    image = padded(x, shape)
    sn, sh, sw, sc = image.strides
    (sy, sx), (dy, dx) = shape.stride, shape.dilation
    sizes = (shape.images, *shape.out_size, shape.in_channels, *shape.kernel_size)
    return as_strided(image, sizes, (sn, sh * sy, sw * sx, sc, sh * dy, sw * dx))


def pixel_rows(y: Array) -> Array:
    """(N, C, H, W) as the matrix (N H W, C)."""
    return np.ascontiguousarray(y.transpose(0, 2, 3, 1)).reshape(-1, y.shape[1])


# --------------------------------------------------------------------------- im2col and the three forms


def im2col(x: Array, shape: ConvShape) -> Array:
    """The columns (N H' W', C kH kW)."""
    return windows(x, shape).reshape(shape.pixels, -1)


def col2im(columns: Array, shape: ConvShape) -> Array:
    """The adjoint of im2col: (N, C, H, W), each row of the columns added to its window."""
    blocks = columns.reshape(shape.images, *shape.out_size, shape.in_channels, *shape.kernel_size)
    image = np.zeros((shape.images, *shape.padded_size, shape.in_channels), columns.dtype)
    for i, j in np.ndindex(*shape.kernel_size):
        rows, cols = shape.place(i, j, slice(0, shape.out_size[0]))
        image[:, rows, cols] += blocks[..., i, j]
    return image[shape.inside].transpose(0, 3, 1, 2)


def forward(x: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, O, H', W') = conv2d(x, weight) + bias."""
    y = matmul(im2col(x, shape), weight.reshape(shape.out_channels, -1).T)
    if bias is not None:
        y += bias
    result.transpose(0, 2, 3, 1)[...] = y.reshape(shape.images, *shape.out_size, -1)


def adjoint(y: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, C, H, W) = conv_transpose2d(y, weight) + bias: the adjoint in x."""
    columns = matmul(pixel_rows(y), weight.reshape(shape.out_channels, -1))
    result[...] = col2im(columns, shape)
    if bias is not None:
        result += bias[:, None, None]


def weight_gradient(x: Array, y: Array, shape: ConvShape) -> Array:
    """The adjoint in the weight, (O, C, kH, kW)."""
    product = matmul(pixel_rows(y).T, im2col(x, shape))
    return product.reshape(shape.out_channels, shape.in_channels, *shape.kernel_size)
