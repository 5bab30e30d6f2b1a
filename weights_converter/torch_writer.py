"""A state dict as the file that torch.save would write (`readers/torch_file.py` explains the format).

The pickle in it is put together instruction by instruction: torch.load, also with weights_only=True, finds an
OrderedDict of tensors and nothing that calls anything else. Neither PyTorch nor Python's pickler is involved.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Mapping
from math import prod
from typing import BinaryIO

import numpy as np

from .readers.base import WeightsError
from .readers.torch_pickle import STORAGE_TYPES

ROOT = "archive/"
ALIGNMENT = 64  # bytes: where torch.save puts each block of numbers, so that they can be mapped into memory
LOCAL_HEADER = 30  # bytes of a zip archive before a member's name
STORAGES = {dtype: storage for storage, dtype in STORAGE_TYPES.items()}
EMPTY_ORDERED_DICT = b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE


def write_torch(file: BinaryIO, arrays: Mapping[str, np.ndarray], extra: Mapping[str, str]) -> None:
    """Write arrays into a file open for writing. extra: texts that go into the archive as members of their own.

    Errors: WeightsError for a number type that PyTorch does not have.
    """
    for name, array in arrays.items():
        if array.dtype.name not in STORAGES:
            raise WeightsError(f"{name} holds {array.dtype}, which PyTorch's files do not have")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "data.pkl", pickled(arrays))
        _add(archive, "byteorder", b"little")
        for key, array in enumerate(arrays.values()):
            _add(archive, f"data/{key}", np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
        for name, text in extra.items():
            _add(archive, name, text.encode())
        _add(archive, "version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """A member whose contents begin at a multiple of 64 bytes, as in PyTorch's files behind an extra field "FB"."""
    member = zipfile.ZipInfo(ROOT + name)
    begin = archive.fp.tell() + LOCAL_HEADER + len(member.filename) + 4  # type: ignore[union-attr]
    padding = -begin % ALIGNMENT
    member.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    archive.writestr(member, content)


# -------------------------------------------------------------------------------------- the pickle


def pickled(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The instructions that make an OrderedDict of tensors, whose numbers lie in the blocks 0, 1, 2, ..."""
    items = [_text(name) + _tensor(str(key), array) for key, (name, array) in enumerate(arrays.items())]
    return b"".join(
        [pickle.PROTO, b"\x02", EMPTY_ORDERED_DICT, pickle.MARK, *items, pickle.SETITEMS, pickle.STOP],
    )


def _tensor(key: str, array: np.ndarray) -> bytes:
    """_rebuild_tensor_v2(storage, offset 0, shape, strides, requires_grad False, no hooks)."""
    kind = f"ctorch\n{STORAGES[array.dtype.name]}\n".encode()
    storage = _text("storage") + kind + _text(key) + _text("cpu") + _number(array.size)
    strides = [prod(array.shape[axis + 1 :]) for axis in range(array.ndim)]
    arguments = [
        pickle.MARK + storage + pickle.TUPLE + pickle.BINPERSID,
        _number(0),
        _tuple(array.shape),
        _tuple(strides),
        pickle.NEWFALSE,
        EMPTY_ORDERED_DICT,
    ]
    call = pickle.MARK + b"".join(arguments) + pickle.TUPLE + pickle.REDUCE
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + call


def _tuple(numbers: tuple[int, ...] | list[int]) -> bytes:
    return pickle.MARK + b"".join(map(_number, numbers)) + pickle.TUPLE


def _number(value: int) -> bytes:
    if value < 2**31:
        return pickle.BININT + struct.pack("<i", value)
    encoded = pickle.encode_long(value)  # type: ignore[attr-defined]
    return pickle.LONG1 + bytes([len(encoded)]) + encoded


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded
