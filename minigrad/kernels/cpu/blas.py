"""Products of a long matrix with a small one, in pieces that BLAS multiplies without repacking its factors.

BLAS copies ("packs") both factors into an order that suits the processor before it multiplies. Where one factor is
small, each number of the other takes part in few multiplications, and the packing costs as much as they do. OpenBLAS
leaves it out below a million multiplications a product (`gemm_small_kernel_permit`), if the factors' rows are
contiguous; measured with AVX-512, (36, 36) times (36, 8192) runs at 60 GFLOP/s whole and at 100 in pieces.
"""

from __future__ import annotations

import numpy as np

from ...devices import Array

UNPACKED = 1_000_000  # multiplications in a product that OpenBLAS does not pack
ROWS, COLUMNS = 16, 256  # the smallest pieces worth a call of their own
LONG = 512  # rows that make a copy of the other factor worth while


def rows_in_piece(inner: int, columns: int) -> int:
    """How many rows of a long factor go into a piece, against (inner, columns); 0 where pieces would be too small."""
    rows = UNPACKED // (inner * columns)
    return rows if rows >= ROWS else 0


def multiply(a: Array, b: Array, out: Array) -> Array:
    """out = a b for a: (m, k), b: (k, n); cut along m or n, whichever is long.

    OpenBLAS wants b's rows contiguous for this: a transposed b is copied where a is much longer, else left as it is.
    Returns out. A piece's result differs from the whole product's by rounding at most.
    """
    (m, k), n = a.shape, b.shape[1]
    if m * k * n > UNPACKED:
        plain = b.strides[1] == b.itemsize
        columns = UNPACKED // (m * k) // COLUMNS * COLUMNS
        if columns and plain:
            return _by_columns(a, b, out, columns)
        rows = rows_in_piece(k, n)
        if rows and (plain or m >= LONG):
            return _by_rows(a, np.ascontiguousarray(b), out, rows)
    return np.matmul(a, b, out=out)


def _by_columns(a: Array, b: Array, out: Array, step: int) -> Array:
    whole = b.shape[1] // step * step
    pieces, results = (x[:, :whole].reshape(len(x), -1, step).transpose(1, 0, 2) for x in (b, out))
    np.matmul(a, pieces, out=results)
    if whole < b.shape[1]:
        np.matmul(a, b[:, whole:], out=out[:, whole:])
    return out


def _by_rows(a: Array, b: Array, out: Array, step: int) -> Array:
    whole = len(a) // step * step
    np.matmul(a[:whole].reshape(-1, step, a.shape[1]), b, out=out[:whole].reshape(-1, step, b.shape[1]))
    if whole < len(a):
        np.matmul(a[whole:], b, out=out[whole:])
    return out
