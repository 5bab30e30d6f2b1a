"""MatConvNet's networks, `imagenet-vgg-verydeep-19.mat`: MATLAB's version 5 format, read with SciPy.

The variable `layers` is a cell array with a struct for each layer: type ('conv', 'relu', 'pool', 'softmax'),
name ('conv1_1', ..., 'fc6') and, by the toolbox' version, `weights` = {filters, biases} or two fields
`filters` and `biases`. Filters are (H, W, I, O); fully connected layers are convolutions, fc6 with 7 x 7.
`normalization` (or `meta.normalization`) holds `averageImage`, which is subtracted from RGB in 0..255. The
order of fields has changed between versions, so they are found by name.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from .foreign import ForeignFile, ForeignTensor, InputConvention, WeightsError, in_memory, need_package
from .naming import flattened

HEADER_BYTES = 128
COMPRESSED = 15  # the data type miCOMPRESSED
MAX_EXPANSION = 8  # float32 weights shrink by a tenth, as float64 by a half; constant biases hardly count
SLACK_BYTES = 16 << 20


def read_matconvnet(path: Path) -> ForeignFile:
    loadmat = need_package("scipy.io", "a MATLAB file").loadmat
    _refuse_bombs(path)
    try:
        variables = loadmat(path, variable_names=["layers", "normalization", "meta", "net"])
    except NotImplementedError as error:
        raise WeightsError("is a MATLAB file of version 7.3: save it again with save(..., '-v7')") from error
    except Exception as error:  # SciPy's reader lets whatever goes wrong inside it through
        raise WeightsError("is damaged or cut short: SciPy cannot read it as a MATLAB file") from error
    network = _unwrap(variables["net"]) if "net" in variables else variables
    cells = _field(network, "layers")
    if not isinstance(cells, np.ndarray) or cells.dtype != object:
        raise WeightsError("is a MATLAB file without a cell array called layers, so no MatConvNet network")
    tensors, layers = {}, {}
    for cell in cells.ravel():
        name, weight, bias = _convolution(_unwrap(cell))
        if weight is None or bias is None:
            continue
        tensors[f"{name}.filters"], tensors[f"{name}.biases"] = in_memory(weight), in_memory(bias)
        layers.update(_as_ours(name, tensors[f"{name}.filters"], tensors[f"{name}.biases"]))
    file = ForeignFile("MatConvNet .mat", tensors, layers)
    _read_convention(file, network)
    return file


def _refuse_bombs(path: Path) -> None:
    """Elements may be compressed with zlib: what they expand to is counted, without keeping it, before SciPy runs."""
    limit = MAX_EXPANSION * path.stat().st_size + SLACK_BYTES
    total = 0
    with open(path, "rb") as file:
        byte_order = "big" if file.read(HEADER_BYTES)[126:128] == b"MI" else "little"
        while len(tag := file.read(8)) == 8:
            kind, length = int.from_bytes(tag[:4], byte_order), int.from_bytes(tag[4:], byte_order)
            if kind != COMPRESSED:
                file.seek(length, 1)
                continue
            for expanded in _expanded_lengths(file, length):
                total += expanded
                if total > limit:
                    raise WeightsError(f"expands to more than {MAX_EXPANSION} times its size, as no weights do")


def _expanded_lengths(file: Any, length: int) -> Any:
    """The lengths of the pieces to which the next `length` bytes expand."""
    expander = zlib.decompressobj()
    while length > 0 and (data := file.read(min(length, 1 << 20))):
        length -= len(data)
        while data:
            try:
                yield len(expander.decompress(data, 1 << 24))
            except zlib.error as error:
                raise WeightsError("is damaged or cut short: a compressed part cannot be expanded") from error
            data = expander.unconsumed_tail


def _unwrap(value: Any) -> Any:
    """What MATLAB wraps as 1 x 1: a struct or a cell with one element."""
    while isinstance(value, np.ndarray) and value.size == 1 and (value.dtype == object or value.dtype.names):
        value = value.ravel()[0]
    return value


def _field(struct: Any, name: str) -> Any:
    """A struct's field by name, None where it has none."""
    names = struct if isinstance(struct, dict) else getattr(getattr(struct, "dtype", None), "names", None) or ()
    return struct[name] if name in names else None


def _text(value: Any) -> str:
    value = _unwrap(value)
    return str(value.ravel()[0]) if isinstance(value, np.ndarray) and value.size == 1 else ""


def _convolution(layer: Any) -> tuple[str, Any, Any]:
    """A layer's name, filters and biases; the latter are None where it has no parameters."""
    name, kind = _text(_field(layer, "name")), _text(_field(layer, "type"))
    if kind == "bnorm":
        raise WeightsError("is a VGG with batch normalisation, which is another network than VGG16 or VGG19")
    weights = _field(layer, "weights")
    if isinstance(weights, np.ndarray) and weights.dtype == object and weights.size == 2:
        pair = tuple(weights.ravel())
    else:
        pair = (_field(layer, "filters"), _field(layer, "biases"))
    numeric = all(isinstance(part, np.ndarray) and part.dtype.kind in "fiu" and part.size for part in pair)
    return (name, *pair) if numeric else (name, None, None)


def _as_ours(name: str, filters: ForeignTensor, biases: ForeignTensor) -> dict[str, ForeignTensor]:
    """Filters (H, W, I, O), of which MATLAB drops trailing ones, as (O, I, H, W), the dense layers' as (out, in)."""
    if len(filters.shape) > 4:
        raise WeightsError(f"has filters {filters.shape} for {name[:60]}, where (H, W, I, O) is expected")
    shape = filters.shape + (1,) * (4 - len(filters.shape))
    weight = filters.reshaped(*shape).transposed(3, 2, 0, 1)
    if name.startswith("fc"):
        weight = flattened(weight)
    return {f"{name}.weight": weight, f"{name}.bias": biases.reshaped(int(np.prod(biases.shape)))}


def _read_convention(file: ForeignFile, network: Any) -> None:
    """The mean colour from `normalization`; without one the convention stays unknown."""
    normalization = _field(network, "normalization")
    if normalization is None:
        normalization = _field(_unwrap(_field(network, "meta")), "normalization")
    average = _field(_unwrap(normalization), "averageImage")
    if not isinstance(average, np.ndarray) or average.dtype.kind not in "fiu" or average.size == 0:
        return
    if average.size != 3 and (average.ndim != 3 or average.shape[2] != 3):
        raise WeightsError(f"has an averageImage {average.shape}, where three channels are expected")
    colours = average.reshape(-1, 3).astype(np.float64)
    red, green, blue = (float(value) for value in colours.mean(axis=0))
    file.convention, file.reason = InputConvention("rgb", 255.0, (red, green, blue)), "the file's averageImage says so"
    if np.ptp(colours, axis=0).max() > 1e-3:
        file.notes.append("the average picture is not of one colour: its mean colour stands for it")
