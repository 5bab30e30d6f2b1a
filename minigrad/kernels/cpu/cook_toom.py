"""The matrices of Winograd's convolution, by the Cook-Toom construction.

A row of TILE = 4 results of a convolution with k weights is a product of polynomials, read backwards: evaluate both
factors at k + 3 points, multiply the values, interpolate. As matrices, for inputs d (k + 3) and weights g (k),

    y = A^T [ (G g) * (B^T d) ]                      (* is elementwise)

With the points 0, 1, -1, 1/2, -2, 2, -1/2, as many as are needed but one, and infinity. More points lose accuracy:
relative RMS errors of the two-dimensional form, 64 channels of unit variance, float32, for k = 2, 3, 4, 5:
9e-7, 1.1e-6, 2.6e-6, 3.4e-6. (Blahut 2010, "Fast Algorithms for Signal Processing", chapter 5.)
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...devices import Array
from .blas import multiply
from .threads import scratch

TILE = 4
POINTS = tuple(Fraction(*ratio) for ratio in ((0, 1), (1, 1), (-1, 1), (1, 2), (-2, 1), (2, 1), (-1, 2)))
DENSE_SIDE = 6  # up to here one product with the Kronecker square is as fast as two with the matrix itself


def matrices(kernel: int) -> tuple[Array, Array, Array]:
    """(B^T (n, n), G (n, k), A^T (4, n)) in float64 for a kernel of k = `kernel` weights and tiles of n = k + 3.

    Row i of G evaluates a kernel's polynomial at point i, column i of A^T holds the powers of point i, and B^T is
    the transposed inverse of evaluating polynomials of degree n - 1; the last row and column belong to infinity. The
    Lagrange denominators are put into G.
    """
    side = TILE + kernel - 1
    points = POINTS[: side - 1]
    bt, g, at = np.zeros((side, side)), np.zeros((side, kernel)), np.zeros((TILE, side))
    for i, p in enumerate(points):
        others = [q for q in points if q != p]
        denominator = float(math.prod(p - q for q in others))
        bt[i, : side - 1] = _with_roots(others)
        g[i] = [float(p**power) / denominator for power in range(kernel)]
        at[:, i] = [float(p**power) for power in range(TILE)]
    bt[-1] = _with_roots(list(points))
    g[-1, -1] = at[-1, -1] = 1
    return bt, g, at


def _with_roots(roots: list[Fraction]) -> list[float]:
    """The coefficients of the product of all (x - root), the constant first."""
    coefficients = [Fraction(1)]
    for root in roots:
        coefficients = [a - root * b for a, b in zip([Fraction(0), *coefficients], [*coefficients, Fraction(0)])]
    return [float(c) for c in coefficients]


class Square:
    """M d M^T for matrices d that are the columns of `data`: (n^2, columns) to (m^2, columns)."""

    def __init__(self, matrix: Array) -> None:
        self.matrix = np.ascontiguousarray(matrix, np.float32)
        self.square = np.kron(self.matrix, self.matrix)

    def __call__(self, data: Array, out: Array) -> Array:
        """Write the result to out, and return it."""
        (m, n), columns = self.matrix.shape, data.shape[1]
        if max(m, n) <= DENSE_SIDE:
            return multiply(self.square, data, out)
        half = scratch.get("half", n * m * columns, data.dtype).reshape(n, m, columns)
        np.matmul(self.matrix, data.reshape(n, n, columns), out=half)
        np.matmul(self.matrix, half.transpose(1, 0, 2), out=out.reshape(m, m, columns).transpose(1, 0, 2))
        return out


@dataclass(frozen=True)
class Transforms:
    """What a convolution with K x K kernels and a stride needs: it is one with stride 1 and smaller kernels of the
    stride^2 images that take every stride-th pixel ("phases"), whose results are added.

    side: of a tile of one phase, n = k + 3 with k = K / stride, rounded up. phases: stride^2.
    inputs: d to B^T d B, n x n to n x n. outputs: y, 4 x 4, to A y A^T, n x n. The other two are their transposes.
    kernels: (n^2 stride^2, K^2), a kernel to G g G^T of each of its phases.
    """

    side: int
    phases: int
    inputs: Square
    inputs_back: Square
    outputs: Square
    outputs_back: Square
    kernels: Array


@functools.cache
def transforms_of(kernel_size: int, stride: int) -> Transforms:
    """The transforms for K = `kernel_size`."""
    bt, g, at = matrices(-(-kernel_size // stride))
    phases = np.zeros((len(bt), stride, kernel_size))
    for phase in range(stride):
        taps = phases[:, phase, phase::stride]
        taps[...] = g[:, : taps.shape[1]]
    kernels = np.einsum("iau,jbv->ijabuv", phases, phases).reshape((len(bt) * stride) ** 2, -1).astype(np.float32)
    return Transforms(len(bt), stride**2, Square(bt), Square(bt.T), Square(at.T), Square(at), kernels)
