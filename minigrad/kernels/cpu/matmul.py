"""Matrix products on the CPU: BLAS, called so that the result lies in memory as the right factor does.

A picture's features are a matrix (C, pixels) whose columns are contiguous when the picture lies channels-last. A
product with such a matrix is computed as (b^T a^T)^T, so that the result's columns are contiguous too, and whatever
is added to it later meets it in the same order. Long sums (a Gram matrix sums over all pixels) are cut into one piece
for each thread.

BLAS could use threads by itself, but OpenBLAS' threads spin for tens of milliseconds after each product, waiting for
the next, and take the cores from the threads of the kernels that follow: a VGG19 took half as long again.
"""

from __future__ import annotations

import numpy as np

from ...devices import Array
from .blas import multiply
from .threads import num_threads, part_of, run_workers, single_threaded_blas

TINY = 1 << 12  # multiplications: up to here no function of BLAS starts threads, nor is it worth while to say so
SMALL = 1 << 18  # multiplications: up to here threads cost more than they save, and BLAS starts none either
SHORT_SUM = 1 << 8  # the least inner size of a Gram matrix that is cut along the sum
LONG_SUM = 1 << 12  # from this inner size on, a small result is cut along the sum


def matmul(a: Array, b: Array) -> Array:
    """The product over the last two axes; the others broadcast."""
    if a.size * b.shape[-1] <= TINY:
        return a @ b
    with single_threaded_blas:
        return _matmul(a, b)


def _matmul(a: Array, b: Array) -> Array:
    if a.dtype != b.dtype or a.dtype.kind != "f":
        return a @ b
    if a.ndim == b.ndim == 2:
        return _product(a, b)
    if a.ndim == b.ndim == 3 and len(a) == len(b) == 1:
        return _product(a[0], b[0])[None]
    if a.ndim == b.ndim == 3 and len(a) == len(b) and a.size * b.shape[2] > SMALL:
        if _by_columns(b[0]):
            return _each(b.transpose(0, 2, 1), a.transpose(0, 2, 1)).transpose(0, 2, 1)
        return _each(a, b)
    return a @ b


def gram(x: Array) -> Array:
    """x x^T over the last two axes. NumPy sees that both factors are one and asks BLAS for half of it (syrk)."""
    (rows, inner), result = x.shape[-2:], np.empty((*x.shape[:-1], x.shape[-2]), x.dtype)
    product = _long_sum if rows * rows * inner > SMALL and inner >= SHORT_SUM else _product
    with single_threaded_blas:
        for index in np.ndindex(*x.shape[:-2]):
            result[index] = product(x[index], x[index].T)
    return result


def gram_backward(grad: Array, x: Array) -> tuple[Array, Array]:
    """(grad x, x^T grad): the gradients of x x^T by its two factors. The gradient of what is computed from a symmetric
    matrix usually is symmetric too; the second product is then the first one, transposed."""
    first = matmul(grad, x)
    if not np.array_equal(grad, grad.swapaxes(-1, -2)):
        return first, matmul(x.swapaxes(-1, -2), grad)
    return first, first.swapaxes(-1, -2).copy(order="K")


def is_own_transpose(a: Array, b: Array) -> bool:
    """Whether b is a, transposed in its last two axes, in the same memory: a b is then a Gram matrix."""
    return (
        a.shape[-2] == b.shape[-1] > 1
        and a.shape == b.swapaxes(-1, -2).shape
        and a.strides == b.swapaxes(-1, -2).strides
        and a.dtype == b.dtype
        and a.dtype.kind == "f"
        and a.__array_interface__["data"] == b.__array_interface__["data"]
    )


def _each(a: Array, b: Array) -> Array:
    """The products of two batches of matrices, shared among threads."""
    result = np.empty((len(a), a.shape[1], b.shape[2]), a.dtype)
    count = min(num_threads(), len(a))

    def work(worker: int) -> None:
        part = part_of(len(a), worker, count)
        np.matmul(a[part], b[part], out=result[part])

    run_workers(work, count)
    return result


def _product(a: Array, b: Array) -> Array:
    (rows, inner), columns = a.shape, b.shape[1]
    if rows * inner * columns <= SMALL:
        return a @ b
    if inner >= LONG_SUM and inner >= 16 * max(rows, columns):
        return _long_sum(a, b)
    if _by_columns(b):
        return _shared(b.T, a.T).T
    return _shared(a, b)


def _by_columns(matrix: Array) -> bool:
    return matrix.flags.f_contiguous and not matrix.flags.c_contiguous


def _shared(a: Array, b: Array) -> Array:
    """Each thread computes a part of the result: of its rows or its columns, whichever are more.

    A layer's x W^T on a batch is faster as W x^T, its transpose: OpenBLAS likes the longer side first.
    """
    result = np.empty((a.shape[0], b.shape[1]), a.dtype)
    count, by_rows = num_threads(), a.shape[0] >= b.shape[1]
    swap = _by_columns(b)
    total = max(result.shape)

    def work(worker: int) -> None:
        part = part_of(total, worker, count)
        if by_rows:
            multiply(a[part], b, result[part])
        elif swap:
            result[:, part] = np.matmul(b[:, part].T, a.T).T
        else:
            multiply(a, b[:, part], result[:, part])

    run_workers(work, count)
    return result


def _long_sum(a: Array, b: Array) -> Array:
    """Each thread sums over a part of the inner axis; the parts are added."""
    count, inner = num_threads(), a.shape[1]
    parts = np.empty((count, a.shape[0], b.shape[1]), a.dtype)

    def work(worker: int) -> None:
        part = part_of(inner, worker, count)
        np.matmul(a[:, part], b[part], out=parts[worker])

    run_workers(work, count)
    return parts.sum(axis=0) if count > 1 else parts[0]
