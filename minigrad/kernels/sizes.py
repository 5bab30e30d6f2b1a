"""The height and width that convolution and pooling give, the same for every device."""

from __future__ import annotations

from typing import Any

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]


def convolved_size(size: Any, kernel_size: Any, stride: Pair, padding: Sides, dilation: Pair) -> Pair:
    """Windows that fit into the padded image; padding is (top, bottom, left, right)."""
    height, width = (
        (n + padding[2 * i] + padding[2 * i + 1] - dilation[i] * (kernel_size[i] - 1) - 1) // stride[i] + 1
        for i, n in enumerate(size)
    )
    return height, width


def pooled_size(size: Any, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Pair:
    """PyTorch's: with ceil_mode a last window may hang over the edge, but must start inside the padded image."""
    result = []
    for n, k, s, p, d in zip(size, kernel_size, stride, padding, dilation):
        room = n + 2 * p - d * (k - 1) - 1
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        result.append(count)
    return result[0], result[1]
