"""The project's own file of weights, as `nets.vgg` reads it: an `.npz` that explains itself.

Arrays `conv1_1.weight` (O, I, 3, 3), `conv1_1.bias` (O,), ..., where the source has them `fc6.weight`
(out, in; inputs in the order C, H, W) to `fc8.bias`, in float32 or float16; and `metadata`, a text in JSON:
format "minigrad-vgg", version, architecture, what the input must look like (channel_order, range, mean, std),
source, source_sha256, converter, note.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .readers.base import InputConvention, WeightsError

METADATA = "metadata"
FORMAT, VERSION = "minigrad-vgg", 1


def make_metadata(
    architecture: str, convention: InputConvention, source: str, source_sha256: str, converter: str, note: str
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "architecture": architecture,
        "channel_order": convention.channel_order,
        "range": convention.range,
        "mean": list(convention.mean),
        "std": list(convention.std),
        "source": source,
        "source_sha256": source_sha256,
        "converter": converter,
        "note": note,
    }


def write_converted(file: Any, arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> None:
    """Writes the archive into an open binary file."""
    members: dict[str, Any] = {**arrays, METADATA: np.array(json.dumps(metadata))}
    np.savez(file, **members)


def parse_metadata(array: np.ndarray) -> dict[str, Any]:
    """The metadata as a dictionary. Errors: WeightsError where it is not what this version writes."""
    try:
        metadata = json.loads(str(array))
    except (ValueError, RecursionError) as error:
        raise WeightsError("has metadata that are no JSON") from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise WeightsError(f"has metadata of another format than {FORMAT}")
    if metadata.get("version") != VERSION:
        raise WeightsError(f"has metadata of version {metadata.get('version')!r:.20}; this program knows {VERSION}")
    return metadata


def convention_of(metadata: dict[str, Any]) -> InputConvention:
    """The input convention that the metadata state. Errors: WeightsError where they do not."""
    order = metadata.get("channel_order")
    scale, mean, std = _numbers([metadata.get("range")]), _numbers(metadata.get("mean")), _numbers(metadata.get("std"))
    if order not in ("rgb", "bgr") or (len(scale), len(mean), len(std)) != (1, 3, 3):
        raise WeightsError("has metadata that do not say the input's channel order, range, mean and std")
    if min(*scale, *std) <= 0:
        raise WeightsError("has metadata whose input range or std is not positive")
    return InputConvention(order, scale[0], (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))


def _numbers(values: Any) -> list[float]:
    """The values as floats; empty where they are not all finite numbers."""
    values = values if isinstance(values, list) else []
    good = all(type(value) in (int, float) and abs(value) < 1e30 for value in values)
    return [float(value) for value in values] if good else []
