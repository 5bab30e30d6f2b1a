"""A GAN run that is interrupted ends with the same files as one that is not, however it was interrupted."""

import gzip
import hashlib
import os
import random
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

import minigrad as mg
from experiments import gan_sample, train_gan
from experiments.common import run_checkpoints
from experiments.gan.game import Gan
from tests.helpers.paths import ROOT

KILLS = 20


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder in MNIST's format with 64 random pictures."""
    folder, numbers = tmp_path_factory.mktemp("digits"), np.random.default_rng(0)
    pixels, labels = numbers.integers(0, 256, (64, 28, 28), np.uint8), numbers.integers(0, 10, 64, np.uint8)
    for split in ("train", "t10k"):
        with gzip.open(folder / f"{split}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">IIII", 2051, 64, 28, 28) + pixels.tobytes())
        with gzip.open(folder / f"{split}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">II", 2049, 64) + labels.tobytes())
    return folder


@pytest.fixture
def arguments(digits):
    def make(out, *more):
        small = "--net mlp --hidden 8 --noise-dim 3 --batch-size 4 --grid-every 10 --device cpu"
        return [*small.split(" "), "--dataset", "mnist", "--data-dir", str(digits), "--out", str(out), *map(str, more)]

    return make


def contents(folder):
    """Checksums of what a run must reproduce: checkpoints, losses, grids."""
    names = [p for pattern in ("checkpoint*.npz", "losses.csv", "samples*") for p in folder.glob(pattern)]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


VARIANTS = {
    "plain": [],
    "conditional, averaged": ["--conditional", "--ema", "0.9", "--flip-labels", "0.1", "--dropout", "0.2"],
    "wgan-gp": ["--loss", "wgan-gp"],
    "wgan": ["--loss", "wgan", "--instance-noise", "0.1"],
    "spectral norm": ["--loss", "hinge", "--spectral-norm"],
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_n_and_n_steps_are_2n_steps(tmp_path, arguments, variant):
    options = VARIANTS[variant]
    train_gan.main(arguments(tmp_path / "once", "--steps", 40, *options))
    train_gan.main(arguments(tmp_path / "twice", "--steps", 20, *options))
    train_gan.main(arguments(tmp_path / "twice", "--steps", 40, "--resume", *options))
    once, twice = contents(tmp_path / "once"), contents(tmp_path / "twice")
    assert once == twice
    assert {"checkpoint.npz", "checkpoint_0000040.npz", "losses.csv", "samples_0000040.png", "samples.gif"} <= set(once)


def command(arguments):
    return [sys.executable, "-m", "experiments.train_gan", *arguments]


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "MINIGRAD_NUM_THREADS": "1"}


def test_killed_at_random_moments_and_resumed_it_ends_the_same(tmp_path, arguments):
    steps, moments = 3000, random.Random(5)
    rarely = "--grid-every", 100, "--checkpoint-every", 10
    subprocess.run(command(arguments(tmp_path / "once", "--steps", steps, *rarely)), check=True, env=environment())
    killed, kills = tmp_path / "killed", 0
    while kills < KILLS:
        run = subprocess.Popen(command(arguments(killed, "--steps", steps, "--resume", *rarely)), env=environment())
        wait_for_training(run, killed, moments.uniform(0.0, 0.08), early=kills % 5 == 0)
        assert run.poll() is None, "the run ended before it was killed: it needs more steps"
        run.send_signal(signal.SIGKILL)
        run.wait()
        kills += 1
        whole(killed)
    subprocess.run(command(arguments(killed, "--steps", steps, "--resume", *rarely)), check=True, env=environment())
    assert contents(killed) == contents(tmp_path / "once")
    assert not list(killed.glob(".*.npz")), "unfinished checkpoints are left"


def wait_for_training(run, folder, longer, early=False):
    """Until the run has written a checkpoint, and then a little longer; early: about as long as it takes to start."""
    if early:
        time.sleep(0.4 + 3 * longer)
        return
    path, deadline = folder / run_checkpoints.NEWEST, time.monotonic() + 60
    before = path.stat().st_mtime_ns if path.exists() else 0
    while run.poll() is None and time.monotonic() < deadline:
        if path.exists() and path.stat().st_mtime_ns != before:
            break
        time.sleep(0.002)
    time.sleep(longer)


def whole(folder):
    """The newest checkpoint, if there is one, can be read."""
    path = folder / run_checkpoints.NEWEST
    if path.exists():
        assert run_checkpoints.read(path).step % 10 == 0


def test_ctrl_c_leaves_a_checkpoint_and_exits_cleanly(tmp_path, arguments):
    run = subprocess.Popen(
        command(arguments(tmp_path / "run", "--steps", 1_000_000)), env=environment(), stdout=subprocess.PIPE, text=True
    )
    wait_for_training(run, tmp_path / "run", 0.05)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 0 and "--resume continues" in output
    checkpoint = run_checkpoints.read(tmp_path / "run" / "checkpoint.npz")
    assert f"stopped at step {checkpoint.step} of" in output
    assert (tmp_path / "run" / "index.html").exists()


# -------------------------------------------------------------------------------------- what goes wrong


def test_an_old_run_is_neither_overwritten_nor_continued_as_another(tmp_path, arguments):
    train_gan.main(arguments(tmp_path, "--steps", 3))
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="already holds a run; --resume continues it"):
        train_gan.main(arguments(tmp_path, "--steps", 3))
    with pytest.raises(
        ValueError, match=r"cannot be continued with other settings \(loss is 'ns' there, 'lsgan' here\)"
    ):
        train_gan.main(arguments(tmp_path, "--steps", 6, "--resume", "--loss", "lsgan"))
    with pytest.raises(ValueError, match=r"net is 'mlp' there, 'dcgan_lab' here"):
        train_gan.main(["--net", "dcgan_lab", "--out", str(tmp_path), "--resume", "--device", "cpu"])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", ["truncated", "foreign", "version"])
def test_bad_checkpoints_are_one_sentence(tmp_path, arguments, damage):
    train_gan.main(arguments(tmp_path, "--steps", 3))
    path = tmp_path / "checkpoint.npz"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        kind = run_checkpoints.KIND if damage == "version" else "other"
        mg.save({"kind": kind, "version": 99}, path)
    (tmp_path / "checkpoint_0000003.npz").write_bytes(path.read_bytes())
    before = contents(tmp_path)
    expected = {"truncated": "truncated, damaged", "foreign": "not a checkpoint of a train", "version": "version 99"}
    with pytest.raises(ValueError, match=f"no checkpoint of this run can be read.*{expected[damage]}"):
        train_gan.main(arguments(tmp_path, "--steps", 6, "--resume"))
    assert contents(tmp_path) == before


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, arguments, monkeypatch):
    train_gan.main(arguments(tmp_path, "--steps", 10))
    before = (tmp_path / "checkpoint.npz").read_bytes()

    def full(*anything):
        raise OSError(28, "No space left on device", str(tmp_path / "checkpoint.npz"))

    monkeypatch.setattr(run_checkpoints.mg, "save", full)
    with pytest.raises(ValueError, match=r"checkpoint of step 20 .*no space left on device.* is still the one before"):
        train_gan.main(arguments(tmp_path, "--steps", 20, "--resume"))
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, arguments):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        command(arguments(tmp_path / "file" / "run", "--steps", 3)), env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "cannot write there" in done.stderr
    assert "Traceback" not in done.stderr


def test_losses_that_are_not_finite_stop_the_run(tmp_path, arguments, monkeypatch):
    train_gan.main(arguments(tmp_path, "--steps", 20))
    good = (tmp_path / "checkpoint.npz").read_bytes()
    honest = Gan.step

    def poisoned(self, batches, number):
        if number == 26:
            next(iter(self.players.G.parameters())).array[...] = np.nan
        return honest(self, batches, number)

    monkeypatch.setattr(Gan, "step", poisoned)
    with pytest.raises(ValueError, match=r"step 27: .*the last good checkpoint is .*checkpoint.npz"):
        train_gan.main(arguments(tmp_path, "--steps", 40, "--resume"))
    assert (tmp_path / "checkpoint.npz").read_bytes() == good


def test_samples_are_bytes_and_repeat_by_seed(tmp_path, arguments):
    train_gan.main(arguments(tmp_path / "run", "--steps", 3, "--conditional"))
    checkpoint = str(tmp_path / "run" / "checkpoint.npz")
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        gan_sample.main([checkpoint, "-n", "12", "-o", str(tmp_path / f"{name}.npy"), "--seed", seed, "--labels"])
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == (12, 28, 28) and a.dtype == np.uint8
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert np.load(tmp_path / "a.labels.npy").tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--net", "dcgan_lab", "--conditional"], "--conditional: the network dcgan_lab has no such option"),
        (["--net", "dcgan_b", "--loss", "wgan-gp"], "updates both networks at once"),
        (["--loss", "hinge", "--label-smoothing", "0.1"], "has no labels to smooth"),
        (["--dataset", "nowhere"], "nor a folder of pictures"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        train_gan.main([*options, "--out", str(tmp_path), "--device", "cpu"])
