"""VGG16 and VGG19 (Simonyan and Zisserman 2015), read for their features.

    net = VGG19("vgg19.npz", pooling="avg")
    net.features(picture, ["conv1_1", "relu4_2", "pool4"])      # {name: (N, C, H, W)}

Weights come from a file that `weights_converter` wrote; it also says how the network wants its pictures (channel
order, range, mean), so that callers always give RGB in [0, 1]. Layers go by Gatys' names (`conv4_2`, after its
convolution; `relu4_2`, after the ReLU; `pool4`), and by Keras' (`block4_conv2`, which is Keras' name for the
activation, relu4_2; `block4_pool`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad.nn.functional as F
from minigrad import Tensor, nn, tensor

from .vgg_file import HEAD, architecture_of, read_weights

CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # in each of the five blocks
WIDTHS = (64, 128, 256, 512, 512)
NO_NORMALISATION = {"channel_order": "rgb", "range": 1.0, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


class _VGG(nn.Module):
    """The convolutional part, and the classifier where the weights have one. Nothing is trained: the parameters
    require no gradient.

    weights: the path of a converted file, or None for seeded He-normal weights. pooling: "max", as trained, or
    "avg", as Gatys et al. used. Errors: ValueError for a file that is not such a network's.
    """

    architecture = ""

    def __init__(self, weights: str | Path | None = None, pooling: str = "max") -> None:
        super().__init__()
        if pooling not in ("max", "avg"):
            raise ValueError(f"{type(self).__name__}: pooling must be 'max' or 'avg', got {pooling!r}")
        self.pooling = pooling
        self.metadata: dict[str, Any] = dict(NO_NORMALISATION)
        if weights is None:
            self._build(random=True)
        else:
            self.metadata, arrays = read_weights(weights, self.architecture)
            with nn.init.left_empty():
                self._build(random=False)
                self._load(weights, arrays)
        self.requires_grad_(False)
        self.register_buffer("mean", tensor(self.metadata["mean"], dtype="float32").reshape(1, 3, 1, 1))
        self.register_buffer("std", tensor(self.metadata["std"], dtype="float32").reshape(1, 3, 1, 1))

    def _names_and_widths(self) -> list[tuple[str, int]]:
        blocks = enumerate(zip(CONVOLUTIONS[self.architecture], WIDTHS), start=1)
        return [(f"conv{b}_{i}", width) for b, (count, width) in blocks for i in range(1, count + 1)]

    def _build(self, random: bool) -> None:
        channels = 3
        self.convolutions = nn.ModuleDict()
        self.head = nn.ModuleDict()
        for name, width in self._names_and_widths():
            self.convolutions[name] = layer = nn.Conv2d(channels, width, 3, padding=1)
            channels = width
            if random:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def _load(self, path: str | Path, arrays: dict[str, np.ndarray]) -> None:
        if "fc6.weight" in arrays:
            for name in HEAD:
                outputs, inputs = arrays[f"{name}.weight"].shape
                self.head[name] = nn.Linear(inputs, outputs)
        for name, layer in [*self.convolutions.items(), *self.head.items()]:
            for part in ("weight", "bias"):
                key, parameter = f"{name}.{part}", getattr(layer, part)
                if key not in arrays:
                    raise ValueError(f"{path}: {key} is missing; it must have shape {parameter.shape}")
                if arrays[key].shape != parameter.shape or arrays[key].dtype.kind != "f":
                    raise ValueError(
                        f"{path}: {key} must hold floats of shape {parameter.shape}, found {arrays[key].dtype} of "
                        f"shape {arrays[key].shape}"
                    )
                parameter.array[...] = arrays[key]

    # ------------------------------------------------------------------------------------- running
    @property
    def layer_names(self) -> list[str]:
        """All names that `features` knows, in the order of computation."""
        names: list[str] = []
        for conv, _ in self._names_and_widths():
            names += [conv, conv.replace("conv", "relu")]
            block, number = map(int, conv[4:].split("_"))
            if number == CONVOLUTIONS[self.architecture][block - 1]:
                names.append(f"pool{block}")
        return names

    def normalised(self, x: Tensor) -> Tensor:
        """RGB in [0, 1], (N, 3, H, W), as this network's weights want it."""
        if x.dim() != 4 or x.shape[1] != 3:
            raise ValueError(f"{type(self).__name__}: pictures must be (N, 3, H, W), got shape {x.shape}")
        if self.metadata["channel_order"] == "bgr":
            x = x.flip(1)
        return (x * self.metadata["range"] - self.mean) / self.std

    def features(self, x: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The named layers' outputs for pictures x, RGB in [0, 1], (N, 3, H, W); computes no further than needed.

        Errors: ValueError naming an unknown layer, or a picture too small for the deepest one.
        """
        wanted = {name: canonical(name) for name in layers}
        unknown = [name for name, known in wanted.items() if known not in self.layer_names]
        if unknown:
            raise ValueError(f"{type(self).__name__}: no layer {', '.join(unknown)}; there are {self.layer_names}")
        missing, found = set(wanted.values()), {}
        h = self.normalised(x)
        for name in self.layer_names:
            if not missing:
                break
            h = self.step(name, h)
            if name in missing:
                found[name] = h
                missing.discard(name)
        return {name: found[known] for name, known in wanted.items()}

    def step(self, name: str, h: Tensor) -> Tensor:
        """One layer: what `name` makes of h, the output of the layer before it."""
        if name.startswith("conv"):
            return self.convolutions[name](h)
        if name.startswith("relu"):
            return F.relu(h)
        if min(h.shape[2:]) < 2:
            raise ValueError(
                f"{type(self).__name__}: the picture is too small for {name}: {h.shape[2:]} pixels are left"
            )
        return (F.max_pool2d if self.pooling == "max" else F.avg_pool2d)(h, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 1000) for pictures (N, 3, 224, 224). Errors: ValueError if the weights have no classifier."""
        if not len(self.head):
            raise ValueError(f"{type(self).__name__}: these weights have no classifier; only features() can be used")
        h = self.features(x, ["pool5"])["pool5"].flatten(1)
        if h.shape[1] != self.head["fc6"].in_features:
            raise ValueError(f"{type(self).__name__}: the classifier needs pictures of 224 x 224, got {x.shape[2:]}")
        h = F.relu(self.head["fc6"](h))
        return self.head["fc8"](F.relu(self.head["fc7"](h)))


class VGG16(_VGG):
    """13 convolutions."""

    architecture = "vgg16"


class VGG19(_VGG):
    """16 convolutions; 20,024,384 parameters without the classifier."""

    architecture = "vgg19"


def canonical(name: str) -> str:
    """Gatys' name of a layer: Keras' `block4_conv2` is `relu4_2`, `block4_pool` is `pool4`."""
    match = re.fullmatch(r"block(\d)_(conv(\d)|pool)", name)
    if not match:
        return name
    return f"pool{match[1]}" if match[2] == "pool" else f"relu{match[1]}_{match[3]}"


def layer_depths(names: Iterable[str]) -> dict[str, int]:
    """The block (1 to 5) of each layer."""
    return {name: int(re.search(r"\d", canonical(name))[0]) for name in names}  # type: ignore[index]


def load(path: str | Path | None, pooling: str = "max") -> VGG16 | VGG19:
    """The network that a converted file holds; an untrained VGG19 for None."""
    kind = VGG19 if path is None or architecture_of(path) == "vgg19" else VGG16
    return kind(path, pooling)
