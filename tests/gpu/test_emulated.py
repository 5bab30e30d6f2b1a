"""The GPU tests on an emulated GPU: each file of them in a process of its own (see cuda_emulation/__init__.py)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT, TESTS
from tests.oracles import cuda_emulation
from tests.oracles.cuda_emulation import nvrtc

HERE = TESTS / "gpu"
WHY_NOT = cuda_emulation.missing()
pytestmark = [
    pytest.mark.skipif(cuda_emulation.is_wanted(), reason="this process is itself on the emulated GPU"),
    pytest.mark.skipif(WHY_NOT is not None, reason=f"no emulated GPU: {WHY_NOT}"),
]


def run(arguments, **environment):
    """pytest on the emulated GPU; returns what it printed. Fails with that text if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**os.environ, cuda_emulation.SWITCH: "1", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


FILES = sorted(path.name for path in HERE.glob("test_gpu_*.py"))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """(a function: what a test file printed on the emulated GPU, run once; where its CUDA sources were put)."""
    folder, printed = tmp_path_factory.mktemp("sources"), {}

    def outcome(file):
        if file not in printed:
            aside = {} if "seeded_bugs" in file else {nvrtc.FOLDER: str(folder)}
            printed[file] = run([str(HERE / file)], **aside)
        return printed[file]

    return outcome, folder


@pytest.mark.parametrize("file", FILES)
def test_on_the_emulated_gpu(file, outcomes):
    assert " passed" in outcomes[0](file)


@pytest.mark.parametrize("file", ["nn/test_nn.py", "optim/test_optim.py", "test_checkpoint.py"])
def test_what_holds_on_every_device_holds_on_the_emulated_gpu(file):
    """The tests that ask for the fixture `device`, held to PyTorch's numbers as on the CPU."""
    chosen = "pytorchs or a_whole_one_ends"
    assert " passed" in run([str(TESTS / "minigrad" / file), "-k", chosen], MINIGRAD_TEST_DEVICE="cuda")


def test_nvidias_compiler_takes_every_source(outcomes):
    """CuPy's own and minigrad's, of every test above but the planted bugs; see cuda_emulation/nvrtc.py."""
    if not nvrtc.installed():
        pytest.skip("NVRTC is not installed (extra `emulation`)")
    outcome, folder = outcomes
    for file in FILES:
        outcome(file)
    command = [sys.executable, nvrtc.__file__, str(folder), "75", "80", "90", "100"]
    done = subprocess.run(command, capture_output=True, text=True)
    count, ours = (int(number) for number in re.findall(r"(\d+) sources, (\d+) of them", done.stdout)[0])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert count > 300 and ours > 60


def test_threads_in_reverse_order():
    assert " passed" in run([str(HERE / "test_gpu_kernels.py")], SIMT_REVERSE="1")


def sanitizer(name):
    """The path of g++'s sanitizer library, which must be loaded before Python's own code."""
    found = subprocess.run(["g++", f"-print-file-name=lib{name}.so"], capture_output=True, text=True).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip(f"g++ comes without lib{name}")
    return found


def test_kernels_stay_within_their_arrays():
    """The address sanitizer, each array an allocation of its own: elementwise kernels, and those with barriers."""
    chosen = (
        "test_convolutions_in_pieces or test_indices_of_either_width or test_adam or test_a_nan_is_the_maximum "
        "or test_statistics_keep"
    )
    output = run(
        [str(HERE / "test_gpu_kernels.py"), "-s", "-k", chosen],
        LD_PRELOAD=sanitizer("asan"),
        SIMT_FLAGS="-fsanitize=address",
        SIMT_NO_POOL="1",
        ASAN_OPTIONS="detect_leaks=0:detect_stack_use_after_return=0",
    )
    assert " passed" in output and "AddressSanitizer" not in output


OUT_OF_BOUNDS = """
from tests.oracles import cuda_emulation; cuda_emulation.activate()
import cupy
cupy.ElementwiseKernel("raw T x", "T y", "y = x[i + 1]", "reads_beyond")(cupy.zeros(64, "f"), cupy.zeros(64, "f"))
"""
SCATTER = """
from tests.oracles import cuda_emulation; cuda_emulation.activate()
import cupy
y, places = cupy.zeros(4, "f"), cupy.asarray([0, 1, 2] * 200, "i")
cupy.ElementwiseKernel("T g, int32 p", "raw T y", "STATEMENT", "scatters")(cupy.ones(600, "f"), places, y)
"""


BEYOND_A_BARRIER = """
from tests.oracles import cuda_emulation; cuda_emulation.activate()
import cupy
kernel = cupy.RawKernel('''extern "C" __global__ void reverses(const float *x, float *y) {
  __shared__ float kept[64];
  kept[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = kept[63 - threadIdx.x] + x[64 - threadIdx.x];
}''', "reverses")
kernel((1,), (64,), (cupy.zeros(64, "f"), cupy.zeros(64, "f")))
"""
INDEX_ADD = """
from tests.oracles import cuda_emulation; cuda_emulation.activate()
import cupy
from minigrad.kernels import gpu
found = gpu.index_add((4, 3), (cupy.asarray([0, 1, 2] * 100),), cupy.ones((300, 3), "f"))
assert (found.get() == [[100] * 3] * 3 + [[0] * 3]).all()
print("added")
"""


def run_program(text, library, flag):
    environment = {"LD_PRELOAD": sanitizer(library), "SIMT_FLAGS": flag, "SIMT_NO_POOL": "1"}
    options = {"ASAN_OPTIONS": "detect_leaks=0", "TSAN_OPTIONS": "report_bugs=1"}
    return subprocess.run(
        [sys.executable, "-c", text],
        cwd=ROOT,
        env={**os.environ, **environment, **options},
        capture_output=True,
        text=True,
    )


def test_the_address_sanitizer_sees_a_step_beyond_an_array():
    done = run_program(OUT_OF_BOUNDS, "asan", "-fsanitize=address")
    assert done.returncode and "heap-buffer-overflow" in done.stderr


def test_the_address_sanitizer_sees_it_beyond_a_barrier_too():
    done = run_program(BEYOND_A_BARRIER, "asan", "-fsanitize=address")
    assert done.returncode and "heap-buffer-overflow" in done.stderr


def test_adding_at_repeated_indices_is_no_race():
    done = run_program(INDEX_ADD, "tsan", "-fsanitize=thread -DSIMT_THREADS")
    assert done.returncode == 0 and "added" in done.stdout, done.stderr[-2000:]
    assert "data race" not in done.stderr, done.stderr[-2000:]


def test_the_thread_sanitizer_tells_a_safe_scatter_from_a_race():
    flags = "-fsanitize=thread -DSIMT_THREADS"
    race = run_program(SCATTER.replace("STATEMENT", "y[p] += g"), "tsan", flags)
    assert "data race" in race.stderr, race.stderr[-2000:]
    safe = run_program(SCATTER.replace("STATEMENT", "atomicAdd(&y[p], g)"), "tsan", flags)
    assert safe.returncode == 0 and "data race" not in safe.stderr, safe.stderr[-2000:]


def test_the_report_names_card_software_and_timings():
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.report"],
        cwd=ROOT,
        env={**os.environ, cuda_emulation.SWITCH: "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for words in (
        "EMULATED",
        "compute capability 9.0",
        "driver 13.2",
        "CuPy 14.2.0",
        "GB/s",
        "matrix product, 32 x 32",
        "estimate: ms on a card of 900 GB/s",
    ):
        assert words in done.stdout, done.stdout
