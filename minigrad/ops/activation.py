"""Activation functions, softmax and dropout."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array, device_of, to_device, xp_of
from ..grad_mode import is_grad_enabled
from ..kernels import kernels_of
from ..random import generator
from .arithmetic import abs, exp, neg, where
from .common import as_float, axis, require_float, require_tensor
from .creation import to, zeros_like
from .elementary import clamp
from .elementwise import Elementwise
from .erf import erf
from .inplace import assign
from .public import public
from .shape import reshape


class LeakyReLU(Elementwise):
    """y = x where x > 0, slope x elsewhere; dx = dy, or slope dy (at 0: slope dy). Slope 0 is ReLU.

    The sign of y is the sign of x wherever it matters, so y, which the next operation keeps anyway, is saved
    instead of x. (Maas, Hannun and Ng 2013, equation 4.)
    """

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def formula(self, x: Array) -> Array:
        kernels = kernels_of(x)
        return kernels.relu(x) if self.slope == 0 else kernels.leaky_relu(x, self.slope)

    def dx(self, dy: Tensor, y: Tensor) -> Tensor:
        return apply(LeakyReLUBackward(self.slope), dy, y)


class LeakyReLUBackward(Elementwise):
    """y = g where x > 0, slope g elsewhere: linear in g, constant in x almost everywhere."""

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def formula(self, g: Array, x: Array) -> Array:
        return kernels_of(g).leaky_relu_backward(g, x, self.slope)

    def dg(self, dy: Tensor, x: Tensor) -> Tensor:
        return apply(LeakyReLUBackward(self.slope), dy, x)

    def dx(self, dy: Tensor) -> Tensor:
        return zeros_like(dy)


class PReLU(Elementwise):
    """y = x where x > 0, w x elsewhere; dx = dy, or w dy; dw = dy x where x <= 0, else 0.

    w is broadcast against x. (He et al. 2015, equation 1.)
    """

    def formula(self, x: Array, w: Array) -> Array:
        xp = xp_of(x)
        y = xp.minimum(x, 0)
        y *= w
        y += xp.maximum(x, 0)
        return y

    def dx(self, dy: Tensor, x: Tensor, w: Tensor) -> Tensor:
        return where(x > 0, dy, dy * w)

    def dw(self, dy: Tensor, x: Tensor) -> Tensor:
        return where(x > 0, 0.0, dy * x)


class Sigmoid(Elementwise):
    """y = 1 / (1 + e^-x); dx = dy y (1 - y)."""

    def formula(self, x: Array) -> Array:
        return kernels_of(x).sigmoid(x)

    def dx(self, dy: Tensor, y: Tensor) -> Tensor:
        if is_grad_enabled():
            return dy * (y * (1.0 - y))
        return tensor_of(kernels_of(y.array).sigmoid_backward(dy.array, y.array))


class Tanh(Elementwise):
    """y = tanh x; dx = dy (1 - y^2)."""

    def formula(self, x: Array) -> Array:
        return xp_of(x).tanh(x)

    def dx(self, dy: Tensor, y: Tensor) -> Tensor:
        if is_grad_enabled():
            return dy * (1.0 - y * y)
        return tensor_of(kernels_of(y.array).tanh_backward(dy.array, y.array))


class ELU(Elementwise):
    """y = x where x > 0, alpha (e^x - 1) elsewhere; dx = dy, or dy alpha e^x. (Clevert et al. 2016, equation 15.)"""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def formula(self, x: Array) -> Array:
        return kernels_of(x).elu(x, self.alpha)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        below = x <= 0
        return where(below, dy * (exp(where(below, x, 0.0)) * self.alpha), dy)


class Softplus(Elementwise):
    """y = log(1 + e^(beta x)) / beta; dx = dy sigmoid(beta x)."""

    def __init__(self, beta: float) -> None:
        self.beta = beta

    def formula(self, x: Array) -> Array:
        return kernels_of(x).softplus(x, self.beta)

    def dx(self, dy: Tensor, x: Tensor) -> Tensor:
        return dy * sigmoid(x * self.beta)


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


def _activated(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    """The result, or with `inplace` the input that it has been written into."""
    return assign(input, result) if inplace else result


@public("minigrad", "Tensor", "in-place", "nn.functional")
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), of integers too; the derivative at 0 is 0. inplace: whether the result is written into input."""
    if require_tensor("relu", "input", input).array.dtype.kind in "iu":
        return _activated(input, clamp(input, min=0), inplace)
    return _activated(input, apply(LeakyReLU(0.0), require_float("relu", input)), inplace)


@public("nn.functional")
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, negative_slope * x elsewhere; inplace as in `relu`."""
    require_float("leaky_relu", input)
    if negative_slope < 0:  # the sign of the result does not tell that of x
        return _activated(input, where(input > 0, input, input * negative_slope), inplace)
    return _activated(input, apply(LeakyReLU(negative_slope), input), inplace)


@public("nn.functional")
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, weight * x elsewhere. weight: (1,), or one a channel, (C,) for input (N, C, ...).

    Errors: ValueError for a weight of another shape.
    """
    x, slopes = require_float("prelu", input), require_float("prelu", weight, "weight")
    channels = x.shape[1] if x.array.ndim > 1 else 1
    if slopes.array.ndim != 1 or slopes.shape[0] not in (1, channels):
        wanted = f"(1,) or ({channels},) for input of shape {x.shape}"
        raise ValueError(f"prelu: weight must be {wanted}, got shape {slopes.shape}")
    if slopes.shape[0] > 1:
        slopes = reshape(slopes, (-1,) + (1,) * (x.array.ndim - 2))
    elif not x.array.ndim:
        slopes = reshape(slopes, ())
    return apply(PReLU(), x, slopes)


@public("nn.functional")
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, alpha (e^x - 1) elsewhere."""
    return _activated(input, apply(ELU(alpha), require_float("elu", input)), inplace)


@public("nn.functional")
def softplus(input: Tensor, beta: float = 1.0) -> Tensor:
    """log(1 + e^(beta x)) / beta, a smooth relu; no overflow for large x."""
    if beta == 0:
        raise ValueError("softplus: beta must not be 0")
    return apply(Softplus(float(beta)), require_float("softplus", input))


@public("minigrad", "Tensor", "in-place", "nn.functional")
def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e^-x); no overflow for large |x|."""
    return apply(Sigmoid(), as_float("sigmoid", input))


@public("nn.functional")
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)) = -softplus(-x), exact where sigmoid underflows."""
    return neg(softplus(neg(input)))


@public("minigrad", "Tensor", "in-place", "nn.functional")
def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return apply(Tanh(), as_float("tanh", input))


@public("minigrad", "Tensor", "nn.functional")
def softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """e^x normalized to sum 1 along `dim`; a dim of size 0 stays empty. dtype: what input is converted to first.

    Without dim: along axis 0 of 0, 1 or 3 axes, along axis 1 of others, with a warning.
    """
    x, where = _normalized_axis("softmax", input, dim, dtype)
    return apply(Softmax(where), x) if x.array.size else x * 1.0


@public("minigrad", "Tensor", "nn.functional")
def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)), exact where softmax underflows; dim and dtype as there."""
    x, where = _normalized_axis("log_softmax", input, dim, dtype)
    return apply(LogSoftmax(where), x) if x.array.size else x * 1.0


def _normalized_axis(operation: str, input: Tensor, dim: int | None, dtype: Any) -> tuple[Tensor, int]:
    """The input, converted if asked for, and the axis of a softmax, chosen as PyTorch did before dim was required."""
    x = require_float(operation, input if dtype is None else to(require_tensor(operation, "input", input), dtype))
    if dim is None:
        dim = 0 if x.array.ndim in (0, 1, 3) else 1
        warnings.warn(f"{operation}: dim was not given, and {dim} was chosen; say dim={dim}", UserWarning, stacklevel=3)
    return x, axis(operation, dim, x.array.ndim)


@public("nn.functional")
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, each entry is 0 with probability p, else divided by 1 - p; otherwise x. (Srivastava et al. 2014.)"""
    return _dropout("dropout", input, p, training, inplace, require_tensor("dropout", "input", input).array.shape)


@public("nn.functional")
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """As `dropout`, for whole channels of input: (N, C, H, W)."""
    if require_tensor("dropout2d", "input", input).array.ndim < 3:
        raise ValueError(f"dropout2d: input must be (N, C, H, W), got shape {input.shape}")
    return _dropout("dropout2d", input, p, training, inplace, input.shape[:2] + (1,) * (input.array.ndim - 2))


def _dropout(operation: str, x: Tensor, p: float, training: bool, inplace: bool, shape: tuple[int, ...]) -> Tensor:
    if not 0 <= p <= 1:
        raise ValueError(f"{operation}: p must lie between 0 and 1, got {p}")
    if not training or p == 0:
        return x
    require_float(operation, x)
    kept = generator().random(shape, dtype=np.float32) >= p
    scale: Any = kept.astype(x.dtype) * (1 / (1 - p) if p < 1 else 0.0)
    return _activated(x, x * tensor_of(to_device(scale.astype(x.dtype, copy=False), device_of(x.array))), inplace)


# ------------------------------------------------------------------------- composed of the above


@public("nn.functional")
def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """x Phi(x) with Phi the normal distribution function, (1 + erf(x / sqrt 2)) / 2. (Hendrycks and Gimpel 2016.)

    approximate="tanh": x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    """
    x = require_float("gelu", input)
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    if approximate == "tanh":
        return x * 0.5 * (tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1.0)
    return x * 0.5 * (erf(x * math.sqrt(0.5)) + 1.0)


@public("nn.functional")
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x), also called swish; inplace as in `relu`. (Elfwing, Uchibe and Doya 2018.)"""
    return _activated(input, require_float("silu", input) * sigmoid(input), inplace)


@public("nn.functional")
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """s elu(x, a), with s and a that keep zero mean and unit variance. (Klambauer et al. 2017, equation 14.)"""
    y = elu(require_float("selu", input), 1.6732632423543772, inplace)
    return _activated(y, y * 1.0507009873554805, inplace)


@public("nn.functional")
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]; the gradient is 0 at the limits too. Errors: if min_val > max_val."""
    x = require_tensor("hardtanh", "input", input)
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is greater than max_val {max_val}")
    if x.array.dtype.kind in "iu":
        return _activated(input, clamp(x, int(min_val), int(max_val)), inplace)
    require_float("hardtanh", input)
    return _activated(x, where((x > min_val) & (x < max_val), x, clamp(x.detach(), min_val, max_val)), inplace)


@public("nn.functional")
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


@public("nn.functional")
def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (abs(input) + 1)
