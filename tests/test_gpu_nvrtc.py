"""Every CUDA source that the kernels' tests produce, compiled by NVIDIA's own compiler: it needs no GPU."""

import cuda_emulation
import gpu_device
import pytest

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu
if not cuda_emulation.is_wanted():
    pytest.skip("on a real GPU, the real compiler compiles everything anyway", allow_module_level=True)
pytest.importorskip("nvidia.cu13", reason="NVRTC is not installed (extra `emulation`)")

from cupy.cuda import compiler  # noqa: E402
from test_gpu_kernels import (  # noqa: E402
    CUDA,
    classifier,
    convolutions,
    gpu,
    on_gpu,
    pools_and_resizes,
    train,
)


@pytest.fixture(scope="module")
def sources():
    """(source, options) of all kernels that a training step and every kernel by itself make CuPy compile."""
    convolutions(gpu, on_gpu)
    pools_and_resizes(gpu, on_gpu)
    net, adam = classifier()
    train(net.to("cuda"), adam, CUDA, 1)
    return list(cuda_emulation.captured.items())


def compiled(source, options, architecture):
    program = compiler._NVRTCProgram(source, "kernel.cu", method="cubin")
    binary, _ = program.compile((*options, "--device-as-default-execution-space", f"-arch=sm_{architecture}"))
    return binary


@pytest.mark.parametrize("architecture", [75, 80, 90, 100])
def test_nvrtc_compiles_every_source(sources, architecture):
    assert len(sources) > 20
    for source, options in sources:
        assert len(compiled(source, options, architecture)) > 500


def test_nvrtc_refuses_a_wrong_source(sources):
    source, options = next(item for item in sources if "minigrad_columns" in item[0])
    with pytest.raises(compiler.CompileException):
        compiled(source.replace("I rest = i;", "I rest = undeclared;"), options, 90)
