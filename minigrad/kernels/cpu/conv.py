"""Convolution on the CPU: the three forms of the contract, and which path computes them.

`im2col` is the convolution; read it first. The other paths compute the same numbers faster where it was measured that
they do, and the table PATHS says where that is, each condition with its measurement: milliseconds of one thread (Zen,
AVX2, OpenBLAS 0.3.31) for forward / adjoint / weight gradient, the weights' transforms made before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...devices import Array
from ..sizes import convolved_size
from . import across, im2col, mirrored, strips, winograd
from .im2col import Cache, ConvShape, Pair, Sides

# ---------------------------------------------------------------------------------- the choice of a path


@dataclass(frozen=True)
class Path:
    """One way to compute a convolution: a module with `forward`, `adjoint` and `weight_gradient`, and when to use it.

    possible: where its results are right. faster: where, of those, a form is computed faster than by the paths below it
    in the table; a module may lack a form.
    """

    module: Any
    possible: Callable[[ConvShape, Any], bool]
    faster: Callable[[ConvShape, str], bool]


def _fewest(shape: ConvShape) -> int:
    return min(shape.in_channels, shape.out_channels)


def _least_pixels(shape: ConvShape) -> int:
    """How many pixels pay for the transforms of a weight, which training makes anew at each step."""
    if shape.kernel_size != (3, 3):
        return 512
    return 65 if _fewest(shape) >= 256 else 16


def _mirrors(shape: ConvShape, dtype: Any) -> bool:
    """Whether the convolution is the transposed one by mirrored kernels."""
    return (
        shape.stride == shape.dilation == (1, 1)
        and max(shape.padding[:2]) < shape.kernel_size[0]
        and max(shape.padding[2:]) < shape.kernel_size[1]
        and dtype == np.float32
    )


# The first path that is possible and faster is taken; im2col always is.
PATHS = {
    # A quarter of the multiplications, if there are enough channels to pay for the transforms of the tiles: 3x3, 64
    # channels at 24 px, 16 images, 16.2 / 17.5 / 17.7, strips 31.5 / 41.2 / 26.5; 256 at 32 px 15.6 / 15.5 / 21.3,
    # strips 39.7 / 41.1 / 41.1; 16 -> 32 at 32 px, 32 images, 14.5 / 17.7 / 14.2, strips and mirrored 13.6 / 16.6 /
    # 23.3, but 16 -> 16 12.0 / 14.3 / 10.5, strips and mirrored 9.3 / 9.1 / 14.0. 5x5, 32 -> 64 to 8 px, 128 images
    # 13.1 / 15.3 / 14.6, strips 42.4 / 57.7 / 29.3. 4x4, 256 -> 512 to 31 px 44.9 / 36.5 / 51.2, im2col 130.8 / 133.3 /
    # 122.0. 4x4 stride 2, 64 -> 128 to 64 px 27.8 / 28.7 / 23.9, strips 35.6 / 42.4 / 37.4; but 3x3 stride 2 to 64 px
    # 29.3 / 32.5 / 25.9, strips 21.3 / 25.3 / 21.7. The weights' transforms are n^2 / k^2 times as large and must be
    # worth it: 256 -> 512 with stride 2 to 32 px, weights transformed anew, 27.4 forward, strips 37.6, but to 16 px
    # 56.8, im2col 34.1; 3x3, 512 -> 512 at 4 px even with them at hand.
    "winograd": Path(
        winograd,
        lambda shape, dtype: (
            shape.stride in ((1, 1), (2, 2))
            and shape.kernel_size[0] == shape.kernel_size[1]
            and 2 <= -(-shape.kernel_size[0] // shape.stride[0]) <= 5
            and shape.dilation == (1, 1)
            and dtype == np.float32
        ),
        lambda shape, form: (
            _fewest(shape) >= 16
            and (shape.in_channels + shape.out_channels > 32 or form == "weight_gradient" or shape.stride != (1, 1))
            and shape.kernel_size[0] >= 2 + shape.stride[0]
            and shape.pixels >= _least_pixels(shape)
        ),
    ),
    # Few channels that result, and a large kernel: 9x9, 32 -> 3 channels at 512 px 243 forward, mirrored 369, strips
    # 889; 3 -> 32 at 128 px, 4 images, 58 adjoint, strips 92. But 7x7, 64 -> 3 at 128 px 19.8, mirrored 17.3.
    "across": Path(
        across,
        _mirrors,
        lambda shape, form: (
            shape.kernel_size[0] >= 9
            and (shape.out_channels if form == "forward" else shape.in_channels) <= 4
            and shape.in_channels + shape.out_channels > 16
        ),
    ),
    # Few output channels make a product of a few columns, which BLAS computes slowly: 9x9, 64 -> 3 channels at 128 px
    # 31.3 / 18.8 / 18.8, strips 78.2 / 179.6 / 95.4. And the adjoint in many channels is quicker with columns than with
    # sums: 16 -> 16 at 32 px 9.1, strips 20.5.
    "mirrored": Path(
        mirrored,
        _mirrors,
        lambda shape, form: (
            shape.kernel_size != (1, 1)
            and (
                shape.out_channels <= 4 <= shape.in_channels // 4
                or (form == "adjoint" and _fewest(shape) >= 16 and shape.pixels > 256)
            )
        ),
    ),
    # Cheaper copies, and columns that stay in the cache, but a weight that must be reordered: 4x4 stride 2, 64 -> 128
    # channels to 64 px 35.6 / 42.4 / 37.4, im2col 48.2 / 64.2 / 43.5; but 512 -> 1024 to 16 px 175.8 / 145.9 / 215.6,
    # im2col 128.8 / 134.0 / 135.1; 512 -> 512 to 1 px 5.9 / 6.3 / 19.4, im2col 1.2 / 1.2 / 9.5.
    "strips": Path(strips, lambda shape, dtype: True, lambda shape, form: shape.pixels > 256 or _fewest(shape) < 32),
    "im2col": Path(im2col, lambda shape, dtype: True, lambda shape, form: True),
}


def path_for(shape: ConvShape, dtype: Any, form: str) -> Any:
    """The module that computes a form, "forward", "adjoint" or "weight_gradient", of this convolution.

    MINIGRAD_CONV=auto (the default) takes the fastest; the name of a path takes it wherever it is possible, and else
    the fastest of those below it in the table. Errors: ValueError for any other value.
    """
    wanted = os.environ.get("MINIGRAD_CONV", "auto")
    if wanted != "auto" and wanted not in PATHS:
        raise ValueError(f"MINIGRAD_CONV must be auto, {', '.join(PATHS)}, got {wanted!r}")
    names = list(PATHS)
    for name, path in PATHS.items():
        if not hasattr(path.module, form) or not path.possible(shape, dtype):
            continue
        if name == wanted or (
            path.faster(shape, form) and (wanted == "auto" or names.index(name) > names.index(wanted))
        ):
            return path.module
    raise AssertionError("im2col is always possible")


# ------------------------------------------------------------------------------------- the three forms


def conv2d(
    x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Sides, dilation: Pair, groups: int,
    cache: Cache = None,
) -> Array:  # fmt: skip
    """(N, C, H, W) with (O, C / groups, kH, kW) to (N, O, H', W'), channels-last in memory."""
    kernel_size = weight.shape[2:]
    size = convolved_size(x.shape[2:], kernel_size, stride, padding, dilation)
    result = _channels_last((len(x), len(weight), *size), x.dtype)
    channels = weight.shape[1], len(weight) // groups
    shape = ConvShape(len(x), *channels, x.shape[2:], size, kernel_size, stride, padding, dilation)
    _by_groups("forward", x, weight, bias, result, shape, groups, cache)
    return result


def conv_transpose2d(
    x: Array, weight: Array, bias: Array | None, output_size: Pair, stride: Pair, padding: Sides, dilation: Pair,
    groups: int, cache: Cache = None,
) -> Array:  # fmt: skip
    """(N, C, H, W) with (C, O / groups, kH, kW) to (N, O, *output_size): the adjoint of conv2d in its input."""
    kernel_size = weight.shape[2:]
    result = _channels_last((len(x), weight.shape[1] * groups, *output_size), x.dtype)
    channels = weight.shape[1], len(weight) // groups
    shape = ConvShape(len(x), *channels, output_size, x.shape[2:], kernel_size, stride, padding, dilation)
    _by_groups("adjoint", x, weight, bias, result, shape, groups, cache)
    return result


def conv2d_weight(
    x: Array, grad: Array, kernel_size: Pair, stride: Pair, padding: Sides, dilation: Pair, groups: int
) -> Array:
    """The adjoint of conv2d in its weight: (O, C / groups, kH, kW), contiguous, as the weight itself usually lies."""
    channels = x.shape[1] // groups, grad.shape[1] // groups
    if x.size == 0 or grad.size == 0:
        return np.zeros((grad.shape[1], channels[0], *kernel_size), x.dtype)
    shape = ConvShape(len(x), *channels, x.shape[2:], grad.shape[2:], kernel_size, stride, padding, dilation)
    gradient = path_for(shape, x.dtype, "weight_gradient").weight_gradient
    if groups == 1:
        return gradient(x, grad, shape)
    parts = zip(np.split(x, groups, axis=1), np.split(grad, groups, axis=1))
    return np.concatenate([gradient(x_part, grad_part, shape) for x_part, grad_part in parts])


def _by_groups(
    form: str, source: Array, weight: Array, bias: Array | None, result: Array, shape: ConvShape, groups: int,
    cache: Cache,
) -> None:  # fmt: skip
    """Write one form into the result, group by group; each has its share of all channels."""
    if result.size == 0:
        return
    if source.size == 0:  # the sum over no channels, or over padding only
        result[...] = 0 if bias is None else bias[:, None, None]
        return
    run = getattr(path_for(shape, source.dtype if source.dtype == weight.dtype else None, form), form)
    if groups == 1:
        run(source, weight, bias, result, shape, cache)
        return
    biases = [None] * groups if bias is None else np.split(bias, groups)
    axes = zip(np.split(source, groups, axis=1), np.split(weight, groups), biases, np.split(result, groups, axis=1))
    for source_part, weight_part, bias_part, result_part in axes:
        run(source_part, weight_part, bias_part, result_part, shape, cache)


def _channels_last(shape: tuple[int, ...], dtype: Any) -> Array:
    """An empty (N, C, H, W) array whose memory is (N, H, W, C)."""
    n, c, h, w = shape
    return np.empty((n, h, w, c), dtype).transpose(0, 3, 1, 2)
