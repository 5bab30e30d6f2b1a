"""Presets of style transfer: the layers, weights and optimizers of the paper, of two courses, and our own."""

from __future__ import annotations

from dataclasses import dataclass

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


@dataclass
class Preset:
    """All that a preset decides. Layers go with weights; sizes are of the longer side in pixels.

    lr and lr_decay (a factor for each hundred steps) are for Adam and SGD; L-BFGS finds its steps by itself.
    """

    normalization: str
    content_layers: dict[str, float]
    style_layers: dict[str, float]
    tv_weight: float = 0.0
    tv_power: float = 1.0
    size: int = 384
    style_size: int | None = None  # None: as the content
    optimizer: str = "lbfgs"
    lr: float = 0.02
    lr_decay: float = 1.0
    init: str = "content"
    pooling: str = "avg"
    steps: int = 200
    save_every: int | None = None  # also write the picture every so many steps
    range: float = 1.0  # of the pixels that the optimizer sees: 1 or 255


def _equal(layers: tuple[str, ...], weight: float) -> dict[str, float]:
    return dict.fromkeys(layers, weight)


PRESETS = {
    "default": Preset(
        "relative",
        {"relu4_2": 1.0},
        _equal(tuple(n.replace("conv", "relu") for n in STYLE_LAYERS), 10.0),
        tv_weight=2e-4,
    ),
    "gatys": Preset("gatys", {"conv4_2": 1.0}, _equal(STYLE_LAYERS, 200.0), init="noise", size=512, steps=500),
    "cs231n": Preset(
        "cs231n",
        {"relu1_2": 5e-2},
        {"relu1_1": 20000.0, "relu2_1": 500.0, "relu3_1": 1200.0, "relu3_3": 1000.0},
        tv_weight=5e-2,
        size=192,
        style_size=512,
        optimizer="adam",
        lr=0.03,
        pooling="max",
    ),
    "keras": Preset(
        "keras",
        {"block5_conv2": 2.5e-8},
        _equal(tuple(f"block{i}_conv1" for i in range(1, 6)), 1e-6),
        tv_weight=1e-6,
        tv_power=1.25,
        size=400,
        optimizer="sgd",
        lr=100.0,
        lr_decay=0.96,
        pooling="max",
        steps=4000,
        save_every=100,
        range=255.0,
    ),
    "johnson": Preset(
        "johnson",
        {"relu2_2": 1.0},
        # 5 for the mean of the squared differences, as in the authors' program: over C^2 for their sum
        {"relu1_2": 5 / 64**2, "relu2_2": 5 / 128**2, "relu3_3": 5 / 256**2, "relu4_3": 5 / 512**2},
        tv_weight=1e-2,
        pooling="max",
    ),
}
# Untrained features: the content of an early layer, held lightly, since random features know no objects.
RANDOM_FEATURES = Preset(
    "relative", {"conv3_2": 0.2}, _equal(("conv1_1", "conv2_1", "conv3_1", "conv4_1"), 1.0), tv_weight=1e-4
)
