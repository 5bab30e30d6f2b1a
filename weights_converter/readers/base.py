"""What every reader hands over: tensors that are read when they are wanted, and how the input must look.

Readers first list what a file holds (names, shapes, number types) and read the numbers only of those tensors
that turn out to be a VGG's. A file that announces absurd sizes is therefore refused before it costs memory.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nets.vgg_file import CAFFE_BGR, TORCHVISION, InputConvention, parse_metadata

MAX_FILE_BYTES = 4 << 30  # VGG19 with its head in float64 is 1.1 GB; a checkpoint with Adam's moments 1.7 GB


class WeightsError(ValueError):
    """A file that cannot be used, or an argument that does not fit it; the text is one sentence for the user."""


@dataclass(frozen=True)
class ForeignTensor:
    """An array that still lies in its file. shape, dtype: as the file declares them; read() fetches the numbers."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]

    def changed(self, shape: tuple[int, ...], change: Callable[[np.ndarray], np.ndarray]) -> ForeignTensor:
        """The tensor after `change` (a transposition, a reshape), which is applied when it is read."""
        return ForeignTensor(shape, self.dtype, lambda: change(self.read()))

    def transposed(self, *axes: int) -> ForeignTensor:
        return self.changed(tuple(self.shape[axis] for axis in axes), lambda array: array.transpose(axes))

    def reshaped(self, *shape: int) -> ForeignTensor:
        return self.changed(shape, lambda array: array.reshape(shape))


CONVENTIONS = {"caffe-bgr": CAFFE_BGR, "torchvision": TORCHVISION}


@dataclass
class ForeignFile:
    """A file that was understood.

    format: its kind, in words. tensors: what it holds, by its own names. layers: the tensors that are a VGG's,
    by ours (`conv1_1.weight`: (O, I, 3, 3); `fc6.weight`: (out, in), inputs in the order C, H, W).
    convention: the input it expects, None where nothing in the file tells; reason: how that is known. origin: who
    trained the network, where the file says so.
    """

    format: str
    tensors: dict[str, ForeignTensor]
    layers: dict[str, ForeignTensor]
    convention: InputConvention | None = None
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    origin: str = ""

    def believe(self, metadata: str) -> None:
        """Take the convention and the origin from the project's own metadata, which the file holds."""
        try:
            stated = parse_metadata(metadata)
        except ValueError as error:
            raise WeightsError(f"has metadata that are not the converter's: {error}") from error
        self.convention, self.origin, self.reason = stated.convention, stated.note, "the file's metadata say so"


def dense_from_hwc(weight: ForeignTensor, side: int) -> ForeignTensor:
    """A dense layer (in, out) behind a flatten in the order H, W, C as ours: (out, in), in the order C, H, W.

    A layer whose inputs are no side x side positions is some other classifier's; it is only transposed.
    """
    inputs, outputs = weight.shape
    if inputs % side**2:
        return weight.transposed(1, 0)
    positions = weight.reshaped(side, side, inputs // side**2, outputs)
    return positions.transposed(3, 2, 0, 1).reshaped(outputs, inputs)


def need_package(package: str, purpose: str) -> Any:
    """Imports an optional package, or says what to install."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise WeightsError(
            f"reading {purpose} needs the package {name}, which is not installed: install it, or minigrad's "
            'extra "convert" (pip install "minigrad[convert]"), which brings it'
        ) from error


def few(names: Any, limit: int = 4) -> str:
    """The first few of some names, for a message."""
    listed = [str(name)[:60] for name in names]
    return ", ".join(listed[:limit]) + (f", ... ({len(listed)} in all)" if len(listed) > limit else "")
