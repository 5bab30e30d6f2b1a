"""Which format a file has, told by its first bytes; and the reader for it.

Only protocol buffers (ONNX, Caffe) have no mark at their beginning: there the name's ending decides.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from minigrad.npz import DAMAGE, NpzError, open_regular
from minigrad.safetensors import SafetensorsError

from .base import MAX_FILE_BYTES, ForeignFile, ForeignTensor, WeightsError
from .caffe import read_caffe
from .keras_hdf5 import read_keras
from .matconvnet import read_matconvnet
from .npz import read_npz
from .onnx import read_onnx
from .safetensors import read_safetensors
from .torch_file import read_torch_legacy, read_torch_zip

Reader = Callable[[Path], ForeignFile]

KNOWN_ENDINGS = ".pth, .pt, .safetensors, .h5, .weights.h5, .mat, .onnx, .caffemodel, .npz"
PICKLE_START = b"\x80"  # the instruction PROTO
NOT_WEIGHTS = {  # first bytes: what the file is instead
    b"<!DOCTYPE": "is a web page, so the download went wrong: fetch the file again",
    b"<!doctype": "is a web page, so the download went wrong: fetch the file again",
    b"<html": "is a web page, so the download went wrong: fetch the file again",
    b"version https://git-lfs": "is a Git LFS pointer, not the file it points to: fetch the file itself",
    b"PK\x05\x06": "is an empty archive",
    b"\x1f\x8b": "is compressed with gzip: unpack it first",
    b"MATLAB 7.3": "is a MATLAB file of version 7.3: save it again with save(..., '-v7')",
}


def read_foreign(path: Path) -> ForeignFile:
    """Lists a file of weights. Errors: WeightsError that names the file and says in one sentence what is wrong."""
    try:
        return _located(_reader_for(path)(path), path)
    except (WeightsError, NpzError, SafetensorsError) as error:
        raise WeightsError(f"{path} {error}") from error
    except DAMAGE as error:
        raise WeightsError(f"{path} is damaged or cut short: {error or 'it ends too early'}") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error


def _located(file: ForeignFile, path: Path) -> ForeignFile:
    """The same file, whose tensors also name the path when they cannot be read."""
    for name, tensor in file.layers.items():
        file.layers[name] = ForeignTensor(tensor.shape, tensor.dtype, partial(_read, tensor, path))
    return file


def _read(tensor: ForeignTensor, path: Path) -> np.ndarray:
    try:
        return tensor.read()
    except (WeightsError, NpzError, SafetensorsError) as error:
        raise WeightsError(f"{path} {error}") from error
    except (*DAMAGE, OSError, ValueError) as error:
        raise WeightsError(f"{path} is damaged or cut short: {error}") from error


def _reader_for(path: Path) -> Reader:
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(128)
    if size == 0:
        raise WeightsError("is empty")
    if size > MAX_FILE_BYTES:
        raise WeightsError(f"has {size:,} bytes, more than any VGG's weights")
    for mark, verdict in NOT_WEIGHTS.items():
        if start.lstrip().startswith(mark):
            raise WeightsError(verdict)
    return _by_start(path, start)


def _by_start(path: Path, start: bytes) -> Reader:
    if start.startswith(b"PK\x03\x04"):
        return _zip_reader(path)
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return read_keras
    if start.startswith(b"MATLAB 5.0 MAT-file"):
        return read_matconvnet
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size:
        return read_safetensors
    if path.suffix == ".onnx":
        return read_onnx
    if path.suffix == ".caffemodel":
        return read_caffe
    if start.startswith(PICKLE_START):
        return read_torch_legacy
    raise WeightsError(f"is of no known format, or damaged at its beginning (known are {KNOWN_ENDINGS})")


def _zip_reader(path: Path) -> Reader:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("data.pkl") for name in names):
        return read_torch_zip
    if any(name.endswith(".npy") for name in names):
        return read_npz
    if "model.weights.h5" in names:
        raise WeightsError("is a whole Keras model: take the file model.weights.h5 out of it (it is a zip archive)")
    raise WeightsError("is a zip archive without weights")
