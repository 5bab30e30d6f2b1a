"""The file of VGG weights: what `weights_converter` writes and `nets.vgg` reads.

An `.npz` archive of arrays `conv1_1.weight` (out, in, 3, 3), `conv1_1.bias` (out,), ..., where the source has a
classifier also `fc6.weight` (out, in; inputs in the order C, H, W) to `fc8.bias`, in float32 or float16; and
`metadata`, a text in JSON: format, version, architecture, the input convention (channel_order, range, mean, std),
source, source_sha256, converter, note. Nothing in a file is ever executed, and shapes are checked before a number
is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from minigrad.npz import Member, NpzError, list_npz, open_regular, read_text

FORMAT, VERSION = "minigrad-vgg", 1
METADATA = "metadata"
MAX_METADATA_CHARACTERS = 1 << 18


@dataclass(frozen=True)
class InputConvention:
    """What a network wants its input to look like: x = (picture[channel_order] * range - mean) / std.

    The picture is RGB in [0, 1]; mean and std are given in the channel order and in units of the range.
    """

    channel_order: str
    range: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __str__(self) -> str:
        mean = ", ".join(f"{value:g}" for value in self.mean)
        std = ", ".join(f"{value:g}" for value in self.std)
        division = "" if set(self.std) == {1.0} else f", divided by ({std})"
        return f"{self.channel_order.upper()} in 0..{self.range:g}, minus ({mean}){division}"


TORCHVISION = InputConvention("rgb", 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE_BGR = InputConvention("bgr", 255.0, (103.939, 116.779, 123.68))


@dataclass(frozen=True)
class Weights:
    """Weights of a VGG, by the names above, with all that a file says about them.

    architecture: "vgg16" or "vgg19". arrays: numbers, or entries of a file that are yet to be read. source,
    source_sha256, converter, note: where they came from. path: the file, for messages.
    """

    architecture: str
    convention: InputConvention
    arrays: Mapping[str, np.ndarray | Member]
    source: str = ""
    source_sha256: str = ""
    converter: str = ""
    note: str = ""
    path: str = "weights"

    def array(self, name: str) -> np.ndarray:
        """The numbers of one array. Errors: ValueError naming the file if it is damaged."""
        array = self.arrays[name]
        if isinstance(array, np.ndarray):
            return array
        try:
            return array.read()
        except (ValueError, OSError) as error:
            raise ValueError(f"{self.path}: the weights file is damaged or truncated ({error})") from error

    def metadata(self) -> str:
        """The JSON text that the file holds."""
        convention = self.convention
        return json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "architecture": self.architecture,
                "channel_order": convention.channel_order,
                "range": convention.range,
                "mean": list(convention.mean),
                "std": list(convention.std),
                "source": self.source,
                "source_sha256": self.source_sha256,
                "converter": self.converter,
                "note": self.note,
            }
        )


def write(file: BinaryIO, weights: Weights) -> None:
    """Write the archive into an open binary file."""
    members: dict[str, Any] = {**weights.arrays, METADATA: np.array(weights.metadata())}
    np.savez(file, **members)


def read(path: str | Path) -> Weights:
    """The weights in a converted file; its arrays are listed, and read one by one when they are asked for.

    Errors: FileNotFoundError; ValueError naming the file, and the key where one is wrong, if it is damaged, not
    converted, or does not say what its pictures must be.
    """
    members = _listed(path)
    stated = _metadata(path, members.pop(METADATA))
    return replace(stated, arrays=members, path=str(path))


def architecture_of(path: str | Path) -> str:
    """ "vgg16" or "vgg19", as a converted file says. Errors: as `read`."""
    return read(path).architecture


def _listed(path: str | Path) -> dict[str, Member]:
    convert = f"{path}: not a converted weights file; run python -m weights_converter {path} -o OUT.npz"
    if not Path(path).exists():
        raise FileNotFoundError(2, "there is no such weights file", str(path))
    try:
        with open_regular(path) as file:
            if file.read(4) != b"PK\3\4":
                raise ValueError(convert)
        members = list_npz(path)
    except NpzError as error:
        raise ValueError(f"{path}: the weights file is damaged or truncated ({error})") from error
    if METADATA not in members:
        raise ValueError(convert)
    return members


def _metadata(path: str | Path, member: Member) -> Weights:
    try:
        return parse_metadata(read_text(member, MAX_METADATA_CHARACTERS))
    except ValueError as error:
        raise ValueError(f"{path}: metadata: {error}") from None


def parse_metadata(text: str) -> Weights:
    """Weights without arrays, as the JSON text describes them.

    Errors: ValueError (without the file's name) for the first key that is missing or wrong.
    """
    try:
        stated = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not a JSON text") from None
    if not isinstance(stated, dict):
        raise ValueError(f"must be a JSON object, found {stated!r:.60}")
    expected = {
        "format": (lambda value: value == FORMAT, repr(FORMAT)),
        "version": (lambda value: value == VERSION, str(VERSION)),
        "architecture": (lambda value: value in ("vgg16", "vgg19"), "'vgg16' or 'vgg19'"),
        "channel_order": (lambda value: value in ("rgb", "bgr"), "'rgb' or 'bgr'"),
        "range": (lambda value: _numbers([value], 1) and value > 0, "a number greater than 0"),
        "mean": (lambda value: _numbers(value, 3), "three numbers"),
        "std": (lambda value: _numbers(value, 3) and min(value) > 0, "three numbers greater than 0"),
    }
    for key, (is_valid, description) in expected.items():
        if key not in stated:
            raise ValueError(f"{key} is missing; it must be {description}")
        if not is_valid(stated[key]):
            raise ValueError(f"{key} must be {description}, found {stated[key]!r:.60}")
    mean, std = (tuple(map(float, stated[key])) for key in ("mean", "std"))
    convention = InputConvention(stated["channel_order"], float(stated["range"]), mean, std)  # type: ignore[arg-type]
    texts = {key: str(stated.get(key, "")) for key in ("source", "source_sha256", "converter", "note")}
    return Weights(stated["architecture"], convention, {}, **texts)


def _numbers(values: Any, count: int) -> bool:
    """Whether this is a list of `count` numbers that float32 can hold."""
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e30 for value in values)
    )
