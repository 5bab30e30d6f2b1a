"""VGG16 and VGG19 (Simonyan and Zisserman 2015), read for their features.

    net = VGG19("vgg19.npz", pooling="avg")
    net.features(picture, ["conv1_1", "relu4_2", "pool4"])      # {name: (N, C, H, W)}

Weights come from a file that `weights_converter` wrote; it also says how the network wants its pictures (channel
order, range, mean), so that callers always give RGB in [0, 1]. Layers go by Gatys' names (`conv4_2`, after its
convolution; `relu4_2`, after the ReLU; `pool4`), and by Keras' (`block4_conv2`, which is Keras' name for the
activation, relu4_2; `block4_pool`).
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy

import minigrad.nn.functional as F
from minigrad import Tensor, nn

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
        arrays = None
        if weights is not None:
            self.metadata, arrays = read_weights(weights, self.architecture)
        channels = 3
        self.convolutions = nn.ModuleDict()
        for name, width in self._names_and_widths():
            layer = nn.Conv2d(channels, width, 3, padding=1)
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
            self.convolutions[name] = layer
            channels = width
        self.head = nn.ModuleDict()
        if arrays is not None:
            self._load(arrays)
        self.requires_grad_(False)
        self.register_buffer("mean", Tensor(numpy.float32(self.metadata["mean"]).reshape(1, 3, 1, 1)))
        self.register_buffer("std", Tensor(numpy.float32(self.metadata["std"]).reshape(1, 3, 1, 1)))

    def _names_and_widths(self) -> list[tuple[str, int]]:
        blocks = enumerate(zip(CONVOLUTIONS[self.architecture], WIDTHS), start=1)
        return [(f"conv{b}_{i}", width) for b, (count, width) in blocks for i in range(1, count + 1)]

    def _load(self, arrays: dict[str, numpy.ndarray]) -> None:
        for name, layer in self.convolutions.items():
            for part in ("weight", "bias"):
                key = f"{name}.{part}"
                expected = getattr(layer, part).shape
                if key not in arrays or arrays[key].shape != expected:
                    found = arrays[key].shape if key in arrays else "nothing"
                    raise ValueError(f"{self.architecture} weights: {key} must have shape {expected}, found {found}")
                getattr(layer, part).array[...] = arrays[key]
        for name in ("fc6", "fc7", "fc8"):
            if f"{name}.weight" in arrays:
                outputs, inputs = arrays[f"{name}.weight"].shape
                self.head[name] = layer = nn.Linear(inputs, outputs)
                layer.weight.array[...] = arrays[f"{name}.weight"]
                layer.bias.array[...] = arrays[f"{name}.bias"]

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
            h = self._step(name, h)
            if name in missing:
                found[name] = h
                missing.discard(name)
        return {name: found[known] for name, known in wanted.items()}

    def _step(self, name: str, h: Tensor) -> Tensor:
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


def architecture_of(path: str | Path) -> str:
    """ "vgg16" or "vgg19", as a converted file says."""
    return read_weights(path, None)[0]["architecture"]


def read_weights(path: str | Path, architecture: str | None) -> tuple[dict[str, Any], dict[str, numpy.ndarray]]:
    """(metadata, arrays) of a converted file, for one architecture or any (None).

    Errors: FileNotFoundError; ValueError naming the file if it is damaged, not converted, or another network's.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(2, "there is no such weights file", str(path))
    try:
        with numpy.load(path, allow_pickle=False) as archive:
            if "metadata" not in archive.files:
                raise ValueError(
                    f"{path}: not a converted weights file; run python -m weights_converter {path} -o OUT.npz"
                )
            metadata = json.loads(str(archive["metadata"]))
            found = metadata.get("architecture")
            if architecture is not None and found != architecture:
                raise ValueError(f"{path}: holds {found}, not {architecture}")
            arrays = {name: archive[name] for name in archive.files if name != "metadata"}
    except (zipfile.BadZipFile, EOFError, OSError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: the weights file is damaged or truncated ({error})") from None
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path}: not a weights file ({error})") from None
    return metadata, arrays


def load(path: str | Path | None, pooling: str = "max") -> VGG16 | VGG19:
    """The network that a converted file holds; an untrained VGG19 for None."""
    kind = VGG19 if path is None or architecture_of(path) == "vgg19" else VGG16
    return kind(path, pooling)
