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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import minigrad.nn.functional as F
from minigrad import Tensor, nn, tensor

from . import vgg_file
from .vgg_file import TORCHVISION, Weights

FEATURE_SIDE = 7  # pixels that five poolings leave of a side of 224
HEAD_NAMES = ("fc6", "fc7", "fc8")


@dataclass(frozen=True)
class Architecture:
    """The one table of a VGG's layers (Simonyan and Zisserman 2015, table 1, columns D and E).

    Five blocks of 3 x 3 convolutions, each block ending in a 2 x 2 pooling; then three fully connected layers, which
    see the 7 x 7 positions that are left of a 224 x 224 picture, flattened in the order C, H, W. Layers are called as
    Gatys calls them: `conv4_2` is the second convolution of block 4. convolutions: how many in each block; widths:
    their output channels, by block.
    """

    name: str
    convolutions: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    hidden: int = 4096
    classes: int = 1000

    def conv_names(self) -> list[str]:
        """conv1_1, conv1_2, conv2_1, ... in the order of computation."""
        return [f"conv{block}_{i}" for block, count in enumerate(self.convolutions, 1) for i in range(1, count + 1)]

    def layer_names(self) -> list[str]:
        """conv1_1, relu1_1, conv1_2, relu1_2, pool1, ... in the order of computation."""
        names: list[str] = []
        for block, count in enumerate(self.convolutions, 1):
            for i in range(1, count + 1):
                names += [f"conv{block}_{i}", f"relu{block}_{i}"]
            names.append(f"pool{block}")
        return names

    def conv_shapes(self) -> dict[str, tuple[int, ...]]:
        """The convolutions' parameters: weights (out, in, 3, 3), biases (out,)."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels = 3
        for name in self.conv_names():
            width = self.widths[int(name[4]) - 1]
            shapes[f"{name}.weight"] = (width, channels, 3, 3)
            shapes[f"{name}.bias"] = (width,)
            channels = width
        return shapes

    def head_shapes(self) -> dict[str, tuple[int, ...]]:
        """The classifier's parameters: weights (out, in), biases (out,)."""
        sizes = (self.widths[-1] * FEATURE_SIDE**2, self.hidden, self.hidden, self.classes)
        shapes: dict[str, tuple[int, ...]] = {}
        for name, inputs, outputs in zip(HEAD_NAMES, sizes, sizes[1:]):
            shapes[f"{name}.weight"] = (outputs, inputs)
            shapes[f"{name}.bias"] = (outputs,)
        return shapes

    def torchvision_indices(self) -> list[int]:
        """Where torchvision's `features` (a Sequential of convolutions, ReLUs and poolings) has the convolutions."""
        return [index for index, name in enumerate(self.layer_names()) if name.startswith("conv")]


VGG16_LAYERS = Architecture("vgg16", (2, 2, 3, 3, 3))
VGG19_LAYERS = Architecture("vgg19", (2, 2, 4, 4, 4))
ARCHITECTURES = (VGG16_LAYERS, VGG19_LAYERS)


class _VGG(nn.Module):
    """The convolutional part, and the classifier where the weights have one. Nothing is trained: the parameters
    require no gradient.

    weights: the path of a converted file, `Weights` at hand, or None for He-normal weights (He et al. 2015) from the
    random generator. pooling: "max", as trained, or "avg", as Gatys et al. used.
    Errors: ValueError for weights that are not such a network's, naming the file and the array.
    """

    architecture = VGG19_LAYERS

    def __init__(self, weights: str | Path | Weights | None = None, pooling: str = "max") -> None:
        super().__init__()
        if pooling not in ("max", "avg"):
            raise ValueError(f"{type(self).__name__}: pooling must be 'max' or 'avg', got {pooling!r}")
        self.pooling = pooling
        self.convolutions, self.head = nn.ModuleDict(), nn.ModuleDict()
        if weights is None:
            self.convention = TORCHVISION
            self._build(start=True)
        else:
            weights = weights if isinstance(weights, Weights) else vgg_file.read(weights)
            if weights.architecture != self.architecture.name:
                raise ValueError(f"{weights.path}: holds {weights.architecture}, not {self.architecture.name}")
            self.convention = weights.convention
            with nn.init.skip_init():
                self._build(_head_sizes(weights))
                self._load(weights)
        self.requires_grad_(False)
        for part in ("mean", "std"):
            self.register_buffer(part, tensor(getattr(self.convention, part), dtype="float32").reshape(1, 3, 1, 1))

    def _build(self, head: Sequence[tuple[str, int, int]] = (), start: bool = False) -> None:
        """The layers; start: with He-normal weights and zero biases."""
        shapes = self.architecture.conv_shapes()
        for name in self.architecture.conv_names():
            width, channels = shapes[f"{name}.weight"][:2]
            self.convolutions[name] = layer = nn.Conv2d(channels, width, 3, padding=1)
            if start:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        for name, inputs, outputs in head:
            self.head[name] = nn.Linear(inputs, outputs)

    def _load(self, weights: Weights) -> None:
        for name, layer in [*self.convolutions.items(), *self.head.items()]:
            for part in ("weight", "bias"):
                key, parameter = f"{name}.{part}", getattr(layer, part)
                if key not in weights.arrays:
                    raise ValueError(f"{weights.path}: {key} is missing; it must have shape {parameter.shape}")
                given = weights.arrays[key]
                if given.shape != parameter.shape or given.dtype.kind != "f":
                    raise ValueError(
                        f"{weights.path}: {key} must hold floats of shape {parameter.shape}, found {given.dtype} of "
                        f"shape {given.shape}"
                    )
                parameter.array[...] = weights.array(key)

    # ------------------------------------------------------------------------------------- running
    @property
    def layer_names(self) -> list[str]:
        """All names that `features` knows, in the order of computation."""
        return self.architecture.layer_names()

    def normalized(self, x: Tensor) -> Tensor:
        """RGB in [0, 1], (N, 3, H, W), as this network's weights want it."""
        if x.dim() != 4 or x.shape[1] != 3:
            raise ValueError(f"{type(self).__name__}: pictures must be (N, 3, H, W), got shape {x.shape}")
        if self.convention.channel_order == "bgr":
            x = x.flip(1)
        return (x * self.convention.range - self.mean) / self.std

    def features(self, x: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """The named layers' outputs for pictures x, RGB in [0, 1], (N, 3, H, W); computes no further than needed.

        Errors: ValueError naming an unknown layer, or a picture too small for the deepest one.
        """
        wanted = {name: canonical(name) for name in layers}
        unknown = [name for name, known in wanted.items() if known not in self.layer_names]
        if unknown:
            raise ValueError(f"{type(self).__name__}: no layer {', '.join(unknown)}; there are {self.layer_names}")
        missing, found = set(wanted.values()), {}
        h = self.normalized(x)
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

    architecture = VGG16_LAYERS


class VGG19(_VGG):
    """16 convolutions; 20,024,384 parameters without the classifier."""

    architecture = VGG19_LAYERS


def canonical(name: str) -> str:
    """Gatys' name of a layer: Keras' `block4_conv2` is `relu4_2`, `block4_pool` is `pool4`."""
    match = re.fullmatch(r"block(\d)_(conv(\d)|pool)", name)
    if not match:
        return name
    return f"pool{match[1]}" if match[2] == "pool" else f"relu{match[1]}_{match[3]}"


def _head_sizes(weights: Weights) -> list[tuple[str, int, int]]:
    """(name, inputs, outputs) of the classifier's layers; none if the weights have no classifier.

    Errors: ValueError naming the file and the key where a classifier is incomplete, or its layers do not meet.
    """
    arrays, path = weights.arrays, weights.path
    if not any(key.startswith(HEAD_NAMES) for key in arrays):
        return []
    sizes: list[tuple[str, int, int]] = []
    for name in HEAD_NAMES:
        for key, axes in ((f"{name}.weight", 2), (f"{name}.bias", 1)):
            if key not in arrays:
                names = ", ".join(HEAD_NAMES)
                raise ValueError(f"{path}: {key} is missing; a classifier needs weight and bias of {names}")
            if len(arrays[key].shape) != axes:
                raise ValueError(f"{path}: {key} must have {axes} axes, found shape {arrays[key].shape}")
        (outputs, inputs), bias = arrays[f"{name}.weight"].shape, arrays[f"{name}.bias"].shape
        if sizes and inputs != sizes[-1][2]:
            raise ValueError(f"{path}: {name}.weight must take {sizes[-1][2]} inputs, found shape {(outputs, inputs)}")
        if bias != (outputs,):
            raise ValueError(f"{path}: {name}.bias must have shape {(outputs,)}, found {bias}")
        sizes.append((name, inputs, outputs))
    return sizes


def load(weights: str | Path | Weights | None, pooling: str = "max") -> VGG16 | VGG19:
    """The network that a converted file, or `Weights` at hand, hold; an untrained VGG19 for None."""
    if weights is not None and not isinstance(weights, Weights):
        weights = vgg_file.read(weights)
    kind = VGG16 if weights is not None and weights.architecture == VGG16_LAYERS.name else VGG19
    return kind(weights, pooling)
