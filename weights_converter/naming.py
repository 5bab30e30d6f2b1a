"""Which tensor is which layer: the ways in which VGG's tensors are called.

    torchvision   features.0.weight ... features.34.bias, classifier.0 / 3 / 6    (0, 2, 5, ...: places in a Sequential)
    jcjohnson     the same with classifier.1 / 4 / 6    (dropout stood first; these are Caffe's numbers)
    timm          features.*, pre_logits.fc1 / fc2 as convolutions, head.fc
    Gatys, ours   conv1_1.weight ... conv5_4.bias, fc6 / 7 / 8
    Keras         block1_conv1 ... block5_conv4, fc1 / fc2 / predictions

A prefix before all names (`module.` of DataParallel) is dropped. Formats whose names tell nothing (ONNX, Keras 3)
give their layers in order instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import prod

from nets.vgg import ARCHITECTURES, HEAD_NAMES, Architecture

from .readers.base import ForeignTensor, WeightsError, few

HEADS = {  # what a scheme calls fc6, fc7 and fc8
    "torchvision": ("classifier.0", "classifier.3", "classifier.6"),
    "jcjohnson": ("classifier.1", "classifier.4", "classifier.6"),
    "timm": ("pre_logits.fc1", "pre_logits.fc2", "head.fc"),
}
NUMBERED = re.compile(r"(?P<prefix>(?:.*\.)?features\.|)(?P<index>\d+)\.(?P<kind>weight|bias)")
GATYS = re.compile(r"(?P<prefix>(?:.*\.)?)(?P<layer>conv\d_\d|fc[678])\.(?P<kind>weight|bias)")
STYLE_MODEL = "deconv3.conv2d.weight"  # only the transformation network of fast style transfer has it
BATCH_NORM = re.compile(r"(running|moving)_(mean|var|variance)")


def recognize(tensors: dict[str, ForeignTensor]) -> tuple[str, dict[str, ForeignTensor]]:
    """The naming scheme ("torchvision", "jcjohnson", "timm", "features", "gatys") and the tensors by our names.

    "features" is torchvision's numbering without a classifier that would tell whose weights these are;
    "fast_neural_style" is no VGG, but pytorch/examples' transformation network, see `style_model`.
    """
    if STYLE_MODEL in tensors:
        return "fast_neural_style", dict(tensors)
    refuse_batch_norm(tensors)
    if any(GATYS.fullmatch(name) for name in tensors):
        return "gatys", _by_gatys_names(tensors)
    numbered = _numbered(tensors)
    if not numbered:
        raise WeightsError(f"holds no VGG: its tensors are called {few(tensors)}" if tensors else "holds no tensors")
    prefix, by_index = numbered
    layers = _by_position(by_index)
    before = prefix.removesuffix("features.")
    for scheme, names in HEADS.items():
        if any(f"{before}{name}.weight" in tensors for name in names[:2]):
            layers.update(_head(tensors, [before + name for name in names]))
            return scheme, layers
    return "features", layers


def torchvision_names(architecture: Architecture) -> dict[str, str]:
    """What torchvision's VGG calls each layer: {"conv1_1": "features.0", ..., "fc6": "classifier.0", ...}."""
    places = zip(architecture.conv_names(), architecture.torchvision_indices())
    features = {name: f"features.{index}" for name, index in places}
    return features | dict(zip(HEAD_NAMES, HEADS["torchvision"]))


def refuse_batch_norm(names: Iterable[str]) -> None:
    for name in names:
        if BATCH_NORM.search(name):
            raise WeightsError(
                f"is a VGG with batch normalization (it holds {name[:80]}), which is another network than VGG16 or "
                "VGG19: use the weights of the plain variant"
            )


def conv_names_for(count: int) -> list[str]:
    """The names of `count` convolutions in a row: 13 make a VGG16, 16 a VGG19."""
    for architecture in ARCHITECTURES:
        if len(architecture.conv_names()) == count:
            return architecture.conv_names()
    known = " and ".join(f"{a.name.upper()} has {len(a.conv_names())}" for a in ARCHITECTURES)
    raise WeightsError(f"has {count} convolution layers with 3 x 3 kernels, where {known}")


def _by_gatys_names(tensors: dict[str, ForeignTensor]) -> dict[str, ForeignTensor]:
    layers: dict[str, ForeignTensor] = {}
    for name, tensor in tensors.items():
        match = GATYS.fullmatch(name)
        if match is None:
            continue
        ours = f"{match['layer']}.{match['kind']}"
        if ours in layers:
            raise WeightsError(f"holds {ours} twice, the second time as {name[:80]}")
        layers[ours] = tensor
    return layers


def _numbered(tensors: dict[str, ForeignTensor]) -> tuple[str, dict[tuple[int, str], ForeignTensor]] | None:
    """The tensors of one Sequential, by place and kind, and the prefix that they share."""
    found: dict[str, dict[tuple[int, str], ForeignTensor]] = {}
    for name, tensor in tensors.items():
        if match := NUMBERED.fullmatch(name):
            found.setdefault(match["prefix"], {})[int(match["index"]), match["kind"]] = tensor
    if len(found) > 1:
        raise WeightsError(f"holds several networks ({few(found)}): save the VGG's state dict alone")
    return next(iter(found.items()), None)


def _by_position(by_index: dict[tuple[int, str], ForeignTensor]) -> dict[str, ForeignTensor]:
    """Names for the convolutions of torchvision's `features`, whose numbers must be exactly a VGG's."""
    indices = sorted({index for index, _ in by_index})
    for architecture in ARCHITECTURES:
        if indices == architecture.torchvision_indices():
            names = dict(zip(indices, architecture.conv_names()))
            return {f"{names[index]}.{kind}": tensor for (index, kind), tensor in by_index.items()}
    if any(tensor.shape and len(tensor.shape) == 1 and kind == "weight" for (_, kind), tensor in by_index.items()):
        raise WeightsError("is a VGG with batch normalization: use the weights of the plain variant")
    raise WeightsError(
        f"has {len(indices)} layers at the places {few(indices, 6)} of `features`, which are neither VGG16's nor "
        "VGG19's (without batch normalization: 0, 2, 5, 7, 10, ...)"
    )


def _head(tensors: dict[str, ForeignTensor], names: list[str]) -> dict[str, ForeignTensor]:
    """The classifier's layers that are there; weights stored as convolutions become matrices (out, in)."""
    layers = {}
    for ours, theirs in zip(HEAD_NAMES, names):
        for kind in ("weight", "bias"):
            tensor = tensors.get(f"{theirs}.{kind}")
            if tensor is not None:
                layers[f"{ours}.{kind}"] = flattened(tensor) if kind == "weight" else tensor
    return layers


def flattened(weight: ForeignTensor) -> ForeignTensor:
    """A weight (O, C, H, W) of a convolution that stands for a dense layer as the matrix (O, C H W)."""
    if len(weight.shape) <= 2:
        return weight
    return weight.reshaped(weight.shape[0], prod(weight.shape[1:]))
