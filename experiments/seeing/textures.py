"""Textures by the number of parameters that describe them (Gatys, Ecker and Bethge 2015, figure 3A).

A texture is described by the Gram matrices of some layers of a network, C (C + 1) / 2 numbers each; a picture made from
noise until it has the same ones is another sample of it. How much of the texture comes back depends on their number:

    10,400      conv1_1 and pool1 to pool4, of each the 64 directions in which its features vary most
    176,640     the same layers, all directions
    852,128     every convolution and pooling of VGG19 up to pool4 (687,904 of VGG16)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import minigrad as mg
from minigrad import Tensor
from nets.vgg import VGG16, VGG19, Architecture

from ..style.losses import gram_matrix
from ..style.presets import Preset
from ..style.reconstruction import POOLING_SET, gram_parameters, searched
from ..style.search import Losses, Search, noise_picture

COMPONENTS = 64


@dataclass(frozen=True)
class Model:
    """What describes a texture: the Gram matrices of these layers, of each so many directions (None: all)."""

    layers: tuple[str, ...]
    components: int | None
    parameters: int


def models(architecture: Architecture) -> list[Model]:
    """The three of them, in order of their size."""
    names = architecture.layer_names()
    every = tuple(name for name in names[: names.index("pool4") + 1] if not name.startswith("relu"))
    sets = ((POOLING_SET, COMPONENTS), (POOLING_SET, None), (every, None))
    return [Model(layers, kept, gram_parameters(architecture, layers, kept)) for layers, kept in sets]


def principal_directions(gram: np.ndarray, count: int) -> np.ndarray:
    """The `count` directions (count, C), of length 1, along which features with this Gram matrix (C, C) are largest."""
    _, vectors = np.linalg.eigh(gram.astype(np.float64))  # in ascending order
    return np.ascontiguousarray(vectors[:, ::-1][:, :count].T.astype(gram.dtype))


class TextureTargets:
    """A texture's description: the goal of a `Search` for another sample.

    The loss is the mean over layers of sum (G - A)^2 / sum A^2, times 100: which share of each matrix is missed.
    """

    def __init__(self, net: VGG16 | VGG19, model: Model, original: Tensor) -> None:
        self.net, self.model = net, model
        self.preset = Preset("relative", {}, dict.fromkeys(model.layers, 100 / len(model.layers)), init="noise")
        self.directions: dict[str, Tensor] = {}
        with mg.no_grad():
            if model.components is not None:
                for name, gram in self.grams(original).items():
                    directions = principal_directions(gram.cpu().numpy()[0], model.components)
                    self.directions[name] = mg.tensor(directions, device=net.mean.device)
            self.targets = self.grams(original)

    def grams(self, picture: Tensor) -> dict[str, Tensor]:
        """Each layer's Gram matrix (1, C, C), or (1, components, components) in its principal directions."""
        grams = {}
        for name, features in self.net.features(picture, self.model.layers).items():
            gram = gram_matrix(features)
            if name in self.directions:
                gram = self.directions[name] @ gram @ self.directions[name].T
            grams[name] = gram
        return grams

    def loss(self, image: Tensor) -> tuple[Tensor, Losses]:
        """The loss of a picture, RGB in [0, 1]."""
        total = mg.zeros((), device=image.device)
        for name, gram in self.grams(image).items():
            difference = gram - self.targets[name]
            share = (difference * difference).sum() / float((self.targets[name] ** 2).sum())
            total = total + share * self.preset.style_layers[name]
        return total, {"total": total}  # type: ignore[dict-item]


def sample(net: VGG16 | VGG19, model: Model, original: np.ndarray, steps: int) -> np.ndarray:
    """Another sample (1, 3, H, W) in [0, 1] of the original's texture, from noise."""
    targets = TextureTargets(net, model, mg.tensor(original, device=net.mean.device))
    return searched(Search(targets, noise_picture(*original.shape[2:]), steps), f"{model.parameters:,} parameters")
