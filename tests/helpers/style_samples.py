"""What the tests of style transfer share: two small pictures, a run on them that takes a moment, and weights."""

import json
import math

import numpy as np
from PIL import Image

from experiments import style_transfer
from experiments.common import images
from nets import vgg
from nets.vgg_file import TORCHVISION, Weights

SHALLOW = ["--content-layers", "conv2_2=0.2", "--style-layers", "conv1_1", "conv2_1"]


def small_pictures(folder):
    """The folder, with content.png and style.png of odd sizes."""
    random = np.random.default_rng(7)
    for name, size in (("content", (41, 30)), ("style", (37, 45))):
        coarse = Image.fromarray(random.integers(0, 255, (6, 6, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return folder


def arguments(files, output, *options):
    """The command's arguments for six steps at 40 pixels in shallow layers."""
    both = [str(files / "content.png"), str(files / "style.png")]
    return [*both, "-o", str(output), "--size", "40", "--steps", "6", *SHALLOW, *map(str, options)]


def transfer(files, output, *options):
    """The result of such a run, (1, 3, 29, 40)."""
    style_transfer.main(arguments(files, output, *options))
    return images.load_picture(output)


def write_weights(path, architecture="vgg16", seed=0, **changes):
    """A converted file with seeded He-normal weights, made by hand; returns its arrays."""
    random = np.random.default_rng(seed)
    layers = {table.name: table for table in vgg.ARCHITECTURES}[architecture]
    arrays = {}
    for name, shape in layers.conv_shapes().items():
        scale = (2 / math.prod(shape[1:])) ** 0.5 if len(shape) == 4 else 0.1
        arrays[name] = random.standard_normal(shape, dtype=np.float32) * np.float32(scale)
    metadata = json.loads(Weights(architecture, TORCHVISION, {}).metadata()) | changes
    np.savez(path, metadata=json.dumps(metadata), **arrays)
    return arrays
