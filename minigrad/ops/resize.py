"""Changing the height and width of images: padding, upsampling, pixel shuffle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply
from ..devices import Array, xp_of
from ..kernels import kernels_of
from .common import require_float, require_tensor
from .conv import Pair, pair
from .matrix import matmul
from .shape import permute, reshape


class Pad(Op):
    """y = x with a border of one number on some axes; dx = dy without the border."""

    def __init__(self, widths: tuple[Pair, ...], value: float) -> None:
        self.widths, self.value = widths, value

    def forward(self, x: Array) -> Array:
        shape = tuple([n + a + b for n, (a, b) in zip(x.shape, self.widths)])
        self.inside = tuple([slice(a, a + n) for n, (a, _) in zip(x.shape, self.widths)])
        y = xp_of(x).full(shape, self.value, dtype=x.dtype)
        y[self.inside] = x
        return y

    def backward(self, grad: Tensor) -> Tensor:
        return grad[self.inside]


class PadBorder(Op):
    """y = x with its border mirrored (reflect) or repeated (replicate); dx = dy, its border added to its origin."""

    def __init__(self, padding: tuple[int, ...], mode: str) -> None:
        self.padding, self.mode = padding, mode

    def forward(self, x: Array) -> Array:
        return kernels_of(x).pad2d(x, self.padding, self.mode)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(PadBorderSum(self.padding, self.mode), grad)


class PadBorderSum(Op):
    """The adjoint of PadBorder, whose own gradient is PadBorder again."""

    def __init__(self, padding: tuple[int, ...], mode: str) -> None:
        self.padding, self.mode = padding, mode

    def forward(self, x: Array) -> Array:
        return kernels_of(x).pad2d_sum(x, self.padding, self.mode)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(PadBorder(self.padding, self.mode), grad)


class UpsampleNearest(Op):
    """y = each pixel of x repeated as a block; dx = dy summed over the block."""

    def __init__(self, scale: Pair) -> None:
        self.scale = scale

    def forward(self, x: Array) -> Array:
        return kernels_of(x).upsample_nearest2d(x, self.scale)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(UpsampleNearestSum(self.scale), grad)


class UpsampleNearestSum(Op):
    """The adjoint of UpsampleNearest, whose own gradient is UpsampleNearest again."""

    def __init__(self, scale: Pair) -> None:
        self.scale = scale

    def forward(self, x: Array) -> Array:
        return kernels_of(x).upsample_nearest2d_sum(x, self.scale)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(UpsampleNearest(self.scale), grad)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """Add borders. pad: (left, right) of the last axis, then of the one before it, ..., as in PyTorch.

    mode: "constant" (any axes, filled with `value`), "reflect" or "replicate" (the last two axes of (N, C, H, W)).
    Errors: ValueError if pad does not fit; reflecting needs borders smaller than the image.
    """
    require_tensor("pad", "input", input)
    sides = tuple(pad)
    if len(sides) % 2 or len(sides) > 2 * input.array.ndim or any(not isinstance(n, (int, np.integer)) for n in sides):
        raise ValueError(f"pad: pad must hold two ints for each of the last axes of shape {input.shape}, got {sides}")
    if min(sides, default=0) < 0:
        raise ValueError(f"pad: borders must not be negative, got {sides}; use slicing to cut")
    if mode == "constant":
        widths = [(int(a), int(b)) for a, b in zip(sides[::2], sides[1::2])]
        untouched = [(0, 0)] * (input.array.ndim - len(widths))
        return apply(Pad((*untouched, *reversed(widths)), value), input)
    if mode not in ("reflect", "replicate"):
        raise ValueError(f"pad: mode {mode!r} is unknown; use 'constant', 'reflect' or 'replicate'")
    if input.array.ndim != 4 or len(sides) not in (2, 4):
        raise ValueError(
            f"pad: mode {mode!r} pads the last two axes of (N, C, H, W), got {input.shape} and pad {sides}"
        )
    left, right, top, bottom = (*sides, 0, 0)[:4]
    height, width = input.shape[2:]
    limit = (height - 1, width - 1) if mode == "reflect" else (math.inf, math.inf)
    if max(top, bottom) > limit[0] or max(left, right) > limit[1] or 0 in (height, width):
        raise ValueError(f"pad: borders {sides} must be smaller than the image ({height}, {width}) to {mode}")
    return apply(PadBorder((top, bottom, left, right), mode), require_float("pad", input, "input"))


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
) -> Tensor:
    """Resize images. input: (N, C, H, W); give `size` or `scale_factor`; mode "nearest" or "bilinear".

    Whole-number scales of "nearest" repeat pixels; everything else is two products with interpolation matrices.
    """
    x = require_float("interpolate", input, "input")
    if x.array.ndim != 4 or 0 in x.shape[2:]:
        raise ValueError(f"interpolate: input must be (N, C, H, W), H and W at least 1, got shape {x.shape}")
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f"interpolate: mode {mode!r} is unknown; use 'nearest' or 'bilinear'")
    steps = None
    if size is None:
        factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor, scale_factor)
        size = [math.floor(n * f) for n, f in zip(x.shape[2:], factors)]
        steps = [1 / f for f in factors]
    height, width = pair("interpolate", "size", size, 1)
    steps = [n / m for n, m in zip(x.shape[2:], (height, width))] if steps is None else steps
    repeats = [round(1 / step) for step in steps]
    whole = all(abs(step * r - 1) < 1e-12 for step, r in zip(steps, repeats))
    if mode == "nearest" and whole and [n * r for n, r in zip(x.shape[2:], repeats)] == [height, width]:
        return apply(UpsampleNearest((repeats[0], repeats[1])), x)
    rows = _interpolation(x, x.shape[2], height, steps[0], mode, align_corners)
    columns = _interpolation(x, x.shape[3], width, steps[1], mode, align_corners)
    return matmul(matmul(rows, x), columns.t())


def _interpolation(x: Tensor, n: int, m: int, step: float, mode: str, align_corners: bool) -> Tensor:
    """The (m, n) matrix that resamples n points to m: each row holds the weights of one new point.

    step: how far apart new points lie, in old ones: n / m, or the inverse of the scale factor that was asked for."""
    points = np.arange(m)
    matrix = np.zeros((m, n))
    if mode == "nearest":
        step = n / m if m in (n, 2 * n) else step  # PyTorch doubles exactly, whatever factor led there
        matrix[points, np.minimum((points * step).astype(int), n - 1)] = 1
    else:
        if align_corners:
            places = points * ((n - 1) / (m - 1) if m > 1 else 0.0)
        else:
            places = np.maximum((points + 0.5) * step - 0.5, 0)
        left = np.minimum(places.astype(int), n - 1)
        share = places - left
        matrix[points, left] += 1 - share
        matrix[points, np.minimum(left + 1, n - 1)] += share
    return Tensor(xp_of(x.array).asarray(matrix.astype(x.dtype)))


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(N, C r^2, H, W) to (N, C, H r, W r): channels become sub-pixels. (Shi et al. 2016, equation 4.)"""
    require_tensor("pixel_shuffle", "input", input)
    r = upscale_factor
    if input.array.ndim != 4 or not isinstance(r, (int, np.integer)) or r < 1 or input.shape[1] % (r * r):
        raise ValueError(f"pixel_shuffle: input must be (N, C r^2, H, W) for r = {r}, got shape {input.shape}")
    n, c, h, w = input.shape
    blocks = permute(reshape(input, (n, c // (r * r), r, r, h, w)), (0, 1, 4, 2, 5, 3))
    return reshape(blocks, (n, c // (r * r), h * r, w * r))
