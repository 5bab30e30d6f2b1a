"""Elementwise kernels on the CPU: activations and the Adam step, in chunks that stay in the cache, in threads.

NumPy cannot fuse two loops into one, but it can run each over a chunk that is still in the cache. `chunked` cuts
arrays of equal shape and memory order into such chunks, whatever that order is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...devices import Array
from .matmul import matmul
from .threads import parallel_for, scratch

CHUNK = 1 << 17  # entries: 512 KiB of float32, so that a few operands fit into the second-level cache


def memory_order(x: Array) -> tuple[int, ...] | None:
    """The order of axes in which x lies densely in memory, outermost first; None if it has gaps or repeats."""
    if x.flags.c_contiguous:
        return tuple(range(x.ndim))
    order = tuple(sorted(range(x.ndim), key=lambda i: (-x.strides[i], i)))
    return order if x.transpose(order).flags.c_contiguous else None


def flat(order: tuple[int, ...], x: Array) -> Array:
    """x as a vector in the given memory order: a view if x lies so, else a copy."""
    return x.transpose(order).reshape(-1)


def chunked(function: Callable[..., Any], result: Array, *operands: Array) -> Array:
    """Call function(result_chunk, *operand_chunks) over all entries; returns result, which must lie densely."""
    if result.size <= CHUNK:
        function(result, *operands)
        return result
    order = memory_order(result)
    if order is None:
        function(result, *operands)
        return result
    out, vectors = flat(order, result), [flat(order, operand) for operand in operands]
    parallel_for(lambda a, b: function(out[a:b], *[vector[a:b] for vector in vectors]), result.size, CHUNK)
    return result


def add(a: Array, b: Array) -> Array:
    """a + b for two arrays of one shape: large ones of one memory order in threads."""
    if a.size <= CHUNK:
        return a + b
    order = memory_order(a) if a.dtype == b.dtype else None
    if order is None or not b.transpose(order).flags.c_contiguous:
        return a + b
    return chunked(lambda y, a, b: np.add(a, b, out=y), np.empty_like(a), a, b)


def relu(x: Array) -> Array:
    """max(x, 0), as a clip: NumPy's maximum with a single number takes three times as long."""
    return chunked(lambda y, x: np.clip(x, 0, np.inf, out=y), np.empty_like(x), x)


def leaky_relu(x: Array, slope: float) -> Array:
    """x where x > 0, slope * x elsewhere."""
    larger = np.maximum if slope <= 1 else np.minimum

    def work(y: Array, x: Array) -> None:
        np.multiply(x, slope, out=y)
        larger(x, y, out=y)

    return chunked(work, np.empty_like(x), x)


def leaky_relu_backward(grad: Array, x: Array, slope: float) -> Array:
    """grad where x > 0, slope * grad elsewhere; for slope 0 a NaN counts as positive, as in PyTorch's relu."""

    def work(y: Array, g: Array, x: Array) -> None:
        if slope == 0:
            np.multiply(g, np.logical_not(np.less_equal(x, 0)), out=y)
        else:
            np.copyto(y, np.greater(x, 0))
            np.multiply(y, y.dtype.type(1 - slope), out=y)
            np.add(y, y.dtype.type(slope), out=y)
            np.multiply(y, g, out=y)

    return chunked(work, np.empty_like(x, dtype=grad.dtype), grad, x)


def elu(x: Array, alpha: float) -> Array:
    """x where x > 0, alpha (e^x - 1) elsewhere."""
    y = np.empty_like(x)
    np.minimum(x, 0, out=y)
    np.expm1(y, out=y)
    y *= alpha
    y += np.maximum(x, 0)
    return y


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x); where e^-x overflows, 0 is the right answer."""

    def work(y: Array, x: Array) -> None:
        np.negative(x, out=y)
        with np.errstate(over="ignore"):
            np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.reciprocal(y, out=y)

    return chunked(work, np.empty_like(x), x)


def sigmoid_backward(grad: Array, y: Array) -> Array:
    """grad y (1 - y), for y = sigmoid(x)."""

    def work(out: Array, grad: Array, y: Array) -> None:
        np.subtract(1, y, out=out)
        np.multiply(out, y, out=out)
        np.multiply(out, grad, out=out)

    return chunked(work, np.empty_like(y), grad, y)


def tanh_backward(grad: Array, y: Array) -> Array:
    """grad (1 - y^2), for y = tanh(x)."""

    def work(out: Array, grad: Array, y: Array) -> None:
        np.multiply(y, y, out=out)
        np.subtract(1, out, out=out)
        np.multiply(out, grad, out=out)

    return chunked(work, np.empty_like(y), grad, y)


def bce_with_logits(x: Array, target: Array) -> Array:
    """(1 - target) x + log(1 + e^-x)."""
    return (1 - target) * x + np.logaddexp(0, -x)


def bce_with_logits_backward(grad: Array, x: Array, target: Array) -> Array:
    """grad (sigmoid(x) - target)."""
    return grad * (sigmoid(x) - target)


def softplus(x: Array, beta: float) -> Array:
    """log(1 + e^(beta x)) / beta."""
    return np.logaddexp(0, x * beta).astype(x.dtype, copy=False) / x.dtype.type(beta)


def index_add(shape: tuple[int, ...], index: Any, values: Array) -> Array:
    """Zeros of the given shape with values added at the index."""
    result = np.zeros(shape, values.dtype)
    np.add.at(result, index, values)
    return result


def adam(
    tensors: Sequence[tuple[Array, Array, Array, Array]], step_size: float, beta1: float, beta2: float, bias2: float,
    eps: float, decay: float,
) -> None:  # fmt: skip
    """One fused Adam step in place on each (param, grad, mean, square); see the package's contract."""

    def work(p: Array, g: Array, m: Array, v: Array) -> None:
        t = scratch.get("adam", p.size, p.dtype).reshape(p.shape)
        np.subtract(g, m, out=t)
        np.multiply(t, 1 - beta1, out=t)
        np.add(m, t, out=m)
        np.multiply(v, beta2, out=v)
        np.multiply(g, (1 - beta2) ** 0.5, out=t)
        np.multiply(t, t, out=t)
        np.add(v, t, out=v)
        np.sqrt(v, out=t)
        np.add(t, eps * bias2**0.5, out=t)
        np.divide(m, t, out=t)
        np.multiply(t, step_size * bias2**0.5, out=t)
        if decay:
            np.multiply(p, 1 - decay, out=p)
        np.subtract(p, t, out=p)

    for param, grad, mean, square in tensors:
        order = memory_order(param)
        if order is None or any(memory_order(a) != order for a in (mean, square)):
            work(param, grad, mean, square)
        else:
            chunked(work, param, grad, mean, square)


def channel_sum(x: Array) -> Array:
    """The sum over all axes but axis 1; where x lies channels-last, as a product of ones with a matrix."""
    last = x.transpose(0, *range(2, x.ndim), 1)
    if x.size <= CHUNK or not last.flags.c_contiguous:
        return x.sum(axis=(0, *range(2, x.ndim)))
    matrix = last.reshape(-1, x.shape[1])
    return matmul(np.ones((1, len(matrix)), x.dtype), matrix)[0]


def dot(a: Array, b: Array) -> Array:
    """The sum of a * b for two vectors; 0-d."""
    return matmul(a[None], b[:, None]).reshape(())
