"""A convolution with stride 1 is the transposed one of another: by the mirrored kernels, with the channels exchanged.

    y[o, i] = sum_u w[o, c, u] x[c, i + u - p]        with u' = k - 1 - u, p' = k - 1 - p
            = sum_u' w[o, c, k - 1 - u'] x[c, i + p' - u']

(one axis written out). The product with the columns of x yields few numbers for each row where the output channels
are few, as in the last layer of a generator: 9 x 9 kernels from 64 channels to 3 are columns of 5184 numbers for 3
results. The transposed form multiplies the pixels of x, 64 numbers each, and yields 243, which are then added up.
"""

from __future__ import annotations

import numpy as np

from ...devices import Array
from . import strips
from .im2col import Cache, ConvShape


def mirror(weight: Array) -> Array:
    """A weight (O, C, kH, kW) to (C, O, kH, kW), each kernel mirrored in both axes."""
    return np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))


def forward(x: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, O, H', W') = conv2d(x, weight) + bias."""
    strips.adjoint(x, mirror(weight), bias, result, shape.mirrored())


def adjoint(y: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, cache: Cache = None) -> None:
    """result (N, C, H, W) = conv_transpose2d(y, weight) + bias: the adjoint in x."""
    strips.forward(y, mirror(weight), bias, result, shape.mirrored())


def weight_gradient(x: Array, y: Array, shape: ConvShape) -> Array:
    """The adjoint in the weight, (O, C, kH, kW)."""
    return mirror(strips.weight_gradient(y, x, shape.mirrored()))
