"""The file of weights that `weights_converter` writes, read and checked for `nets.vgg`.

An `.npz` of arrays `conv1_1.weight` (out, in, 3, 3), `conv1_1.bias` (out,), ..., where the source has them
`fc6.weight` to `fc8.bias`; and `metadata`, a text in JSON: the architecture, and what the network wants its pictures
to be. It computes on (rgb[channel_order] * range - mean) / std, rgb in [0, 1]. Nothing in a file is ever executed.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

FORMAT, VERSION = "minigrad-vgg", 1
HEAD = ("fc6", "fc7", "fc8")
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, RuntimeError, json.JSONDecodeError)


def read_weights(path: str | Path, architecture: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(metadata, arrays) of a converted file of one architecture.

    Errors: FileNotFoundError; ValueError naming the file, and the key where one is wrong, if it is damaged, not
    converted, another network's, or does not say what its pictures must be.
    """
    metadata, arrays = _read(path, with_arrays=True)
    if metadata["architecture"] != architecture:
        raise ValueError(f"{path}: holds {metadata['architecture']}, not {architecture}")
    check_head(path, arrays)
    return metadata, arrays


def architecture_of(path: str | Path) -> str:
    """ "vgg16" or "vgg19", as a converted file says. Errors: as `read_weights`."""
    return _read(path, with_arrays=False)[0]["architecture"]


def _read(path: str | Path, with_arrays: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if not Path(path).is_file():
        raise FileNotFoundError(2, "there is no such weights file", str(path))
    convert = f"{path}: not a converted weights file; run python -m weights_converter {path} -o OUT.npz"
    with open(path, "rb") as file:
        if file.read(4) != b"PK\3\4":
            raise ValueError(convert)
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "metadata" not in archive.files:
                raise ValueError(convert)
            metadata = json.loads(str(archive["metadata"]))
            check_metadata(path, metadata)
            names = [name for name in archive.files if name != "metadata"] if with_arrays else []
            return metadata, {name: archive[name] for name in names}
    except UNREADABLE as error:
        raise ValueError(f"{path}: the weights file is damaged or truncated ({error})") from None
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: the weights file holds something other than arrays of numbers") from None


def check_metadata(path: str | Path, metadata: Any) -> None:
    """Errors: ValueError naming the file and the first key of its metadata that is missing or wrong."""
    if not isinstance(metadata, dict):
        raise ValueError(f"{path}: metadata must be a JSON object, found {metadata!r:.60}")
    wanted = {
        "format": (lambda value: value == FORMAT, repr(FORMAT)),
        "version": (lambda value: value == VERSION, str(VERSION)),
        "architecture": (lambda value: value in ("vgg16", "vgg19"), "'vgg16' or 'vgg19'"),
        "channel_order": (lambda value: value in ("rgb", "bgr"), "'rgb' or 'bgr'"),
        "range": (lambda value: _numbers([value], 1) and value > 0, "a number greater than 0"),
        "mean": (lambda value: _numbers(value, 3), "three numbers"),
        "std": (lambda value: _numbers(value, 3) and min(value) > 0, "three numbers greater than 0"),
    }
    for key, (good, text) in wanted.items():
        if key not in metadata:
            raise ValueError(f"{path}: metadata: {key} is missing; it must be {text}")
        if not good(metadata[key]):
            raise ValueError(f"{path}: metadata: {key} must be {text}, found {metadata[key]!r:.60}")


def _numbers(values: Any, count: int) -> bool:
    """Whether this is a list of `count` numbers that float32 can hold."""
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e30 for value in values)
    )


def check_head(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Errors: ValueError naming the file and the key where a classifier is incomplete, or its layers do not meet."""
    if not any(key.startswith(HEAD) for key in arrays):
        return
    inputs = None
    for name in HEAD:
        for key, axes in ((f"{name}.weight", 2), (f"{name}.bias", 1)):
            if key not in arrays:
                raise ValueError(f"{path}: {key} is missing; a classifier needs weight and bias of {', '.join(HEAD)}")
            if arrays[key].ndim != axes:
                raise ValueError(f"{path}: {key} must have {axes} axes, found shape {arrays[key].shape}")
        weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
        if inputs is not None and weight.shape[1] != inputs:
            raise ValueError(f"{path}: {name}.weight must take {inputs} inputs, found shape {weight.shape}")
        if bias.shape != weight.shape[:1]:
            raise ValueError(f"{path}: {name}.bias must have shape {weight.shape[:1]}, found {bias.shape}")
        inputs = weight.shape[0]
