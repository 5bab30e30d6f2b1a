"""What the jobs of all libraries have in common: the shapes of VGG19, and seeded weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

VGG19_TO_CONV5_1: list[int | str] = [64, 64, "P", 128, 128, "P", 256, 256, 256, 256, "P", 512, 512, 512, 512, "P", 512]
VGG16_TO_CONV4_3: list[int | str] = [64, 64, "P", 128, 128, "P", 256, 256, 256, "P", 512, 512, 512]
STYLE_CONVOLUTIONS = (0, 2, 4, 8, 12)  # conv1_1, conv2_1, conv3_1, conv4_1, conv5_1

# The convolutions of VGG19 at 256 pixels: name -> (input channels, output channels, size)
VGG19_LAYERS = {
    "conv1_1": (3, 64, 256),
    "conv1_2": (64, 64, 256),
    "conv2_1": (64, 128, 128),
    "conv2_2": (128, 128, 128),
    "conv3_1": (128, 256, 64),
    "conv3_2": (256, 256, 64),
    "conv4_1": (256, 512, 32),
    "conv4_2": (512, 512, 32),
    "conv5_1": (512, 512, 16),
}


def vgg_weights(layers: Sequence[int | str]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Seeded He-normal weights and small biases of a VGG's convolutions."""
    generator = np.random.default_rng(0)
    channels, weights = 3, []
    for layer in layers:
        if isinstance(layer, int):
            scale = (2 / (9 * channels)) ** 0.5
            weight = generator.standard_normal((layer, channels, 3, 3), dtype=np.float32) * np.float32(scale)
            weights.append((weight, generator.standard_normal(layer, dtype=np.float32) * np.float32(0.1)))
            channels = layer
    return weights


def image(size: int, batch: int = 1) -> np.ndarray:
    """Seeded noise, (batch, 3, size, size)."""
    return np.random.default_rng(1).standard_normal((batch, 3, size, size), dtype=np.float32)


def normal(*shape: int) -> np.ndarray:
    """Seeded normal numbers."""
    return np.random.default_rng(2).standard_normal(shape, dtype=np.float32)
