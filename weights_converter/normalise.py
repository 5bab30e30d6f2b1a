"""Gatys' normalized VGG: every filter's mean activation becomes 1, the network's function stays the same.

Gatys, Ecker and Bethge (2016, section 2) rescale VGG19 so that losses of different layers can be compared. Let

    mu_{l,i} = the mean of filter i's output in layer l behind its ReLU, over pictures and positions.

Dividing a filter's weight and bias by a positive number divides its output by it, because a ReLU only cuts at
zero; the next layer's weights take the factor back:

    W_l[i, j] <- W_l[i, j] mu_{l-1, j} / mu_{l, i},    b_l[i] <- b_l[i] / mu_{l, i},    mu_0 = 1

so that activation_before = mu * activation_after in every layer, exactly, and under maximum and average pooling
alike, since both pass a positive factor through. A filter that none of the pictures excites has mu = 0 and is left
as it is. A classifier, whose first layer sees the last channels at 7 x 7 positions, takes their factors back too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.data.image import open_picture
from nets import vgg
from nets.vgg import FEATURE_SIDE

from .convert import Converted
from .readers.base import WeightsError

LONGEST_SIDE, SHORTEST_SIDE = 512, 16


def normalize(converted: Converted, pictures: Sequence[np.ndarray]) -> Converted:
    """The same network, rescaled by its mean activations on the given pictures, (1, 3, H, W) each, RGB in [0, 1]."""
    means = mean_activations(converted, pictures)
    silent = sum(int(np.count_nonzero(mean == 0)) for mean in means.values())
    notes = [*converted.notes, f"normalized by the mean activations on {len(pictures)} picture(s)"]
    if silent:
        notes.append(f"{silent} filters never respond to them and are left as they are")
    weights = converted.weights
    note = f"{weights.note}; " if weights.note else ""
    note += f"normalized on {len(pictures)} picture(s) (Gatys et al. 2016)"
    return Converted(replace(weights, arrays=rescaled(weights.arrays, means), note=note), notes)


def read_picture(path: Path) -> np.ndarray:
    """A picture as (1, 3, H, W), RGB in [0, 1], shrunk to 512 pixels if it is larger.

    Errors: WeightsError where it cannot be read, or is too small for the four poolings before the last layers.
    """
    try:
        image = open_picture(path, longest=LONGEST_SIDE)
    except (OSError, ValueError) as error:
        raise WeightsError(f"--normalize: {error}") from error
    if min(image.size) < SHORTEST_SIDE:
        raise WeightsError(
            f"--normalize: {path} has {image.width} x {image.height} pixels at the size that is used; VGG needs at "
            f"least {SHORTEST_SIDE} on each side"
        )
    pixels = np.asarray(image, np.float32) / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]


def mean_activations(converted: Converted, pictures: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """mu by layer: {"conv1_1": (64,), ...} in float64, over all pictures' positions, behind the ReLUs."""
    features_only = {name: array for name, array in converted.weights.arrays.items() if name.startswith("conv")}
    net = vgg.load(replace(converted.weights, arrays=features_only))
    layers = [name.removesuffix(".weight") for name in converted.weights.arrays if name.endswith(".weight")]
    layers = [name for name in layers if name.startswith("conv")]
    sums: dict[str, Any] = dict.fromkeys(layers, 0.0)
    positions = dict.fromkeys(layers, 0)
    for picture in pictures:
        with mg.no_grad():
            features = net.features(mg.tensor(picture), [name.replace("conv", "relu") for name in layers])
        for name in layers:
            activation = features[name.replace("conv", "relu")].numpy()  # (1, C, H, W)
            sums[name] = sums[name] + activation.sum(axis=(0, 2, 3), dtype=np.float64)
            positions[name] += activation.shape[2] * activation.shape[3]
    return {name: sums[name] / positions[name] for name in layers}


def rescaled(arrays: Mapping[str, Any], means: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays with W[i, j] *= mu_before[j] / mu[i] and b[i] /= mu[i], in their own precision."""
    result = dict(arrays)
    before = np.ones(3)
    for name, mean in means.items():
        after = np.where(mean > 0, mean, 1.0)
        weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
        result[f"{name}.weight"] = (weight * (before / after[:, None])[:, :, None, None]).astype(weight.dtype)
        result[f"{name}.bias"] = (bias / after).astype(bias.dtype)
        before = after
    if "fc6.weight" in arrays:
        weight = arrays["fc6.weight"]
        result["fc6.weight"] = (weight * np.repeat(before, FEATURE_SIDE**2)).astype(weight.dtype)
    return result
