"""Activations and dropout as layers. Each calls the function it names."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import Tensor
from .module import Module, StatelessModule, check_sizes
from .parameter import Parameter


class ReLU(StatelessModule):
    """max(x, 0)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.relu(input, **self.options)


class LeakyReLU(StatelessModule):
    """x where x > 0, negative_slope * x elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(negative_slope=negative_slope, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.leaky_relu(input, **self.options)


class PReLU(Module):
    """x where x > 0, weight * x elsewhere; the slope is learned, one for all or one a channel. (He et al. 2015.)"""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        check_sizes("PReLU", num_parameters=num_parameters)
        self.num_parameters = num_parameters
        self.weight = Parameter(ops.full((num_parameters,), init, dtype, device))

    def forward(self, input: Tensor) -> Tensor:
        return ops.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class ELU(StatelessModule):
    """x where x > 0, alpha (e^x - 1) elsewhere."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.elu(input, **self.options)


class Softplus(StatelessModule):
    """log(1 + e^(beta x)) / beta."""

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(beta=beta)

    def forward(self, input: Tensor) -> Tensor:
        return ops.softplus(input, **self.options)


class Sigmoid(StatelessModule):
    """1 / (1 + e^-x)."""

    def forward(self, input: Tensor) -> Tensor:
        return ops.sigmoid(input)


class LogSigmoid(StatelessModule):
    """log(sigmoid(x))."""

    def forward(self, input: Tensor) -> Tensor:
        return ops.logsigmoid(input)


class Tanh(StatelessModule):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        return ops.tanh(input)


class Softmax(StatelessModule):
    """e^x normalized to sum 1 along `dim`."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)

    def forward(self, input: Tensor) -> Tensor:
        return ops.softmax(input, **self.options)


class LogSoftmax(StatelessModule):
    """log(softmax(x)) along `dim`."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)

    def forward(self, input: Tensor) -> Tensor:
        return ops.log_softmax(input, **self.options)


class Dropout(StatelessModule):
    """In training, entries are dropped with probability p and the others scaled by 1 / (1 - p)."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__(p=p, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.dropout(input, training=self.training, **self.options)


class Dropout2d(StatelessModule):
    """Dropout of whole channels."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__(p=p, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.dropout2d(input, training=self.training, **self.options)


class GELU(StatelessModule):
    """x times the normal distribution function of x."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)

    def forward(self, input: Tensor) -> Tensor:
        return ops.gelu(input, **self.options)


class SiLU(StatelessModule):
    """x sigmoid(x)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.silu(input, **self.options)


class SELU(StatelessModule):
    """An ELU, scaled so that it keeps zero mean and unit variance."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.selu(input, **self.options)


class Hardtanh(StatelessModule):
    """x limited to [min_val, max_val]."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(min_val=min_val, max_val=max_val, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.hardtanh(input, **self.options)


class ReLU6(StatelessModule):
    """x limited to [0, 6]."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        return ops.relu6(input, **self.options)


class Softsign(StatelessModule):
    """x / (1 + |x|)."""

    def forward(self, input: Tensor) -> Tensor:
        return ops.softsign(input)
