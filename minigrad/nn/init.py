"""Starting values. All functions overwrite a tensor in place and return it.

generator: where the numbers come from; the common one (`minigrad.manual_seed`) if None.
`fan_in` is how many inputs each output sums over, `fan_out` how many outputs each input goes to; for a weight
(out, in, kH, kW) these are in kH kW and out kH kW.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from ..autograd import Tensor, tensor_of
from ..devices import device_of, to_device
from ..grad_mode import no_grad
from ..random import Generator, generator_of


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on [a, b)."""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with a mean and a standard deviation."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out). Errors: ValueError for a tensor of fewer than two axes."""
    if tensor.dim() < 2:
        raise ValueError(f"init: fan-in and fan-out need a tensor of at least 2 axes, got shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance through a nonlinearity: relu sqrt 2, leaky_relu sqrt(2 / (1 + a^2)), ..."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "conv2d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: {nonlinearity!r} is unknown; use leaky_relu, {', '.join(gains)}")
    return gains[nonlinearity]


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode {mode!r} is unknown; use 'fan_in' or 'fan_out'")
    fan = fans(tensor)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal with std = gain / sqrt(fan). (He et al. 2015, equation 10; `a` is the leaky slope, equation 15.)"""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Uniform with the standard deviation of `kaiming_normal_`."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with std = gain sqrt(2 / (fan_in + fan_out)). (Glorot and Bengio 2010, equation 12.)"""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform with the standard deviation of `xavier_normal_`. (Glorot and Bengio 2010, equation 16.)"""
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Rows (or columns, if fewer) orthonormal, times gain. (Saxe, McClelland and Ganguli 2014.)"""
    rows = tensor.shape[0]
    fans(tensor)
    columns = tensor.numel() // max(rows, 1)
    drawn = generator_of(generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r))
    matrix = (q if rows >= columns else q.T) * gain
    value = matrix.reshape(tensor.shape).astype(tensor.dtype)
    return tensor.copy_(tensor_of(to_device(value, device_of(tensor.array))))


_skip_init: ContextVar[bool] = ContextVar("skip_init", default=False)


@contextmanager
def skip_init() -> Iterator[None]:
    """Inside, new linear and convolution layers hold whatever the memory held: for weights that are loaded next.

    with nn.init.skip_init():
        layer = nn.Linear(25088, 4096)  # 100 million numbers that need not be drawn
    layer.load_state_dict(saved)
    """
    before = _skip_init.set(True)
    try:
        yield
    finally:
        _skip_init.reset(before)


def layer_start_(weight: Tensor, bias: Tensor | None, fan_in: int) -> None:
    """How linear and convolution layers start, as PyTorch's: both uniform on +-1 / sqrt(fan_in)."""
    if _skip_init.get():
        return
    bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
    uniform_(weight, -bound, bound)
    if bias is not None:
        uniform_(bias, -bound, bound)
