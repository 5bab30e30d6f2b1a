"""Winograd's convolution F(4x4, 3x3): a quarter of the multiplications of the direct method.

The image is cut into tiles of 6x6 pixels that overlap by 2; each yields 4x4 pixels of the result. For a tile d and a
kernel g, both matrices,

    Y = A^T [ (G g G^T) * (B^T d B) ] A              (* is elementwise)

With many channels the elementwise product becomes 36 matrix products (tiles x C) (C x O), one for each place in the
tile: 36 multiplications where the direct method makes 144. (Lavin and Gray 2016, "Fast Algorithms for Convolutional
Neural Networks", equations 8 to 12; the matrices follow from the interpolation points 0, 1, -1, 1/2, -2, infinity by
the Cook-Toom construction, Blahut 2010, chapter 5.)

The transforms are written as products with Kronecker squares, so that they are matrix products too. Tiles are worked
off in pieces small enough for the cache, in threads; where there are few tiles the 36 products are shared instead.
Transformed weights are kept in the weight's `cache` until the weight changes, once for both directions, and counted.

Accuracy: for data of unit variance the result's error, relative RMS against float64, is below 5e-6 at every shape of
VGG19 (measured 7e-7 to 2.2e-6, in both directions; direct float32 convolution has 2e-7). float64 never comes here.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...devices import Array
from .blas import multiply, rows_in_piece
from .im2col import Cache, ConvShape, Sides
from .threads import num_threads, part_of, run_workers, scratch, single_threaded_blas

TILE, KERNEL = 4, 3
SIDE = TILE + KERNEL - 1  # 6
POINTS = (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2))
TILES_IN_STRIP = 128
APART = 16  # numbers between a scratch row and the next
FEW_TILES = 256  # up to here the 36 products are shared among threads, not the tiles

Piece = tuple[int, int, int, int]


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
    bt = np.zeros((SIDE, SIDE))
    g = np.zeros((SIDE, KERNEL))
    at = np.zeros((TILE, SIDE))
    for i, p in enumerate(points):
        denominator = np.prod([float(p - q) for j, q in enumerate(points) if j != i])
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
    flipped_bt, flipped_at = np.empty_like(bt), np.empty_like(at)
    for i, row in enumerate(g[:, ::-1]):
        scales = _G @ row / (_G * _G).sum(axis=1)
        place = int(np.argmin(abs(scales[:, None] * _G - row).sum(axis=1)))
        flipped_bt[place] = scales[place] * bt[i]
        flipped_at[:, place] = at[:, i]
    return flipped_bt, flipped_at


def _squares(bt: Array, at: Array) -> tuple[Array, Array]:
    """The transforms of tiles into the spectrum, (36, 36), and back, (16, 36), as single matrices."""
    return np.kron(bt, bt).astype(np.float32), np.kron(at, at).astype(np.float32)


_BT, _G, _AT = matrices(POINTS)
TRANSFORMS = {False: _squares(_BT, _AT), True: _squares(*flipped_matrices())}  # by `transposed`


class _Kept:
    """How many bytes of transformed weights are remembered, at most `limit`; an array counts until it is freed.

    VGG19's take 330 MB. Beyond the limit (MINIGRAD_WINOGRAD_MEMORY, in megabytes) weights are transformed each time.
    """

    def __init__(self) -> None:
        self.bytes, self.lock = 0, threading.Lock()
        self.limit: int | None = None  # read from the environment when first needed: importing cannot fail

    def add(self, array: Array) -> bool:
        """Count an array, unless there is no room for it."""
        with self.lock:
            if self.limit is None:
                self.limit = _memory_limit()
            if self.bytes + array.nbytes > self.limit:
                return False
            self.bytes += array.nbytes
        weakref.finalize(array, self._release, array.nbytes).atexit = False
        return True

    def _release(self, size: int) -> None:
        with self.lock:
            self.bytes -= size

    def renew_lock(self) -> None:
        """In a forked child: a thread that held the lock is not there to release it."""
        self.lock = threading.Lock()


def _memory_limit() -> int:
    text = os.environ.get("MINIGRAD_WINOGRAD_MEMORY") or "1024"
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValueError(f"MINIGRAD_WINOGRAD_MEMORY must be a whole number of megabytes, got {text!r}")
    return int(text) << 20


kept = _Kept()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=kept.renew_lock)


def transformed_weights(weight: Array, transposed: bool, cache: Cache) -> Array:
    """G g G^T for all kernels, (36, C, O); from the cache if it is there.

    weight: (O, C, 3, 3); or, transposed, the (C, O, 3, 3) of a convolution whose adjoint is to be computed. Both
    share one transform: the adjoint exchanges the channels, and its transforms see to the mirror image. Few channels
    are copied in the other order too, which is quicker to multiply with.
    """
    key = ("winograd", weight.__array_interface__["data"][0], weight.shape, weight.strides)
    result = _remembered(cache, key, lambda: _spectrum(weight))
    if not transposed:
        return result
    if not rows_in_piece(*weight.shape[:2]):
        return result.transpose(0, 2, 1)
    return _remembered(cache, (*key, "transposed"), lambda: np.ascontiguousarray(result.transpose(0, 2, 1)))


def _spectrum(weight: Array) -> Array:
    square = np.kron(_G, _G).astype(np.float32)
    flat = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(KERNEL * KERNEL, -1)
    with single_threaded_blas:
        product = square @ flat
    return product.reshape(SIDE * SIDE, weight.shape[1], weight.shape[0])


def _remembered(cache: Cache, key: Any, make: Callable[[], Array]) -> Array:
    """cache[key], made if it is not there, and kept if there is room for it."""
    result = None if cache is None else cache.get(key)
    if result is None:
        result = make()
        if cache is not None and kept.add(result):
            cache[key] = result
    return result


def forward(x: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, O, H', W') = conv2d(x, weight) + bias."""
    _convolve(x, transformed_weights(weight, False, cache), bias, result, shape.padding, TRANSFORMS[False])


def adjoint(y: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, C, H, W) = conv_transpose2d(y, weight) + bias: the adjoint in x."""
    padding = shape.mirrored().padding
    _convolve(y, transformed_weights(weight, True, cache), bias, result, padding, TRANSFORMS[True])


def _convolve(x: Array, weights: Array, bias: Array | None, result: Array, padding: Sides, transforms: Any) -> None:
    job = _Job(x, weights, bias, padding, result, transforms)
    if len(x) * job.rows * job.columns <= FEW_TILES:
        job.by_products()
    else:
        job.by_pieces()


class _Job:
    """The convolution of images (N, C, H, W) into `result` (N, O, H', W').

    A piece of it is (a, b, first, last): images a .. b - 1, of each the rows of tiles first .. last - 1. A piece has
    several whole images, or part of one.
    """

    def __init__(
        self, x: Array, weights: Array, bias: Array | None, padding: Sides, result: Array, transforms: Any
    ) -> None:
        self.images, self.out = x.transpose(0, 2, 3, 1), result.transpose(0, 2, 3, 1)
        self.weights, self.bias = weights, bias
        self.top, _, self.left, _ = padding
        self.input_transform, self.output_transform = transforms
        height, width = self.out.shape[1:3]
        self.rows, self.columns = -(-height // TILE), -(-width // TILE)
        self.channels, self.out_channels = weights.shape[1:]
        self.exact = (height, width) == (self.rows * TILE, self.columns * TILE) and self.out.flags.c_contiguous

    def pieces(self) -> list[Piece]:
        """All of the work in pieces of about TILES_IN_STRIP tiles, as many for each worker."""
        count, n, tiles = num_threads(), len(self.images), self.rows * self.columns
        if n >= count and tiles * 2 <= TILES_IN_STRIP:
            step = max(1, min(-(-n // count), TILES_IN_STRIP // tiles))
            return [(a, min(n, a + step), 0, self.rows) for a in range(0, n, step)]
        step = max(1, min(-(-self.rows // count), TILES_IN_STRIP // self.columns))
        strips = -(-self.rows // step)
        step = -(-self.rows // (-(-strips // count) * count))
        return [(i, i + 1, r, min(self.rows, r + step)) for i in range(n) for r in range(0, self.rows, step)]

    def tiles(self, piece: Piece) -> Array:
        """A view (6, 6, images, rows, columns, C) of a piece's tiles, over a zero-bordered copy."""
        a, b, first, last = piece
        height, width = (last - first) * TILE + 2, self.columns * TILE + 2
        strip = scratch.get("strip", (b - a) * height * width * self.channels, self.images.dtype)
        strip = strip.reshape(b - a, height, width, self.channels)
        start = first * TILE - self.top  # the image row at the strip's first row
        low, high = max(0, start), min(self.images.shape[1], start + height)
        above, below = low - start, max(low, high) - start
        cols = min(self.images.shape[2], width - self.left)
        strip[:, :above] = 0
        strip[:, below:] = 0
        strip[:, above:below, : self.left] = 0
        strip[:, above:below, self.left + cols :] = 0
        strip[:, above:below, self.left : self.left + cols] = self.images[a:b, low : max(low, high), :cols]
        sn, sh, sw, sc = strip.strides
        shape = (SIDE, SIDE, b - a, last - first, self.columns, self.channels)
        return as_strided(strip, shape, (sh, sw, sn, sh * TILE, sw * TILE, sc))

    def store(self, y: Array, piece: Piece) -> None:
        """Put (4, 4, images, rows, columns, O) where it belongs in the result, plus the bias."""
        a, b, first, last = piece
        if self.bias is not None:
            np.add(y, self.bias, out=y)
        out = self.out[a:b, first * TILE : last * TILE]
        if self.exact and out.flags.c_contiguous:
            blocks = out.reshape(b - a, last - first, TILE, self.columns, TILE, self.out_channels)
            blocks.transpose(2, 4, 0, 1, 3, 5)[...] = y
            return
        merged = y.transpose(2, 3, 0, 4, 1, 5)
        merged = merged.reshape(b - a, (last - first) * TILE, self.columns * TILE, self.out_channels)
        out[...] = merged[:, : out.shape[1], : out.shape[2]]

    def rows_of(self, name: str, count: int, tiles: int, channels: int) -> Array:
        """A scratch matrix (count, tiles * channels), a row for each place in a tile.

        Rows lie a little apart: at a distance of a power of two they would push each other out of the cache.
        """
        width = tiles * channels
        return scratch.get(name, count * (width + APART), self.out.dtype).reshape(count, -1)[:, :width]

    def multiply_places(self, spectrum: Array, weights: Array, product: Array) -> None:
        """The products of (places, tiles, C) with (places, C, O), in pieces that BLAS does not repack."""
        step = rows_in_piece(self.channels, self.out_channels) or spectrum.shape[1]
        for start in range(0, spectrum.shape[1], step):
            tiles = slice(start, start + step)
            np.matmul(spectrum[:, tiles], weights, out=product[:, tiles])

    def by_pieces(self) -> None:
        """Pieces shared among threads, each transformed, multiplied and transformed back while it is in the cache."""
        pieces = self.pieces()
        count = min(num_threads(), len(pieces))

        def work(worker: int) -> None:
            for piece in pieces[worker::count]:
                view = self.tiles(piece)
                shape = view.shape[2:5]
                tiles, channels, out_channels = math.prod(shape), self.channels, self.out_channels
                data = self.rows_of("winograd a", 36, tiles, channels)
                np.copyto(data.reshape(view.shape), view)
                spectrum = multiply(self.input_transform, data, self.rows_of("winograd b", 36, tiles, channels))
                product = self.rows_of("winograd a", 36, tiles, out_channels)
                in_tiles, out_tiles = (x.reshape(36, tiles, -1) for x in (spectrum, product))
                self.multiply_places(in_tiles, self.weights, out_tiles)
                y = multiply(self.output_transform, product, self.rows_of("winograd b", 16, tiles, out_channels))
                self.store(y.reshape(TILE, TILE, *shape, out_channels), piece)

        run_workers(work, count)

    def by_products(self) -> None:
        """All tiles at once: the transforms are shared by tiles, the 36 products one by one."""
        count, n = num_threads(), len(self.images)
        view = self.tiles((0, n, 0, self.rows))
        shape = view.shape[2:5]
        tiles, channels, out_channels = math.prod(shape), self.channels, self.out_channels
        data, spectrum = (self.rows_of(name, 36, tiles, channels) for name in ("winograd a", "winograd b"))
        product = self.rows_of("winograd a", 36, tiles, out_channels)
        y = self.rows_of("winograd b", 16, tiles, out_channels)
        by_row, in_tiles, out_tiles = (
            data.reshape(view.shape),
            spectrum.reshape(36, tiles, -1),
            product.reshape(36, tiles, -1),
        )
        results = y.reshape(TILE, TILE, *shape, out_channels)

        def copy(worker: int) -> None:
            rows = part_of(self.rows, worker, count)
            by_row[:, :, :, rows] = view[:, :, :, rows]

        def transform(worker: int) -> None:
            part = part_of(tiles, worker, count, channels)
            multiply(self.input_transform, data[:, part], spectrum[:, part])

        def products(worker: int) -> None:
            places = part_of(36, worker, count)
            self.multiply_places(in_tiles[places], self.weights[places], out_tiles[places])

        def transform_back(worker: int) -> None:
            part = part_of(tiles, worker, count, out_channels)
            multiply(self.output_transform, product[:, part], y[:, part])

        def store(worker: int) -> None:
            images = part_of(n, worker, count)
            if n >= count and images.stop > images.start:
                self.store(results[:, :, images], (images.start, images.stop, 0, self.rows))
            rows = part_of(self.rows, worker, count)
            if n < count and rows.stop > rows.start:
                for i in range(n):
                    self.store(results[:, :, i : i + 1, rows], (i, i + 1, rows.start, rows.stop))

        for stage in (copy, transform, products, transform_back, store):
            run_workers(stage, count)
