"""Hugging Face's `.safetensors` (`minigrad/safetensors.py` explains the format).

timm's VGGs come this way, with their classifier stored as convolutions; and what `weights_converter export` writes,
which says in its metadata what the network's input must look like.
"""

from __future__ import annotations

from pathlib import Path

from minigrad.safetensors import list_safetensors
from nets.vgg_file import FORMAT

from ..naming import recognize
from .base import CAFFE_BGR, TORCHVISION, ForeignFile, ForeignTensor


def read_safetensors(path: Path) -> ForeignFile:
    members, metadata = list_safetensors(path)
    tensors = {name: ForeignTensor(m.shape, m.dtype.name, m.read) for name, m in members.items()}
    scheme, layers = recognize(tensors)
    result = ForeignFile("safetensors", tensors, layers)
    if FORMAT in metadata:
        result.believe(metadata[FORMAT])
    elif scheme == "jcjohnson":
        result.convention, result.reason = (
            CAFFE_BGR,
            "classifier.1 and .4 are those of Johnson's conversions from Caffe",
        )
    elif scheme in ("torchvision", "timm"):
        result.convention, result.reason = TORCHVISION, f"the layers' names are {scheme}'s"
    return result
