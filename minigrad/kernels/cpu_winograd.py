"""Winograd's convolution F(4x4, 3x3): a quarter of the multiplications of the direct method.

The image is cut into tiles of 6x6 pixels that overlap by 2; each yields 4x4 pixels of the result. For a tile d and a
kernel g, both matrices,

    Y = A^T [ (G g G^T) * (B^T d B) ] A              (* is elementwise)

With many channels the elementwise product becomes 36 matrix products (tiles x C) (C x O), one for each place in the
tile: 36 multiplications where the direct method makes 144. (Lavin and Gray 2016, "Fast Algorithms for Convolutional
Neural Networks", equations 8 to 12; the matrices follow from the interpolation points 0, 1, -1, 1/2, -2, infinity by
the Cook-Toom construction, Blahut 2010, chapter 5.)

The transforms are written as products with Kronecker squares, so that they are matrix products too. Tiles are worked
off in strips small enough for the cache, in threads; where there are few tiles the 36 products are shared instead.
Transformed weights are kept in the weight's `memo` until the weight changes, once for both directions.

Accuracy: for data of unit variance the result's error, relative RMS against float64, is below 5e-6 at every shape of
VGG19 (measured 7e-7 to 2.2e-6, in both directions; direct float32 convolution has 2e-7). float64 never comes here.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided

from ..backend import Array
from .threads import lanes, parallel, scratch

TILE, KERNEL = 4, 3
SIDE = TILE + KERNEL - 1  # 6
POINTS = (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2))
TILES_IN_STRIP = 128
FEW_TILES = 256  # up to here the 36 products are shared among threads, not the tiles

Sides = tuple[int, int, int, int]


def matrices(points: tuple[Fraction, ...]) -> tuple[Array, Array, Array]:
    """(B^T (6, 6), G (6, 3), A^T (4, 6)) in float64, built from the interpolation points.

    Row i of G evaluates a kernel's polynomial at point i, column i of A^T holds the powers of point i, and B^T is
    the transposed inverse of evaluating degree-5 polynomials; the last row and column belong to infinity. The
    Lagrange denominators are put into G.
    """
    evaluate = [[p**power for power in range(SIDE)] for p in points]
    products = []
    for i in range(len(points)):
        others = [q for j, q in enumerate(points) if j != i]
        coefficients = [Fraction(1)]
        for q in others:
            shifted = [Fraction(0), *coefficients]
            coefficients = [a - q * b for a, b in zip(shifted, [*coefficients, Fraction(0)])]
        products.append(coefficients)
    everything = [Fraction(1)]
    for q in points:
        everything = [a - q * b for a, b in zip([Fraction(0), *everything], [*everything, Fraction(0)])]
    bt = numpy.zeros((SIDE, SIDE))
    g = numpy.zeros((SIDE, KERNEL))
    at = numpy.zeros((TILE, SIDE))
    for i, p in enumerate(points):
        denominator = numpy.prod([float(p - q) for j, q in enumerate(points) if j != i])
        bt[i, : SIDE - 1] = [float(c) for c in products[i]]
        g[i] = [float(v) / denominator for v in evaluate[i][:KERNEL]]
        at[:, i] = [float(v) for v in evaluate[i][:TILE]]
    bt[-1] = [float(c) for c in everything]
    g[-1, -1] = at[-1, -1] = 1
    return bt, g, at


def flipped_matrices() -> tuple[Array, Array]:
    """(B^T, A^T) that convolve with a kernel's mirror image, given the transform of the kernel itself.

    The mirror image of a polynomial g of degree 2 is q^2 g(1/q). The reciprocals of the points -POINTS are POINTS in
    another order, so the mirror image's values at -POINTS are the values we have, permuted and scaled: row i of G
    for -POINTS, reversed, is a multiple of some row of G for POINTS. Permutation and scale are put into B^T and A^T.
    """
    bt, g, at = matrices(tuple(-p for p in POINTS))
    flipped_bt, flipped_at = numpy.empty_like(bt), numpy.empty_like(at)
    for i, row in enumerate(g[:, ::-1]):
        scales = _G @ row / (_G * _G).sum(axis=1)
        place = int(numpy.argmin(abs(scales[:, None] * _G - row).sum(axis=1)))
        flipped_bt[place] = scales[place] * bt[i]
        flipped_at[:, place] = at[:, i]
    return flipped_bt, flipped_at


def _squares(bt: Array, at: Array) -> tuple[Array, Array]:
    """The transforms of tiles into the spectrum, (36, 36), and back, (16, 36), as single matrices."""
    return numpy.kron(bt, bt).astype(numpy.float32), numpy.kron(at, at).astype(numpy.float32)


_BT, _G, _AT = matrices(POINTS)
TRANSFORMS = {False: _squares(_BT, _AT), True: _squares(*flipped_matrices())}  # by `transposed`


def transformed_weights(weight: Array, transposed: bool, memo: dict[Any, Any] | None) -> Array:
    """G g G^T for all kernels, (36, C, O); from the memo if it is there.

    weight: (O, C, 3, 3); or, transposed, the (C, O, 3, 3) of a convolution whose adjoint is to be computed. Both
    share one transform: the adjoint exchanges the channels, and its transforms see to the mirror image.
    """
    key = ("winograd", weight.__array_interface__["data"][0], weight.shape, weight.strides)
    result = None if memo is None else memo.get(key)
    if result is None:
        square = numpy.kron(_G, _G).astype(numpy.float32)
        flat = numpy.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(KERNEL * KERNEL, -1)
        result = (square @ flat).reshape(SIDE * SIDE, weight.shape[1], weight.shape[0])
        if memo is not None:
            memo[key] = result
    return result.transpose(0, 2, 1) if transposed else result


def convolve(
    x: Array, weight: Array, bias: Array | None, padding: Sides, result: Array, memo: dict[Any, Any] | None,
    transposed: bool,
) -> None:  # fmt: skip
    """Write the convolution of x (N, C, H, W) into result (N, O, H', W'), which lies channels-last."""
    weights = transformed_weights(weight, transposed, memo)
    source, target = x.transpose(0, 2, 3, 1), result.transpose(0, 2, 3, 1)
    for image, out in zip(source, target):
        job = _Job(image, weights, bias, padding, out, TRANSFORMS[transposed])
        if job.rows * job.columns <= FEW_TILES:
            job.share_products()
        else:
            job.share_tiles()


class _Job:
    """The convolution of one image (H, W, C) into `out` (H', W', O)."""

    def __init__(
        self, image: Array, weights: Array, bias: Array | None, padding: Sides, out: Array, transforms: Any
    ) -> None:
        self.image, self.weights, self.bias, self.out = image, weights, bias, out
        self.top, _, self.left, _ = padding
        self.input_transform, self.output_transform = transforms
        self.rows, self.columns = -(-out.shape[0] // TILE), -(-out.shape[1] // TILE)
        self.channels, self.out_channels = weights.shape[1:]
        self.exact = out.shape[0] == self.rows * TILE and out.shape[1] == self.columns * TILE
        self.exact = self.exact and out.flags.c_contiguous

    def tiles(self, first: int, last: int) -> Array:
        """A view (6, 6, rows, columns, C) of the tiles in rows first .. last - 1, over a zero-bordered copy."""
        height, width = (last - first) * TILE + 2, self.columns * TILE + 2
        strip = scratch.get("strip", height * width * self.channels, self.image.dtype)
        strip = strip.reshape(height, width, self.channels)
        start = first * TILE - self.top  # the image row at the strip's first row
        low, high = max(0, start), min(self.image.shape[0], start + height)
        above, below = low - start, max(low, high) - start
        cols = min(self.image.shape[1], width - self.left)
        strip[:above] = 0
        strip[below:] = 0
        strip[above:below, : self.left] = 0
        strip[above:below, self.left + cols :] = 0
        strip[above:below, self.left : self.left + cols] = self.image[low : max(low, high), :cols]
        sh, sw, sc = strip.strides
        shape = (SIDE, SIDE, last - first, self.columns, self.channels)
        return as_strided(strip, shape, (sh, sw, sh * TILE, sw * TILE, sc))

    def store(self, y: Array, first: int, last: int) -> None:
        """Put (4, 4, rows, columns, O) where it belongs in the result, plus the bias."""
        if self.bias is not None:
            numpy.add(y, self.bias, out=y)
        if self.exact:
            out = self.out[first * TILE : last * TILE]
            blocks = out.reshape(last - first, TILE, self.columns, TILE, self.out_channels)
            blocks.transpose(1, 3, 0, 2, 4)[...] = y
            return
        merged = y.transpose(2, 0, 3, 1, 4).reshape((last - first) * TILE, self.columns * TILE, self.out_channels)
        out = self.out[first * TILE : last * TILE]
        out[...] = merged[: out.shape[0], : out.shape[1]]

    def buffers(self, tiles: int) -> tuple[Array, Array]:
        """Two scratch vectors, each large enough for all 36 places of so many tiles, before and after the products."""
        size = SIDE * SIDE * tiles * max(self.channels, self.out_channels)
        return scratch.get("winograd a", size, self.image.dtype), scratch.get("winograd b", size, self.image.dtype)

    def share_tiles(self) -> None:
        """Strips of tile rows, each transformed, multiplied and transformed back while it is in the cache."""
        count = lanes()
        step = max(1, min(-(-self.rows // count), TILES_IN_STRIP // self.columns))
        pieces = -(-self.rows // step)
        step = -(-self.rows // (-(-pieces // count) * count))

        def work(lane: int) -> None:
            for first in range(lane * step, self.rows, step * count):
                last = min(self.rows, first + step)
                tiles = (last - first) * self.columns
                a, b = self.buffers(tiles)
                view = self.tiles(first, last)
                data = a[: 36 * tiles * self.channels].reshape(view.shape)
                numpy.copyto(data, view)
                spectrum = b[: data.size].reshape(36, tiles, self.channels)
                numpy.matmul(self.input_transform, data.reshape(36, -1), out=spectrum.reshape(36, -1))
                product = a[: 36 * tiles * self.out_channels].reshape(36, tiles, self.out_channels)
                numpy.matmul(spectrum, self.weights, out=product)
                y = b[: 16 * tiles * self.out_channels].reshape(16, -1)
                numpy.matmul(self.output_transform, product.reshape(36, -1), out=y)
                self.store(y.reshape(TILE, TILE, last - first, self.columns, self.out_channels), first, last)

        parallel(work, count)

    def share_products(self) -> None:
        """All tiles at once: the transforms are shared by rows of tiles, the 36 products one by one."""
        count, tiles = lanes(), self.rows * self.columns
        a, b = self.buffers(tiles)
        view = self.tiles(0, self.rows)
        data = a[: 36 * tiles * self.channels].reshape(view.shape)
        spectrum = b[: data.size].reshape(36, tiles, self.channels)
        product = a[: 36 * tiles * self.out_channels].reshape(36, tiles, self.out_channels)
        y = b[: 16 * tiles * self.out_channels].reshape(TILE, TILE, self.rows, self.columns, self.out_channels)

        def share(lane: int, total: int, width: int = 1) -> slice:
            return slice(total * lane // count * width, total * (lane + 1) // count * width)

        def transform(lane: int) -> None:
            rows = share(lane, self.rows)
            data[:, :, rows] = view[:, :, rows]
            part = share(lane, self.rows, self.columns * self.channels)
            numpy.matmul(self.input_transform, data.reshape(36, -1)[:, part], out=spectrum.reshape(36, -1)[:, part])

        def multiply(lane: int) -> None:
            places = share(lane, 36)
            numpy.matmul(spectrum[places], self.weights[places], out=product[places])

        def transform_back(lane: int) -> None:
            part = share(lane, self.rows, self.columns * self.out_channels)
            numpy.matmul(self.output_transform, product.reshape(36, -1)[:, part], out=y.reshape(16, -1)[:, part])
            rows = share(lane, self.rows)
            if rows.stop > rows.start:
                self.store(y[:, :, rows], rows.start, rows.stop)

        for stage in (transform, multiply, transform_back):
            parallel(stage, count)
