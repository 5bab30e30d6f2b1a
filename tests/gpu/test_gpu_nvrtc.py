"""NVIDIA's own compiler notices what is wrong. What it is given, and where: test_emulated_gpu.py."""

import pytest

from tests.helpers import gpu_device
from tests.helpers.gpu_device import on_gpu
from tests.helpers.kernel_samples import convolutions
from tests.oracles import cuda_emulation
from tests.oracles.cuda_emulation import nvrtc

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu
if not cuda_emulation.is_wanted():
    pytest.skip("on a real GPU, the real compiler compiles everything anyway", allow_module_level=True)
if not nvrtc.installed():
    pytest.skip("NVRTC is not installed (extra `emulation`)", allow_module_level=True)

from cupy.cuda import compiler  # noqa: E402

from minigrad.kernels import gpu  # noqa: E402


def test_nvrtc_refuses_a_wrong_source():
    convolutions(gpu, on_gpu)
    source, options = next(item for item in cuda_emulation.captured.items() if "minigrad_columns" in item[0])
    with pytest.raises(compiler.CompileException):
        nvrtc.compiled(source.replace("I rest = i;", "I rest = undeclared;"), options, 90)
