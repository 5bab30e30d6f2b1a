"""Pooling on the CPU.

A window has kH x kW places. For each place, the pixels that all windows have there form a strided slice of the image
("place slice"), so pooling is a few passes over whole slices: no index arithmetic, no loop over pixels. What lies
outside the image is put there first as a border.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...devices import Array
from ..sizes import pooled_size
from .threads import parallel_for

Pair = tuple[int, int]


def _extent(out: Pair, kernel_size: Pair, stride: Pair, dilation: Pair) -> Pair:
    """How many rows and columns the windows reach over, from the start of the first."""
    height, width = ((o - 1) * s + d * (k - 1) + 1 for o, k, s, d in zip(out, kernel_size, stride, dilation))
    return height, width


def _bordered(x: Array, padding: Pair, extent: Pair, value: float) -> Array:
    """x with `padding` before it and as much after it as the windows reach; x itself where nothing is needed."""
    n, c, h, w = x.shape
    height, width = max(extent[0], h + padding[0]), max(extent[1], w + padding[1])
    if (height, width) == (h, w):
        return x
    y = np.full((n, height, width, c), value, x.dtype).transpose(0, 3, 1, 2)
    y[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w] = x
    return y


def _places(kernel_size: Pair, stride: Pair, dilation: Pair, out: Pair) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """(number, slices of rows and columns) of each place in the window."""
    for i in range(kernel_size[0]):
        for j in range(kernel_size[1]):
            top, left = i * dilation[0], j * dilation[1]
            rows = slice(top, top + (out[0] - 1) * stride[0] + 1, stride[0])
            columns = slice(left, left + (out[1] - 1) * stride[1] + 1, stride[1])
            yield i * kernel_size[1] + j, (rows, columns)


def _last(x: Array) -> Array:
    """The channels-last view (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1)


def rows_in_threads(work: object, out: Array) -> None:
    """Run work(first, last) over the images' rows if there is one image, over images otherwise."""
    n, _, height, _ = out.shape
    pixels = max(1, out.size // max(1, n * height))
    if n > 1:
        step = max(1, (1 << 15) // max(1, pixels * height))
        parallel_for(lambda a, b: work(slice(a, b), slice(None)), n, step)  # type: ignore[operator]
    else:
        parallel_for(lambda a, b: work(slice(None), slice(a, b)), height, max(1, (1 << 15) // pixels))  # type: ignore[operator]


def max_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    """(maxima, indices): indices is the place of the first maximum in each window; see the package's contract."""
    out = pooled_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    image = _last(_bordered(x, padding, _extent(out, kernel_size, stride, dilation), -np.inf))
    n, c = x.shape[:2]
    y = np.empty((n, *out, c), x.dtype)
    small = kernel_size[0] * kernel_size[1] <= 256
    indices = np.zeros((n, *out, c), np.uint8 if small else np.int32)
    places = list(_places(kernel_size, stride, dilation, out))

    def work(images: slice, rows: slice) -> None:
        best, chosen = y[images, rows], indices[images, rows]
        candidates = [image[images, vertical, horizontal][:, rows] for _, (vertical, horizontal) in places]
        best[...] = candidates[0]
        for number, candidate in enumerate(candidates[1:], 1):
            better = np.greater(candidate, best)
            np.maximum(best, candidate, out=best)
            np.maximum(chosen, better.view(np.uint8) * chosen.dtype.type(number), out=chosen)
        if np.isnan(best.sum()):  # inf - inf or a NaN, which no comparison finds: it counts as the maximum
            for number, candidate in reversed(list(enumerate(candidates))):
                chosen[np.isnan(candidate)] = number

    rows_in_threads(work, y.transpose(0, 3, 1, 2))
    return y.transpose(0, 3, 1, 2), indices.transpose(0, 3, 1, 2)


def max_pool2d_scatter(
    grad: Array, indices: Array, input_size: Pair, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """Zeros of (N, C, *input_size) with each gradient added at the place its window chose."""
    out = grad.shape[2:]
    choices = _last(indices)

    def chosen(number: int, images: slice, rows: slice) -> Array:
        return np.equal(choices[images, rows], number)

    return _scattered(grad, chosen, input_size, out, kernel_size, stride, padding, dilation)


def _scattered(
    grad: Array, share_of: object, input_size: Pair, out: Pair, kernel_size: Pair, stride: Pair, padding: Pair,
    dilation: Pair,
) -> Array:  # fmt: skip
    """Add grad times share_of(place, images, rows) to the place slices of an image, and cut off its border."""
    extent = _extent(out, kernel_size, stride, dilation)
    height, width = max(extent[0], input_size[0] + padding[0]), max(extent[1], input_size[1] + padding[1])
    n, c = grad.shape[:2]
    apart = stride == kernel_size and dilation == (1, 1)  # windows do not overlap: each pixel is written at most once
    covered = apart and (height, width) == (out[0] * stride[0], out[1] * stride[1])
    image = (np.empty if covered else np.zeros)((n, height, width, c), grad.dtype)
    grads, places = _last(grad), list(_places(kernel_size, stride, dilation, out))

    def work(images: slice, rows: slice) -> None:
        for number, (vertical, horizontal) in places:
            place = image[images, vertical, horizontal][:, rows]
            share = share_of(number, images, rows)  # type: ignore[operator]
            if apart:
                np.multiply(grads[images, rows], share, out=place)
            else:
                np.add(place, grads[images, rows] * share, out=place)

    if apart:
        rows_in_threads(work, grad)
    else:
        work(slice(None), slice(None))
    inside = image[:, padding[0] : padding[0] + input_size[0], padding[1] : padding[1] + input_size[1]]
    return inside.transpose(0, 3, 1, 2)


def max_pool2d_gather(
    x: Array, indices: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """The x at the place that each window chose: the adjoint of scatter."""
    out = indices.shape[2:]
    image = _last(_bordered(x, padding, _extent(out, kernel_size, stride, dilation), 0.0))
    choices = _last(indices)
    y = np.zeros(choices.shape, x.dtype)
    for number, (vertical, horizontal) in _places(kernel_size, stride, dilation, out):
        np.copyto(y, image[:, vertical, horizontal], where=choices == number)
    return y.transpose(0, 3, 1, 2)


def _divisors(
    size: Pair, out: Pair, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool, dtype: np.dtype
) -> Array:
    """(H', W', 1): how many entries each window averages over; what hangs over the padding never counts."""
    lengths = []
    for n, o, k, s, p in zip(size, out, kernel_size, stride, padding):
        start = np.arange(o) * s - p
        stop = np.minimum(start + k, n + p)
        lengths.append(stop - start if count_include_pad else np.minimum(stop, n) - np.maximum(start, 0))
    return (lengths[0][:, None] * lengths[1][None, :])[:, :, None].astype(dtype)


def avg_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool, count_include_pad: bool
) -> Array:
    """The mean of each window."""
    out = pooled_size(x.shape[2:], kernel_size, stride, padding, (1, 1), ceil_mode)
    image = _last(_bordered(x, padding, _extent(out, kernel_size, stride, (1, 1)), 0.0))
    shares = 1 / _divisors(x.shape[2:], out, kernel_size, stride, padding, count_include_pad, x.dtype)
    y = np.empty((x.shape[0], *out, x.shape[1]), x.dtype)
    places = list(_places(kernel_size, stride, (1, 1), out))

    def work(images: slice, rows: slice) -> None:
        total = y[images, rows]
        for number, (vertical, horizontal) in places:
            piece = image[images, vertical, horizontal][:, rows]
            if number == 0:
                total[...] = piece
            else:
                np.add(total, piece, out=total)
        np.multiply(total, shares[rows], out=total)

    rows_in_threads(work, y.transpose(0, 3, 1, 2))
    return y.transpose(0, 3, 1, 2)


def avg_pool2d_scatter(
    grad: Array, input_size: Pair, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool,
    count_include_pad: bool,
) -> Array:  # fmt: skip
    """Each gradient divided evenly over its window: the adjoint of avg_pool2d."""
    out = grad.shape[2:]
    shares = 1 / _divisors(input_size, out, kernel_size, stride, padding, count_include_pad, grad.dtype)
    return _scattered(
        grad, lambda number, images, rows: shares[rows],
        input_size, out, kernel_size, stride, padding, (1, 1),
    )  # fmt: skip
