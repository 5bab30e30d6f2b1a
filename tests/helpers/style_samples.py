"""What the tests of style transfer share: two small pictures, a run on them that takes a moment, and weights."""

import json

import numpy as np
from PIL import Image

from experiments import style_transfer
from experiments.common import images
from nets import vgg

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
    arrays, channels = {}, 3
    for block, (count, width) in enumerate(zip(vgg.CONVOLUTIONS[architecture], vgg.WIDTHS), start=1):
        for i in range(1, count + 1):
            weight = random.standard_normal((width, channels, 3, 3), dtype=np.float32)
            arrays[f"conv{block}_{i}.weight"] = weight * np.float32((2 / (9 * channels)) ** 0.5)
            arrays[f"conv{block}_{i}.bias"] = random.standard_normal(width, dtype=np.float32) * np.float32(0.1)
            channels = width
    metadata = {"format": "minigrad-vgg", "version": 1, "architecture": architecture, **vgg.NO_NORMALISATION, **changes}
    np.savez(path, metadata=json.dumps(metadata), **arrays)
    return arrays
