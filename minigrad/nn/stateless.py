"""Modules without parameters: activations, pooling, reshaping, dropout, resizing. Each calls the function it names."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensor import Tensor
from .module import Module


class _Stateless(Module):
    """A module that is a function with its options kept as attributes, which may be changed later."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._names = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    @property
    def options(self) -> dict[str, Any]:
        """The options by name, as they stand."""
        return {name: getattr(self, name) for name in self._names}

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


class Identity(_Stateless):
    """y = x."""

    def __init__(self, *ignored: Any, **also_ignored: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


class ReLU(_Stateless):
    """max(x, 0)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return ops.relu(x)


class LeakyReLU(_Stateless):
    """x where x > 0, negative_slope * x elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(negative_slope=negative_slope)

    def forward(self, x: Tensor) -> Tensor:
        return ops.leaky_relu(x, **self.options)


class ELU(_Stateless):
    """x where x > 0, alpha (e^x - 1) elsewhere."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha)

    def forward(self, x: Tensor) -> Tensor:
        return ops.elu(x, **self.options)


class Softplus(_Stateless):
    """log(1 + e^(beta x)) / beta."""

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(beta=beta)

    def forward(self, x: Tensor) -> Tensor:
        return ops.softplus(x, **self.options)


class Sigmoid(_Stateless):
    """1 / (1 + e^-x)."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.sigmoid(x)


class LogSigmoid(_Stateless):
    """log(sigmoid(x))."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.logsigmoid(x)


class Tanh(_Stateless):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x)


class Softmax(_Stateless):
    """e^x normalised to sum 1 along `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim=dim)

    def forward(self, x: Tensor) -> Tensor:
        return ops.softmax(x, **self.options)


class LogSoftmax(_Stateless):
    """log(softmax(x)) along `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim=dim)

    def forward(self, x: Tensor) -> Tensor:
        return ops.log_softmax(x, **self.options)


class MaxPool2d(_Stateless):
    """The maximum of each window; see `functional.max_pool2d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> None:
        super().__init__(
            kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
        )

    def forward(self, x: Tensor) -> Tensor:
        return ops.max_pool2d(x, **self.options)


class AvgPool2d(_Stateless):
    """The mean of each window; see `functional.avg_pool2d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        options = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, **options)

    def forward(self, x: Tensor) -> Tensor:
        return ops.avg_pool2d(x, **self.options)


class AdaptiveAvgPool2d(_Stateless):
    """Means over windows chosen so that the result has `output_size`."""

    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)

    def forward(self, x: Tensor) -> Tensor:
        return ops.adaptive_avg_pool2d(x, **self.options)


class Flatten(_Stateless):
    """Merge the axes from start_dim to end_dim: (N, C, H, W) to (N, C H W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__(start_dim=start_dim, end_dim=end_dim)

    def forward(self, x: Tensor) -> Tensor:
        return ops.flatten(x, **self.options)


class Unflatten(_Stateless):
    """Split axis `dim` into several of the given sizes: the inverse of Flatten."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__(dim=dim, unflattened_size=tuple(unflattened_size))

    def forward(self, x: Tensor) -> Tensor:
        dim = self.options["dim"] % x.dim()
        return x.reshape(*x.shape[:dim], *self.options["unflattened_size"], *x.shape[dim + 1 :])


class Dropout(_Stateless):
    """In training, entries are dropped with probability p and the others scaled by 1 / (1 - p)."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__(p=p)

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout(x, self.options["p"], self.training)


class Dropout2d(_Stateless):
    """Dropout of whole channels."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__(p=p)

    def forward(self, x: Tensor) -> Tensor:
        return ops.dropout2d(x, self.options["p"], self.training)


class Upsample(_Stateless):
    """Resize images; see `functional.interpolate`."""

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool = False
    ) -> None:
        super().__init__(size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners)

    def forward(self, x: Tensor) -> Tensor:
        return ops.interpolate(x, **self.options)


class ReflectionPad2d(_Stateless):
    """A mirrored border: an int, or (left, right, top, bottom)."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding=(padding,) * 4 if isinstance(padding, int) else tuple(padding))

    def forward(self, x: Tensor) -> Tensor:
        return ops.pad(x, self.options["padding"], mode="reflect")


class PixelShuffle(_Stateless):
    """(N, C r^2, H, W) to (N, C, H r, W r)."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=upscale_factor)

    def forward(self, x: Tensor) -> Tensor:
        return ops.pixel_shuffle(x, **self.options)
