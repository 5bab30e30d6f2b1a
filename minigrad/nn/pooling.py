"""Pooling layers."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import StatelessModule


class MaxPool2d(StatelessModule):
    """The maximum of each window; see `functional.max_pool2d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> None:
        super().__init__(
            kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
        )

    def forward(self, x: Tensor) -> Tensor:
        return ops.max_pool2d(x, **self.options)


class AvgPool2d(StatelessModule):
    """The mean of each window; see `functional.avg_pool2d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        options = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, **options)

    def forward(self, x: Tensor) -> Tensor:
        return ops.avg_pool2d(x, **self.options)


class AdaptiveAvgPool2d(StatelessModule):
    """Means over windows chosen so that the result has `output_size`."""

    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Tensor) -> Tensor:
        return ops.adaptive_avg_pool2d(x, **self.options)
