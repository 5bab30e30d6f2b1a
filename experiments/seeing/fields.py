"""What the neurons of a layer can see: their receptive field, and a picture found again from them alone.

A neuron of a convolutional network depends on a square of pixels only. Going back from it to the picture, a convolution
3 x 3 adds one place on each side, and a pooling 2 x 2 doubles the places. With the strides s and the kernels k of the
layers below it, its field has 1 + sum over l of (k_l - 1) * (product of the strides before l) pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

import minigrad as mg
from nets.vgg import VGG16, VGG19, Architecture

from ..common.images import to_image
from .inversion import CodeTargets, invert


def span(architecture: Architecture, layer: str, first: int, last: int) -> tuple[int, int]:
    """The first and the last pixel, along one axis, on which the places first to last of a layer depend.

    They may lie outside of the picture, in the border of zeros.
    """
    names = architecture.layer_names()
    for name in reversed(names[: names.index(layer) + 1]):
        if name.startswith("conv"):
            first, last = first - 1, last + 1
        elif name.startswith("pool"):
            first, last = 2 * first, 2 * last + 1
    return first, last


@dataclass(frozen=True)
class Field:
    """The pixels that some neurons see: rows top to bottom and columns left to right, all four included.

    side: how large the field is without the picture's borders. rows, columns: the neurons' places in their layer.
    """

    rows: slice
    columns: slice
    side: int
    top: int
    bottom: int
    left: int
    right: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """The part of a picture (1, 3, H, W) that is seen."""
        return picture[:, :, self.top : self.bottom + 1, self.left : self.right + 1]

    def drawn_on(self, picture: np.ndarray) -> Image.Image:
        """The picture with the field's box: white between two black lines."""
        image = to_image(picture).convert("RGB")
        draw = ImageDraw.Draw(image)
        for distance, color in ((-1, "black"), (0, "white"), (1, "black")):
            box = (self.left - distance, self.top - distance, self.right + distance, self.bottom + distance)
            draw.rectangle(box, outline=color)
        return image


def central_field(architecture: Architecture, layer: str, count: int, sizes: tuple[int, ...]) -> Field:
    """The field of the central count x count neurons of a layer, for a picture of sizes = (height, width) pixels."""
    names = architecture.layer_names()
    halvings = sum(name.startswith("pool") for name in names[: names.index(layer) + 1])
    places, pixels, side = [], [], 0
    for size in sizes:
        there = size >> halvings
        some = min(count, there)
        start = (there - some) // 2
        first, last = span(architecture, layer, start, start + some - 1)
        places.append(slice(start, start + some))
        pixels += [max(0, first), min(size - 1, last)]
        side = max(side, last - first + 1)
    return Field(places[0], places[1], side, *pixels)


def from_the_center(
    net: VGG16 | VGG19, layer: str, field: Field, original: np.ndarray, smoothness: float, steps: int
) -> np.ndarray:
    """A picture (1, 3, H, W) in [0, 1] of which the central neurons say what they say of the original. (Mahendran and
    Vedaldi 2015.)"""
    picture = mg.tensor(original, device=net.mean.device)
    targets = CodeTargets(net, layer, picture, smoothness, (field.rows, field.columns))
    return invert(targets, original.shape[2:], steps, layer)
