"""Generators and discriminators made of fully connected layers only: the simplest GANs that draw digits.

A generator turns a vector of noise into a picture of 28 x 28 values in [-1, 1]; a discriminator turns a picture
into one number, high for a real one. Goodfellow et al. 2014 used networks of this kind.

`Generator` and `Discriminator` are the pair of the course's first assignment; `DeepGenerator` and
`DeepDiscriminator` that of its second lecture, which pyramids up and down and ends in a probability.
With `num_classes` both of the first pair are conditional: the class, as a one-hot vector, is appended to what goes
in (Mirza and Osindero 2014, "Conditional generative adversarial nets").
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor

PIXELS = 28 * 28


def flat_images(network: nn.Module, images: Tensor, size: int = PIXELS) -> Tensor:
    """Images (N, size) from (N, size) or (N, 1, H, W). Errors: ValueError naming the network for other shapes."""
    if not isinstance(images, Tensor) or images.dim() < 2 or images.numel() != images.shape[0] * size:
        shape = getattr(images, "shape", type(images).__name__)
        raise ValueError(f"{type(network).__name__}: images must be (N, {size}) or (N, 1, 28, 28), got {shape}")
    return images.reshape(images.shape[0], size)


def checked_noise(network: nn.Module, noise: Tensor, noise_dim: int) -> Tensor:
    """The noise itself. Errors: ValueError naming the network unless it is (N, noise_dim)."""
    if not isinstance(noise, Tensor) or noise.dim() != 2 or noise.shape[1] != noise_dim:
        shape = getattr(noise, "shape", type(noise).__name__)
        raise ValueError(f"{type(network).__name__}: noise must be (N, {noise_dim}), got {shape}")
    return noise


def with_labels(network: nn.Module, x: Tensor, labels: Tensor | None, num_classes: int) -> Tensor:
    """x: (N, F) with the one-hot labels appended: (N, F + num_classes); x itself for 0 classes.

    labels: (N,) integers. Errors: ValueError if labels are given to a network without classes, or missing.
    """
    name = type(network).__name__
    if num_classes == 0:
        if labels is not None:
            raise ValueError(f"{name}: labels were given, but the network was made with num_classes=0")
        return x
    if labels is None or labels.shape != x.shape[:1]:
        shape = getattr(labels, "shape", None)
        raise ValueError(f"{name}: a conditional network needs labels of shape {x.shape[:1]}, got {shape}")
    classes = mg.arange(num_classes, device=x.device)
    one_hot = (labels.reshape(-1, 1) == classes.reshape(1, -1)).to(x.dtype)
    return mg.cat([x, one_hot], 1)


class Discriminator(nn.Module):
    """784 - 256 - 256 - 1 with LeakyReLU 0.01: images (N, 784) or (N, 1, 28, 28) to logits (N, 1).

    267,009 parameters. hidden: the sizes between; num_classes: 0, or that of a conditional pair; dropout: after
    each activation.
    """

    def __init__(self, hidden: Sequence[int] = (256, 256), num_classes: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_classes = num_classes
        layers: list[nn.Module] = []
        width = PIXELS + num_classes
        for size in hidden:
            layers += [nn.Linear(width, size), nn.LeakyReLU(0.01)]
            if dropout > 0:
                layers.append(nn.Dropout(dropout))
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(with_labels(self, flat_images(self, images), labels, self.num_classes))


class Generator(nn.Module):
    """noise_dim - 1024 - 1024 - 784 with ReLU, tanh at the end: noise (N, noise_dim) to images (N, 784) in [-1, 1].

    1,952,528 parameters for 96 noise values. hidden, num_classes: as for the discriminator.
    """

    def __init__(self, noise_dim: int = 96, hidden: Sequence[int] = (1024, 1024), num_classes: int = 0) -> None:
        super().__init__()
        self.noise_dim, self.num_classes = noise_dim, num_classes
        layers: list[nn.Module] = []
        width = noise_dim + num_classes
        for size in hidden:
            layers += [nn.Linear(width, size), nn.ReLU()]
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, PIXELS), nn.Tanh())

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        noise = checked_noise(self, noise, self.noise_dim)
        return self.layers(with_labels(self, noise, labels, self.num_classes))


class DeepDiscriminator(nn.Module):
    """784 - 1024 - 512 - 128 - 1 with ReLU: images to probabilities (N, 1), or to logits with sigmoid=False."""

    def __init__(self, sigmoid: bool = True) -> None:
        super().__init__()
        sizes = (PIXELS, 1024, 512, 128)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 1), nn.Sigmoid() if sigmoid else nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(flat_images(self, images))


class DeepGenerator(Generator):
    """noise_dim - 128 - 512 - 1024 - 784 with ReLU and tanh; 1,486,352 parameters for 100 noise values."""

    def __init__(self, noise_dim: int = 100) -> None:
        super().__init__(noise_dim, (128, 512, 1024))
