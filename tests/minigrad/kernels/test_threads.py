"""The kernels' threads (any number, several users, errors, forks, BLAS held and released) and what weights remember."""

import os
import threading

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels import cpu
from minigrad.kernels.cpu import threads
from tests.minigrad.kernels.test_cpu import random, relative_rms


def large_convolution():
    x, weight = random(2, 32, 40, 44, dtype=np.float32), random(32, 32, 3, 3, dtype=np.float32)
    return cpu.conv2d(x, weight, None, (1, 1), (1, 1, 1, 1), (1, 1), 1)


def test_the_same_bits_every_time():
    first = large_convolution()
    for _ in range(5):
        np.testing.assert_array_equal(large_convolution(), first)


def test_a_linear_layer_and_its_gradients_lie_as_their_parameters():
    """Nothing after the products has to change the order: Adam and the activations go through memory once."""
    layer, x = mg.nn.Linear(300, 200), mg.randn(100, 300, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    for array in (y.array, x.grad.array, layer.weight.grad.array):
        assert array.flags.c_contiguous


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_any_number_of_threads(workers, monkeypatch):
    expected = large_convolution()
    monkeypatch.setattr(threads, "_num_threads", workers)
    assert relative_rms(large_convolution(), expected) < 5e-6
    x, grad = random(3, 8, 30, 30), random(3, 8, 30, 30, seed=1)
    gradient = cpu.conv2d_weight(x, grad, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1)
    weight = random(8, 8, 3, 3)
    form = np.vdot(cpu.conv2d(x, weight, None, (1, 1), (1, 1, 1, 1), (1, 1), 1), grad)
    np.testing.assert_allclose(np.vdot(gradient, weight), form, rtol=1e-9)


def test_several_users_at_once():
    expected, results = large_convolution(), [None] * 6

    def user(number):
        for _ in range(4):
            results[number] = large_convolution()

    users = [threading.Thread(target=user, args=(number,)) for number in range(6)]
    for one in users:
        one.start()
    for one in users:
        one.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_nested_work_runs_serially():
    seen = []
    threads.run_workers(lambda worker: seen.append(threads.num_threads()), threads.num_threads())
    expected = 1 if threads.num_threads() > 1 else threads.num_threads()
    assert seen == [expected] * threads.num_threads()
    results = [None] * threads.num_threads()

    def work(worker):
        results[worker] = large_convolution()

    threads.run_workers(work, threads.num_threads())
    for result in results:
        assert relative_rms(result, large_convolution()) < 5e-6


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_a_piece_comes_out_and_blas_is_restored(failing, monkeypatch):
    monkeypatch.setattr(threads, "_num_threads", 2)
    before = blas_threads()

    def work(worker):
        if worker == failing:
            raise ArithmeticError(f"piece {worker}")

    with pytest.raises(ArithmeticError, match=f"piece {failing}"):
        threads.run_workers(work, 2)
    assert threads.num_threads() == 2
    assert blas_threads() == before


def blas_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    return [library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]


def test_blas_is_held_only_inside_kernels():
    before, inside = blas_threads(), []
    with threads._blas:
        inside = blas_threads()
    assert set(inside) <= {1}
    assert blas_threads() == before


def test_a_blas_out_of_reach_is_left_alone(monkeypatch):
    context = threads._SingleThreadedBlas()
    context.libraries = []
    monkeypatch.setattr(threads, "_blas", context)
    assert np.isfinite(large_convolution()).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_computes():
    expected = large_convolution()  # the pool exists now
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if np.array_equal(large_convolution(), expected) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_wrong_number_of_threads_is_refused(text, monkeypatch):
    monkeypatch.setenv("MINIGRAD_NUM_THREADS", text)
    with pytest.raises(ValueError, match="MINIGRAD_NUM_THREADS must be a whole number of at least 1"):
        threads._count()


def test_number_of_threads_from_the_environment(monkeypatch):
    monkeypatch.setenv("MINIGRAD_NUM_THREADS", "3")
    assert threads._count() == 3


# ------------------------------------------------------------------ what only the whole of it can show


def _refill(weight):
    weight.data = mg.tensor(random(*weight.shape, dtype=np.float32, seed=5))


def _train(kind):
    def change(weight):
        weight.grad = mg.ones_like(weight)
        kind([weight], lr=0.5).step()

    return change


WEIGHT_CHANGES = {
    "mul_": lambda weight: weight.mul_(2.0),
    "item": lambda weight: weight.__setitem__(0, 3.0),
    "data copy_": lambda weight: weight.data.copy_(mg.ones_like(weight)),
    "data assigned": _refill,
    "init": mg.nn.init.normal_,
    "sgd": _train(mg.optim.SGD),
    "adam": _train(mg.optim.Adam),
}


@pytest.mark.parametrize("name", WEIGHT_CHANGES)
def test_a_changed_weight_is_transformed_anew(name, monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    x = mg.tensor(random(1, 16, 12, 12, dtype=np.float32))
    weight = mg.tensor(random(16, 16, 3, 3, dtype=np.float32, seed=1), requires_grad=True)
    with mg.no_grad():
        before = mg.conv2d(x, weight, padding=1).numpy()
        assert weight.version.memo
        WEIGHT_CHANGES[name](weight)
        after = mg.conv2d(x, weight, padding=1).numpy()
        fresh = mg.conv2d(x, mg.tensor(weight.detach().numpy().copy()), padding=1).numpy()
    assert relative_rms(after, before) > 0.01
    np.testing.assert_array_equal(after, fresh)


def test_elementwise_kernels_take_reversed_turned_and_gapped_arrays():
    whole = random(2, 8, 130, 140, dtype=np.float32)
    for x in (whole[:, :, ::-1, ::-1], whole.transpose(3, 1, 0, 2), whole[:, ::2], whole[:, :, :, 1::3]):
        np.testing.assert_array_equal(cpu.relu(x), np.maximum(x, 0))
        np.testing.assert_allclose(cpu.leaky_relu(x, 0.2), np.where(x > 0, x, x * np.float32(0.2)), rtol=1e-6)
        np.testing.assert_allclose(cpu.sigmoid(x), 1 / (1 + np.exp(-x.astype(float))), rtol=1e-6)


@pytest.mark.parametrize("width", [9, 70])
def test_max_pooling_passes_nan_on(width):
    x = random(1, 2, 8, width, dtype=np.float32)
    x[0, 0, 3, 4] = np.nan
    y, _ = cpu.max_pool2d(x, (2, 2), (2, 2), (0, 0), (1, 1), False)
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 1, 2]]


def test_a_weight_whose_memory_a_numpy_array_shares_is_never_remembered(monkeypatch):
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    x = mg.tensor(random(1, 16, 12, 12, dtype=np.float32))
    values = random(16, 16, 3, 3, dtype=np.float32, seed=1)
    for weight in (mg.from_numpy(values), mg.tensor(values)):
        shared = weight.numpy()
        before = mg.conv2d(x, weight, padding=1).numpy()
        shared *= 2
        np.testing.assert_allclose(mg.conv2d(x, weight, padding=1).numpy(), 2 * before, rtol=1e-4, atol=1e-4)
