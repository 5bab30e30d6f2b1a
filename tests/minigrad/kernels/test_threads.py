"""The kernels' threads (any number, several users, errors, forks, BLAS held and released) and what weights remember."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import minigrad as mg
from minigrad.kernels import cpu
from minigrad.kernels.cpu import threads, weight_cache
from minigrad.kernels.cpu.threads import single_threaded_blas
from tests.helpers.arrays import random, relative_rms
from tests.helpers.paths import ROOT


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
    """The number of threads of each BLAS, by the libraries' own account."""
    single_threaded_blas.find()
    return [library.get() for library in [*single_threaded_blas.shared, *single_threaded_blas.private]]


@pytest.fixture
def two_blas_threads():
    """BLAS with two threads, whatever the environment says."""
    libraries = single_threaded_blas.find()
    before = blas_threads()
    for library in libraries:
        library.set(2)
    yield
    for library, count in zip(libraries, before):
        library.set(count)


def in_thread(work):
    """What work() returns when another thread calls it."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("run", [lambda work: work(), in_thread], ids=["main thread", "another thread"])
def test_blas_is_held_only_inside_kernels(run, two_blas_threads):
    def inside():
        with single_threaded_blas, single_threaded_blas:
            return blas_threads()

    before = blas_threads()
    in_thread(large_convolution)  # whoever was the first to set a limit, the next can set one too
    assert set(run(inside)) <= {1}
    assert blas_threads() == before


def test_each_piece_and_product_finds_blas_held(two_blas_threads):
    counts = []
    in_thread(lambda: threads.run_workers(lambda worker: counts.extend(blas_threads()), threads.num_threads()))
    threads.run_workers(lambda worker: counts.extend(blas_threads()), 1)
    assert set(counts) <= {1}


def test_the_last_of_overlapping_users_restores(two_blas_threads):
    before, entered, leave = blas_threads(), threading.Event(), threading.Event()

    def user():
        with single_threaded_blas:
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=user)
    with single_threaded_blas:
        other.start()
        entered.wait(10)
    assert set(blas_threads()) <= {1}
    leave.set()
    other.join()
    assert blas_threads() == before


class PerThreadController:
    """A threadpoolctl controller of a BLAS whose limit every thread has for itself, as with OpenMP."""

    user_api, internal_api = "blas", "blis"

    def __init__(self):
        self.local = threading.local()

    def get_num_threads(self):
        return getattr(self.local, "count", 4)

    def set_num_threads(self, count):
        self.local.count = count


class OpenMPLibrary:
    """An OpenBLAS built with OpenMP: its own functions do not count, OpenMP's do."""

    def __init__(self):
        controller = PerThreadController()
        self.omp_get_max_threads, self.omp_set_num_threads = controller.get_num_threads, controller.set_num_threads
        self.openblas_get_num_threads = self.openblas_set_num_threads = lambda *count: pytest.fail("no effect")


class OpenMPController:
    user_api, internal_api, threading_layer = "blas", "openblas", "openmp"

    def __init__(self):
        self.dynlib = OpenMPLibrary()


@pytest.mark.parametrize("controller", [PerThreadController(), OpenMPController()], ids=["found out", "OpenMP"])
def test_limits_that_each_thread_has_for_itself(controller, monkeypatch):
    context, counts = threads._SingleThreadedBlas(), []
    monkeypatch.setattr(
        threads.threadpoolctl, "ThreadpoolController", lambda: SimpleNamespace(lib_controllers=[controller])
    )
    monkeypatch.setattr(threads, "single_threaded_blas", context)
    monkeypatch.setattr(threads, "_helpers", [])
    monkeypatch.setattr(threads, "_num_threads", 3)
    context.find()
    (library,) = context.private

    def user():
        before = library.get()
        threads.run_workers(lambda worker: counts.append(library.get()), 3)
        return before, library.get()

    assert user() == in_thread(user) == (4, 4)
    assert counts == [1] * 6


def test_a_limit_for_the_whole_process_is_found_out():
    count = [4]
    assert threads._is_process_wide(lambda: count[0], lambda new: count.__setitem__(0, new))
    assert count == [4]
    own = PerThreadController()
    assert not threads._is_process_wide(own.get_num_threads, own.set_num_threads)


def test_a_blas_out_of_reach_is_left_alone(monkeypatch):
    context = threads._SingleThreadedBlas()
    context.shared = []
    monkeypatch.setattr(threads, "single_threaded_blas", context)
    assert np.isfinite(large_convolution()).all()


# ------------------------------------------------------------------ floating-point warnings


def large_overflow():
    """A kernel that overflows in its last piece alone."""
    x = np.ones(1 << 20, np.float32)
    x[-1] = 3e38
    return cpu.leaky_relu(-x, 10.0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pieces_follow_the_callers_error_state(count, monkeypatch):
    monkeypatch.setattr(threads, "_num_threads", count)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        large_overflow()
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(large_overflow()[-1])
    with np.errstate(over="warn"), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="overflow"):
            large_overflow()


# ------------------------------------------------------------------ forks


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forks_while_other_threads_compute(two_blas_threads):
    """Each child computes the same bits, and has as many BLAS threads as the parent outside of kernels."""
    expected, stop, before = large_convolution(), threading.Event(), blas_threads()

    def user():
        while not stop.is_set():
            large_convolution()

    users = [threading.Thread(target=user) for _ in range(3)]
    for one in users:
        one.start()
    try:
        codes = [child_code(expected, before) for _ in range(8)]
    finally:
        stop.set()
        for one in users:
            one.join()
    assert codes == [0] * 8
    assert blas_threads() == before


def child_code(expected, before):
    """Forks; the child's exit code: 0 when it computes `expected` and its BLAS has `before` threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: forking with threads is unsafe in general
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(30)  # a child that hangs is killed
            sound = blas_threads() == before and np.array_equal(large_convolution(), expected)
            code = 0 if sound and blas_threads() == before else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# ------------------------------------------------------------------ the environment


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "10000", "9" * 99, "\u00b2"])
def test_a_wrong_number_of_threads_is_refused_by_the_first_kernel(text, monkeypatch):
    monkeypatch.setenv("MINIGRAD_NUM_THREADS", text)
    monkeypatch.setattr(threads, "_num_threads", None)
    with pytest.raises(ValueError, match="MINIGRAD_NUM_THREADS must be a whole number from 1 to 9999"):
        large_convolution()


@pytest.mark.parametrize("text", ["-1", "much", "1e3", "9" * 99])
def test_a_wrong_amount_of_memory_is_refused_by_the_first_kernel(text, monkeypatch):
    monkeypatch.setenv("MINIGRAD_WINOGRAD_MEMORY", text)
    monkeypatch.setenv("MINIGRAD_CONV", "winograd")
    monkeypatch.setattr(weight_cache.kept, "limit", None)
    x, weight = mg.rand(1, 16, 12, 12), mg.rand(16, 16, 3, 3)
    with mg.no_grad(), pytest.raises(ValueError, match="MINIGRAD_WINOGRAD_MEMORY must be a whole number of megabytes"):
        mg.conv2d(x, weight, padding=1)


def test_a_wrong_setting_does_not_break_the_import_and_costs_a_command_one_sentence(tmp_path):
    environment = {**os.environ, "MINIGRAD_NUM_THREADS": "two", "MINIGRAD_WINOGRAD_MEMORY": "much"}
    words = ["experiments.train_gan", "--net", "mlp", "--steps", "1", "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-m", *words], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == "error: MINIGRAD_NUM_THREADS must be a whole number from 1 to 9999, got 'two'\n"


def test_number_of_threads_from_the_environment(monkeypatch):
    monkeypatch.setenv("MINIGRAD_NUM_THREADS", "3")
    monkeypatch.setattr(threads, "_num_threads", None)
    assert threads.num_threads() == 3


# ------------------------------------------------------------------ what only the whole of it can show
