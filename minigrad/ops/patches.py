"""Patches and points of images: sliding windows as columns, their adjoint, and reading at any place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, tensor_of
from ..devices import xp_of
from .arithmetic import where
from .common import require_float
from .conv import Pair, conv_transpose2d, is_single, pair
from .elementary import clamp
from .index import gather
from .public import public
from .resize import pad
from .shape import flatten, permute, reshape, squeeze, unsqueeze


def _window(
    operation: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Pair, Pair, Pair, Pair]:
    return (
        pair(operation, "kernel_size", kernel_size, 1),
        pair(operation, "dilation", dilation, 1),
        pair(operation, "padding", padding, 0),
        pair(operation, "stride", stride, 1),
    )


@public("nn.functional")
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every window of the images as a column. input: (N, C, H, W); result: (N, C kH kW, number of windows)."""
    if is_single(input, 3):
        return squeeze(unfold(unsqueeze(input, 0), kernel_size, dilation, padding, stride), 0)
    x = require_float("unfold", input)
    kernel, gaps, margin, steps = _window("unfold", kernel_size, dilation, padding, stride)
    if x.array.ndim != 4:
        raise ValueError(f"unfold: input must be (N, C, H, W) or (C, H, W), got shape {x.shape}")
    counts = _counts("unfold", x.shape[2:], kernel, gaps, margin, steps)
    rows, columns = _places(kernel, gaps, steps, counts)
    image = pad(x, (margin[1], margin[1], margin[0], margin[0]))
    patches = image[:, :, rows, columns]  # (N, C, kH kW, windows)
    return reshape(patches, (x.shape[0], x.shape[1] * rows.shape[0], rows.shape[1]))


def _counts(operation: str, size: Any, kernel: Pair, gaps: Pair, margin: Pair, steps: Pair) -> Pair:
    """How many windows there are down and across. Errors: ValueError if there is none."""
    vertical, horizontal = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(size, kernel, gaps, margin, steps)
    )
    if min(vertical, horizontal) < 1:
        raise ValueError(f"{operation}: the window {kernel} is larger than the padded image {tuple(size)}")
    return vertical, horizontal


def _places(kernel: Pair, gaps: Pair, steps: Pair, counts: Pair) -> tuple[np.ndarray, np.ndarray]:
    """Row and column, in the padded image, of entry u of window w: two arrays (kH kW, windows)."""
    u, v = np.divmod(np.arange(kernel[0] * kernel[1])[:, None], kernel[1])
    i, j = np.divmod(np.arange(counts[0] * counts[1])[None, :], counts[1])
    return i * steps[0] + u * gaps[0], j * steps[1] + v * gaps[1]


@public("nn.functional")
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The adjoint of `unfold`: columns laid back into images, where windows overlap added.

    input: (N, C kH kW, number of windows); result: (N, C, H, W) with (H, W) = output_size.
    """
    if is_single(input, 2):
        return squeeze(fold(unsqueeze(input, 0), output_size, kernel_size, dilation, padding, stride), 0)
    x = require_float("fold", input)
    kernel, gaps, margin, steps = _window("fold", kernel_size, dilation, padding, stride)
    size = pair("fold", "output_size", output_size, 1)
    counts = _counts("fold", size, kernel, gaps, margin, steps)
    area = kernel[0] * kernel[1]
    if x.array.ndim != 3 or x.shape[1] % area or x.shape[2] != counts[0] * counts[1]:
        raise ValueError(f"fold: input must be (N, C * {area}, {counts[0] * counts[1]}), got shape {x.shape}")
    channels = x.shape[1] // area
    # each entry of the window is a channel of its own, which a kernel of a single 1 puts in its place
    planes = reshape(x, (x.shape[0] * channels, area, *counts))
    places = tensor_of(xp_of(x.array).eye(area, dtype=x.dtype).reshape(area, 1, *kernel))
    whole = [n + 2 * p for n, p in zip(size, margin)]
    reached = [s * (m - 1) + d * (k - 1) + 1 for s, m, d, k in zip(steps, counts, gaps, kernel)]
    image = conv_transpose2d(planes, places, None, steps, dilation=gaps)
    image = pad(image, (0, whole[1] - reached[1], 0, whole[0] - reached[0]))
    inner = image[:, :, margin[0] : margin[0] + size[0], margin[1] : margin[1] + size[1]]
    return reshape(inner, (x.shape[0], channels, *size))


@public("nn.functional")
def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """Read images at any places. input: (N, C, H, W); grid: (N, H', W', 2) of (x, y) from -1 to 1.

    The result is (N, C, H', W'). align_corners: whether -1 and 1 are the centers of the outermost pixels, or their
    outer edges (also None). mode: "bilinear", a mean of the four pixels around, differentiable in both arguments, or
    "nearest". padding_mode: what lies outside: "zeros", or the "border" goes on. (Jaderberg et al. 2015, "Spatial
    Transformer Networks".)
    """
    x, g = require_float("grid_sample", input), require_float("grid_sample", grid, "grid")
    if x.array.ndim != 4 or g.array.ndim != 4 or g.shape[3] != 2 or g.shape[0] != x.shape[0] or 0 in x.shape[1:]:
        raise ValueError(
            f"grid_sample: input (N, C, H, W) and grid (N, H', W', 2) are needed, got {x.shape}, {g.shape}"
        )
    if mode not in ("bilinear", "nearest") or padding_mode not in ("zeros", "border"):
        raise ValueError(
            f"grid_sample: mode {mode!r} and padding_mode {padding_mode!r}: use 'bilinear' or 'nearest', 'zeros' or "
            "'border'"
        )
    places = [_pixels(g[..., i], n, bool(align_corners), padding_mode) for i, n in ((1, x.shape[2]), (0, x.shape[3]))]
    rows, columns = places
    if mode == "nearest":
        return _read(x, np.rint, rows, columns, 0, 0)
    total = None
    for down in (0, 1):
        for right in (0, 1):
            weight = _share(rows, down) * _share(columns, right)
            part = _read(x, np.floor, rows, columns, down, right) * unsqueeze(weight, 1)
            total = part if total is None else total + part
    assert total is not None
    return total


def _pixels(coordinate: Tensor, size: int, align_corners: bool, padding_mode: str) -> Tensor:
    """A coordinate from -1 to 1 counted in pixels."""
    pixels = (coordinate + 1.0) * ((size - 1) / 2) if align_corners else ((coordinate + 1.0) * size - 1.0) * 0.5
    return clamp(pixels, 0, size - 1) if padding_mode == "border" else pixels


def _share(place: Tensor, side: int) -> Tensor:
    """How much the pixel before (0) or after (1) a place counts."""
    before = tensor_of(xp_of(place.array).floor(place.array))
    return place - before if side else before + 1.0 - place


def _read(x: Tensor, rounding: Any, rows: Tensor, columns: Tensor, down: int, right: int) -> Tensor:
    """The pixels at rounded places, shifted down and right; 0 outside the image."""
    height, width = x.shape[2:]
    i, j = rounding(rows.array) + down, rounding(columns.array) + right
    inside = tensor_of(((i >= 0) & (i < height) & (j >= 0) & (j < width))[:, None])
    xp = xp_of(x.array)
    flat = xp.clip(i, 0, height - 1).astype(np.int64) * width + xp.clip(j, 0, width - 1).astype(np.int64)
    index = xp.broadcast_to(flat.reshape(x.shape[0], 1, -1), (*x.shape[:2], flat[0].size))
    found = reshape(gather(flatten(x, 2), 2, tensor_of(index)), (*x.shape[:2], *flat.shape[1:]))
    return where(inside, found, 0.0)


@public("nn.functional")
def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid (N, H, W, 2) that `grid_sample` takes for an affine map. theta: (N, 2, 3); size: (N, C, H, W)."""
    t = require_float("affine_grid", theta, "theta")
    if t.array.ndim != 3 or t.shape[1:] != (2, 3) or len(size) != 4:
        raise ValueError(f"affine_grid: theta must be (N, 2, 3) and size (N, C, H, W), got {t.shape} and {tuple(size)}")
    xp = xp_of(t.array)
    ends = [float(n > 1) if align_corners else (n - 1) / n for n in size[2:]]  # a single pixel's center is 0
    rows, columns = (xp.linspace(-end, end, n, dtype=t.dtype) for end, n in zip(ends, size[2:]))
    points = xp.ones((size[2], size[3], 3), t.dtype)
    points[..., 0], points[..., 1] = columns[None, :], rows[:, None]
    flat = tensor_of(points.reshape(1, -1, 3))
    return reshape(flat @ permute(t, (0, 2, 1)), (t.shape[0], size[2], size[3], 2))
