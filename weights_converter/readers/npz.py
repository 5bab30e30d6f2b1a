"""NumPy's `.npz`: a zip archive with one `.npy` file for each array.

A `.npy` file is a magic string, a header in the syntax of a Python dictionary (number type, shape, order) and
the numbers. NumPy would also unpickle object arrays there; `allow_pickle=False` forbids it. Archives may be
compressed, so the header is read first, and the numbers only of arrays that are a VGG's.

The project's own files, told by their `metadata`, are read as well: to normalise them, or to halve them.
"""

from __future__ import annotations

import zipfile
from math import prod
from pathlib import Path

import numpy as np

from ..converted import METADATA, convention_of, parse_metadata
from ..naming import recognise
from .base import TORCHVISION, ForeignFile, ForeignTensor, WeightsError

MAX_METADATA_BYTES = 1 << 20


def read_npz(path: Path) -> ForeignFile:
    tensors = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                tensors[member.filename.removesuffix(".npy")] = _listed(path, archive, member)
    metadata = tensors.pop(METADATA, None)
    scheme, layers = recognise(tensors)
    file = ForeignFile("NumPy .npz", tensors, layers)
    if metadata is not None:
        if not metadata.dtype.startswith("<U") or metadata.shape or int(metadata.dtype[2:]) * 4 > MAX_METADATA_BYTES:
            raise WeightsError(f"has an array called {METADATA} that is no text")
        stated = parse_metadata(metadata.read())
        file.convention, file.origin = convention_of(stated), str(stated.get("note", ""))
        file.format, file.reason = "minigrad .npz", "the file's metadata say so"
    elif scheme in ("torchvision", "timm"):
        file.convention, file.reason = TORCHVISION, f"the layers' names are {scheme}'s"
    return file


def _listed(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> ForeignTensor:
    """One array's shape and type from its header, which must agree with the size that the archive declares."""
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, _, dtype = read_header[version](file)
            header_bytes = file.tell()
    except Exception as error:  # NumPy's parser of headers lets Python's tokenizer's errors through, and more
        raise WeightsError(f"is damaged: the header of its array {member.filename[:60]} cannot be read") from error
    if dtype.hasobject:
        raise WeightsError(f"holds pickled objects ({member.filename[:60]}), which are not read: save plain arrays")
    if member.file_size != header_bytes + prod(shape) * dtype.itemsize:
        raise WeightsError(f"is damaged: {member.filename[:60]} has another length than its header {shape} says")

    def read() -> np.ndarray:
        with zipfile.ZipFile(path) as archive, archive.open(member.filename) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    return ForeignTensor(shape, dtype.str if dtype.kind == "U" else dtype.name, read)
