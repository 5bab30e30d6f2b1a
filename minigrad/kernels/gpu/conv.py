"""Convolution on the GPU: im2col, one matrix product for each image, and col2im.

`columns` writes each window of an image as a column of a matrix (C kH kW, H' W'); the convolution is the product of
the weights with that matrix. The transposed convolution multiplies first and then gathers: each pixel adds up the
entries of the columns that cover it. The gradient to the weight is the product of the gradient with the columns.

Column matrices are kH kW times the image, so they are made in pieces of at most COLUMN_BYTES: several images, or some
of one image's rows. They are not kept. (Chellapilla, Puri and Simard 2006.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...cuda import cupy
from ...devices import Array
from ..sizes import convolved_size
from .common import indexed, rows

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
COLUMN_BYTES = 256 << 20

# One thread for each entry of the columns (image, channel, u, v, row, column).
COLUMNS = (
    "raw T x, I height, I width, I out_rows, I out_width, I kh, I kw, I sy, I sx, I dy, I dx, I top, I left, I first",
    "T column",
    """
    I rest = i;
    I column_of_y = rest % out_width; rest /= out_width;
    I row_of_y = rest % out_rows + first; rest /= out_rows;
    I v = rest % kw; rest /= kw;
    I u = rest % kh;
    I plane = rest / kh;
    I row = row_of_y * sy + u * dy - top;
    I col = column_of_y * sx + v * dx - left;
    bool inside = row >= 0 && row < height && col >= 0 && col < width;
    column = inside ? x[(plane * height + row) * width + col] : T(0);
    """,
    "minigrad_columns",
)

# One thread for each pixel: it adds the entries of all columns that cover it.
GATHER_COLUMNS = (
    "raw T column, I height, I width, I out_rows, I out_width, I kh, I kw, I sy, I sx, I dy, I dx, I top, I left, "
    "I first",
    "T y",
    """
    I rest = i;
    I col = rest % width; rest /= width;
    I row = rest % height;
    I plane = rest / height;
    T total = 0;
    for (I u = 0; u < kh; ++u) {
      I down = row + top - u * dy;
      I row_of_x = down / sy - first;
      if (down < 0 || down % sy != 0 || row_of_x < 0 || row_of_x >= out_rows) continue;
      for (I v = 0; v < kw; ++v) {
        I right = col + left - v * dx;
        I column_of_x = right / sx;
        if (right < 0 || right % sx != 0 || column_of_x >= out_width) continue;
        total += column[(((plane * kh + u) * kw + v) * out_rows + row_of_x) * out_width + column_of_x];
      }
    }
    y += total;
    """,
    "minigrad_gather_columns",
)


def conv2d(
    x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Sides, dilation: Pair, groups: int,
    cache: dict[Any, Any] | None = None,
) -> Array:  # fmt: skip
    """(N, C, H, W) with (O, C / groups, kH, kW) to (N, O, H', W')."""
    size = convolved_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    y = cupy().empty((x.shape[0], weight.shape[0], *size), x.dtype)
    if y.size == 0:
        return y
    image, matrix = cupy().ascontiguousarray(x), _weight_matrix(weight, groups)
    window = weight.shape[2:], stride, padding, dilation
    for images, lines in _pieces(x.shape[0], size, x.shape[1], weight.shape[2:], x.itemsize):
        columns = _columns(image[images], lines, size[1], *window, groups)
        piece = cupy().matmul(matrix, columns)
        y[images, :, lines] = piece.reshape(piece.shape[0], y.shape[1], -1, size[1])
    return y if bias is None else _add_bias(y, bias)


def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None, output_size: Pair, stride: Pair, padding: Sides, dilation: Pair,
    groups: int, cache: dict[Any, Any] | None = None,
) -> Array:  # fmt: skip
    """(N, C, H, W) with (C, O / groups, kH, kW) to (N, O, *output_size): the adjoint of conv2d in its input."""
    y = cupy().zeros((x.shape[0], weight.shape[1] * groups, *output_size), x.dtype)
    if y.size == 0:
        return y
    size = x.shape[2:]
    if x.size:
        matrix = _weight_matrix(weight, groups).swapaxes(-1, -2)
        window = weight.shape[2:], stride, padding, dilation
        for images, lines in _pieces(x.shape[0], size, y.shape[1], weight.shape[2:], x.itemsize):
            piece = x[images, :, lines]
            columns = cupy().matmul(matrix, piece.reshape(piece.shape[0], groups, x.shape[1] // groups, -1))
            _gather_columns(columns, y[images], lines, size[1], *window)
    return y if bias is None else _add_bias(y, bias)


def conv2d_weight(
    x: Array, grad: Array, kernel_size: Pair, stride: Pair, padding: Sides, dilation: Pair, groups: int
) -> Array:
    """The adjoint of conv2d in its weight: (O, C / groups, kH, kW)."""
    outputs, channels = grad.shape[1] // groups, x.shape[1] // groups
    total = cupy().zeros((groups, outputs, channels * kernel_size[0] * kernel_size[1]), x.dtype)
    size = grad.shape[2:]
    image = cupy().ascontiguousarray(x)
    largest = max(x.shape[1], total.size // (kernel_size[0] * kernel_size[1] * max(1, size[0] * size[1])))
    if x.size and grad.size:
        for images, lines in _pieces(x.shape[0], size, largest, kernel_size, x.itemsize):
            columns = _columns(image[images], lines, size[1], kernel_size, stride, padding, dilation, groups)
            piece = grad[images, :, lines]
            piece = piece.reshape(piece.shape[0], groups, outputs, -1)
            total += cupy().matmul(piece, columns.swapaxes(-1, -2)).sum(axis=0)
    return total.reshape(groups * outputs, channels, *kernel_size)


def _weight_matrix(weight: Array, groups: int) -> Array:
    """The weight as (groups, outputs of a group, C kH kW of a group)."""
    return cupy().ascontiguousarray(weight).reshape(groups, weight.shape[0] // groups, -1)


def _pieces(images: int, size: Pair, channels: int, kernel_size: Any, itemsize: int) -> Iterator[tuple[slice, slice]]:
    """(images, rows of the smaller picture) whose columns fit into COLUMN_BYTES, at least one row of one image."""
    row_bytes = max(1, channels * kernel_size[0] * kernel_size[1] * size[1] * itemsize)
    lines = max(1, COLUMN_BYTES // row_bytes)
    together = max(1, lines // max(1, size[0]))
    lines = min(lines, size[0])
    for first in range(0, images, together):
        for line in range(0, size[0], lines):
            yield slice(first, min(first + together, images)), slice(line, min(line + lines, size[0]))


def _columns(
    image: Array, lines: slice, width: int, kernel_size: Any, stride: Pair, padding: Sides, dilation: Pair, groups: int
) -> Array:
    """The windows whose results stand in some rows, as (N, groups, C kH kW of a group, rows x width)."""
    n, channels, *size = image.shape
    height = lines.stop - lines.start
    column = cupy().empty(n * channels * kernel_size[0] * kernel_size[1] * height * width, image.dtype)
    sizes = (*size, height, width, *kernel_size, *stride, *dilation, padding[0], padding[2], lines.start)
    indexed(max(column.size, image.size), *COLUMNS)(rows(image), *sizes, column)
    return column.reshape(n, groups, -1, height * width)


def _gather_columns(
    columns: Array, y: Array, lines: slice, width: int, kernel_size: Any, stride: Pair, padding: Sides, dilation: Pair
) -> None:
    """Add to each pixel of y the entries of the columns that cover it."""
    height = lines.stop - lines.start
    sizes = (*y.shape[2:], height, width, *kernel_size, *stride, *dilation, padding[0], padding[2], lines.start)
    indexed(max(columns.size, y.size), *GATHER_COLUMNS)(rows(columns), *sizes, y.reshape(-1))


def _add_bias(y: Array, bias: Array) -> Array:
    y += bias.reshape(1, -1, 1, 1)
    return y
