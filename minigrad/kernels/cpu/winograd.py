"""Winograd's convolution F(4x4, kxk): 2.6 to 6 times fewer multiplications than the direct method.

The image is cut into tiles of n x n pixels, n = k + 3, that overlap by k - 1; each yields 4 x 4 pixels of the result.
For a tile d, a kernel g and a tile y of the result, all of them matrices,

    y = A^T [ (G g G^T) * (B^T d B) ] A              (* is elementwise; `cook_toom` makes the three matrices)

With many channels the elementwise product becomes n^2 matrix products (tiles x C) (C x O), one for each place in the
tile: for 3 x 3 kernels 36 multiplications where the direct method makes 144. (Lavin and Gray 2016, "Fast Algorithms for
Convolutional Neural Networks", equations 8 to 12.) This is a trilinear form in y, d and g like the convolution itself,
so that its two adjoints are the convolution's, with the same transforms and as few multiplications:

    by the image:   d^ = B [ (G g G^T) * (A y^ A^T) ] B^T       each d^ added to the tile it belongs to
    by the weight:  g^ = G^T [ (A y^ A^T) * (B^T d B) ] G       summed over all tiles

Stride 2 is stride 1 on the four images that take every other pixel, which count as four times the channels.

Tiles are worked off in pieces small enough for the cache, in threads; where there are few, threads share the stages of
one piece instead. The weights' transforms are kept in the weight's `cache` until it changes, once for both directions.

Accuracy: for data of unit variance the result's error, relative RMS against float64, is below 5e-6 at every shape of
VGG19 (direct float32 convolution has 2e-7). float64 never comes here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...devices import Array
from .blas import rows_in_piece
from .cook_toom import TILE, Square, Transforms, transforms_of
from .im2col import Cache, ConvShape
from .threads import num_threads, part_of, run_workers, scratch
from .weight_cache import remembered

TILES_IN_PIECE = 128
TILES_IN_SUM = 256  # of a piece whose products are added to those of others
FEW_TILES = 256  # up to here threads share the stages of one piece
ROW_GAP = 16  # numbers between a scratch row and the next

Piece = tuple[int, int, int, int]  # first image, last, first row of tiles, last


# ------------------------------------------------------------------------------------------ the three forms


def forward(x: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, O, H', W') = conv2d(x, weight) + bias."""
    tiles = _Tiles(shape)
    weights, out = transformed_weights(weight, tiles.transforms, True, cache), result.transpose(0, 2, 3, 1)

    def work(worker: int, piece: Piece) -> None:
        product = _products(tiles.inputs(x, piece, "spectrum"), weights)
        y = _squared(tiles.transforms.outputs_back, product, "spectrum")
        tiles.store(y.reshape(TILE, TILE, *tiles.sizes(piece), -1), bias, out, piece)

    tiles.run(work, TILES_IN_PIECE)


def adjoint(y: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, C, H, W) = conv_transpose2d(y, weight) + bias: the adjoint in x."""
    tiles = _Tiles(shape)
    weights, out = transformed_weights(weight, tiles.transforms, False, cache), result.transpose(0, 2, 3, 1)
    shared: dict[Piece, Array] = {}  # a piece's rows that the next one adds to as well

    def work(worker: int, piece: Piece) -> None:
        product = _products(tiles.outputs(y, piece, "spectrum"), weights)
        d = _squared(tiles.transforms.inputs_back, product, "spectrum")
        rows = tiles.overlapped(d, piece)
        end = rows.shape[1] if piece[3] == tiles.rows else tiles.first_row(piece[3]) - tiles.first_row(piece[2])
        tiles.put(rows[:, :end], bias, out, piece)
        if end < rows.shape[1]:
            shared[piece] = rows[:, end:].copy()

    _clear_uncovered(out, bias, *tiles.covered())
    tiles.run(work, TILES_IN_PIECE)
    for (first, last, _, row), values in shared.items():
        target, part = tiles.inside(out[first:last], values, tiles.first_row(row))
        target += part


def weight_gradient(x: Array, y: Array, shape: ConvShape) -> Array:
    """The adjoint in the weight, (O, C, kH, kW): each worker adds up its pieces, then the workers' sums are added."""
    tiles = _Tiles(shape)
    sizes = shape.out_channels, len(tiles.transforms.inputs.square), tiles.transforms.phases * shape.in_channels
    sums: dict[int, Array] = {}

    def work(worker: int, piece: Piece) -> None:
        outputs = tiles.outputs(y, piece, "output spectrum").transpose(0, 2, 1)
        inputs = tiles.inputs(x, piece, "spectrum")
        again = worker in sums
        product = scratch.get("sum", math.prod(sizes), x.dtype).reshape(sizes) if again else np.empty(sizes, x.dtype)
        _multiplied(outputs, inputs, product.transpose(1, 0, 2))
        sums[worker] = np.add(sums[worker], product, out=sums[worker]) if again else product

    tiles.run(work, TILES_IN_SUM)
    total = sum(sums[worker] for worker in sorted(sums)) if len(sums) > 1 else sums[0]
    return _from_spectrum(total, tiles.transforms, shape)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------- the weights


def transformed_weights(weight: Array, transforms: Transforms, by_input: bool, cache: Cache) -> Array:
    """G g G^T of all kernels of (O, C, K, K), with the phases' channels side by side; from the cache if it is there.

    (n^2, O, stride^2 C), or with by_input the last two axes exchanged. In memory O comes first, so that each kernel is
    transformed where it lies; few channels have a copy of their own for by_input, which is quicker to multiply with.
    """
    key = ("winograd", transforms.side, weight.__array_interface__["data"][0], weight.shape, weight.strides)
    channels = transforms.phases * weight.shape[1]
    if by_input and rows_in_piece(channels, len(weight)):
        return remembered(cache, (*key, "by input"), lambda: _by_input(_spectrum(weight, transforms)))
    return remembered(cache, key, lambda: _spectrum(weight, transforms)).transpose((1, 2, 0) if by_input else (1, 0, 2))


def _by_input(spectrum: Array) -> Array:
    """(O, n^2, C) as a contiguous (n^2, C, O)"""
    return np.ascontiguousarray(spectrum.transpose(1, 2, 0))


def _spectrum(weight: Array, transforms: Transforms) -> Array:
    """G g G^T of all kernels: (O, C, K, K) to (O, n^2, stride^2 C)."""
    kernels = weight.reshape(*weight.shape[:2], -1).transpose(0, 2, 1)
    return _each_product(transforms.kernels, kernels).reshape(len(weight), transforms.side**2, -1)


def _from_spectrum(spectrum: Array, transforms: Transforms, shape: ConvShape) -> Array:
    """G^T g G of all kernels: (O, n^2, stride^2 C) to (O, C, K, K)."""
    values = spectrum.reshape(shape.out_channels, -1, shape.in_channels).transpose(0, 2, 1)
    result = _each_product(values, transforms.kernels)
    return result.reshape(shape.out_channels, shape.in_channels, *shape.kernel_size)


def _each_product(a: Array, b: Array) -> Array:
    """The products of a matrix with each of a stack, or each of a stack with a matrix, shared among threads."""
    total, count = max(a.shape[:-2], b.shape[:-2])[0], num_threads()
    result = np.empty((total, a.shape[-2], b.shape[-1]), a.dtype)

    def work(worker: int) -> None:
        part = part_of(total, worker, count)
        np.matmul(a[part] if a.ndim == 3 else a, b[part] if b.ndim == 3 else b, out=result[part])

    run_workers(work, count)
    return result


# ---------------------------------------------------------------------------- products of many small matrices


def _rows(name: str, count: int, columns: int) -> Array:
    """A scratch matrix (count, columns), a row for each place in a tile.

    Rows lie a little apart: at a distance of a power of two they would push each other out of the cache.
    """
    width = columns + ROW_GAP
    return scratch.get(f"winograd {name}", count * width, np.dtype(np.float32)).reshape(count, -1)[:, :columns]


def _squared(square: Square, data: Array, name: str) -> Array:
    """A transform of the tiles of all channels, (places, tiles, C), in a scratch buffer."""
    tiles, channels = data.shape[1:]
    columns = data.reshape(len(data), -1)
    out = _rows(name, len(square.square), columns.shape[1])
    count = min(num_threads(), tiles)

    def work(worker: int) -> None:
        part = part_of(tiles, worker, count, channels)
        square(columns[:, part], out[:, part])

    run_workers(work, count)
    return out.reshape(len(out), tiles, channels)


def _products(spectrum: Array, weights: Array) -> Array:
    """The products of (places, tiles, C) with (places, C, O), in a scratch buffer."""
    places, tiles, _ = spectrum.shape
    out = _rows("tiles", places, tiles * weights.shape[2]).reshape(places, tiles, -1)
    return _multiplied(spectrum, weights, out)


def _multiplied(a: Array, b: Array, out: Array) -> Array:
    """out = the products of two stacks of matrices, in pieces that BLAS does not repack."""
    places, rows, inner = a.shape
    step, count = rows_in_piece(inner, b.shape[2]) or rows, min(num_threads(), places)

    def work(worker: int) -> None:
        part = part_of(places, worker, count)
        for start in range(0, rows, step):
            np.matmul(a[part, start : start + step], b[part], out=out[part, start : start + step])

    run_workers(work, count)
    return out


# ---------------------------------------------------------------------------------------------- the tiles


class _Tiles:
    """How the images of a convolution are cut into tiles: `rows` x `columns` of them in each."""

    def __init__(self, shape: ConvShape) -> None:
        self.shape, self.stride = shape, shape.stride[0]
        self.transforms = transforms_of(shape.kernel_size[0], self.stride)
        self.rows, self.columns = (-(-n // TILE) for n in shape.out_size)
        self.overlap = self.transforms.side - TILE

    def run(self, work: Callable[[int, Piece], None], tiles: int) -> None:
        """Run work(worker, piece) on all pieces, of about so many tiles each; a single piece uses threads itself."""
        n, total = self.shape.images, self.shape.images * self.rows * self.columns
        if total <= FEW_TILES:
            work(0, (0, n, 0, self.rows))
            return
        pieces = self.pieces(tiles)
        count = min(num_threads(), len(pieces))

        def worker_loop(worker: int) -> None:
            for piece in pieces[worker::count]:
                work(worker, piece)

        run_workers(worker_loop, count)

    def pieces(self, most: int) -> list[Piece]:
        """All of the work in pieces of about `most` tiles: whole images or part of one, as many for each worker."""
        count, n, tiles = num_threads(), self.shape.images, self.rows * self.columns
        if n >= count and tiles * 2 <= most:
            step = max(1, min(-(-n // count), most // tiles))
            return [(a, min(n, a + step), 0, self.rows) for a in range(0, n, step)]
        step = max(1, min(-(-self.rows // count), most // self.columns))
        strips = -(-self.rows // step)
        step = -(-self.rows // (-(-strips // count) * count))
        return [(i, i + 1, r, min(self.rows, r + step)) for i in range(n) for r in range(0, self.rows, step)]

    def sizes(self, piece: Piece) -> tuple[int, int, int]:
        """Of a piece: its images, rows and columns of tiles."""
        return piece[1] - piece[0], piece[3] - piece[2], self.columns

    def first_row(self, row: int) -> int:
        """The image row that is the first of a row of tiles; negative in the border."""
        return row * TILE * self.stride - self.shape.padding[0]

    def covered(self) -> tuple[int, int]:
        """How many of the image's rows and columns tiles reach."""
        top, _, left, _ = self.shape.padding
        return tuple(
            (count * TILE + self.overlap) * self.stride - before
            for count, before in ((self.rows, top), (self.columns, left))
        )  # type: ignore[return-value]

    # ---- tiles, transformed

    def inputs(self, x: Array, piece: Piece, name: str) -> Array:
        """B^T d B of a piece's tiles d of images (N, C, H, W): (n^2, tiles, stride^2 C)."""
        s, side, (images, rows, columns) = self.stride, self.transforms.side, self.sizes(piece)
        height, width = (rows * TILE + self.overlap) * s, (columns * TILE + self.overlap) * s
        place = self.first_row(piece[2]), height, self.shape.padding[2], width
        strip = _cut_out(x.transpose(0, 2, 3, 1)[piece[0] : piece[1]], *place)
        sn, sh, sw, sc = strip.strides
        sizes = (side, side, images, rows, columns, s, s, x.shape[1])
        view = as_strided(strip, sizes, (sh * s, sw * s, sn, sh * s * TILE, sw * s * TILE, sh, sw, sc))
        return _squared(self.transforms.inputs, _gathered(view), name)

    def outputs(self, y: Array, piece: Piece, name: str) -> Array:
        """A y A^T of a piece's tiles y of results (N, O, H', W'): (n^2, tiles, O)."""
        images, rows, columns = self.sizes(piece)
        strip = y.transpose(0, 2, 3, 1)[piece[0] : piece[1], piece[2] * TILE : piece[3] * TILE]
        if strip.shape[1:3] != (rows * TILE, columns * TILE):
            strip = _cut_out(strip, 0, rows * TILE, 0, columns * TILE)
        sn, sh, sw, sc = strip.strides
        sizes = (TILE, TILE, images, rows, columns, y.shape[1])
        view = as_strided(strip, sizes, (sh, sw, sn, sh * TILE, sw * TILE, sc))
        return _squared(self.transforms.outputs, _gathered(view), name)

    # ---- tiles, put back where they belong

    def store(self, y: Array, bias: Array | None, out: Array, piece: Piece) -> None:
        """Put tiles (4, 4, images, rows, columns, O) where they belong in the results (N, H', W', O), plus the bias."""
        a, b, first, last = piece
        if bias is not None:
            np.add(y, bias, out=y)
        out = out[a:b, first * TILE : last * TILE]
        images, rows, columns = self.sizes(piece)
        if out.shape[1:3] == (rows * TILE, columns * TILE) and out.flags.c_contiguous:
            blocks = out.reshape(images, rows, TILE, columns, TILE, -1).transpose(2, 4, 0, 1, 3, 5)
            _in_threads(np.copyto, blocks, y)
            return
        merged = y.transpose(2, 3, 0, 4, 1, 5).reshape(images, rows * TILE, columns * TILE, -1)
        out[...] = merged[:, : out.shape[1], : out.shape[2]]

    def overlapped(self, d: Array, piece: Piece) -> Array:
        """Tiles (n^2, tiles, stride^2 C), added where they overlap: (images, height, width, C), in a scratch buffer."""
        s, k, (images, rows, columns) = self.stride, self.overlap, self.sizes(piece)
        sizes = (images, rows + 1, TILE, s, columns + 1, TILE, s, d.shape[2] // self.transforms.phases)
        strip = scratch.get("strip", math.prod(sizes), d.dtype).reshape(sizes)
        blocks = strip.transpose(2, 5, 0, 1, 4, 3, 6, 7)
        d = d.reshape(self.transforms.side, self.transforms.side, images, rows, columns, *blocks.shape[5:])
        _in_threads(np.copyto, blocks[:, :, :, :-1, :-1], d[:TILE, :TILE])
        blocks[:k, :, :, -1], blocks[:, :k, :, :-1, -1] = 0, 0
        for target, part in (
            (blocks[:k, :, :, 1:, :-1], d[TILE:, :TILE]),
            (blocks[:, :k, :, :-1, 1:], d[:TILE, TILE:]),
            (blocks[:k, :k, :, 1:, 1:], d[TILE:, TILE:]),
        ):
            _in_threads(lambda y, x: np.add(y, x, out=y), target, part)
        whole = strip.reshape(images, (rows + 1) * TILE * s, (columns + 1) * TILE * s, -1)
        return whole[:, : (rows * TILE + k) * s, : (columns * TILE + k) * s]

    def put(self, rows: Array, bias: Array | None, out: Array, piece: Piece) -> None:
        """Write a piece's rows to the images (N, H, W, C), plus the bias."""
        target, part = self.inside(out[piece[0] : piece[1]], rows, self.first_row(piece[2]))
        if bias is None:
            target[...] = part
        else:
            np.add(part, bias, out=target)

    def inside(self, images: Array, rows: Array, start: int) -> tuple[Array, Array]:
        """The places in the images that some rows of tiles, the first of them row `start`, cover, and those rows."""
        left, (height, width) = self.shape.padding[2], images.shape[1:3]
        low, high = max(0, start), max(0, min(height, start + rows.shape[1]))
        columns = max(0, min(width, rows.shape[2] - left))
        part = rows[:, low - start : max(low, high) - start, left : left + columns]
        return images[:, low : max(low, high), :columns], part


def _gathered(view: Array) -> Array:
    """A scratch copy (places, tiles, C) of a view (n, n, images, rows, columns, ..., C)."""
    places, tiles, channels = (math.prod(view.shape[a:b]) for a, b in ((0, 2), (2, 5), (5, None)))
    data = _rows("tiles", places, tiles * channels)
    _in_threads(np.copyto, data.reshape(view.shape), view)
    return data.reshape(places, tiles, channels)


def _in_threads(function: Callable[..., Any], *views: Array) -> None:
    """Call function(*views) on parts of views of one shape, (n, n, images, rows, ...), shared among threads."""
    axis = 2 if views[0].shape[2] > views[0].shape[3] else 3
    total = views[0].shape[axis]
    count = max(1, min(num_threads(), total))

    def work(worker: int) -> None:
        part = (*[slice(None)] * axis, part_of(total, worker, count))
        function(*[view[part] for view in views])

    run_workers(work, count)


def _cut_out(images: Array, start: int, height: int, left: int, width: int) -> Array:
    """A scratch copy of rows start .. start + height - 1 and columns -left .. width - left - 1 of images (N, H, W, C),
    with zeros outside the images."""
    n, _, _, channels = images.shape
    strip = scratch.get("strip", n * height * width * channels, images.dtype).reshape(n, height, width, channels)
    low, high = max(0, start), min(images.shape[1], start + height)
    above, below = low - start, max(low, high) - start
    columns = max(0, min(images.shape[2], width - left))
    strip[:, :above] = 0
    strip[:, below:] = 0
    strip[:, above:below, :left] = 0
    strip[:, above:below, left + columns :] = 0
    strip[:, above:below, left : left + columns] = images[:, low : max(low, high), :columns]
    return strip


def _clear_uncovered(out: Array, bias: Array | None, height: int, width: int) -> None:
    """Pixels that no window reaches hold the bias only."""
    for rest in (out[:, max(0, height) :], out[:, :, max(0, width) :]):
        rest[...] = 0 if bias is None else bias
