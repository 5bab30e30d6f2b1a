"""Hugging Face's `.safetensors`: a 64-bit length, that many bytes of JSON, then the numbers.

The JSON gives each tensor's number type, shape and range of bytes. There is nothing in the format that could
be executed; the safetensors package checks that ranges fit and do not overlap. timm's VGGs come this way, with
their classifier stored as convolutions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..naming import recognize
from .base import CAFFE_BGR, TORCHVISION, ForeignFile, ForeignTensor, WeightsError, need_package

DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "U8": "uint8"}


def read_safetensors(path: Path) -> ForeignFile:
    safetensors = need_package("safetensors", "a .safetensors file")
    tensors = {}
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 (no mapping)
                part = file.get_slice(name)
                tensors[name] = _listed(path, safetensors, name, tuple(part.get_shape()), part.get_dtype())
    except safetensors.SafetensorError as error:
        raise WeightsError(f"is damaged or cut short ({error})") from error
    scheme, layers = recognize(tensors)
    result = ForeignFile("safetensors", tensors, layers)
    if scheme == "jcjohnson":
        result.convention, result.reason = (
            CAFFE_BGR,
            "classifier.1 and .4 are those of Johnson's conversions from Caffe",
        )
    elif scheme in ("torchvision", "timm"):
        result.convention, result.reason = TORCHVISION, f"the layers' names are {scheme}'s"
    return result


def _listed(path: Path, safetensors: Any, name: str, shape: tuple[int, ...], dtype: str) -> ForeignTensor:
    def read() -> np.ndarray:
        if dtype not in DTYPES:
            raise WeightsError(f"holds {name} as {dtype}, which NumPy does not have: save it as float32")
        with safetensors.safe_open(path, framework="numpy") as file:
            return file.get_tensor(name)

    return ForeignTensor(shape, DTYPES.get(dtype, dtype), read)
