"""The disk is full, or can no longer be written to, from some moment on: at the writes of several commands.

Simulated where the project's files are opened. Each time the command must end with exit code 2 and one sentence, leave
no temporary file and every earlier file whole, and finish when it is run again with room. The suite tries the first
and the last write of each command; MINIGRAD_FULL_DISK sets how many.
"""

import errno
import io
import os
import random
import tempfile
import warnings

import numpy as np
import pytest
from PIL import Image

from experiments import gan_2d, gan_latent, gan_sample, paint, style_transfer, train_gan
from experiments.common import cli, plots, run_checkpoints
from experiments.common.status import Status
from experiments.super_resolution import __main__ as super_resolution
from minigrad import files
from tests.helpers.digit_files import write_digits
from tests.helpers.style_samples import SHALLOW, small_pictures, write_weights
from weights_converter import __main__ as weights_converter

TRIES = int(os.environ.get("MINIGRAD_FULL_DISK", "2"))  # of each command and each kind of failure

TRAINING = "--pictures-every 2 --checkpoint-every 1 --steps 4 --device cpu --out {out}"
SMALL_GAN = "--dataset mnist --data-dir {digits} --net mlp --hidden 8 --noise-dim 3 --batch-size 4"
TRAININGS = {
    "gan": (train_gan, f"{SMALL_GAN} {TRAINING}"),
    "super-resolution": (super_resolution,
        f"train --photos {{photos}} --blocks 1 --channels 4 --crop 32 --batch-size 2 {TRAINING}"),
}  # fmt: skip
OTHERS = {
    "paint": (paint, "-o {out}/painting.png --size 12"),
    "plane": (gan_2d, "--steps 4 --frames 2 --hidden 4 --device cpu --out {out}"),
    "samples": (gan_sample, "{run} -n 4 -o {out}/samples.npy --device cpu"),
    "latent": (gan_latent, "{run} --out {out} --device cpu"),
    "style": (style_transfer, "{pictures}/content.png {pictures}/style.png -o {out}/result.png --size 40 --steps 2 "
        f"--save-every 1 --gif --report --style-layers conv1_1 --content-layers {SHALLOW[1]}"),
    "weights": (weights_converter, "{foreign} -o {out}/vgg.npz --input-convention torchvision"),
}  # fmt: skip
COMMANDS = {**TRAININGS, **OTHERS}


class Disk:
    """Counts what is written through the places that open the project's files, and fails from the n-th on.

    what: "write" fails with ENOSPC at raw writes, "create" with EROFS at new files.
    """

    def __init__(self, monkeypatch, what="write", last=10**9):
        self.what, self.last, self.count = what, last, {"write": 0, "create": 0}
        disk = self

        class File(io.FileIO):
            def write(self, content):
                disk.step("write")
                return super().write(content)

        def fdopen(handle, mode, **options):
            return os.fdopen(handle, mode, **options) if options else io.BufferedWriter(File(handle, mode))

        def open_text(path, mode, buffering=-1, encoding="utf-8", errors=None):
            if "r" in mode:
                return open(path, mode)
            disk.step("create")
            binary = io.BufferedWriter(File(path, mode))
            return io.TextIOWrapper(binary, encoding, errors, line_buffering=buffering == 1)

        def mkstemp(**options):
            disk.step("create")
            return tempfile.mkstemp(**options)

        monkeypatch.setattr(files, "os", Instead(os, fdopen=fdopen))
        monkeypatch.setattr(files, "tempfile", Instead(tempfile, mkstemp=mkstemp))
        monkeypatch.setattr(plots, "open", open_text, raising=False)

    def step(self, what):
        self.count[what] += 1
        if what == self.what and self.count[what] > self.last:
            number = errno.ENOSPC if what == "write" else errno.EROFS
            raise OSError(number, os.strerror(number))


class Instead:
    """A module of which one function is another."""

    def __init__(self, module, **functions):
        self.__dict__.update({**vars(module), **functions})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Everything that the commands read, by the names in their command lines."""
    folder, numbers = tmp_path_factory.mktemp("inputs"), np.random.default_rng(0)
    paths = {name: folder / name for name in ("digits", "photos", "pictures", "run")}
    for path in paths.values():
        path.mkdir()
    write_digits(paths["digits"])
    small_pictures(paths["pictures"])
    for name in "abc":
        Image.fromarray(numbers.integers(0, 256, (66, 74, 3), np.uint8)).save(paths["photos"] / f"{name}.png")
    np.savez(folder / "foreign.npz", **write_weights(folder / "vgg16.npz"))
    paths |= {"weights": folder / "vgg16.npz", "foreign": folder / "foreign.npz"}
    train_gan.main(words(f"{SMALL_GAN} {TRAINING}", paths, paths["run"]))
    return paths


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    for name in ("at", "_write"):  # notes of progress, by the clock, whose failures are ignored
        monkeypatch.setattr(Status, name, lambda *_: False)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


def words(line, inputs, out):
    return [word.format(out=out, **inputs) for word in line.split()]


def outcome(module, arguments):
    """The exit code of a command."""
    if module is weights_converter:
        return module.main(arguments)
    with pytest.raises(SystemExit) as left:
        cli.run(lambda: module.main(arguments))
    return left.value.code or 0


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def moments(count, name):
    """The first, the last, and some in between."""
    numbers = random.Random(name)
    return sorted({0, count - 1, *numbers.sample(range(count), min(count, max(TRIES - 2, 0)))})


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("what", ["write", "create"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_costs_one_sentence_and_nothing_else(inputs, tmp_path, monkeypatch, capfd, name, what):
    module, line = COMMANDS[name]
    again = ["--resume"] if name in TRAININGS else []
    once = tmp_path / "once"
    once.mkdir()
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        assert outcome(module, words(line, inputs, once)) == 0
    capfd.readouterr()
    for number in moments(disk.count[what], f"{name} {what}"):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        (folder / "mine.txt").write_text("the user's own")
        arguments = [*words(line, inputs, folder), *again]
        with monkeypatch.context() as patch:
            Disk(patch, what, number)
            code = outcome(module, arguments)
        errors = capfd.readouterr().err
        sentences = [text for text in errors.replace("\r", "\n").split("\n") if text.startswith("error: ")]
        assert (code, len(sentences)) == (2, 1), (number, errors)
        assert "Traceback" not in errors and "ignored" not in errors, (number, errors)
        assert any(text in sentences[0] for text in ("space left", "read-only", "Read-only")), (number, sentences)
        assert not list(folder.glob("*.part")) + list(folder.glob(".*.part")), number
        if (folder / run_checkpoints.NEWEST).exists():
            run_checkpoints.read(folder / run_checkpoints.NEWEST)
        assert outcome(module, arguments) == 0, (number, capfd.readouterr().err)
        capfd.readouterr()
        assert contents(folder).pop("mine.txt") == b"the user's own"
        assert contents(folder).keys() - {"mine.txt"} == contents(once).keys()
        if name in TRAININGS:
            newest = run_checkpoints.NEWEST
            assert (folder / newest).read_bytes() == (once / newest).read_bytes()
