"""Elementwise kernels on the GPU: activations, the fused Adam step, and two that CuPy has ready.

Comparisons are written so that a NaN stays a NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ...cuda import cupy
from ...devices import Array
from .common import elementwise

RELU = "T x", "T y", "y = x <= 0 ? T(0) : x", "minigrad_relu"
LEAKY_RELU = "T x, T slope", "T y", "y = x > 0 ? x : slope * x", "minigrad_leaky_relu"
LEAKY_RELU_BACKWARD = (
    "T grad, T x, T slope", "T y", "y = x > 0 || (x != x && slope == 0) ? grad : slope * grad",
    "minigrad_leaky_relu_backward",
)  # fmt: skip
ELU = "T x, T alpha", "T y", "y = x > 0 ? x : alpha * expm1(x)", "minigrad_elu"
SIGMOID = "T x", "T y", "y = T(1) / (T(1) + exp(-x))", "minigrad_sigmoid"
SOFTPLUS = (
    "T x, T beta", "T y",
    "T z = beta * x; y = ((z > 0 ? z : z != z ? z : T(0)) + log1p(exp(-fabs(z)))) / beta", "minigrad_softplus",
)  # fmt: skip
SIGMOID_BACKWARD = "T grad, T y", "T x", "x = grad * y * (T(1) - y)", "minigrad_sigmoid_backward"
TANH_BACKWARD = "T grad, T y", "T x", "x = grad * (T(1) - y * y)", "minigrad_tanh_backward"
BCE_WITH_LOGITS = (
    "T x, T target", "T y",
    "y = (T(1) - target) * x + ((x < 0 ? -x : x != x ? x : T(0)) + log1p(exp(-fabs(x))))", "minigrad_bce_with_logits",
)  # fmt: skip
BCE_WITH_LOGITS_BACKWARD = (
    "T grad, T x, T target", "T dx", "dx = grad * (T(1) / (T(1) + exp(-x)) - target)",
    "minigrad_bce_with_logits_backward",
)  # fmt: skip
ADAM = """
struct Tensors {
  T *param[MANY];
  const T *grad[MANY];
  T *mean[MANY], *square[MANY];
  long long size[MANY];
};

extern "C" __global__ void adam(
    Tensors tensors, T step_size, T beta1, T rest1, T beta2, T rest2, T correction, T eps, T keep) {
  T *params = tensors.param[blockIdx.y], *means = tensors.mean[blockIdx.y], *squares = tensors.square[blockIdx.y];
  const T *grads = tensors.grad[blockIdx.y];
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < tensors.size[blockIdx.y];
       i += (long long)gridDim.x * blockDim.x) {
    T grad = grads[i];
    T mean = beta1 * means[i] + rest1 * grad;
    T square = beta2 * squares[i] + rest2 * grad * grad;
    means[i] = mean;
    squares[i] = square;
    params[i] = keep * params[i] - step_size * mean / (sqrt(square * correction) + eps);
  }
}
"""
MANY = 64  # tensors in one launch: their addresses are passed by value, of which CUDA takes 4 KB
TENSORS = np.dtype([("rows", np.uint64, (5, MANY))])  # the struct of that name
THREADS, BLOCKS = 256, 1024  # of a block; the most for a tensor: larger ones are gone through in strides


def add(a: Array, b: Array) -> Array:
    """a + b."""
    return a + b


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return elementwise(*RELU)(x)


def leaky_relu(x: Array, slope: float) -> Array:
    """x where x > 0, slope * x elsewhere."""
    return elementwise(*LEAKY_RELU)(x, x.dtype.type(slope))


def leaky_relu_backward(grad: Array, x: Array, slope: float) -> Array:
    """grad where x > 0, slope * grad elsewhere; for slope 0 a NaN counts as positive, as in PyTorch's relu."""
    return elementwise(*LEAKY_RELU_BACKWARD)(grad, x, grad.dtype.type(slope))


def elu(x: Array, alpha: float) -> Array:
    """x where x > 0, alpha (e^x - 1) elsewhere."""
    return elementwise(*ELU)(x, x.dtype.type(alpha))


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x); where e^-x overflows, 0 is the right answer."""
    return elementwise(*SIGMOID)(x)


def sigmoid_backward(grad: Array, y: Array) -> Array:
    """grad y (1 - y), for y = sigmoid(x)."""
    return elementwise(*SIGMOID_BACKWARD)(grad, y)


def tanh_backward(grad: Array, y: Array) -> Array:
    """grad (1 - y^2), for y = tanh(x)."""
    return elementwise(*TANH_BACKWARD)(grad, y)


def bce_with_logits(x: Array, target: Array) -> Array:
    """(1 - target) x + log(1 + e^-x), the logarithm as in `softplus`."""
    return elementwise(*BCE_WITH_LOGITS)(x, target)


def bce_with_logits_backward(grad: Array, x: Array, target: Array) -> Array:
    """grad (sigmoid(x) - target)."""
    return elementwise(*BCE_WITH_LOGITS_BACKWARD)(grad, x, target)


def softplus(x: Array, beta: float) -> Array:
    """log(1 + e^(beta x)) / beta, as max(z, 0) + log(1 + e^-|z|) with z = beta x: no overflow."""
    return elementwise(*SOFTPLUS)(x, x.dtype.type(beta))


def matmul(a: Array, b: Array) -> Array:
    """The matrix product over the last two axes; the others broadcast. cuBLAS computes it."""
    return cupy().matmul(a, b)


def gram(x: Array) -> Array:
    """x x^T over the last two axes. cuBLAS computes it as any other product."""
    return cupy().matmul(x, x.swapaxes(-1, -2))


def gram_backward(grad: Array, x: Array) -> tuple[Array, Array]:
    """(grad x, x^T grad): the gradients of x x^T by its two factors."""
    return matmul(grad, x), matmul(x.swapaxes(-1, -2), grad)


def is_own_transpose(a: Array, b: Array) -> bool:
    """Never asked for: cuBLAS computes a Gram matrix as any other product."""
    return False


def dot(a: Array, b: Array) -> Array:
    """The sum of the products of two vectors' entries, 0-d: it stays on the GPU."""
    return cupy().dot(a, b)


def index_add(shape: tuple[int, ...], index: Any, values: Array) -> Array:
    """Zeros of the given shape with values added at the index (with atomics: the order of additions varies)."""
    result = cupy().zeros(shape, values.dtype)
    cupy().add.at(result, index, values)
    return result


def adam(
    tensors: Sequence[tuple[Array, Array, Array, Array]], step_size: float, beta1: float, beta2: float, bias2: float,
    eps: float, decay: float,
) -> None:  # fmt: skip
    """One fused Adam step in place on each (param, grad, mean, square), a launch for 64 of them; see the package's
    contract.

    1 - beta is computed here, in double: in float32, 1 - 0.999 has lost half its digits.
    """
    constants = step_size, beta1, 1 - beta1, beta2, 1 - beta2, 1 / bias2, eps, 1 - decay
    for start in range(0, len(tensors), MANY):
        chunk = tensors[start : start + MANY]
        dense = [[cupy().ascontiguousarray(array) for array in arrays] for arrays in chunk]
        number, table = dense[0][0].dtype, np.zeros((), TENSORS)
        for place, arrays in enumerate(dense):
            table["rows"][:, place] = [*[array.data.ptr for array in arrays], arrays[0].size]
        blocks = min(max(-(-int(table["rows"][4].max()) // THREADS), 1), BLOCKS)
        _adam(number.name)((blocks, len(chunk)), (THREADS,), (table, *[number.type(value) for value in constants]))
        for originals, copies in zip(chunk, dense):
            for place in (0, 2, 3):
                if copies[place] is not originals[place]:
                    originals[place][...] = copies[place]


@cache
def _adam(dtype: str) -> Any:
    kind = {"float32": "float", "float64": "double"}[dtype]
    return cupy().RawKernel(f"#define T {kind}\n#define MANY {MANY}\n{ADAM}", "adam")
