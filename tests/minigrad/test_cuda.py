"""Why a GPU is not used: one sentence for each cause, found by a probe that never raises and runs once.

CuPy is replaced by stand-ins that fail as it does: with its class names and its messages.
"""

import sys
import types

import numpy as np
import pytest

from minigrad import cuda


def failing(name, message):
    error = type(name, (RuntimeError,), {})(message)

    def fail(*ignored, **also_ignored):
        raise error

    return fail


def stand_in(count=lambda: 1, arange=np.arange):
    """A CuPy whose device count or first array can be made to fail."""
    runtime = types.SimpleNamespace(getDeviceCount=count, getDeviceProperties=lambda index: {"name": b"a card"})
    return types.SimpleNamespace(cuda=types.SimpleNamespace(runtime=runtime), arange=arange, __version__="14.2.0")


class Wrong(np.ndarray):
    """Whatever is multiplied gives zeros."""

    def __matmul__(self, other):
        return np.zeros((2, 2))


def wrong_ramp(*arguments, **options):
    return np.arange(*arguments, **options).view(Wrong)


CAUSES = {
    "driver": (
        stand_in(failing("CUDARuntimeError", "cudaErrorInsufficientDriver: CUDA driver version is insufficient")),
        "no NVIDIA driver was found, or it is older than CuPy's CUDA; install a newer driver",
    ),
    "no device": (
        stand_in(failing("CUDARuntimeError", "cudaErrorNoDevice: no CUDA-capable device is detected")),
        "no CUDA device was found",
    ),
    "none counted": (stand_in(lambda: 0), "no CUDA device was found"),
    "headers": (
        stand_in(arange=failing("CompileException", 'cannot open source file "cuda_fp16.h"\nand more')),
        "kernels cannot be compiled: the CUDA headers or NVRTC are missing",
    ),
    "compiler": (
        stand_in(arange=failing("DynamicLibNotFoundError", "CuPy failed to load libnvrtc.so.13: OSError")),
        "kernels cannot be compiled: the CUDA headers or NVRTC are missing",
    ),
    "cublas": (
        stand_in(arange=failing("DynamicLibNotFoundError", "CuPy failed to load libcublas.so.13: OSError")),
        "cuBLAS was not found or failed",
    ),
    "memory": (
        stand_in(arange=failing("OutOfMemoryError", "Out of memory allocating 512 bytes")),
        "the GPU has no memory left; end what else uses it",
    ),
    "wrong result": (stand_in(arange=wrong_ramp), "the GPU computed a wrong result (22 expected, got 0.0)"),
    "anything else": (stand_in(failing("OddError", "something new\nand more")), "OddError: something new"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_one_sentence(cause, monkeypatch):
    module, sentence = CAUSES[cause]
    monkeypatch.setattr(cuda, "_cupy", module)
    usable, reason = cuda._probe()
    assert not usable and reason.startswith(sentence) and "\n" not in reason
    assert "and more" not in reason


def test_without_cupy(monkeypatch):
    monkeypatch.setattr(cuda, "_cupy", None)
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it fails
    assert cuda._probe() == (
        False,
        "CuPy is not installed; install minigrad with the extra cuda12 or cuda13",
    )


def test_a_working_gpu_is_named_and_probed_once(monkeypatch):
    probes = []

    def counted(*arguments, **options):
        probes.append(1)
        return np.arange(*arguments, **options)

    monkeypatch.setattr(cuda, "_cupy", stand_in(arange=counted))
    monkeypatch.setattr(cuda, "_status", None)
    assert cuda.status() == (True, "a card through CuPy 14.2.0")
    assert cuda.is_available() and len(probes) == 1
