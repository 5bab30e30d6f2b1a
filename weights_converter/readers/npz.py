"""NumPy's `.npz`: names and shapes from the headers, numbers only of arrays that are a VGG's (see `minigrad.npz`).

The project's own files, told by their `metadata`, are read as well: to normalize them, or to halve them.
"""

from __future__ import annotations

from pathlib import Path

from minigrad.npz import list_npz, read_text
from nets.vgg_file import MAX_METADATA_CHARACTERS, METADATA, TORCHVISION, parse_metadata

from ..naming import recognize
from .base import ForeignFile, ForeignTensor, WeightsError


def read_npz(path: Path) -> ForeignFile:
    members = list_npz(path)
    metadata = members.pop(METADATA, None)
    tensors = {name: ForeignTensor(array.shape, array.dtype.name, array.read) for name, array in members.items()}
    scheme, layers = recognize(tensors)
    file = ForeignFile("NumPy .npz", tensors, layers)
    if metadata is not None:
        try:
            stated = parse_metadata(read_text(metadata, MAX_METADATA_CHARACTERS))
        except ValueError as error:
            raise WeightsError(f"has metadata that are not the converter's: {error}") from error
        file.convention, file.origin = stated.convention, stated.note
        file.format, file.reason = "minigrad .npz", "the file's metadata say so"
    elif scheme in ("torchvision", "timm"):
        file.convention, file.reason = TORCHVISION, f"the layers' names are {scheme}'s"
    return file
