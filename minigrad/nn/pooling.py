"""Pooling layers. Each calls the function it names."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import StatelessModule


class MaxPool2d(StatelessModule):
    """The maximum of each window; see `functional.max_pool2d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        window = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        super().__init__(**window, return_indices=return_indices, ceil_mode=ceil_mode)

    def forward(self, input: Tensor) -> Any:
        return ops.max_pool2d(input, **self.options)


class MaxPool1d(MaxPool2d):
    """The maximum of each window of a signal; see `functional.max_pool1d`."""

    def forward(self, input: Tensor) -> Any:
        return ops.max_pool1d(input, **self.options)


class AvgPool2d(StatelessModule):
    """The mean of each window; see `functional.avg_pool2d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        window = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
        super().__init__(**window, count_include_pad=count_include_pad, divisor_override=divisor_override)

    def forward(self, input: Tensor) -> Tensor:
        return ops.avg_pool2d(input, **self.options)


class AvgPool1d(StatelessModule):
    """The mean of each window of a signal; see `functional.avg_pool1d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        window = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
        super().__init__(**window, ceil_mode=ceil_mode, count_include_pad=count_include_pad)

    def forward(self, input: Tensor) -> Tensor:
        return ops.avg_pool1d(input, **self.options)


class AdaptiveAvgPool2d(StatelessModule):
    """Means over windows chosen so that the result has `output_size`."""

    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, input: Tensor) -> Tensor:
        return ops.adaptive_avg_pool2d(input, **self.options)


class AdaptiveMaxPool2d(StatelessModule):
    """Maxima over windows chosen so that the result has `output_size`."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size=output_size, return_indices=return_indices)

    def forward(self, input: Tensor) -> Any:
        return ops.adaptive_max_pool2d(input, **self.options)
