"""Upsampling and border padding on the GPU, each with its adjoint."""

from __future__ import annotations

from ...cuda import cupy
from ...devices import Array
from .common import indexed, rows

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

UPSAMPLE = (
    "raw T x, I height, I width, I sy, I sx", "T y",
    """
    I rest = i;
    I col = rest % (width * sx); rest /= width * sx;
    I row = rest % (height * sy);
    I plane = rest / (height * sy);
    y = x[(plane * height + row / sy) * width + col / sx];
    """,
    "minigrad_upsample",
)  # fmt: skip

UPSAMPLE_SUM = (
    "raw T grad, I height, I width, I sy, I sx", "T y",
    """
    I rest = i;
    I col = rest % width; rest /= width;
    I row = rest % height;
    I plane = rest / height;
    T total = 0;
    for (I u = 0; u < sy; ++u)
      for (I v = 0; v < sx; ++v)
        total += grad[((plane * height + row) * sy + u) * (width * sx) + col * sx + v];
    y = total;
    """,
    "minigrad_upsample_sum",
)  # fmt: skip

PAD_SIZES = "I height, I width, I top, I bottom, I left, I right, bool reflect"

# Where the entry that stands at a place of the padded axis comes from; n entries, `before` of them added in front.
PAD = (
    f"raw T x, {PAD_SIZES}", "T y",
    """
    I padded_height = height + top + bottom, padded_width = width + left + right;
    I rest = i;
    I col = rest % padded_width - left; rest /= padded_width;
    I row = rest % padded_height - top;
    I plane = rest / padded_height;
    if (reflect) {
      row = row < 0 ? -row : row >= height ? 2 * (height - 1) - row : row;
      col = col < 0 ? -col : col >= width ? 2 * (width - 1) - col : col;
    } else {
      row = min(max(row, I(0)), height - 1);
      col = min(max(col, I(0)), width - 1);
    }
    y = x[(plane * height + row) * width + col];
    """,
    "minigrad_pad",
)  # fmt: skip

# A pixel appears in the padded image at most three times along an axis if it is mirrored (itself, before, after);
# in one run if the border repeats it. Images k = 0, 1, 2 along each axis are runs [first, last] of places.
PAD_SUM = (
    f"raw T grad, {PAD_SIZES}", "T y",
    """
    I padded_height = height + top + bottom, padded_width = width + left + right;
    I rest = i;
    I col = rest % width; rest /= width;
    I row = rest % height;
    I plane = rest / height;
    I first_row[3], last_row[3], first_col[3], last_col[3];
    first_row[0] = last_row[0] = row + top;
    first_col[0] = last_col[0] = col + left;
    if (!reflect) {
      if (row == 0) first_row[0] = 0;
      if (row == height - 1) last_row[0] = padded_height - 1;
      if (col == 0) first_col[0] = 0;
      if (col == width - 1) last_col[0] = padded_width - 1;
    }
    first_row[1] = last_row[1] = reflect && row > 0 ? top - row : -1;
    first_col[1] = last_col[1] = reflect && col > 0 ? left - col : -1;
    first_row[2] = last_row[2] = reflect && row < height - 1 ? top + 2 * (height - 1) - row : -1;
    first_col[2] = last_col[2] = reflect && col < width - 1 ? left + 2 * (width - 1) - col : -1;
    T total = 0;
    for (int a = 0; a < 3; ++a) {
      if (first_row[a] < 0 || last_row[a] >= padded_height) continue;
      for (int b = 0; b < 3; ++b) {
        if (first_col[b] < 0 || last_col[b] >= padded_width) continue;
        for (I r = first_row[a]; r <= last_row[a]; ++r)
          for (I c = first_col[b]; c <= last_col[b]; ++c) total += grad[(plane * padded_height + r) * padded_width + c];
      }
    }
    y = total;
    """,
    "minigrad_pad_sum",
)  # fmt: skip


def upsample_nearest2d(x: Array, scale: Pair) -> Array:
    """Each pixel repeated as a block of scale[0] x scale[1]."""
    n, c, h, w = x.shape
    y = cupy().empty((n, c, h * scale[0], w * scale[1]), x.dtype)
    if y.size:
        indexed(y.size, *UPSAMPLE)(rows(x), h, w, *scale, y.reshape(-1))
    return y


def upsample_nearest2d_sum(grad: Array, scale: Pair) -> Array:
    """The sum over each block: the adjoint."""
    n, c, height, width = grad.shape
    y = cupy().empty((n, c, height // scale[0], width // scale[1]), grad.dtype)
    if y.size:
        indexed(grad.size, *UPSAMPLE_SUM)(rows(grad), *y.shape[2:], *scale, y.reshape(-1))
    return y


def pad2d(x: Array, padding: Sides, mode: str) -> Array:
    """x with its border mirrored ("reflect") or repeated ("replicate")."""
    n, c, h, w = x.shape
    top, bottom, left, right = padding
    y = cupy().empty((n, c, h + top + bottom, w + left + right), x.dtype)
    if y.size:
        indexed(y.size, *PAD)(rows(x), h, w, *padding, mode == "reflect", y.reshape(-1))
    return y


def pad2d_sum(grad: Array, padding: Sides, mode: str) -> Array:
    """The border's entries added to where they came from: the adjoint."""
    n, c, h, w = grad.shape
    top, bottom, left, right = padding
    y = cupy().empty((n, c, h - top - bottom, w - left - right), grad.dtype)
    if y.size:
        indexed(grad.size, *PAD_SUM)(rows(grad), *y.shape[2:], *padding, mode == "reflect", y.reshape(-1))
    return y


def pixel_shuffle(x: Array, factor: int) -> Array:
    """(N, C r^2, H, W) to (N, C, H r, W r): channels become sub-pixels."""
    (n, channels, h, w), r = x.shape, factor
    blocks = x.reshape(n, channels // r**2, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return cupy().ascontiguousarray(blocks).reshape(n, channels // r**2, h * r, w * r)


def pixel_unshuffle(x: Array, factor: int) -> Array:
    """(N, C, H r, W r) to (N, C r^2, H, W): the inverse, which is also the adjoint."""
    (n, c, height, width), r = x.shape, factor
    blocks = x.reshape(n, c, height // r, r, width // r, r).transpose(0, 1, 3, 5, 2, 4)
    return cupy().ascontiguousarray(blocks).reshape(n, c * r * r, height // r, width // r)
