"""Keras' HDF5 files: `.h5` with a group for each layer, and Keras 3's `.weights.h5`.

HDF5 is a file system in a file: groups hold groups and datasets. The older format calls them by layer,
`block1_conv1/block1_conv1/kernel:0` (or `block1_conv1_W_1:0`), in a whole model's file below `model_weights`.
Keras 3 writes `layers/block1_conv1/vars/0` (kernel) and `/1` (bias), in some versions with the class's name and
a number instead of the layer's: `layers/conv2d_3/vars/0`.

Kernels are (H, W, I, O), dense weights (in, out), and the picture is flattened in the order H, W, C: so fc1's
inputs must be sorted anew. keras.applications' VGGs are Caffe's weights and want BGR in 0..255 minus the mean.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from nets.vgg import FEATURE_SIDE, HEAD_NAMES

from ..naming import conv_names_for, refuse_batch_norm
from .base import CAFFE_BGR, ForeignFile, ForeignTensor, WeightsError, dense_from_hwc, few, need_package

MAX_DATASETS = 5000
MAX_DEPTH = 12
NAMED = re.compile(r"block(\d)_conv(\d)")
COUNTED = re.compile(r"(conv2d|dense)(?:_(\d+))?")
HEAD = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}
NOT_WEIGHTS = ("optimizer", "optimizer_weights")

Layers = dict[str, list[ForeignTensor]]


def read_keras(path: Path) -> ForeignFile:
    h5py = need_package("h5py", "an HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            tensors = _list_datasets(h5py, path, root)
    except WeightsError:
        raise
    except Exception as error:  # h5py has an error class of its own for hardly anything that HDF5 finds wrong
        raise WeightsError("is damaged or cut short: HDF5 cannot read it") from error
    refuse_batch_norm(tensors)
    by_layer = _by_layer(tensors)
    layers: dict[str, ForeignTensor] = {}
    for name, parts in by_layer.items():
        layers.update(_as_ours(name, parts))
    return ForeignFile("Keras HDF5", tensors, layers, CAFFE_BGR, "Keras' VGG16 and VGG19 are trained so")


def _list_datasets(h5py: Any, path: Path, root: Any) -> dict[str, ForeignTensor]:
    """All datasets of numbers below a group, by path. Links that lead out of the group's tree are not followed."""
    tensors: dict[str, ForeignTensor] = {}
    pending = [(root, 0)]
    while pending:
        group, depth = pending.pop()
        for name in group:
            if name in NOT_WEIGHTS or not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            item = group[name]
            if isinstance(item, h5py.Group) and depth < MAX_DEPTH:
                pending.append((item, depth + 1))
            elif isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu":
                tensors[item.name] = _listed(h5py, path, item)
            if len(tensors) + len(pending) > MAX_DATASETS:
                raise WeightsError("holds more arrays than any VGG")
    return tensors


def _listed(h5py: Any, path: Path, dataset: Any) -> ForeignTensor:
    if dataset.external or dataset.is_virtual:
        raise WeightsError(f"keeps {dataset.name[:80]} in another file: save the weights in one file")
    name = dataset.name

    def read() -> np.ndarray:
        try:
            with h5py.File(path, "r") as file:
                return file[name][()]
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            raise WeightsError(f"is damaged: {name[:80]} cannot be read") from error

    return ForeignTensor(tuple(dataset.shape or ()), dataset.dtype.name, read)


def _by_layer(tensors: dict[str, ForeignTensor]) -> Layers:
    """Each layer's kernel and bias under our name for it."""
    named: Layers = {}
    counted: dict[tuple[str, int], list[ForeignTensor]] = {}
    for path, tensor in tensors.items():
        parts = re.split(r"[/\\]", path)
        ours = next((name for part in parts if (name := _our_name(part))), None)
        match = next((match for part in parts if (match := COUNTED.fullmatch(part))), None)
        if ours:
            named.setdefault(ours, []).append(tensor)
        elif match:
            counted.setdefault((match[1], int(match[2] or 0)), []).append(tensor)
    if named:
        return named
    if not counted:
        raise WeightsError(f"holds no VGG: its arrays are called {few(tensors)}" if tensors else "holds no arrays")
    convolutions = [counted[key] for key in sorted(counted) if key[0] == "conv2d"]
    dense = [counted[key] for key in sorted(counted) if key[0] == "dense"]
    return dict(zip([*conv_names_for(len(convolutions)), *HEAD_NAMES], convolutions + dense))


def _our_name(part: str) -> str | None:
    match = NAMED.fullmatch(part)
    return f"conv{match[1]}_{match[2]}" if match else HEAD.get(part)


def _as_ours(name: str, parts: list[ForeignTensor]) -> dict[str, ForeignTensor]:
    """One layer's kernel and bias in our layout; they are told apart by their number of dimensions."""
    rank = 4 if name.startswith("conv") else 2
    kernels = [part for part in parts if len(part.shape) == rank]
    biases = [part for part in parts if len(part.shape) == 1]
    if len(kernels) != 1 or len(biases) != 1 or len(parts) != 2:
        shapes = few(part.shape for part in parts)
        raise WeightsError(f"has arrays of shapes {shapes} for {name}, where a kernel and a bias are expected")
    kernel = kernels[0]
    if name.startswith("conv"):
        if kernel.shape[:2] != (3, 3):
            raise WeightsError(
                f"has a kernel {kernel.shape} for {name}, where (3, 3, I, O) is expected (files called "
                "th_dim_ordering have Theano's layout: use the one called tf_dim_ordering)"
            )
        weight = kernel.transposed(3, 2, 0, 1)
    else:
        weight = dense_from_hwc(kernel, FEATURE_SIDE) if name == "fc6" else kernel.transposed(1, 0)
    return {f"{name}.weight": weight, f"{name}.bias": biases[0]}
