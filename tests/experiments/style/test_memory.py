"""The memory that a style transfer announces: held against what the process took, and what must change it."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.style.memory import Job, check_memory
from experiments.style.presets import PRESETS, RANDOM_FEATURES
from minigrad import cuda
from minigrad.devices import CPU, Device
from nets import vgg_file
from nets.vgg import VGG16_LAYERS
from tests.helpers.paths import ROOT
from tests.helpers.weights_samples import random_layers
from tests.oracles import cuda_emulation

PEAK = """
import re, sys
from experiments import style_transfer
style_transfer.main(sys.argv[1:])
print("peak", re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""  # not getrusage's, in which a child begins with what its parent had
POOL = """
import sys
from tests.oracles import cuda_emulation
if cuda_emulation.is_wanted():
    cuda_emulation.activate()
import cupy
from experiments import style_transfer
style_transfer.main(sys.argv[1:])
print("peak", cupy.get_default_memory_pool().total_bytes() // 1024)
"""  # what the pool has taken it keeps


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The path of a converted VGG16 with random weights, without classifier."""
    path = tmp_path_factory.mktemp("weights") / "vgg16.npz"
    layers = random_layers(VGG16_LAYERS, head=False)
    with path.open("wb") as file:
        vgg_file.write(file, vgg_file.Weights("vgg16", vgg_file.CAFFE_BGR, layers))
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak of memory so")
@pytest.mark.parametrize("trained", [False, True], ids=["random features", "weights"])
def test_the_announced_memory_is_what_is_taken_within_a_quarter(tmp_path, stored, trained):
    """Random features at 64 pixels; weights with two styles and masks at 160 pixels."""
    picture, mask = tmp_path / "picture.png", tmp_path / "mask.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)).save(picture)
    Image.new("L", (16, 12), 128).save(mask)
    words = [picture, picture, "-o", tmp_path / "out.png", "--steps", "2"]
    if trained:
        words += ["--size", "160", "--weights", stored, "--masks", mask, mask]
        words.insert(1, picture)
    else:
        words += ["--size", "64"]
    run = subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, words)], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert run.returncode == 0, run.stderr
    announced = int(re.search(r"about ([\d,]+) MiB of memory", run.stdout)[1].replace(",", ""))
    taken = int(re.search(r"peak (\d+)", run.stdout)[1]) / 1024
    assert 0.75 * taken < announced < 1.25 * taken


def test_the_announced_memory_of_a_gpu_is_what_its_pool_takes(tmp_path, stored):
    """Within a quarter, also of what is taken beside the parameters; few layers, for an emulated GPU is slow."""
    if why_not := cuda_emulation.missing():
        pytest.skip(f"no emulated GPU: {why_not}")
    picture = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)).save(picture)
    words = [picture, picture, "-o", tmp_path / "out.png", "--steps", "2", "--size", "40", "--weights", stored]
    words += ["--device", "cuda", "--content-layers", "conv2_2", "--style-layers", "conv1_1", "conv2_1"]
    run = subprocess.run(
        [sys.executable, "-c", POOL, *map(str, words)], capture_output=True, text=True, cwd=ROOT, timeout=300,
        env={**os.environ, cuda_emulation.SWITCH: "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    announced = int(re.search(r"about ([\d,]+) MiB of memory will be used on the GPU", run.stdout)[1].replace(",", ""))
    taken = int(re.search(r"peak (\d+)", run.stdout)[1]) / 1024
    parameters = 4 * sum(np.prod(shape) for shape in VGG16_LAYERS.conv_shapes().values()) / 2**20
    assert 0.75 * taken < announced < 1.25 * taken
    assert 0.75 * (taken - parameters) < announced + 0.5 - parameters and announced - 0.5 - parameters < 1.25 * (
        taken - parameters
    )


def test_what_does_not_fit_onto_a_gpu_is_refused(stored, monkeypatch):
    monkeypatch.setattr(cuda, "mem_get_info", lambda device=None: (2**30, 2**31))
    job = Job(vgg_file.read(stored), PRESETS["default"], (3000, 4000), [(300, 400)], device=Device("cuda", 0))
    with pytest.raises(ValueError, match=r"--size: 4000 x 3000 .* 1\.0 are free on the GPU; use --size"):
        check_memory(job)
    small = dataclasses.replace(job, size=(300, 400))
    assert check_memory(small) < dataclasses.replace(small, device=CPU).bytes()
    monkeypatch.setenv("MINIGRAD_GPU_MEMORY", "0.1")
    with pytest.raises(ValueError, match=r"0\.1 are free on the GPU"):
        check_memory(small)


def test_everything_that_is_kept_counts(stored):
    weights, preset = vgg_file.read(stored), PRESETS["default"]
    plain = Job(weights, preset, (300, 400), [(300, 400)] * 2)
    assert dataclasses.replace(plain, masked=True).bytes() > plain.bytes()
    assert dataclasses.replace(plain, size=(600, 800)).bytes() > 2 * plain.bytes()
    assert dataclasses.replace(plain, styles=[(1200, 1600)]).bytes() > 2 * plain.bytes()
    few = dataclasses.replace(preset, steps=1)
    assert dataclasses.replace(plain, preset=few).bytes() < plain.bytes()
    assert dataclasses.replace(plain, weights=None, preset=RANDOM_FEATURES).transforms() > plain.transforms()
    head = dataclasses.replace(weights, arrays={**weights.arrays, "fc6.weight": np.empty((4096, 25088), np.float16)})
    assert dataclasses.replace(plain, weights=head).bytes() - plain.bytes() >= 4 * 4096 * 25088
