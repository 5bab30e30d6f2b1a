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
from .creation import from_numpy
from .matrix import matmul
from .pool import adaptive_avg_pool2d
from .public import public
from .shape import reshape


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


class PixelShuffle(Op):
    """y = x with channels (C, r, r) laid out as blocks of r x r pixels; dx = dy with the blocks gathered again."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def forward(self, x: Array) -> Array:
        return kernels_of(x).pixel_shuffle(x, self.factor)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(PixelUnshuffle(self.factor), grad)


class PixelUnshuffle(Op):
    """The inverse of PixelShuffle, and, since both only move entries, its adjoint."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def forward(self, x: Array) -> Array:
        return kernels_of(x).pixel_unshuffle(x, self.factor)

    def backward(self, grad: Tensor) -> Tensor:
        return apply(PixelShuffle(self.factor), grad)


@public("nn.functional")
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
    return apply(PadBorder((top, bottom, left, right), mode), require_float("pad", input))


@public("nn.functional")
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize images. input: (N, C, H, W); give `size` or `scale_factor`.

    mode: "nearest", "bilinear", "bicubic" (Keys 1981, a = -0.75), or "area" (`adaptive_avg_pool2d`). align_corners
    (of the middle two): the centers of the corner pixels stay, instead of the images' outer edges.
    recompute_scale_factor: take the scale from the rounded sizes. antialias: when "bilinear" or "bicubic" shrink, widen
    the filter by the scale, as Pillow does (then a = -0.5).
    Whole-number scales of "nearest" repeat pixels; everything else is two products with interpolation matrices.
    """
    x = require_float("interpolate", input)
    if x.array.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(f"interpolate: input must be (N, C, H, W) without zeros but N, got shape {x.shape}")
    _check_mode(mode, align_corners, antialias)
    (height, width), steps = _sizes_and_steps(x.shape[2:], size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return adaptive_avg_pool2d(x, (height, width))
    repeats = [round(1 / step) for step in steps]
    whole = all(abs(step * r - 1) < 1e-12 for step, r in zip(steps, repeats))
    if mode == "nearest" and whole and [n * r for n, r in zip(x.shape[2:], repeats)] == [height, width]:
        return apply(UpsampleNearest((repeats[0], repeats[1])), x)
    rows, columns = (
        from_numpy(_interpolation(n, m, step, mode, bool(align_corners), antialias).astype(x.dtype)).to(x.device)
        for n, m, step in zip(x.shape[2:], (height, width), steps)
    )
    return matmul(matmul(rows, x), columns.t())


def _check_mode(mode: str, align_corners: bool | None, antialias: bool) -> None:
    """Errors: ValueError for an unknown mode, or an option that it does not have."""
    if mode not in ("nearest", "bilinear", "bicubic", "area"):
        raise ValueError(f"interpolate: mode {mode!r} is unknown; use 'nearest', 'bilinear', 'bicubic' or 'area'")
    if mode in ("nearest", "area") and align_corners is not None:
        raise ValueError(f"interpolate: align_corners has no meaning for mode {mode!r}; leave it out")
    if mode in ("nearest", "area") and antialias:
        raise ValueError(f"interpolate: antialias has no meaning for mode {mode!r}; use 'bilinear' or 'bicubic'")


def _sizes_and_steps(old: Any, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[Pair, list[float]]:
    """The new height and width, and how far apart new points lie along each axis, in old ones."""
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if size is not None and recompute:
        raise ValueError("interpolate: recompute_scale_factor has no meaning with size; use it with scale_factor")
    factors: list[float] | None = None
    if scale_factor is not None:
        factors = [*scale_factor] if isinstance(scale_factor, (tuple, list)) else [scale_factor, scale_factor]
        size = [math.floor(n * f) for n, f in zip(old, factors)]
    new = pair("interpolate", "size", size, 1)
    if factors is None or recompute:
        return new, [n / m for n, m in zip(old, new)]
    return new, [1 / f for f in factors]


def _interpolation(n: int, m: int, step: float, mode: str, align_corners: bool, antialias: bool) -> np.ndarray:
    """The (m, n) matrix that resamples n points to m: each row holds the weights of one new point.

    step: how far apart new points lie, in old ones: n / m, or the inverse of the scale factor that was asked for."""
    points, matrix = np.arange(m), np.zeros((m, n))
    if mode == "nearest":
        step = n / m if m in (n, 2 * n) else step  # PyTorch doubles exactly, whatever factor led there
        matrix[points, np.minimum((points * step).astype(int), n - 1)] = 1
        return matrix
    if align_corners:
        step = (n - 1) / (m - 1) if m > 1 else 0.0
    if n == m and (antialias or mode == "bilinear"):
        return np.eye(n)
    if antialias:
        return _antialiased(n, m, step, mode)
    places = points * step if align_corners else (points + 0.5) * step - 0.5
    places = np.maximum(places, 0) if mode == "bilinear" else places
    first = np.floor(places).astype(int)
    for offset in (0, 1) if mode == "bilinear" else (-1, 0, 1, 2):
        weights = _kernel(mode, -0.75)(places - (first + offset))
        np.add.at(matrix, (points, np.clip(first + offset, 0, n - 1)), weights)
    return matrix


def _kernel(mode: str, a: float) -> Any:
    """How much a point counts at a distance: a triangle, or Keys' cubic with slope a at 1 (Keys 1981, equation 15)."""

    def triangle(distance: np.ndarray) -> np.ndarray:
        return np.maximum(1 - np.abs(distance), 0)

    def cubic(distance: np.ndarray) -> np.ndarray:
        d = np.abs(distance)
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return np.where(d <= 1, near, np.where(d < 2, far, 0.0))

    return triangle if mode == "bilinear" else cubic


def _antialiased(n: int, m: int, step: float, mode: str) -> np.ndarray:
    """The matrix of a filter that is `step` times as wide where it shrinks, each row normalized to sum 1."""
    wide = max(step, 1.0)
    reach = (1 if mode == "bilinear" else 2) * wide
    matrix = np.zeros((m, n))
    for i in range(m):
        center = step * (i + 0.5)
        first, last = max(int(center - reach + 0.5), 0), min(int(center + reach + 0.5), n)
        weights = _kernel(mode, -0.5)((np.arange(first, last) + 0.5 - center) / wide)
        matrix[i, first:last] = weights / weights.sum()
    return matrix


@public("nn.functional")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C r^2, H, W) to (..., C, H r, W r): channels become sub-pixels. (Shi et al. 2016, equation 4.)"""
    require_tensor("pixel_shuffle", "input", input)
    r = upscale_factor
    if input.array.ndim < 3 or not isinstance(r, (int, np.integer)) or r < 1 or input.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: input must be (..., C r^2, H, W) for r = {r}, got shape {input.shape}")
    return _on_pictures(PixelShuffle(int(r)), input)


@public("nn.functional")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H r, W r) to (..., C r^2, H, W): the inverse of `pixel_shuffle`."""
    require_tensor("pixel_unshuffle", "input", input)
    r = downscale_factor
    fits = isinstance(r, (int, np.integer)) and r >= 1 and input.array.ndim >= 3
    if not fits or input.shape[-2] % r or input.shape[-1] % r:
        raise ValueError(f"pixel_unshuffle: input must be (..., C, H r, W r) for r = {r}, got shape {input.shape}")
    return _on_pictures(PixelUnshuffle(int(r)), input)


def _on_pictures(op: Op, x: Tensor) -> Tensor:
    """An operation on (N, C, H, W), applied to (..., C, H, W)."""
    if x.array.ndim == 4:
        return apply(op, x)
    *batch, c, h, w = x.shape
    y = apply(op, reshape(x, (math.prod(batch), c, h, w)))
    return reshape(y, (*batch, *y.shape[1:]))
