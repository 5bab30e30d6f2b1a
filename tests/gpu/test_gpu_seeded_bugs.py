"""Can the tests see a wrong kernel? Each kernel is broken on purpose, and the comparison with NumPy must notice."""

import numpy as np
import pytest

from tests.helpers import gpu_device
from tests.helpers.gpu_device import on_gpu
from tests.helpers.kernel_samples import assert_equal, convolutions, draw, pools_and_resizes

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu

from minigrad.kernels import cpu, gpu  # noqa: E402
from minigrad.kernels.gpu import conv, elementwise, norm, pool, resize  # noqa: E402


def statistics(kernels, move):
    x, grad = move(draw(5, 3, 6, 9)), move(draw(6, 3, 6, 9)[1:].copy())
    mean, var = kernels.moments(x)
    rstd, weight, bias, running = kernels.inverse_std(var, 0.1), move(draw(3)), move(draw(3)), move(draw(3))
    kernels.follow(running, mean, 0.3)
    return [
        mean, var, rstd, running, kernels.channel_sum(x), kernels.normalize(x, mean, rstd, weight, bias),
        *kernels.normalize_backward(grad, x, mean, rstd, weight),
    ]  # fmt: skip


def activations(kernels, move):
    x, grad = move(draw(90)), move(draw(90)[::-1].copy())
    state = [move(draw(90)), move(draw(90)), move(draw(90) ** 2)]
    kernels.adam([(state[0], grad, state[1], state[2])], 0.1, 0.9, 0.99, 0.3, 1e-3, 0.1)
    return [
        *state, kernels.relu(x), kernels.leaky_relu(x, 0.2), kernels.leaky_relu_backward(grad, x, 0.2),
        kernels.elu(x, 0.7), kernels.sigmoid(x), kernels.softplus(x * 30, 2.0),
        kernels.sigmoid_backward(grad, x), kernels.tanh_backward(grad, x), kernels.bce_with_logits(x * 30, grad),
        kernels.bce_with_logits_backward(grad, x, x),
    ]  # fmt: skip


ELEMENTWISE_BUGS = [
    (convolutions, conv, "COLUMNS", "+ u * dy - top", "+ u * dy - left"),
    (convolutions, conv, "COLUMNS", "col < width", "col <= width"),
    (convolutions, conv, "COLUMNS", "row_of_y * sy", "row_of_y * sx"),
    (convolutions, conv, "GATHER_COLUMNS", "down % sy != 0", "false"),
    (convolutions, conv, "GATHER_COLUMNS", "u < kh", "u < kh - 1"),
    (convolutions, conv, "GATHER_COLUMNS", "y += total", "y = total + 1"),
    (pools_and_resizes, pool, "MAX_POOL", "value > best", "value < best"),
    (pools_and_resizes, pool, "MAX_POOL", "u * kw + v;", "u * kh + v;"),
    (pools_and_resizes, pool, "MAX_POOL_SCATTER", "== u * kw + v", "== v * kh + u"),
    (pools_and_resizes, pool, "MAX_POOL_SCATTER", "down % sy != 0", "false"),
    (pools_and_resizes, pool, "MAX_POOL_GATHER", "indices / kw", "indices / kh"),
    (pools_and_resizes, pool, "AVG_POOL", "height + top)", "height)"),
    (pools_and_resizes, pool, "AVG_POOL", "/ T(count)", "/ T(kh * kw)"),
    (pools_and_resizes, pool, "AVG_POOL_SCATTER", "/ T(count)", "/ T(kh * kw)"),
    (pools_and_resizes, resize, "UPSAMPLE", "row / sy", "row / sx"),
    (pools_and_resizes, resize, "UPSAMPLE_SUM", "v < sx", "v < sy"),
    (pools_and_resizes, resize, "PAD", "2 * (height - 1) - row", "2 * height - 1 - row"),
    (pools_and_resizes, resize, "PAD", "? -col", "? -col - 1"),
    (pools_and_resizes, resize, "PAD_SUM", "row > 0 ? top - row", "row >= 0 ? top - row"),
    (pools_and_resizes, resize, "PAD_SUM", "last_row[0] = padded_height - 1", "last_row[0] = padded_height - 2"),
    (statistics, norm, "NORMALIZE", "i / inner % channels", "i % channels"),
    (statistics, norm, "INVERSE_STD", "+ eps", ""),
    (statistics, norm, "FOLLOW", "keep * running", "running"),
    (activations, elementwise, "RELU", "T(0) : x", "x : T(0)"),
    (activations, elementwise, "LEAKY_RELU", "slope * x", "x"),
    (activations, elementwise, "SIGMOID_BACKWARD", "- y", "+ y"),
    (activations, elementwise, "TANH_BACKWARD", "- y * y", "- y"),
    (activations, elementwise, "BCE_WITH_LOGITS", "- target", "+ target"),
    (activations, elementwise, "BCE_WITH_LOGITS", "x < 0", "x > 0"),
    (activations, elementwise, "BCE_WITH_LOGITS_BACKWARD", "- target", "+ target"),
    (activations, elementwise, "LEAKY_RELU_BACKWARD", "x > 0", "grad > 0"),
    (activations, elementwise, "ELU", "expm1(x)", "exp(x)"),
    (activations, elementwise, "SIGMOID", "exp(-x)", "exp(x)"),
    (activations, elementwise, "SOFTPLUS", "exp(-fabs(z))", "exp(z)"),
    (activations, elementwise, "SOFTPLUS", "/ beta", "* beta"),
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
    assert right in norm.SOURCE
    monkeypatch.setattr(norm, "SOURCE", norm.SOURCE.replace(right, wrong))
    norm._kernel.cache_clear()
    try:
        with pytest.raises(AssertionError):
            assert_equal(statistics(gpu, on_gpu), statistics(cpu, np.copy))
    finally:
        norm._kernel.cache_clear()


ADAM_BUGS = [
    ("rest2 * grad * grad", "rest2 * grad"),
    ("keep * params[i]", "params[i]"),
    ("* correction", ""),
    ("means[i] = mean;", ""),
]


@pytest.mark.parametrize(("right", "wrong"), ADAM_BUGS, ids=[right for right, _ in ADAM_BUGS])
def test_a_bug_in_adam_is_caught(monkeypatch, right, wrong):
    assert right in elementwise.ADAM
    monkeypatch.setattr(elementwise, "ADAM", elementwise.ADAM.replace(right, wrong))
    elementwise._adam.cache_clear()
    try:
        with pytest.raises(AssertionError):
            assert_equal(activations(gpu, on_gpu), activations(cpu, np.copy))
    finally:
        elementwise._adam.cache_clear()


@pytest.mark.parametrize("run", [statistics, activations, pools_and_resizes, convolutions])
def test_the_right_kernels_pass_the_same_comparison(run):
    assert_equal(run(gpu, on_gpu), run(cpu, np.copy))
