"""Can the tests see a wrong kernel? Each kernel is broken on purpose, and the comparison with NumPy must notice."""

import gpu_device
import numpy as np
import pytest
from gpu_device import on_gpu

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu

from test_gpu_kernels import assert_equal, convolutions, draw, pools_and_resizes  # noqa: E402

from minigrad.kernels import (  # noqa: E402
    cpu,
    gpu,
    gpu_convolution,
    gpu_elementwise,
    gpu_normalization,
    gpu_pooling,
    gpu_resizing,
)


def statistics(kernels, move):
    x, grad = move(draw(5, 3, 6, 9)), move(draw(6, 3, 6, 9)[1:].copy())
    mean, var = kernels.moments(x)
    rstd, weight, bias = 1 / (var + 1e-5) ** 0.5, move(draw(3)), move(draw(3))
    return [
        mean, var, kernels.channel_sum(x), kernels.normalize(x, mean, rstd, weight, bias),
        *kernels.normalize_backward(grad, x, mean, rstd, weight),
    ]  # fmt: skip


def activations(kernels, move):
    x, grad = move(draw(90)), move(draw(90)[::-1].copy())
    state = [move(draw(90)), move(draw(90)), move(draw(90) ** 2)]
    kernels.adam(state[0], grad, state[1], state[2], 0.1, 0.9, 0.99, 0.3, 1e-3, 0.1)
    return [
        *state, kernels.relu(x), kernels.leaky_relu(x, 0.2), kernels.leaky_relu_backward(grad, x, 0.2),
        kernels.elu(x, 0.7), kernels.sigmoid(x), kernels.softplus(x * 30, 2.0),
    ]  # fmt: skip


ELEMENTWISE_BUGS = [
    (convolutions, gpu_convolution, "COLUMNS", "+ u * dy - top", "+ u * dy - left"),
    (convolutions, gpu_convolution, "COLUMNS", "col < width", "col <= width"),
    (convolutions, gpu_convolution, "COLUMNS", "row_of_y * sy", "row_of_y * sx"),
    (convolutions, gpu_convolution, "GATHER_COLUMNS", "down % sy != 0", "false"),
    (convolutions, gpu_convolution, "GATHER_COLUMNS", "u < kh", "u < kh - 1"),
    (convolutions, gpu_convolution, "GATHER_COLUMNS", "y += total", "y = total + 1"),
    (pools_and_resizes, gpu_pooling, "MAX_POOL", "value > best", "value < best"),
    (pools_and_resizes, gpu_pooling, "MAX_POOL", "u * kw + v;", "u * kh + v;"),
    (pools_and_resizes, gpu_pooling, "MAX_POOL_SCATTER", "== u * kw + v", "== v * kh + u"),
    (pools_and_resizes, gpu_pooling, "MAX_POOL_SCATTER", "down % sy != 0", "false"),
    (pools_and_resizes, gpu_pooling, "MAX_POOL_GATHER", "choice / kw", "choice / kh"),
    (pools_and_resizes, gpu_pooling, "AVG_POOL", "height + top)", "height)"),
    (pools_and_resizes, gpu_pooling, "AVG_POOL", "/ T(count)", "/ T(kh * kw)"),
    (pools_and_resizes, gpu_pooling, "AVG_POOL_SCATTER", "/ T(count)", "/ T(kh * kw)"),
    (pools_and_resizes, gpu_resizing, "UPSAMPLE", "row / sy", "row / sx"),
    (pools_and_resizes, gpu_resizing, "UPSAMPLE_SUM", "v < sx", "v < sy"),
    (pools_and_resizes, gpu_resizing, "PAD", "2 * (height - 1) - row", "2 * height - 1 - row"),
    (pools_and_resizes, gpu_resizing, "PAD", "? -col", "? -col - 1"),
    (pools_and_resizes, gpu_resizing, "PAD_SUM", "row > 0 ? top - row", "row >= 0 ? top - row"),
    (pools_and_resizes, gpu_resizing, "PAD_SUM", "last_row[0] = padded_height - 1", "last_row[0] = padded_height - 2"),
    (statistics, gpu_normalization, "NORMALIZE", "i / inner % channels", "i % channels"),
    (activations, gpu_elementwise, "RELU", "T(0) : x", "x : T(0)"),
    (activations, gpu_elementwise, "LEAKY_RELU", "slope * x", "x"),
    (activations, gpu_elementwise, "LEAKY_RELU_BACKWARD", "x > 0", "grad > 0"),
    (activations, gpu_elementwise, "ELU", "expm1(x)", "exp(x)"),
    (activations, gpu_elementwise, "SIGMOID", "exp(-x)", "exp(x)"),
    (activations, gpu_elementwise, "SOFTPLUS", "exp(-fabs(z))", "exp(z)"),
    (activations, gpu_elementwise, "SOFTPLUS", "/ beta", "* beta"),
    (activations, gpu_elementwise, "ADAM", "rest2 * grad * grad", "rest2 * grad"),
    (activations, gpu_elementwise, "ADAM", "keep * param", "param"),
    (activations, gpu_elementwise, "ADAM", "* correction", ""),
]
NORMALIZATION_BUGS = [
    ("half > 0", "half > 1"),
    ("total / T(count);", "total / T(count - 1);"),
    ("biases += grad[p]", "biases += x[p]"),
    ("grad_weight[blockIdx.x] = weights", "grad_weight[blockIdx.x] = biases"),
    ("+ normal * weights)", "- normal * weights)"),
    ("j / inner * channels", "j / inner"),
    ("sum[blockIdx.x] = total", "sum[blockIdx.x] = mine"),
]


@pytest.mark.parametrize(
    ("run", "module", "kernel", "right", "wrong"), ELEMENTWISE_BUGS, ids=[f"{b[2]}: {b[4]}" for b in ELEMENTWISE_BUGS]
)
def test_a_bug_in_a_kernel_is_caught(monkeypatch, run, module, kernel, right, wrong):
    inputs, outputs, body, name = getattr(module, kernel)
    assert right in body
    monkeypatch.setattr(module, kernel, (inputs, outputs, body.replace(right, wrong), name))
    expected = run(cpu, np.copy)
    with pytest.raises(AssertionError):
        assert_equal(run(gpu, on_gpu), expected)


@pytest.mark.parametrize(("right", "wrong"), NORMALIZATION_BUGS, ids=[wrong for _, wrong in NORMALIZATION_BUGS])
def test_a_bug_in_the_statistics_is_caught(monkeypatch, right, wrong):
    assert right in gpu_normalization.SOURCE
    monkeypatch.setattr(gpu_normalization, "SOURCE", gpu_normalization.SOURCE.replace(right, wrong))
    gpu_normalization._kernel.cache_clear()
    try:
        with pytest.raises(AssertionError):
            assert_equal(statistics(gpu, on_gpu), statistics(cpu, np.copy))
    finally:
        gpu_normalization._kernel.cache_clear()


@pytest.mark.parametrize("run", [statistics, activations, pools_and_resizes, convolutions])
def test_the_right_kernels_pass_the_same_comparison(run):
    assert_equal(run(gpu, on_gpu), run(cpu, np.copy))
