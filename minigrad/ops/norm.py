"""Normalization: subtract a mean, divide by a standard deviation, scale and shift.

Batch, instance and layer normalization differ only in the entries that share a mean. One operation does the
work for "per channel over everything else"; the other two rearrange their input so that it fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import Op, Tensor, apply, tensor_of
from ..devices import Array
from ..grad_mode import is_grad_enabled
from ..kernels import kernels_of
from .arithmetic import sqrt
from .common import require_float
from .elementary import clamp
from .public import public
from .reduction import mean, norm, var
from .shape import reshape


class BatchNorm(Op):
    """y = w xhat + b with xhat = (x - mean) rstd, rstd = (var + eps)^(-1/2), per channel over the batch of x, or with
    per_image over each image by itself (instance normalization).

    With sums over the M entries that share a mean (Ioffe and Szegedy 2015, section 3):
        db = sum dy,  dw = sum dy xhat,  dx = w rstd (dy - db / M - xhat dw / M)
    """

    def __init__(self, eps: float, per_image: bool = False) -> None:
        self.eps, self.per_image = eps, per_image

    def forward(self, x: Array, weight: Array | None, bias: Array | None) -> Array:
        kernels = kernels_of(x)
        self.mean, self.var = self.moments(x)
        self.rstd = kernels.inverse_std(self.var, self.eps)
        self.save(x, weight)
        return kernels.normalize(x, self.mean, self.rstd, weight, bias)

    def moments(self, x: Array) -> tuple[Array, Array]:
        """Mean and biased variance of each channel."""
        return kernels_of(x).moments(x, self.per_image)

    def backward(self, grad: Tensor, needed: Sequence[bool]) -> tuple[Tensor | None, ...]:
        x, weight = self.saved
        if is_grad_enabled():
            shares = self.recorded(grad, x, weight)
        else:
            shares = self.unrecorded(grad.array, x.array, None if weight is None else weight.array)
        return tuple([share if need else None for share, need in zip(shares, needed)])

    def unrecorded(self, grad: Array, x: Array, weight: Array | None) -> tuple[Tensor, ...]:
        """The gradients of x, weight and bias, by the kernel."""
        shares = kernels_of(x).normalize_backward(grad, x, self.mean, self.rstd, weight)
        return tuple([tensor_of(share) for share in shares])

    def recorded(self, grad: Tensor, x: Tensor, weight: Tensor | None) -> tuple[Tensor, ...]:
        """The same three written with differentiable operations, for gradients of gradients."""
        return _batch_norm_backward(grad, x, weight, self.eps, self.per_image)


def _same(sums: Tensor) -> Tensor:
    return sums


def normalize_gradients(
    grad: Tensor, xhat: Tensor, rstd: Tensor, weight: Tensor | None, dims: tuple[int, ...], count: int,
    total: Callable[[Tensor], Tensor] = _same,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The formula of `BatchNorm` with differentiable operations: dx, and dw and db with their summed axes.

    dims: the axes that are summed over. count: M. total: from these sums to those over all M entries.
    """
    grad_weight, grad_bias = (grad * xhat).sum(dims, keepdim=True), grad.sum(dims, keepdim=True)
    grad_x = (grad - (total(grad_bias) + xhat * total(grad_weight)) * (1.0 / count)) * rstd
    if weight is not None:
        grad_x = grad_x * reshape(weight, (1, -1) + (1,) * (xhat.array.ndim - 2))
    return grad_x, grad_weight, grad_bias


def _batch_norm_backward(
    grad: Tensor, x: Tensor, weight: Tensor | None, eps: float, per_image: bool
) -> tuple[Tensor, Tensor, Tensor]:
    dims = (*(() if per_image else (0,)), *range(2, x.array.ndim))
    rstd = 1.0 / sqrt(var(x, dims, correction=0, keepdim=True) + eps)
    xhat = (x - mean(x, dims, keepdim=True)) * rstd
    count = max(math.prod(x.shape[dim] for dim in dims), 1)
    grad_x, grad_weight, grad_bias = normalize_gradients(grad, xhat, rstd, weight, dims, count)
    images = (len(grad_weight.array), *x.shape[1:2])
    weights, biases = reshape(grad_weight, images).sum(0), reshape(grad_bias, images).sum(0)
    return grad_x, weights, biases


def _check(operation: str, x: Tensor, parameters: dict[str, Any], size: Any) -> None:
    for name, value in parameters.items():
        if value is not None and require_float(operation, value, name).shape != size:
            raise ValueError(f"{operation}: {name} has shape {value.shape}, input {x.shape} needs {size}")
        if value is not None and value.dtype != x.dtype:
            raise TypeError(f"{operation}: input is {x.dtype}, {name} is {value.dtype}; convert one with .to()")


def check_norm(operation: str, input: Tensor, *parameters: Tensor | None) -> Tensor:
    """The input of a batch normalization. parameters: running mean and variance, weight and bias, where there are any.

    Errors: ValueError or TypeError, naming the operation, for shapes and types that do not fit.
    """
    x = require_float(operation, input, "input")
    if x.array.ndim < 2:
        raise ValueError(f"{operation}: input must be (N, C) or (N, C, H, W), got shape {x.shape}")
    _check(operation, x, dict(zip(("running_mean", "running_var", "weight", "bias"), parameters)), x.shape[1:2])
    return x


@public("nn.functional")
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel. input: (N, C) or (N, C, H, W); the other tensors: (C,).

    training: use the batch's own mean and (biased) variance, and move the running ones towards them:
    running = (1 - momentum) running + momentum batch, with the unbiased variance. Otherwise use the running ones.
    Errors: ValueError if shapes do not fit or, in training, a channel has fewer than two entries or eps <= 0.
    """
    x = check_norm("batch_norm", input, running_mean, running_var, weight, bias)
    channels = x.shape[1]
    if not training:
        return _with_running_statistics(x, running_mean, running_var, weight, bias, eps)
    count = math.prod(x.shape) // channels if channels else 2
    if count < 2:
        raise ValueError(f"batch_norm: training needs more than one value per channel, got input of shape {x.shape}")
    if eps <= 0:
        raise ValueError(f"batch_norm: eps must be positive in training, got {eps}")
    op = BatchNorm(eps)
    y = apply(op, x, weight, bias)
    follow(running_mean, op.mean, momentum)
    follow(running_var, op.var * (count / (count - 1)), momentum)
    return y


def follow(running: Tensor | None, batch: Array, momentum: float) -> None:
    """Move a running statistic towards that of the batch."""
    if running is not None:
        kernels_of(batch).follow(running.array, batch, momentum)
        running.storage.bump_version()


def _with_running_statistics(
    x: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Any, bias: Any, eps: float
) -> Tensor:
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm: outside training, running_mean and running_var are needed")
    shape = (1, -1) + (1,) * (x.array.ndim - 2)
    scale = 1.0 / sqrt(running_var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -running_mean * scale
    if bias is not None:
        shift = shift + bias
    return x * reshape(scale, shape) + reshape(shift, shape)


@public("nn.functional")
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of each example over its pixels. input: (N, C, L) or (N, C, H, W). (Ulyanov et al. 2016.)

    use_input_stats: use each example's own mean and variance, and move the running ones (if given) towards their
    averages over the batch; otherwise use the running ones.
    """
    x = require_float("instance_norm", input)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    if x.array.ndim < 3 or math.prod(x.shape[2:]) < 2:
        raise ValueError(f"instance_norm: input must be (N, C, H, W) with more than one pixel, got shape {x.shape}")
    n, c = x.shape[:2]
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check("instance_norm", x, named, (c,))
    op, pixels = BatchNorm(eps, per_image=True), math.prod(x.shape[2:])
    y = apply(op, x, weight, bias)
    if n:
        follow(running_mean, op.mean.reshape(n, c).mean(0), momentum)
        follow(running_var, op.var.reshape(n, c).mean(0) * (pixels / (pixels - 1)), momentum)
    return y


@public("nn.functional")
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize each example over each group of C / num_groups channels and all pixels. input: (N, C, ...); weight and
    bias: (C,). (Wu and He 2018.) Errors: ValueError if num_groups does not divide C, or a group has a single value."""
    x = require_float("group_norm", input)
    if x.array.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups:
        raise ValueError(f"group_norm: input must be (N, C, ...), C divisible by {num_groups} groups, got {x.shape}")
    n, c = x.shape[:2]
    _check("group_norm", x, {"weight": weight, "bias": bias}, (c,))
    shape = (1, c, *[1] * (x.array.ndim - 2))
    if x.array.size == 0:
        return _affine(x, weight, bias, shape)
    size = x.array.size // (n * num_groups)
    if n * size == 1:
        raise ValueError(f"group_norm: more than one value per group is needed, got input of shape {x.shape}")
    groups = reshape(x, (1, n * num_groups, size))
    return _affine(reshape(apply(BatchNorm(eps), groups, None, None), x.shape), weight, bias, shape)


@public("nn.functional")
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last axes, whose sizes are `normalized_shape`. (Ba, Kiros and Hinton 2016.)"""
    x = require_float("layer_norm", input)
    sizes = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    if not sizes or x.shape[-len(sizes) :] != sizes:
        raise ValueError(f"layer_norm: input has shape {x.shape}, which does not end in normalized_shape {sizes}")
    _check("layer_norm", x, {"weight": weight, "bias": bias}, sizes)
    if x.array.size == 0:
        return _affine(x, weight, bias, sizes)
    rows = reshape(x, (1, x.array.size // math.prod(sizes), math.prod(sizes)))
    return _affine(reshape(apply(BatchNorm(eps), rows, None, None), x.shape), weight, bias, sizes)


def _affine(y: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    if weight is not None:
        y = y * reshape(weight, shape)
    return y if bias is None else y + reshape(bias, shape)


@public("nn.functional")
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """x / max(|x|, eps) with the p-norm along `dim`: vectors of length 1."""
    x = require_float("normalize", input)
    return x / clamp(norm(x, p, dim, keepdim=True), min=eps)
