"""Kernels: the numeric work, arrays in and arrays out, no Tensor and no graph.

`kernels_of(array)` gives the module that works on that array: `cpu` (NumPy) or `gpu` (CuPy). Both export the
same names with the same meaning, so an operation is written once:

    y = kernels_of(x).conv2d(x, weight, bias, stride, padding, dilation, groups)

Conventions, for every kernel in both modules:

* Shapes are logical: images are (N, C, H, W), weights (out, in / groups, kH, kW). The memory order is free:
  arguments may have any strides (channels-last, broadcast, reversed), results may lie channels-last.
* Arguments are never modified (except by the optimizer kernels, which say so); results are fresh arrays.
* Floating dtypes are float32 and float64; the result has the argument's dtype. float64 is always computed
  by the plain exact path, since gradient checks rely on it.
* Arguments have been validated by the operation that calls: kernels do not check shapes.
* Sizes may be zero (an empty batch); the result is then an empty or zero array of the right shape.
* Pairs are (vertical, horizontal). `padding` of convolutions and `pad2d` is (top, bottom, left, right);
  padding of pooling is a pair.

Convolution: three adjoint forms of the trilinear form  sum_y y_bar . conv2d(x, w)
    conv2d(x, weight, bias, stride, padding, dilation, groups, cache=None) -> (N, O, H', W')
    conv_transpose2d(x, weight, bias, output_size, stride, padding, dilation, groups, cache=None)
        -> (N, O, *output_size); the adjoint of conv2d in its input; weight is (in, out / groups, kH, kW)
    conv2d_weight(x, grad, kernel_size, stride, padding, dilation, groups) -> (O, C / groups, kH, kW)
        the adjoint of conv2d in its weight
    `bias` is (O,) or None. `cache` is None or a dict tied to the weight's present contents: a kernel may keep in
    it what it derived from the weight (say, its Winograd transform), keyed so that views do not collide.
    channel_sum(x) -> (C,): the sum over all axes but axis 1 (the bias gradient)

Pooling
    max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode) -> (y, indices)
        indices: integers of y's shape, the position kH-index * kW + kW-index inside the window of the first
        maximum in row-major order; a NaN counts as the maximum
    max_pool2d_scatter(grad, indices, input_size, kernel_size, stride, padding, dilation) -> (N, C, *input_size)
    max_pool2d_gather(x, indices, kernel_size, stride, padding, dilation) -> indices's shape; the adjoint of scatter
    avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad) -> y
    avg_pool2d_scatter(grad, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad)
        -> (N, C, *input_size); the adjoint of avg_pool2d
    Windows, sizes, ceil_mode and divisors are PyTorch's.

Resampling and padding of the last two axes
    upsample_nearest2d(x, scale) -> (N, C, H * scale[0], W * scale[1]) for a pair of ints
    upsample_nearest2d_sum(grad, scale) -> the adjoint: the sum over each scale[0] x scale[1] block
    pixel_shuffle(x, factor) -> (N, C, H * factor, W * factor) from (N, C * factor^2, H, W), as PyTorch orders them
    pixel_unshuffle(x, factor) -> its inverse and adjoint
    pad2d(x, padding, mode) -> mode is "reflect" or "replicate"; x: (N, C, H, W)
    pad2d_sum(grad, padding, mode) -> the adjoint

Normalization; x is (N, C) or (N, C, ...); statistics are (C,), over the batch, or (N, C), of each image
    moments(x, per_image=False) -> (mean, var): per channel, (C,) or with per_image (N, C); var is the biased variance
    normalize(x, mean, rstd, weight, bias) -> (x - mean) * rstd * weight + bias; weight and bias are (C,) or None
    normalize_backward(grad, x, mean, rstd, weight) -> (grad_x, grad_weight, grad_bias)
        where mean and rstd = inverse_std(var, eps) are functions of x (training mode); grad_weight = sum(grad * xhat)

    inverse_std(var, eps) -> (var + eps)^-1/2
    follow(running, batch, momentum): in place, running = (1 - momentum) running + momentum batch

Sums
    add(a, b) -> a + b for two arrays of one shape

Activations
    relu(x), leaky_relu(x, slope), elu(x, alpha), sigmoid(x), softplus(x, beta)
    leaky_relu_backward(grad, x, slope): grad where x > 0, slope * grad elsewhere (slope 0 is relu, where a NaN
        passes the gradient on)
    sigmoid_backward(grad, y), tanh_backward(grad, y): grad y (1 - y) and grad (1 - y^2), for results y
    bce_with_logits(x, target): (1 - target) x + log(1 + e^-x), for two arrays of one shape
    bce_with_logits_backward(grad, x, target): grad (sigmoid(x) - target), for three

Products
    matmul(a, b) -> the matrix product over the last two axes, which both have; the others broadcast
    gram(x) -> matmul(x, x^T) for x (..., C, P)
    gram_backward(grad, x) -> (matmul(grad, x), matmul(x^T, grad)): the gradients of x x^T by its two factors
    is_own_transpose(a, b) -> whether matmul(a, b) is better computed as gram(a): b is a^T in the same memory
    dot(a, b) -> 0-d: the sum of the products of two vectors' entries

Indexing
    index_add(shape, index, values) -> zeros(shape) with `values` added at `index` (NumPy indexing; repeats add up)

Optimizer
    adam(tensors, step_size, beta1, beta2, bias2, eps, decay): one fused step of several parameters, in place; tensors
        is a list of (param, grad, mean, square), all of one dtype:
        param *= 1 - decay  (decoupled weight decay; 0 for plain Adam)
        mean = beta1 * mean + (1 - beta1) * grad;  square = beta2 * square + (1 - beta2) * grad^2
        param -= step_size * mean / (sqrt(square / bias2) + eps)     with bias2 = 1 - beta2^t
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from ..devices import Array
from . import cpu


def kernels_of(array: Array) -> ModuleType:
    """The kernel module for an array's device: `cpu` for NumPy arrays, `gpu` for CuPy arrays."""
    if isinstance(array, (np.ndarray, np.generic)):
        return cpu
    from . import gpu  # imported late: it needs CuPy

    return gpu
