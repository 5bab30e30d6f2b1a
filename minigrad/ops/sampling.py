"""Random tensors. Numbers are drawn on the CPU, from the one generator (`manual_seed`) or from one that is passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import devices
from ..autograd import Tensor
from ..devices import to_device, to_numpy
from ..random import Generator, generator_of
from .common import FLOAT32, INT64, require_tensor
from .creation import as_dtype, like, made, size_of, tensor
from .public import public


def _drawn(draw: Callable[..., Any], operation: str, size: Any, dtype: Any, device: Any, grad: bool) -> Tensor:
    """What a method of NumPy's generator draws, as a tensor."""
    wanted = as_dtype(operation, FLOAT32 if dtype is None else dtype)
    if wanted.kind != "f":
        raise TypeError(f"{operation}: random real numbers need a floating-point dtype, got {wanted}")
    target = devices.default_device() if device is None else devices.device(device)
    return made(operation, to_device(np.asarray(draw(size_of(operation, size), dtype=wanted)), target), grad)


@public("minigrad")
def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform random numbers from [0, 1)."""
    return _drawn(generator_of(generator).random, "rand", size, dtype, device, requires_grad)


@public("minigrad")
def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal random numbers."""
    return _drawn(generator_of(generator).standard_normal, "randn", size, dtype, device, requires_grad)


@public("minigrad")
def rand_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform random numbers of another tensor's shape, dtype and device."""
    return like(rand, input, dtype, device, requires_grad)


@public("minigrad")
def randn_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Standard normal random numbers of another tensor's shape, dtype and device."""
    return like(randn, input, dtype, device, requires_grad)


@public("minigrad")
def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Random integers from low to high - 1: `randint(10, (3,))`, `randint(10, size=(3,))` or `randint(0, 10, (3,))`."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    for name, value in (("low", low), ("high", high)):
        if not isinstance(value, (int, np.integer)):
            raise TypeError(f"randint: {name} must be an int, got {value!r}")
    if high <= low:
        raise ValueError(f"randint: high ({high}) must be greater than low ({low})")
    if size is None:
        raise TypeError("randint: a size is needed, as in randint(10, (3,))")
    numbers = generator_of(generator).integers(low, high, size_of("randint", tuple(size)), dtype=INT64)
    return tensor(numbers, dtype, device, requires_grad)


@public("minigrad")
def randperm(n: int, *, generator: Generator | None = None, device: Any = None) -> Tensor:
    """0 .. n - 1 in random order."""
    return tensor(generator_of(generator).permutation(n).astype(INT64), device=device)


@public("minigrad")
def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """Normal random numbers: `normal(0.0, 1.0, (2, 3))`, or with a Tensor of means, of standard deviations, or both.

    Errors: ValueError for a negative std; TypeError if neither is a Tensor and no size is given.
    """
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    if not given and size is None:
        raise TypeError("normal: a size is needed, as in normal(0.0, 1.0, (2, 3))")
    if bool((std < 0).any()) if isinstance(std, Tensor) else std < 0:
        raise ValueError("normal: std must not be negative")
    shape = np.broadcast_shapes(*[x.shape for x in given]) if size is None else size
    if given:
        dtype, device = given[0].dtype, given[0].device
    return (randn(shape, generator=generator, dtype=dtype, device=device) * std + mean).detach()


@public("minigrad")
def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that stands in input, else 0. Errors: ValueError for what is no probability."""
    p = to_numpy(require_tensor("bernoulli", "input", input).array)
    if p.dtype.kind != "f" or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("bernoulli: input must hold probabilities, numbers from 0 to 1")
    return tensor((generator_of(generator).random(p.shape) < p).astype(p.dtype), device=input.device)


@public("minigrad")
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """num_samples indices (int64) for each row of weights, drawn with probabilities proportional to them.

    input: (n,) or (rows, n), not negative; result (num_samples,) or (rows, num_samples). Without replacement the
    smallest of e_i / weight_i are taken, with e_i exponentially distributed. (Efraimidis and Spirakis 2006.)
    Errors: ValueError for negative weights, a row of zeros, or more samples than weights above 0.
    """
    weights = to_numpy(require_tensor("multinomial", "input", input).array).astype(np.float64)
    rows = weights[None] if weights.ndim == 1 else weights
    if rows.ndim != 2 or not (np.isfinite(rows) & (rows >= 0)).all() or not (rows.sum(1) > 0).all():
        raise ValueError("multinomial: each row must hold weights, not negative, with a sum above 0")
    if num_samples < 1 or (not replacement and ((rows > 0).sum(1) < num_samples).any()):
        raise ValueError(f"multinomial: num_samples must lie between 1 and the number of weights, got {num_samples}")
    source = generator_of(generator)
    if replacement:
        bounds = rows.cumsum(1) / rows.sum(1, keepdims=True)
        picked = np.stack([np.searchsorted(row, source.random(num_samples), side="right") for row in bounds])
    else:
        with np.errstate(divide="ignore"):
            times = source.standard_exponential(rows.shape) / rows
        picked = times.argsort(axis=1)[:, :num_samples]
    return tensor(picked.astype(INT64).reshape((*weights.shape[:-1], num_samples)), device=input.device)
