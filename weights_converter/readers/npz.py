"""NumPy's `.npz`: names and shapes from the headers, numbers only of arrays that are a VGG's (see `minigrad.npz`).

The project's own files, told by their `metadata`, are read as well: to normalize them, or to halve them.
"""

from __future__ import annotations

from pathlib import Path

from minigrad.npz import list_npz, read_text
from nets.vgg_file import MAX_METADATA_CHARACTERS, METADATA, TORCHVISION

from ..naming import recognize
from .base import ForeignFile, ForeignTensor


def read_npz(path: Path) -> ForeignFile:
    members = list_npz(path)
    metadata = members.pop(METADATA, None)
    tensors = {name: ForeignTensor(array.shape, array.dtype.name, array.read) for name, array in members.items()}
    scheme, layers = recognize(tensors)
    file = ForeignFile("NumPy .npz", tensors, layers)
    if metadata is not None:
        file.believe(read_text(metadata, MAX_METADATA_CHARACTERS))
        file.format = "minigrad .npz"
    elif scheme in ("torchvision", "timm"):
        file.convention, file.reason = TORCHVISION, f"the layers' names are {scheme}'s"
    return file
