"""ONNX: a graph of operations; its weights are called initializers and have whatever names the exporter liked.

So the layers are told by the graph: its Conv nodes in order, then its Gemm or MatMul nodes, which are the dense
layers. Conv weights are OIHW. Gemm computes x W or, with transB, x W^T; a bias may be the node's third input or
an Add behind it. Exports of Keras models (tf2onnx) turn the picture back to (H, W, C) before they flatten it:
a Transpose between the last convolution and the first dense layer gives that away.

Numbers too large for one file lie in another one beside it (`external_data`), which is read from the same
folder only. What the input must look like is not part of the format: names tell it where the exporter kept
them (Keras' layers, torchvision's, the model zoo's), otherwise it has to be given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.npz import open_regular
from nets.vgg import FEATURE_SIDE, HEAD_NAMES

from ..naming import HEADS, conv_names_for, flattened
from .base import (
    CAFFE_BGR,
    TORCHVISION,
    ForeignFile,
    ForeignTensor,
    InputConvention,
    WeightsError,
    dense_from_hwc,
    need_package,
)

CONVENTIONS_BY_NAME = (  # what is found in the graph's names, the convention, how the reason calls it
    (re.compile(r"block\d_conv\d"), CAFFE_BGR, "the layers' names are Keras'"),
    (re.compile(r"(^|\.)" + re.escape(HEADS["torchvision"][1]) + r"\.weight$"), TORCHVISION, "torchvision's names"),
    (re.compile(r"^vgg\d+_conv\d+_weight$"), TORCHVISION, "the names are those of the ONNX model zoo's vgg files"),
)
HARMLESS = ("Transpose", "Identity", "Cast")  # what may stand between the picture and the first convolution
TO_HWC = [0, 2, 3, 1]


def read_onnx(path: Path) -> ForeignFile:
    onnx = need_package("onnx", "an .onnx file")
    try:
        reader = _Graph(onnx, path.parent, onnx.load_model(str(path), load_external_data=False).graph)
        layers = reader.layers()
        convention, reason = reader.convention()
    except WeightsError:
        raise
    except Exception as error:  # protobuf's own errors differ between versions, and it lets malformed names through
        raise WeightsError("is damaged or cut short: it cannot be read as ONNX") from error
    return ForeignFile("ONNX", reader.constants, layers, convention, reason)


class _Graph:
    """The graph's nodes in order, its constants by name, and who makes and who takes each value."""

    def __init__(self, onnx: Any, folder: Path, graph: Any) -> None:
        self.nodes = list(graph.node)
        self.constants = {proto.name: _constant(onnx, folder, proto) for proto in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                self.constants[node.output[0]] = _constant(onnx, folder, node.attribute[0].t)
            elif node.op_type == "Identity" and node.input[0] in self.constants:
                self.constants[node.output[0]] = self.constants[node.input[0]]
        self.maker = {output: node for node in self.nodes for output in node.output}
        self.takers: dict[str, list[Any]] = {}
        for node in self.nodes:
            for value in node.input:
                self.takers.setdefault(value, []).append(node)

    def layers(self) -> dict[str, ForeignTensor]:
        """The VGG's tensors by our names."""
        convolutions: list[tuple[Any, ForeignTensor]] = []
        dense: list[tuple[Any, ForeignTensor]] = []
        for node in self.nodes:
            if node.op_type == "BatchNormalization":
                raise WeightsError("is a VGG with batch normalization, which is another network than VGG16 or VGG19")
            if node.op_type == "Conv":
                weight = self._weight(node)
                is_dense = weight.shape[2:] != (3, 3)
                (dense if is_dense else convolutions).append((node, flattened(weight) if is_dense else weight))
            elif node.op_type in ("Gemm", "MatMul") and node.input[1] in self.constants:
                dense.append((node, self._matrix(node, first=not dense)))
        if not convolutions:
            raise WeightsError("is an ONNX graph without 3 x 3 convolutions, so no VGG")
        names = [*conv_names_for(len(convolutions)), *HEAD_NAMES]
        layers = {}
        for name, (node, weight) in zip(names, convolutions + dense):
            layers[f"{name}.weight"] = weight
            layers[f"{name}.bias"] = self._bias(name, node, weight.shape[0])
        return layers

    def _weight(self, node: Any) -> ForeignTensor:
        weight = self.constants.get(node.input[1])
        if weight is None:
            raise WeightsError(
                "computes its convolutions' weights instead of storing them: export it with constants folded"
            )
        if len(weight.shape) != 4:
            raise WeightsError(
                f"has a convolution whose weight has shape {weight.shape}, where (O, I, H, W) is expected"
            )
        return weight

    def _matrix(self, node: Any, first: bool) -> ForeignTensor:
        """A dense layer's weight as (out, in), its inputs in the order C, H, W."""
        weight = self.constants[node.input[1]]
        if len(weight.shape) != 2:
            raise WeightsError(
                f"has a dense layer whose weight has shape {weight.shape}, where two dimensions are expected"
            )
        if any(_attribute(node, name, 1.0) != 1.0 for name in ("alpha", "beta")):
            raise WeightsError("has a Gemm node that scales its operands, as no VGG does")
        by_inputs = weight.transposed(1, 0) if _attribute(node, "transB", 0) else weight
        if first and self._turned_before(node):
            return dense_from_hwc(by_inputs, FEATURE_SIDE)
        return by_inputs.transposed(1, 0)

    def _upstream(self, node: Any) -> Iterator[Any]:
        """The nodes before a node, each the maker of the next one's first input; at most as many as there are."""
        for _ in self.nodes:
            node = self.maker.get(node.input[0]) if node.input else None
            if node is None:
                return
            yield node

    def _turned_before(self, node: Any) -> bool:
        """Whether the features are turned to (H, W, C) between the last convolution and this dense layer."""
        for before in self._upstream(node):
            if before.op_type == "Conv":
                return False
            if before.op_type == "Transpose" and list(_attribute(before, "perm", [])) == TO_HWC:
                return True
        return False

    def _bias(self, name: str, node: Any, count: int) -> ForeignTensor:
        """The node's third input, or the constant that an Add right behind the node adds."""
        if len(node.input) > 2 and node.input[2]:
            candidates = [node.input[2]]
        else:
            adds = [taker for taker in self.takers.get(node.output[0], []) if taker.op_type == "Add"]
            candidates = [value for add in adds for value in add.input if value in self.constants]
        for value in candidates:
            bias = self.constants.get(value)
            if bias is not None and prod(bias.shape) == count:
                return bias.reshaped(count)
        raise WeightsError(f"has no bias of {count} numbers for the layer that would be {name}")

    def convention(self) -> tuple[InputConvention | None, str]:
        """The input convention by names; unknown where the graph itself prepares its input."""
        first = next(node for node in self.nodes if node.op_type == "Conv")
        for before in self._upstream(first):
            if before.op_type not in HARMLESS:
                return None, f"the graph prepares its input itself (with {before.op_type})"
        names = [*self.constants, *(node.name for node in self.nodes), *self.maker]
        for pattern, convention, reason in CONVENTIONS_BY_NAME:
            if any(pattern.search(name) for name in names):
                return convention, reason
        return None, "the names in the graph do not tell"


def _attribute(node: Any, name: str, default: Any) -> Any:
    for attribute in node.attribute:
        if attribute.name == name:
            return {1: attribute.f, 2: attribute.i, 7: attribute.ints}.get(attribute.type, default)
    return default


def _constant(onnx: Any, folder: Path, proto: Any) -> ForeignTensor:
    shape = tuple(proto.dims)
    if any(length < 0 for length in shape):
        raise WeightsError(f"is damaged: {proto.name[:60]} has the shape {shape}")
    dtype = str(onnx.helper.tensor_dtype_to_np_dtype(proto.data_type))

    def read() -> np.ndarray:
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            return np.frombuffer(_external_bytes(folder, proto, prod(shape) * np.dtype(dtype).itemsize), dtype).reshape(
                shape
            )
        try:
            return onnx.numpy_helper.to_array(proto)
        except (ValueError, TypeError) as error:
            raise WeightsError(
                f"is damaged: {proto.name[:60]} has not as many numbers as its shape {shape} says"
            ) from error

    return ForeignTensor(shape, dtype, read)


def _external_bytes(folder: Path, proto: Any, length: int) -> bytes:
    """The numbers of a tensor that lies in another file, which must be in the same folder."""
    entries = {entry.key: entry.value for entry in proto.external_data}
    location, offset = entries.get("location", ""), entries.get("offset", "0")
    if Path(location).name != location or location in ("", "..") or not offset.isdigit():
        raise WeightsError(f"keeps weights in {location[:80]!r}, which is no file in its own folder")
    try:
        with open_regular(folder / location) as file:
            file.seek(int(offset))
            data = file.read(length)
    except OSError as error:
        raise WeightsError(f"keeps weights in {location[:80]}, which cannot be read from its folder") from error
    if len(data) != length:
        raise WeightsError(f"keeps weights in {location[:80]}, which is cut short")
    return data
