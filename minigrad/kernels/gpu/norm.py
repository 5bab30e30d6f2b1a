"""Normalization on the GPU: one block of threads for each channel.

The threads of a block share out the channel's entries, and add up their partial sums in shared memory in a fixed
tree: results do not depend on timing. x is (N, C, ...) as a vector: entry j of channel c stands at
(j / inner * C + c) * inner + j % inner, where inner is the number of entries of one image in one channel.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from ...cuda import cupy
from ...devices import Array
from .common import elementwise, rows

THREADS = 256  # in a block: a power of two

SOURCE = """
typedef long long Index;

__device__ inline Index place(Index j, Index inner, Index channels) {
  return (j / inner * channels + blockIdx.x) * inner + j % inner;
}

// The sum of one number from each thread of the block; every thread gets it.
__device__ inline T block_sum(T value, T* partial) {
  partial[threadIdx.x] = value;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  T total = partial[0];
  __syncthreads();
  return total;
}

extern "C" __global__ void channel_sum(const T* x, T* sum, Index count, Index inner, Index channels) {
  __shared__ T partial[THREADS];
  T mine = 0;
  for (Index j = threadIdx.x; j < count; j += blockDim.x) mine += x[place(j, inner, channels)];
  T total = block_sum(mine, partial);
  if (threadIdx.x == 0) sum[blockIdx.x] = total;
}

// In two passes, the second over centered values: the difference of large sums would lose every digit.
extern "C" __global__ void moments(const T* x, T* mean, T* var, Index count, Index inner, Index channels) {
  __shared__ T partial[THREADS];
  T mine = 0;
  for (Index j = threadIdx.x; j < count; j += blockDim.x) mine += x[place(j, inner, channels)];
  T center = block_sum(mine, partial) / T(count);
  T squares = 0;
  for (Index j = threadIdx.x; j < count; j += blockDim.x) {
    T distance = x[place(j, inner, channels)] - center;
    squares += distance * distance;
  }
  T total = block_sum(squares, partial);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = center;
    var[blockIdx.x] = total / T(count);
  }
}

extern "C" __global__ void normalize_backward(
    const T* grad, const T* x, const T* mean, const T* rstd, const T* scale, T* grad_x, T* grad_weight, T* grad_bias,
    Index count, Index inner, Index channels) {
  __shared__ T partial[THREADS];
  T center = mean[blockIdx.x], inverse = rstd[blockIdx.x];
  T weights = 0, biases = 0;
  for (Index j = threadIdx.x; j < count; j += blockDim.x) {
    Index p = place(j, inner, channels);
    weights += grad[p] * (x[p] - center) * inverse;
    biases += grad[p];
  }
  weights = block_sum(weights, partial);
  biases = block_sum(biases, partial);
  for (Index j = threadIdx.x; j < count; j += blockDim.x) {
    Index p = place(j, inner, channels);
    T normal = (x[p] - center) * inverse;
    grad_x[p] = scale[blockIdx.x] * (grad[p] - (biases + normal * weights) / T(count));
  }
  if (threadIdx.x == 0) {
    grad_weight[blockIdx.x] = weights;
    grad_bias[blockIdx.x] = biases;
  }
}
"""

NORMALIZE = (
    "T x, raw T mean, raw T scale, raw T bias, int64 inner, int64 channels", "T y",
    "ptrdiff_t c = i / inner % channels; y = (x - mean[c]) * scale[c] + bias[c];", "minigrad_normalize",
)  # fmt: skip

INVERSE_STD = "T var, T eps", "T rstd", "rstd = T(1) / sqrt(var + eps)", "minigrad_inverse_std"
FOLLOW = "T batch, T keep, T momentum", "T running", "running = keep * running + momentum * batch", "minigrad_follow"


@cache
def _kernel(name: str, dtype: str) -> Any:
    kind = {"float32": "float", "float64": "double"}[dtype]
    return cupy().RawKernel(f"#define T {kind}\n#define THREADS {THREADS}\n{SOURCE}", name)


def _launch(name: str, x: Array, *arguments: Array) -> None:
    """Run a kernel on x's channels, a block for each."""
    channels, inner = x.shape[1], math.prod(x.shape[2:])
    if channels:
        sizes = [np.int64(value) for value in (x.shape[0] * inner, inner, channels)]
        _kernel(name, x.dtype.name)((channels,), (THREADS,), (*arguments, *sizes))


def channel_sum(x: Array) -> Array:
    """The sum over all axes but axis 1."""
    total = cupy().empty(x.shape[1], x.dtype)
    _launch("channel_sum", x, rows(x), total)
    return total


def _as_channels(x: Array) -> Array:
    """(N, C, ...) as (1, N C, ...): each channel of each image counts as a channel."""
    return cupy().ascontiguousarray(x).reshape(1, x.shape[0] * x.shape[1], *x.shape[2:])


def moments(x: Array, per_image: bool = False) -> tuple[Array, Array]:
    """(mean, biased variance) of each channel, (C,), or of each channel of each image, (N, C)."""
    if per_image:
        mean, var = moments(_as_channels(x))
        return mean.reshape(x.shape[:2]), var.reshape(x.shape[:2])
    mean, var = cupy().empty(x.shape[1], x.dtype), cupy().empty(x.shape[1], x.dtype)
    _launch("moments", x, rows(x), mean, var)
    return mean, var


def inverse_std(var: Array, eps: float) -> Array:
    """(var + eps)^-1/2."""
    return elementwise(*INVERSE_STD)(var, var.dtype.type(eps))


def follow(running: Array, batch: Array, momentum: float) -> None:
    """In place, running = (1 - momentum) running + momentum batch."""
    number = running.dtype.type
    elementwise(*FOLLOW)(batch, number(1 - momentum), number(momentum), running)


def normalize(x: Array, mean: Array, rstd: Array, weight: Array | None, bias: Array | None) -> Array:
    """(x - mean) rstd weight + bias; mean and rstd are (C,) or (N, C)."""
    scale = rstd if weight is None else rstd * weight
    if mean.ndim == 2:
        shift = None if bias is None else rows(cupy().broadcast_to(bias, mean.shape))
        return normalize(_as_channels(x), rows(mean), rows(scale), None, shift).reshape(x.shape)
    y = cupy().empty(x.shape, x.dtype)
    if y.size:
        shift = cupy().zeros(x.shape[1], x.dtype) if bias is None else bias
        sizes = np.int64(math.prod(x.shape[2:])), np.int64(x.shape[1])
        elementwise(*NORMALIZE)(rows(x), rows(mean), rows(scale), rows(shift), *sizes, y.reshape(-1))
    return y


def normalize_backward(
    grad: Array, x: Array, mean: Array, rstd: Array, weight: Array | None
) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias) of `normalize` when mean and rstd are x's own:

    dx = weight rstd (dy - sum(dy) / M - xhat sum(dy xhat) / M), over the M entries that share a mean.
    """
    if mean.ndim == 2:
        scale = None if weight is None else rows(cupy().broadcast_to(weight, mean.shape))
        grad_x, *sums = normalize_backward(_as_channels(grad), _as_channels(x), rows(mean), rows(rstd), scale)
        grad_weight, grad_bias = (total.reshape(mean.shape).sum(axis=0) for total in sums)
        return grad_x.reshape(x.shape), grad_weight, grad_bias
    grad_x = cupy().empty(x.shape, x.dtype)
    grad_weight, grad_bias = cupy().empty(x.shape[1], x.dtype), cupy().empty(x.shape[1], x.dtype)
    scale = rstd if weight is None else rstd * weight
    arguments = rows(grad), rows(x), rows(mean), rows(rstd), rows(scale), grad_x, grad_weight, grad_bias
    _launch("normalize_backward", x, *arguments)
    return grad_x, grad_weight, grad_bias
