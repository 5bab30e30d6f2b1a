"""Both backends export the kernels of the contract under the same names and arguments; CuPy is not needed to see it."""

import inspect
import re
import subprocess
import sys

import pytest

from minigrad import kernels
from minigrad.kernels import cpu, gpu
from tests.helpers.paths import ROOT


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_the_backends_have_the_same_kernels():
    assert sorted(gpu.__all__) == sorted(cpu.__all__)
    assert all(callable(getattr(module, name)) for module in (cpu, gpu) for name in module.__all__)


@pytest.mark.parametrize("name", cpu.__all__)
def test_the_backends_take_the_same_arguments(name):
    assert parameters(getattr(gpu, name)) == parameters(getattr(cpu, name))


@pytest.mark.parametrize("name", cpu.__all__)
def test_the_contract_describes_every_kernel(name):
    assert re.search(rf"\b{name}\(", kernels.__doc__)


def test_the_gpu_kernels_import_without_cupy():
    code = "import sys; sys.modules['cupy'] = None; from minigrad.kernels import gpu; assert gpu.conv2d"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
