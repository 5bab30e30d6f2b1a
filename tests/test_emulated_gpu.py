"""The GPU tests on an emulated GPU: each file of them in a process of its own (see cuda_emulation/__init__.py)."""

import os
import subprocess
import sys
from pathlib import Path

import cuda_emulation
import pytest

HERE = Path(__file__).parent
WHY_NOT = cuda_emulation.missing()
pytestmark = [
    pytest.mark.skipif(cuda_emulation.is_wanted(), reason="this process is itself on the emulated GPU"),
    pytest.mark.skipif(WHY_NOT is not None, reason=f"no emulated GPU: {WHY_NOT}"),
]


def run(arguments, **environment):
    """pytest on the emulated GPU; returns what it printed. Fails with that text if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments],
        cwd=HERE.parent,
        env={**os.environ, cuda_emulation.SWITCH: "1", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("file", sorted(path.name for path in HERE.glob("test_gpu_*.py")))
def test_on_the_emulated_gpu(file):
    assert " passed" in run([str(HERE / file)])


def test_threads_in_reverse_order():
    assert " passed" in run([str(HERE / "test_gpu_kernels.py")], SIMT_REVERSE="1")
