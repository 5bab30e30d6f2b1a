"""Hugging Face's `.safetensors`, the format in which networks travel between tools: read and written.

    write_safetensors(file, {"layers.0.weight": array, ...})
    members, metadata = list_safetensors("x.safetensors")
    members["layers.0.weight"].shape                  # from the header
    members["layers.0.weight"].read()                 # the numbers

A file is a length (64 bits, little-endian), a JSON text of that length (the header), and the numbers. The header gives
each array's number type, shape and range of bytes, and under `__metadata__` texts by name. Nothing in it could be
executed. The ranges must cover the rest of the file without gaps or overlaps, which is checked before a number is read:
so a file takes the memory of its size. (Format: https://huggingface.co/docs/safetensors.)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .npz import Member, open_regular

METADATA = "__metadata__"
MAX_HEADER_BYTES = 16 << 20  # room for 100,000 arrays; the format itself allows 100 MB
MAX_DIMENSIONS = 32
ALIGNMENT = 8  # bytes: the numbers begin at a multiple

DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32", "F64": "float64",
    "BF16": "float32",  # the upper half of a float32, widened when it is read
}  # fmt: skip
CODES = {dtype: code for code, dtype in DTYPES.items() if code != "BF16"}


class SafetensorsError(ValueError):
    """What is wrong with a file; the text is a predicate ("is damaged: ...") that follows the file's name."""


# ------------------------------------------------------------------------------------------- writing


def write_safetensors(file: BinaryIO, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays, and texts about them, into a file open for writing.

    The header has the arrays in the order given; the numbers of wider types come first, so that all are aligned.
    Errors: TypeError for number types that the format does not have, ValueError for the name `__metadata__`.
    """
    header: dict[str, Any] = {METADATA: dict(metadata)}
    for name, array in arrays.items():
        if name == METADATA:
            raise ValueError(f"safetensors: no array can be called {METADATA}")
        if array.dtype.name not in CODES:
            raise TypeError(f"safetensors: {name} holds {array.dtype}, which the format does not have")
        header[name] = {"dtype": CODES[array.dtype.name], "shape": list(array.shape)}
    placed, end = sorted(arrays, key=lambda name: -arrays[name].dtype.itemsize), 0
    for name in placed:
        header[name]["data_offsets"] = [end, end + arrays[name].nbytes]
        end += arrays[name].nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in placed:
        array = arrays[name]
        file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data)


# ------------------------------------------------------------------------------------------- reading


def list_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Member], dict[str, str]]:
    """The file's arrays by name, from its header alone, and its metadata.

    Errors: OSError if the file cannot be opened; SafetensorsError if it is damaged, or holds number types that NumPy
    does not have.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise SafetensorsError("is damaged or cut short: it ends within its header")
        if length > MAX_HEADER_BYTES:
            raise SafetensorsError(f"has a header of {length:,} bytes, which exceeds {MAX_HEADER_BYTES:,}")
        header = _parse(file.read(length))
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise SafetensorsError(f"is damaged: its {METADATA} is not a table of texts")
    ranges = {name: _range(name, entry) for name, entry in header.items()}
    end = 0
    for name, (start, stop) in sorted(ranges.items(), key=lambda item: item[1]):
        if start != end:
            raise SafetensorsError(f"is damaged: the array {name[:60]!r} overlaps another, or leaves a gap")
        end = stop
    if 8 + length + end != size:
        raise SafetensorsError(f"is damaged or cut short: its arrays need {8 + length + end:,} bytes, it has {size:,}")
    places = {name: 8 + length + start for name, (start, _) in ranges.items()}
    return {name: _member(Path(path), places[name], entry) for name, entry in header.items()}, metadata


def _parse(text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise SafetensorsError("is damaged: its header names something twice")
        return dict(pairs)

    try:
        header = json.loads(text, object_pairs_hook=unique)
    except SafetensorsError:
        raise
    except (ValueError, RecursionError) as error:
        raise SafetensorsError("is damaged: its header is not a JSON text") from error
    if not isinstance(header, dict):
        raise SafetensorsError("is damaged: its header is not a JSON object")
    return header


def _range(name: str, entry: Any) -> tuple[int, int]:
    """Where an array's bytes begin and end behind the header, checked to be as many as its shape says."""
    try:
        code, shape, (start, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
        known = isinstance(code, str) and isinstance(shape, list) and len(shape) <= MAX_DIMENSIONS
        sizes = [*shape, start, stop]
    except (KeyError, TypeError, ValueError):
        raise SafetensorsError(f"is damaged: its header does not describe the array {name[:60]!r}") from None
    if not known or not all(type(size) is int and 0 <= size < 2**48 for size in sizes):
        raise SafetensorsError(f"is damaged: its header describes the array {name[:60]!r} by sizes that make no sense")
    if code not in DTYPES:
        raise SafetensorsError(f"holds {name[:60]!r} as {code[:20]!r}, which NumPy does not have: save it as F32")
    if stop - start != prod(shape) * _width(code):
        raise SafetensorsError(f"is damaged: {name[:60]!r} has another length than its shape {tuple(shape)} says")
    return start, stop


def _width(code: str) -> int:
    return 2 if code == "BF16" else np.dtype(DTYPES[code]).itemsize


def _member(path: Path, place: int, entry: dict[str, Any]) -> Member:
    code, shape = entry["dtype"], tuple(entry["shape"])
    return Member(shape, np.dtype(DTYPES[code]), partial(_numbers, path, place, code, shape))


def _numbers(path: Path, place: int, code: str, shape: tuple[int, ...]) -> np.ndarray:
    stored = np.dtype("<u2" if code == "BF16" else DTYPES[code]).newbyteorder("<")
    array = np.empty(prod(shape), stored)
    with open_regular(path) as file:
        file.seek(place)
        if file.readinto(array.view(np.uint8).data) != array.nbytes:  # type: ignore[attr-defined]
            raise SafetensorsError("was cut short while it was read")
    if code == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(DTYPES[code], copy=False).reshape(shape)
