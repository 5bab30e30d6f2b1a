"""Where the GPU tests run: on a real device if the probe finds one, else on the emulated one, else not at all."""

import pytest

from minigrad import cuda, devices
from tests.oracles import cuda_emulation

CUDA = devices.Device("cuda")


def require_gpu() -> None:
    """Skip the module that calls this unless this process has a GPU, real or emulated."""
    if cuda_emulation.is_wanted():
        cuda_emulation.activate()
    usable, reason = cuda.status()
    if cuda_emulation.is_wanted():
        assert usable, f"the emulated GPU fails its probe: {reason}"
    elif not usable:
        pytest.skip(
            f"no GPU: {reason}; test_emulated_gpu.py runs this file on an emulated one", allow_module_level=True
        )


def on_gpu(array):
    """A NumPy array's numbers as a CuPy array."""
    return devices.to_device(array, CUDA)
