"""MatConvNet's networks, `imagenet-vgg-verydeep-19.mat`: MATLAB files with a cell array of layers.

The variable `layers` has a struct for each layer: type ('conv', 'relu', 'pool', 'softmax'), name ('conv1_1',
..., 'fc6') and, by the toolbox' version, `weights` = {filters, biases} or two fields `filters` and `biases`.
Filters are (H, W, I, O); fully connected layers are convolutions, fc6 with 7 x 7. `normalization` (or
`meta.normalization`) holds `averageImage`, which is subtracted from RGB in 0..255. The order of the fields has
changed between versions, so they are found by name.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..naming import flattened
from .base import ForeignFile, ForeignTensor, InputConvention, WeightsError
from .matlab5 import read_variables


def read_matconvnet(path: Path) -> ForeignFile:
    network = read_variables(path, wanted=("layers", "normalization", "meta", "net"))
    network = _fields(network.get("net")) or network
    cells = network.get("layers")
    if not isinstance(cells, list):
        raise WeightsError("is a MATLAB file without a cell array called layers, so no MatConvNet network")
    tensors, layers = {}, {}
    for cell in cells:
        name, filters, biases = _convolution(_fields(cell))
        if filters is not None and biases is not None:
            tensors[f"{name}.filters"], tensors[f"{name}.biases"] = filters, biases
            layers.update(_as_ours(name, filters, biases))
    file = ForeignFile("MatConvNet .mat", tensors, layers)
    _read_convention(file, network)
    return file


def _fields(value: Any) -> dict[str, Any]:
    """A struct's fields; none for everything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else {}


def _convolution(layer: dict[str, Any]) -> tuple[str, ForeignTensor | None, ForeignTensor | None]:
    """A layer's name, filters and biases; the latter are None where it has no parameters."""
    if layer.get("type") == "bnorm":
        raise WeightsError("is a VGG with batch normalization, which is another network than VGG16 or VGG19")
    pair = layer.get("weights")
    if not isinstance(pair, list) or len(pair) != 2:
        pair = [layer.get("filters"), layer.get("biases")]
    filters, biases = (part if isinstance(part, ForeignTensor) and 0 not in part.shape else None for part in pair)
    return str(layer.get("name", "")), filters, biases


def _as_ours(name: str, filters: ForeignTensor, biases: ForeignTensor) -> dict[str, ForeignTensor]:
    """Filters (H, W, I, O), of which MATLAB drops trailing ones, as (O, I, H, W), the dense layers' as (out, in)."""
    if len(filters.shape) > 4:
        raise WeightsError(f"has filters {filters.shape} for {name[:60]}, where (H, W, I, O) is expected")
    shape = filters.shape + (1,) * (4 - len(filters.shape))
    weight = filters.reshaped(*shape).transposed(3, 2, 0, 1)
    if name.startswith("fc"):
        weight = flattened(weight)
    return {f"{name}.weight": weight, f"{name}.bias": biases.reshaped(prod(biases.shape))}


def _read_convention(file: ForeignFile, network: dict[str, Any]) -> None:
    """The mean color from `normalization`; without one the convention stays unknown."""
    normalization = _fields(network.get("normalization")) or _fields(_fields(network.get("meta")).get("normalization"))
    average = normalization.get("averageImage")
    if not isinstance(average, ForeignTensor) or not prod(average.shape):
        return
    if prod(average.shape) != 3 and average.shape[2:] != (3,):
        raise WeightsError(f"has an averageImage {average.shape}, where three channels are expected")
    colors = average.read().reshape(-1, 3).astype(np.float64)
    if not np.isfinite(colors).all():
        raise WeightsError("has an averageImage with values that are not finite numbers")
    red, green, blue = (float(value) for value in colors.mean(axis=0))
    file.convention, file.reason = InputConvention("rgb", 255.0, (red, green, blue)), "the file's averageImage says so"
    if np.ptp(colors, axis=0).max() > 1e-3:
        file.notes.append("the average picture is not of one color: its mean color stands for it")
