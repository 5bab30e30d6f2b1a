"""What a GPU does with minigrad: the card, its software, and timings beside counted work. `make test-gpu` ends with it.

python -m tests.gpu.report

With MINIGRAD_EMULATE_CUDA=1 it runs on the emulated GPU, on tiny sizes, and says so: those timings mean nothing.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator

from tests.oracles import cuda_emulation

EMULATED = cuda_emulation.is_wanted()
if EMULATED:
    cuda_emulation.activate()
os.environ["MINIGRAD_DEVICE"] = "cuda"


import numpy as np  # noqa: E402

import minigrad as mg  # noqa: E402
from experiments.bench import roofline  # noqa: E402
from minigrad import cuda  # noqa: E402

F = mg.nn.functional


def card() -> Iterator[str]:
    """Who computes here, line by line."""
    cupy = cuda.cupy()
    runtime = cupy.cuda.runtime
    properties = runtime.getDeviceProperties(0)
    free, total = runtime.memGetInfo()
    yield f"card: {properties['name'].decode()}{' (EMULATED: the timings mean nothing)' if EMULATED else ''}"
    capability = f"{properties['major']}.{properties['minor']}"
    yield f"compute capability {capability}, {properties['multiProcessorCount']} processors"
    yield f"memory: {total / 2**30:.1f} GiB, {free / 2**30:.1f} GiB free"
    yield f"driver {_version(runtime.driverGetVersion())}, CUDA runtime {_version(runtime.runtimeGetVersion())}"
    yield f"CuPy {cupy.__version__}, NumPy {np.__version__}, Python {platform.python_version()}"
    yield platform.platform()


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def jobs() -> Iterator[tuple[str, Callable[[], object]]]:
    """Kernels by themselves, then the networks' steps (those not on the emulated GPU, which would take hours)."""
    side, channels, pixels = (32, 4, 8) if EMULATED else (4096, 128, 128)
    a, b = mg.randn(side, side), mg.randn(side, side)
    yield f"matrix product, {side} x {side}", lambda: a @ b
    x, w = mg.randn(1, channels, pixels, pixels), mg.randn(channels, channels, 3, 3)
    yield f"conv 3x3, {channels} channels, {pixels} pixels", lambda: F.conv2d(x, w, padding=1)
    yield f"its gradient to the weights, {pixels} pixels", _weight_gradient(x, w)
    yield f"max pooling 2x2, {channels} channels", lambda: F.max_pool2d(x, 2)
    yield "LeakyReLU", lambda: F.leaky_relu(x, 0.1)
    if not EMULATED:
        for name, make in roofline.STEPS.items():
            yield name, make().run


def _weight_gradient(x: mg.Tensor, w: mg.Tensor) -> Callable[[], object]:
    leaf = w.detach().requires_grad_()
    return lambda: mg.grad(F.conv2d(x, leaf, padding=1).sum(), leaf)


def measured(job: Callable[[], object], repetitions: int) -> float:
    """The least seconds of a run, the device's work included, after one run to compile."""
    device, times = cuda.cupy().cuda.Device(0), []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        job()
        device.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[1:])


CARD = 900.0, 15.0, 10.0  # the card of the estimates: GB/s, float32 TFLOP/s, microseconds a launch


def report() -> Iterator[str]:
    """The report's lines."""
    bandwidth, rate, launch = CARD
    yield "minigrad on this GPU: please send this in"
    yield from card()
    yield f"{'job':44} {'ms':>10} {'estimate':>10} {'GB/s':>9} {'GFLOP/s':>9}"
    for name, job in jobs():
        with roofline.counting() as count:
            job()
        seconds = measured(job, 2 if EMULATED else 20)
        estimate = count.seconds(bandwidth * 1e9, rate * 1e12, launch * 1e-6)
        rates = f"{count.bytes / seconds / 1e9:9.1f} {count.flops / seconds / 1e9:9.1f}"
        yield f"{name:44} {1e3 * seconds:10.3f} {1e3 * estimate:10.3f} {rates}"
    yield f"estimate: ms on a card of {bandwidth:g} GB/s and {rate:g} TFLOP/s, {launch:g} us a launch; for another one:"
    yield "python -m experiments.bench.roofline --bandwidth GB/S --rate TFLOP/S (which counts the optimizer too)"


if __name__ == "__main__":
    usable, reason = cuda.status()
    if not usable:
        print(f"no report: {reason}", file=sys.stderr)
        sys.exit(2)
    for line in report():
        print(line, flush=True)
