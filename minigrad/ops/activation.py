"""Activation functions, softmax and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply
from ..devices import Array, device_of, to_device, xp_of
from ..kernels import kernels_of
from ..random import generator
from .arithmetic import exp, neg, where
from .common import axis, require_float, sum_to
from .shape import reshape


class LeakyReLU(Op):
    """y = x where x > 0, slope x elsewhere; dx = dy, or slope dy (at 0: slope dy). Slope 0 is ReLU.

    The sign of y is the sign of x wherever it matters, so y, which the next operation keeps anyway, is saved
    instead of x. (Maas, Hannun and Ng 2013, equation 4.)
    """

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def forward(self, x: Array) -> Array:
        kernels = kernels_of(x)
        y = kernels.relu(x) if self.slope == 0 else kernels.leaky_relu(x, self.slope)
        self.save(y if self.slope >= 0 else x)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (y,) = self.saved
        return apply(LeakyReLUBackward(self.slope), grad, y)


class LeakyReLUBackward(Op):
    """y = g where x > 0, slope g elsewhere: linear in g, constant in x almost everywhere."""

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def forward(self, g: Array, x: Array) -> Array:
        self.save(x)
        return kernels_of(g).leaky_relu_backward(g, x, self.slope)

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = self.saved
        return (
            apply(LeakyReLUBackward(self.slope), grad, x) if self.needs[0] else None,
            grad * 0.0 if self.needs[1] else None,
        )


class PReLU(Op):
    """y = x where x > 0, w x elsewhere; dx = dy, or w dy; dw = the sum of dy x over x <= 0.

    w is broadcast against x. (He et al. 2015, equation 1.)
    """

    def forward(self, x: Array, weight: Array) -> Array:
        xp = xp_of(x)
        self.save(x, weight)
        y = xp.minimum(x, 0)
        y *= weight
        y += xp.maximum(x, 0)
        return y

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = self.saved
        positive = x > 0
        return (
            where(positive, grad, grad * weight) if self.needs[0] else None,
            sum_to(where(positive, 0.0, grad * x), weight.shape) if self.needs[1] else None,
        )


class Sigmoid(Op):
    """y = 1 / (1 + e^-x); dx = dy y (1 - y)."""

    def forward(self, x: Array) -> Array:
        y = kernels_of(x).sigmoid(x)
        self.save(y)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (y,) = self.saved
        return grad * (y * (1.0 - y))


class Tanh(Op):
    """y = tanh x; dx = dy (1 - y^2)."""

    def forward(self, x: Array) -> Array:
        y = xp_of(x).tanh(x)
        self.save(y)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (y,) = self.saved
        return grad * (1.0 - y * y)


class ELU(Op):
    """y = x where x > 0, alpha (e^x - 1) elsewhere; dx = dy, or dy alpha e^x. (Clevert et al. 2016, equation 15.)"""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def forward(self, x: Array) -> Array:
        self.save(x)
        return kernels_of(x).elu(x, self.alpha)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        slope = exp(neg(relu(neg(x))))  # e^min(x, 0)
        return grad * where(x > 0, slope, slope * self.alpha)


class Softplus(Op):
    """y = log(1 + e^(beta x)) / beta; dx = dy sigmoid(beta x)."""

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def forward(self, x: Array) -> Array:
        self.save(x)
        return kernels_of(x).softplus(x, self.beta)

    def backward(self, grad: Tensor) -> Tensor:
        (x,) = self.saved
        return grad * sigmoid(x * self.beta)


class Softmax(Op):
    """y_i = e^x_i / sum_j e^x_j along an axis; dx = y (dy - sum(y dy))."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        y = xp_of(x).exp(x - x.max(axis=self.dim, keepdims=True))
        y /= y.sum(axis=self.dim, keepdims=True)
        self.save(y)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (y,) = self.saved
        return y * (grad - (y * grad).sum(self.dim, keepdim=True))


class LogSoftmax(Op):
    """y = log softmax x, without forming the quotient; dx = dy - softmax(x) sum(dy)."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Array) -> Array:
        xp = xp_of(x)
        shifted = x - x.max(axis=self.dim, keepdims=True)
        y = shifted - xp.log(xp.exp(shifted).sum(axis=self.dim, keepdims=True))
        self.save(y)
        return y

    def backward(self, grad: Tensor) -> Tensor:
        (y,) = self.saved
        return grad - exp(y) * grad.sum(self.dim, keepdim=True)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0); the derivative at 0 is 0. `inplace` is accepted and changes nothing."""
    return apply(LeakyReLU(0.0), require_float("relu", input))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, negative_slope * x elsewhere."""
    return apply(LeakyReLU(negative_slope), require_float("leaky_relu", input))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, weight * x elsewhere. weight: (1,), or one a channel, (C,) for input (N, C, ...).

    Errors: ValueError for a weight of another shape.
    """
    x, slopes = require_float("prelu", input, "input"), require_float("prelu", weight, "weight")
    channels = x.shape[1] if x.array.ndim > 1 else 1
    if slopes.array.ndim != 1 or slopes.shape[0] not in (1, channels):
        wanted = f"(1,) or ({channels},) for input of shape {x.shape}"
        raise ValueError(f"prelu: weight must be {wanted}, got shape {slopes.shape}")
    if slopes.shape[0] > 1:
        slopes = reshape(slopes, (-1,) + (1,) * (x.array.ndim - 2))
    return apply(PReLU(), x, slopes)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, alpha (e^x - 1) elsewhere."""
    return apply(ELU(alpha), require_float("elu", input))


def softplus(input: Tensor, beta: float = 1.0) -> Tensor:
    """log(1 + e^(beta x)) / beta, a smooth relu; no overflow for large x."""
    if beta == 0:
        raise ValueError("softplus: beta must not be 0")
    return apply(Softplus(float(beta)), require_float("softplus", input))


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e^-x); no overflow for large |x|."""
    return apply(Sigmoid(), require_float("sigmoid", input))


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)) = -softplus(-x), exact where sigmoid underflows."""
    return neg(softplus(neg(input)))


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return apply(Tanh(), require_float("tanh", input))


def softmax(input: Tensor, dim: int) -> Tensor:
    """e^x normalised to sum 1 along `dim`; of nothing, nothing."""
    where = axis("softmax", dim, require_float("softmax", input).array.ndim)
    return apply(Softmax(where), input) if input.array.size else input * 1.0


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """log(softmax(x)), exact where softmax underflows."""
    where = axis("log_softmax", dim, require_float("log_softmax", input).array.ndim)
    return apply(LogSoftmax(where), input) if input.array.size else input * 1.0


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, each entry is 0 with probability p, else divided by 1 - p; otherwise x. (Srivastava et al. 2014.)"""
    return _dropout("dropout", input, p, training, require_float("dropout", input).array.shape)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """As `dropout`, for whole channels of input: (N, C, H, W)."""
    if require_float("dropout2d", input).array.ndim < 3:
        raise ValueError(f"dropout2d: input must be (N, C, H, W), got shape {input.shape}")
    return _dropout("dropout2d", input, p, training, input.shape[:2] + (1,) * (input.array.ndim - 2))


def _dropout(operation: str, x: Tensor, p: float, training: bool, shape: tuple[int, ...]) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError(f"{operation}: p must lie between 0 and 1, got {p}")
    if not training or p == 0:
        return x
    kept = generator().random(shape, dtype=np.float32) >= p
    scale: Any = kept.astype(x.dtype) * (1 / (1 - p) if p < 1 else 0.0)
    return x * Tensor(to_device(scale.astype(x.dtype, copy=False), device_of(x.array)))
