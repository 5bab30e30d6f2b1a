"""Caffe's `.caffemodel`: a protocol buffer of type NetParameter (caffe.proto), read field by field.

    NetParameter      2: layers (V1LayerParameter, until 2014)    100: layer (LayerParameter)
    V1LayerParameter  4: name   5: type (a number)   6: blobs
    LayerParameter    1: name   2: type (a text)     7: blobs
    BlobProto         1..4: num, channels, height, width   5: data (packed floats)   7: shape   8: double_data
    BlobShape         1: dim (packed)

A layer's first blob is its weight, OIHW or (out, in), the second its bias. VGG_ILSVRC_19_layers.caffemodel, from
which all other versions of Oxford's weights descend, has V1 layers called conv1_1 ... fc8. Caffe reads pictures
as BGR in 0..255 and these networks subtract the mean color.
"""

from __future__ import annotations

import mmap
from math import prod
from pathlib import Path

import numpy as np

from minigrad.npz import open_regular

from ..naming import recognize
from .base import CAFFE_BGR, ForeignFile, ForeignTensor, WeightsError
from .protobuf import BYTES, FIXED32, fields, packed_varints, text

V1_LAYERS, LAYERS = 2, 100
NAME_AND_BLOBS = {V1_LAYERS: (4, 6), LAYERS: (1, 7)}
TYPE = 2  # in LayerParameter
LEGACY_DIMENSIONS = (1, 2, 3, 4)
DATA, SHAPE, DOUBLE_DATA = 5, 7, 8


def read_caffe(path: Path) -> ForeignFile:
    with open_regular(path) as file:
        # Mapped, not read: tensors are views into the file, and only their pages are ever loaded.
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    tensors: dict[str, ForeignTensor] = {}
    for number, wire_type, value in fields(content):
        if number in NAME_AND_BLOBS and wire_type == BYTES:
            tensors.update(_layer(value, *NAME_AND_BLOBS[number], typed=number == LAYERS))
    if not tensors:
        raise WeightsError("holds no layers with weights, so it is no .caffemodel")
    _, layers = recognize(tensors)
    return ForeignFile("Caffe .caffemodel", tensors, layers, CAFFE_BGR, "Caffe's VGG networks are trained so")


def _layer(message: memoryview, name_field: int, blob_field: int, typed: bool) -> dict[str, ForeignTensor]:
    """A layer's weight and bias, called `NAME.weight` and `NAME.bias`."""
    name, blobs = "", []
    for number, wire_type, value in fields(message):
        if wire_type != BYTES:
            continue
        if number == name_field:
            name = text(value)
        elif number == blob_field:
            blobs.append(_blob(value))
        elif typed and number == TYPE and text(value) in ("BatchNorm", "Scale"):
            raise WeightsError("is a VGG with batch normalization, which is another network than VGG16 or VGG19")
    if len(blobs) > 2:
        raise WeightsError(f"has {len(blobs)} arrays in the layer {name[:60]}, where a weight and a bias are expected")
    return {f"{name}.{kind}": blob for kind, blob in zip(("weight", "bias"), blobs)}


def _blob(message: memoryview) -> ForeignTensor:
    dimensions: dict[int, int] = {}
    shape: tuple[int, ...] | None = None
    data, width = memoryview(b""), 4
    for number, wire_type, value in fields(message):
        if number in LEGACY_DIMENSIONS and isinstance(value, int):
            dimensions[number] = value
        elif number == SHAPE and wire_type == BYTES:
            shape = _shape(value)
        elif number == DATA and wire_type == FIXED32:
            raise WeightsError(
                "stores its numbers one by one, as only very old Caffe did: save it again with a newer one"
            )
        elif number in (DATA, DOUBLE_DATA) and wire_type == BYTES:
            data, width = value, 8 if number == DOUBLE_DATA else 4
    if shape is None:
        shape = tuple(dimensions.get(number, 1) for number in LEGACY_DIMENSIONS)
        while len(shape) > 1 and shape[0] == 1:  # biases are (1, 1, 1, O) and matrices (1, 1, out, in)
            shape = shape[1:]
    if prod(shape) * width != len(data):
        raise WeightsError(f"is damaged: a blob of shape {shape} has {len(data):,} bytes of numbers")
    dtype = "float64" if width == 8 else "float32"
    return ForeignTensor(shape, dtype, lambda: np.frombuffer(data, dtype).reshape(shape))


def _shape(message: memoryview) -> tuple[int, ...]:
    dimensions: list[int] = []
    for number, wire_type, value in fields(message):
        if number == 1:
            dimensions += packed_varints(value) if wire_type == BYTES else [value]
    if len(dimensions) > 8:
        raise WeightsError(f"is damaged: a blob has {len(dimensions)} dimensions")
    return tuple(dimensions)
