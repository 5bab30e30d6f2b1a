"""Pooling on the GPU: one thread for each window, or, in the adjoints, one for each pixel of the image.

A pixel finds the windows that cover it by running over the places (u, v) it may have inside a window: the window at
that place starts at row + padding - u dilation, and exists if that is a multiple of the stride.
"""

from __future__ import annotations

from ...cuda import cupy
from ...devices import Array
from ..sizes import pooled_size
from .common import indexed, rows

Pair = tuple[int, int]

SIZES = "I height, I width, I out_height, I out_width, I kh, I kw, I sy, I sx, I top, I left, I dy, I dx"

# The image's plane and the window that thread i computes.
WINDOW = """
    I rest = i;
    I start_col = rest % out_width * sx - left; rest /= out_width;
    I start_row = rest % out_height * sy - top;
    I plane = rest / out_height;
"""

# The pixel that thread i computes, and a loop over the windows that cover it; what stands for ADD uses `window`.
PIXEL = """
    I rest = i;
    I col = rest % width; rest /= width;
    I row = rest % height;
    I plane = rest / height;
    T total = 0;
    for (I u = 0; u < kh; ++u) {
      I down = row + top - u * dy;
      if (down < 0 || down % sy != 0 || down / sy >= out_height) continue;
      for (I v = 0; v < kw; ++v) {
        I right = col + left - v * dx;
        if (right < 0 || right % sx != 0 || right / sx >= out_width) continue;
        I window = (plane * out_height + down / sy) * out_width + right / sx;
        ADD
      }
    }
    y = total;
"""

MAXIMUM = (
    WINDOW
    + """
    bool found = false;
    const float zero = 0;
    T best = T(-1 / zero);  // minus infinity: NVIDIA's runtime compiler has no name for it
    int place = 0;
    for (I u = 0; u < kh; ++u) {
      I row = start_row + u * dy;
      if (row < 0 || row >= height) continue;
      for (I v = 0; v < kw; ++v) {
        I col = start_col + v * dx;
        if (col < 0 || col >= width) continue;
        T value = x[(plane * height + row) * width + col];
        if (!found || value > best || (value != value && best == best)) {
          best = value;
          place = u * kw + v;
        }
        found = true;
      }
    }
    y = best;
    indices = place;
"""
)

GATHER = (
    WINDOW
    + """
    I row = start_row + indices / kw * dy;
    I col = start_col + indices % kw * dx;
    bool inside = row >= 0 && row < height && col >= 0 && col < width;
    y = inside ? x[(plane * height + row) * width + col] : T(0);
"""
)

# How many entries a window that starts at (first_row, first_col) averages over.
DIVISOR = """
    I last_row = min(first_row + kh, height + top), last_col = min(first_col + kw, width + left);
    I count = include_pad ? (last_row - first_row) * (last_col - first_col)
        : (min(last_row, height) - max(first_row, I(0))) * (min(last_col, width) - max(first_col, I(0)));
"""

AVERAGE = WINDOW + """
    I first_row = start_row, first_col = start_col;
""" + DIVISOR + """
    T total = 0;
    for (I row = max(first_row, I(0)); row < min(first_row + kh, height); ++row)
      for (I col = max(first_col, I(0)); col < min(first_col + kw, width); ++col)
        total += x[(plane * height + row) * width + col];
    y = total / T(count);
"""  # fmt: skip

SPREAD_AVERAGE = "I first_row = down - top, first_col = right - left;" + DIVISOR + "total += grad[window] / T(count);"

MAX_POOL = f"raw T x, {SIZES}", "T y, K indices", MAXIMUM, "minigrad_max_pool"
MAX_POOL_SCATTER = (
    f"raw T grad, raw K indices, {SIZES}", "T y",
    PIXEL.replace("ADD", "if (indices[window] == u * kw + v) total += grad[window];"), "minigrad_max_pool_scatter",
)  # fmt: skip
MAX_POOL_GATHER = f"raw T x, K indices, {SIZES}", "T y", GATHER, "minigrad_max_pool_gather"
AVG_POOL = f"raw T x, {SIZES}, bool include_pad", "T y", AVERAGE, "minigrad_avg_pool"
AVG_POOL_SCATTER = (
    f"raw T grad, {SIZES}, bool include_pad", "T y", PIXEL.replace("ADD", SPREAD_AVERAGE), "minigrad_avg_pool_scatter"
)  # fmt: skip


def max_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    """(maxima, indices): indices is the place of the first maximum in each window; see the package's contract."""
    out = pooled_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    y = cupy().empty((*x.shape[:2], *out), x.dtype)
    indices = cupy().empty(y.shape, "uint8" if kernel_size[0] * kernel_size[1] <= 256 else "int32")
    if y.size:
        sizes = (*x.shape[2:], *out, *kernel_size, *stride, *padding, *dilation)
        indexed(max(x.size, y.size), *MAX_POOL)(rows(x), *sizes, y.reshape(-1), indices.reshape(-1))
    return y, indices


def max_pool2d_scatter(
    grad: Array, indices: Array, input_size: Pair, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """Zeros of (N, C, *input_size) with each gradient added at the place its window chose."""
    y = cupy().empty((*grad.shape[:2], *input_size), grad.dtype)
    if y.size:
        sizes = (*input_size, *grad.shape[2:], *kernel_size, *stride, *padding, *dilation)
        indexed(max(y.size, grad.size), *MAX_POOL_SCATTER)(rows(grad), rows(indices), *sizes, y.reshape(-1))
    return y


def max_pool2d_gather(
    x: Array, indices: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Array:
    """The x at the place that each window chose: the adjoint of scatter."""
    y = cupy().empty(indices.shape, x.dtype)
    if y.size:
        sizes = (*x.shape[2:], *indices.shape[2:], *kernel_size, *stride, *padding, *dilation)
        indexed(max(x.size, y.size), *MAX_POOL_GATHER)(rows(x), rows(indices), *sizes, y.reshape(-1))
    return y


def avg_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool, count_include_pad: bool
) -> Array:
    """The mean of each window."""
    out = pooled_size(x.shape[2:], kernel_size, stride, padding, (1, 1), ceil_mode)
    y = cupy().empty((*x.shape[:2], *out), x.dtype)
    if y.size:
        sizes = (*x.shape[2:], *out, *kernel_size, *stride, *padding, 1, 1)
        indexed(max(x.size, y.size), *AVG_POOL)(rows(x), *sizes, count_include_pad, y.reshape(-1))
    return y


def avg_pool2d_scatter(
    grad: Array, input_size: Pair, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool,
    count_include_pad: bool,
) -> Array:  # fmt: skip
    """Each gradient divided evenly over its window: the adjoint of avg_pool2d."""
    y = cupy().empty((*grad.shape[:2], *input_size), grad.dtype)
    if y.size:
        sizes = (*input_size, *grad.shape[2:], *kernel_size, *stride, *padding, 1, 1)
        indexed(max(y.size, grad.size), *AVG_POOL_SCATTER)(rows(grad), *sizes, count_include_pad, y.reshape(-1))
    return y
