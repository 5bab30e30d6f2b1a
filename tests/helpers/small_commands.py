"""Every command that writes, as a run of seconds on small inputs: what the tests of kills and of full disks share.

The command line that writes into the folder `out` is COMMANDS["gan"].words(Inputs(folder, commands), out).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from tests.helpers.digit_files import write_digits
from tests.helpers.style_samples import SHALLOW, small_pictures, write_weights


@dataclass(frozen=True)
class Small:
    """module: of the command. line: its arguments, with {out} and the names of `Inputs`' properties. resume: whether it
    is a training, which --resume goes on with. alone: whether it computes in its own process."""

    module: str
    line: str
    resume: bool = False
    alone: bool = True

    def words(self, inputs, out):
        return [word.format(out=out, inputs=inputs) for word in self.line.split()]


class Inputs:
    """What the commands read; each is made when it is first asked for. commands: a `killable.Commands`."""

    def __init__(self, folder, commands):
        self.folder, self.commands = folder, commands

    def _made(self, name):
        (self.folder / name).mkdir()
        return self.folder / name

    @cached_property
    def digits(self):
        return write_digits(self._made("digits"))

    @cached_property
    def pictures(self):
        return small_pictures(self._made("pictures"))

    @cached_property
    def photos(self):
        folder, numbers = self._made("photos"), np.random.default_rng(0)
        for name in range(9):
            coarse = Image.fromarray(numbers.integers(0, 256, (12, 10, 3), np.uint8))
            coarse.resize((66, 74), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
        return folder

    @cached_property
    def weights(self):
        write_weights(self.folder / "vgg16.npz")
        return self.folder / "vgg16.npz"

    @cached_property
    def foreign(self):
        np.savez(self.folder / "foreign.npz", **write_weights(self.folder / "same.npz"))
        return self.folder / "foreign.npz"

    def trained(self, name):
        """The folder of a run of one of the trainings below."""
        run, training = self.folder / f"run of {name}".replace(" ", "_"), COMMANDS[name]
        if not run.exists():
            outcome = self.commands(training.module, training.words(self, run))
            assert outcome.code == 0, outcome.output
        return run

    @cached_property
    def gan(self):
        return self.trained("gan")

    @cached_property
    def convolutional(self):
        return self.trained("convolutional gan")

    @cached_property
    def text(self):
        return self.trained("gan-cls")


def training(module, line):
    return Small(f"experiments.{module}", f"{line} {OFTEN}", resume=True)


OFTEN = "--pictures-every 4 --checkpoint-every 1 --device cpu --out {out}"
GAN = "--dataset mnist --data-dir {inputs.digits} --batch-size 4"
MLP = f"{GAN} --net mlp --hidden 8 --noise-dim 3 --steps 24"
TRANSLATION = "--data-dir {inputs.digits} --count 24 --batch-size 3 --width 2 --steps 6"
TEXT = "--width 4 --batch-size 4 --matching 2 --steps 8"
PERCEPTUAL = "--batch-size 2 --steps 4"
PICTURES = "{inputs.pictures}/content.png {inputs.pictures}/style.png"
SEE = "{inputs.weights} {inputs.photos}/0.png --size 44 --steps 2 --device cpu -o {out}"

TRAININGS = {
    "gan": training("train_gan", MLP),
    "gan, averaged": training("train_gan", f"{MLP} --conditional --ema 0.9 --loss wgan-gp"),
    "convolutional gan": training("train_gan", f"{GAN} --net dcgan_lab --steps 2"),
    "pix2pix": training("train_translation", f"--game pix2pix --compare {TRANSLATION}"),
    "cyclegan": training(
        "train_translation", f"--game cyclegan --pool 4 --constant-steps 2 --decay-steps 4 {TRANSLATION}"
    ),
    "discogan": training("train_translation", f"--game discogan --constant-steps 2 --decay-steps 4 {TRANSLATION}"),
    "domain transfer": training("train_translation", f"--game domain_transfer {TRANSLATION}"),
    "gan-cls": training("train_text_gan", f"--image-size 8 {TEXT}"),
    "stackgan": training("train_text_gan", f"--game stackgan --image-size 32 --first-steps 4 {TEXT}"),
    "fast style": training(
        "fast_style",
        "train {inputs.pictures}/style.png --content {inputs.photos} --weights {inputs.weights} --size 16 "
        f"--style-size 32 {PERCEPTUAL}",
    ),
    "super-resolution": training(
        "super_resolution.__main__",
        f"train --photos {{inputs.photos}} --blocks 1 --channels 4 --crop 32 --test {{inputs.photos}} {PERCEPTUAL}",
    ),
}
OTHERS = {
    "paint": Small("experiments.paint", "-o {out}/painting.png --size 40"),
    "line": Small("experiments.gan_1d", "--steps 6 --frames 2 --batch-size 16 --hidden 4 --device cpu --out {out}"),
    "plane": Small("experiments.gan_2d", "--steps 20 --frames 3 --hidden 8 --device cpu --out {out}"),
    "failures": Small("experiments.gan_failures", "--steps 12 --device cpu --out {out}"),
    "style": Small(
        "experiments.style_transfer",
        f"{PICTURES} -o {{out}}/result.png --size 40 --steps 6 --save-every 2 --gif --report {' '.join(SHALLOW)}",
    ),
    "reconstructions": Small(
        "experiments.reconstruct", "{inputs.photos}/0.png --weights {inputs.weights} -o {out} --size 44 --steps 2"
    ),
    "sweep": Small(
        "experiments.style_sweep",
        f"{PICTURES} --weights {{inputs.weights}} -o {{out}}/sweep.png --size 44 --steps 2 --depths 1 --ratios 0.01",
    ),
    "samples": Small("experiments.gan_sample", "{inputs.gan} -n 4 -o {out}/samples.npy --device cpu"),
    "latent": Small("experiments.gan_latent", "{inputs.gan} --samples 9 --out {out} --device cpu"),
    "metrics": Small(
        "experiments.gan_metrics", "{inputs.gan} -n 32 --data-dir {inputs.digits} --out {out} --device cpu"
    ),
    "drawn text": Small(
        "experiments.draw_text", "{inputs.text} --from seven --to two -o {out}/drawn.png --count 3 --device cpu"
    ),
    "translated folder": Small("experiments.translate", "edges {inputs.photos} -o {out} --device cpu"),
    "stylized folder": Small("experiments.fast_style", "apply starry {inputs.photos} -o {out} --size 48 --device cpu"),
    "enlarged folder": Small(
        "experiments.super_resolution.__main__", "enlarge srresnet {inputs.photos} -o {out} --device cpu"
    ),
    "see receptive fields": Small("experiments.see", f"receptive_field {SEE} --layers pool1 conv2_1"),
    "see inversions": Small("experiments.see", f"invert {SEE} --layer relu2_1 --count 1"),
    "see textures": Small("experiments.see", f"textures {SEE}"),
    "see filters": Small(
        "experiments.see",
        "filters {inputs.convolutional} --data-dir {inputs.digits} --pictures 20 --device cpu -o {out}",
    ),
    "see forgetting": Small("experiments.see", "forget {inputs.convolutional} --samples 20 --device cpu -o {out}"),
    "packed model": Small(
        "experiments.ship", "pack {inputs.gan} digits --models {out} --about a --command b --source c"
    ),
    "weights": Small("weights_converter.__main__", "{inputs.foreign} -o {out}/vgg.npz --input-convention torchvision"),
    "export": Small("weights_converter.__main__", "export {inputs.weights} -o {out}/vgg.safetensors"),
    "export for torch.load": Small(
        "weights_converter.__main__", "export {inputs.gan}/checkpoint.npz --part G -o {out}/generator.pth"
    ),
    "graph": Small("minigrad.trace", "draw -o {out}/graph.png"),
    "bench": Small("experiments.bench.__main__", "--quick --out {out}"),
    "bench growth": Small("experiments.bench.__main__", "--growth --out {out}"),
    "bench scaling": Small("experiments.bench.__main__", "--scaling --out {out}"),
    "demo": Small("experiments.demo", "--quick --out {out}", alone=False),
}
COMMANDS = {**TRAININGS, **OTHERS}


def made(folder):
    """The folder, with a file of the user's in it."""
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("the user's own")
    return folder
