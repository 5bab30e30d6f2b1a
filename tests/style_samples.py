"""What the tests of style transfer share: two small pictures, and a run on them that takes a moment."""

import numpy
from PIL import Image

from experiments import pictures, style_transfer

SHALLOW = ["--content-layers", "conv2_2=0.2", "--style-layers", "conv1_1", "conv2_1"]


def small_pictures(folder):
    """The folder, with content.png and style.png of odd sizes."""
    random = numpy.random.default_rng(7)
    for name, size in (("content", (41, 30)), ("style", (37, 45))):
        coarse = Image.fromarray(random.integers(0, 255, (6, 6, 3), dtype=numpy.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return folder


def arguments(files, output, *options):
    """The command's arguments for six steps at 40 pixels in shallow layers."""
    both = [str(files / "content.png"), str(files / "style.png")]
    return [*both, "-o", str(output), "--size", "40", "--steps", "6", *SHALLOW, *map(str, options)]


def transfer(files, output, *options):
    """The result of such a run, (1, 3, 29, 40)."""
    style_transfer.main(arguments(files, output, *options))
    return pictures.load_picture(output)
