"""Commands are killed at random moments and run again: they end as if nothing had happened, and nothing is left over.

Seeded. Trainings must end with the checkpoint of an undisturbed run, bit for bit. Every command must end with the
files that an undisturbed run leaves, no temporary ones among them, and keep a file of the user's in the same folder.
The suite kills a few of the commands once; with MINIGRAD_KILLS each is killed so often (`make robustness`).
"""

import hashlib
import os
import random
import signal
import sys

import numpy as np
import pytest
from PIL import Image

from tests.helpers.digit_files import write_digits
from tests.helpers.killable import Commands
from tests.helpers.style_samples import SHALLOW, small_pictures, write_weights

KILLS = int(os.environ.get("MINIGRAD_KILLS", "1"))  # of each command
IN_SUITE = ("gan", "discogan", "gan-cls", "super-resolution", "plane", "weights")  # the others when KILLS is set

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")

OFTEN = "--pictures-every 4 --checkpoint-every 1 --device cpu --out {out}"
GAN = f"--dataset mnist --data-dir {{digits}} --batch-size 4 --steps 24 {OFTEN}"
TRANSLATION = f"--data-dir {{digits}} --count 24 --batch-size 3 --width 2 --steps 6 {OFTEN}"
TEXT = f"--width 4 --batch-size 4 --matching 2 --steps 8 {OFTEN}"
PERCEPTUAL = f"--batch-size 2 --steps 4 {OFTEN}"
TRAININGS = {
    "gan": ("train_gan", f"--net mlp --hidden 8 --noise-dim 3 {GAN}"),
    "gan, averaged": ("train_gan", f"--net mlp --hidden 8 --noise-dim 3 --conditional --ema 0.9 --loss wgan-gp {GAN}"),
    "pix2pix": ("train_translation", f"--game pix2pix --compare {TRANSLATION}"),
    "cyclegan": ("train_translation", f"--game cyclegan --pool 4 --constant-steps 2 --decay-steps 4 {TRANSLATION}"),
    "discogan": ("train_translation", f"--game discogan --constant-steps 2 --decay-steps 4 {TRANSLATION}"),
    "domain transfer": ("train_translation", f"--game domain_transfer {TRANSLATION}"),
    "gan-cls": ("train_text_gan", f"--image-size 8 {TEXT}"),
    "stackgan": ("train_text_gan", f"--game stackgan --image-size 32 --first-steps 4 {TEXT}"),
    "fast style": ("fast_style",
        "train {pictures}/style.png --content {photos} --weights {weights} --size 16 --style-size 32 " + PERCEPTUAL),
    "super-resolution": ("super_resolution.__main__",
        "train --photos {photos} --blocks 1 --channels 4 --crop 32 --test {photos} " + PERCEPTUAL),
}  # fmt: skip
PICTURES = "{pictures}/content.png {pictures}/style.png"
OTHERS = {
    "paint": ("experiments.paint", "-o {out}/painting.png --size 40"),
    "line": ("experiments.gan_1d", "--steps 6 --frames 2 --batch-size 16 --hidden 4 --device cpu --out {out}"),
    "plane": ("experiments.gan_2d", "--steps 20 --frames 3 --hidden 8 --device cpu --out {out}"),
    "failures": ("experiments.gan_failures", "--steps 12 --device cpu --out {out}"),
    "style": ("experiments.style_transfer",
        f"{PICTURES} -o {{out}}/result.png --size 40 --steps 6 --save-every 2 --gif --report {' '.join(SHALLOW)}"),
    "reconstructions": ("experiments.reconstruct",
        "{pictures}/content.png --weights {weights} -o {out} --size 44 --steps 2 --device cpu"),
    "sweep": ("experiments.style_sweep",
        f"{PICTURES} --weights {{weights}} -o {{out}}/sweep.png --size 44 --steps 2 --depths 1 --ratios 0.01"),
    "enlarged folder": ("experiments.super_resolution.__main__", "enlarge srresnet {photos} -o {out} --device cpu"),
    "weights": ("weights_converter.__main__", "{foreign} -o {out}/vgg.npz --input-convention torchvision"),
}  # fmt: skip


def chosen(table):
    return [name for name in table if name in IN_SUITE or "MINIGRAD_KILLS" in os.environ]


@pytest.fixture(scope="module")
def commands():
    with Commands() as commands:
        yield commands


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Everything that the commands read, by the names in their command lines."""
    folder, numbers = tmp_path_factory.mktemp("inputs"), np.random.default_rng(0)
    for name in ("digits", "photos", "pictures"):
        (folder / name).mkdir()
    write_digits(folder / "digits")
    small_pictures(folder / "pictures")
    for name in range(9):
        coarse = Image.fromarray(numbers.integers(0, 256, (12, 10, 3), np.uint8))
        coarse.resize((66, 74), Image.Resampling.BICUBIC).save(folder / "photos" / f"{name}.png")
    foreign = write_weights(folder / "vgg16.npz")
    np.savez(folder / "foreign.npz", **foreign)
    paths = {name: folder / name for name in ("digits", "photos", "pictures")}
    return {**paths, "weights": folder / "vgg16.npz", "foreign": folder / "foreign.npz"}


def words(line, inputs, out):
    return [word.format(out=out, **inputs) for word in line.split()]


def contents(folder):
    """The checksum of each file under a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def killed_and_again(commands, module, line, inputs, folder, again=()):
    """The contents of the folder of an undisturbed run, and those of folders in which runs were killed before they were
    done, until there were KILLS kills in all.

    A kill comes at any moment of the time that an undisturbed run takes, however far the killed ones have come.
    """
    whole = commands(module, words(line, inputs, made(folder / "once")))
    assert whole.code == 0, whole.output
    moments, kills, results = random.Random(f"{module} {line}"), 0, []
    while kills < KILLS:
        killed = made(folder / f"killed{len(results)}")
        arguments = [*words(line, inputs, killed), *again]
        outcome = None
        while outcome is None or outcome.code:
            late = moments.uniform(0, whole.seconds) if kills < KILLS else None
            outcome = commands(module, arguments, kill_after=late)
            assert outcome.code in (0, -signal.SIGKILL), outcome.output
            kills += outcome.code != 0
        assert not list(killed.rglob("*.part")), "temporary files are left"
        assert (killed / "mine.txt").read_text() == "the user's own"
        results.append(contents(killed))
        assert len(results) < 10 + KILLS, "the runs end before they are killed"
    return contents(folder / "once"), results


def made(folder):
    """The folder, with a file of the user's in it."""
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("the user's own")
    return folder


@pytest.mark.parametrize("name", chosen(TRAININGS))
def test_a_training_that_was_killed_ends_with_the_same_bits(commands, inputs, tmp_path, name):
    module, line = TRAININGS[name]
    once, results = killed_and_again(commands, f"experiments.{module}", line, inputs, tmp_path, ["--resume"])
    same = [path for path in once if path.startswith(("checkpoint", "samples", "losses.csv"))]
    assert "checkpoint.npz" in same and "losses.csv" in same
    for killed in results:
        assert {path: once[path] for path in same} == {path: killed.get(path) for path in same}
        assert once.keys() == killed.keys()


@pytest.mark.parametrize("name", chosen(OTHERS))
def test_a_command_that_was_killed_leaves_the_same_files_when_it_is_run_again(commands, inputs, tmp_path, name):
    module, line = OTHERS[name]
    once, results = killed_and_again(commands, module, line, inputs, tmp_path)
    for killed in results:
        assert once.keys() == killed.keys()
