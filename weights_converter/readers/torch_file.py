"""PyTorch's two file formats: the blocks of numbers that a state dict's pickle refers to.

Since version 1.6 torch.save writes a zip archive (members are stored, never compressed):

    NAME/data.pkl      the pickle of the state dict
    NAME/data/0, 1 ... one block of numbers (a storage) each
    NAME/byteorder     "little"
    NAME/minigrad-vgg  only in what `weights_converter export` writes: what the network's input must look like

Before, and with _use_new_zipfile_serialization=False, as torchvision's VGG files are to this day, a file is a
sequence: pickles of a magic number, of the version 1001, of the machine's properties, of the state dict, of
the list of the blocks' keys; then for every key the count (64 bits, little-endian) and the numbers.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from minigrad.npz import open_regular
from nets.vgg_file import FORMAT, MAX_METADATA_CHARACTERS

from ..naming import recognize
from .base import CAFFE_BGR, TORCHVISION, ForeignFile, ForeignTensor, WeightsError, few
from .torch_pickle import StorageReference, TensorReference, read_pickle

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
CONTAINERS = ("state_dict", "model_state_dict", "model", "params", "weights")

ReadStorage = Callable[[StorageReference], np.ndarray]


def read_torch_zip(path: Path) -> ForeignFile:
    with zipfile.ZipFile(path) as archive:
        members = _checked_members(archive, os.path.getsize(path))
        names = [name for name in members if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(names) != 1:
            raise WeightsError("is a zip archive, but not one that torch.save wrote: it has no data.pkl")
        root = names[0].removesuffix("data.pkl")
        if f"{root}constants.pkl" in members:
            raise WeightsError("is a TorchScript program: save torch.jit.load(path).state_dict() with torch.save first")
        if f"{root}byteorder" in members and archive.read(f"{root}byteorder") != b"little":
            raise WeightsError("was written on a big-endian machine: save it again on a common one")
        with archive.open(names[0]) as file:
            value, _ = read_pickle(file)
        metadata = _metadata(archive, members.get(root + FORMAT))

    def read_storage(storage: StorageReference) -> np.ndarray:
        member = members.get(f"{root}data/{storage.key}")
        if member is None or member.file_size != _bytes(storage):
            raise WeightsError(f"is damaged: the {_bytes(storage):,} bytes of a tensor are not in the archive")
        with zipfile.ZipFile(path) as archive:
            return _numbers(archive.read(member), storage.dtype)

    result = _interpret("PyTorch (zip format)", value, read_storage)
    if metadata is not None:
        result.believe(metadata)
    return result


def _metadata(archive: zipfile.ZipFile, member: zipfile.ZipInfo | None) -> str | None:
    """The project's own metadata, where the archive has them."""
    if member is None:
        return None
    if member.file_size > MAX_METADATA_CHARACTERS:
        raise WeightsError(f"has metadata of {member.file_size:,} bytes, which exceeds {MAX_METADATA_CHARACTERS:,}")
    return archive.read(member).decode(errors="replace")


def _checked_members(archive: zipfile.ZipFile, file_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """The members by name. Nothing may be compressed or told twice, so reading costs no more than the file's size."""
    members = archive.infolist()
    if any(m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size for m in members):
        raise WeightsError(
            "has compressed members, which torch.save never writes: unpack it and save it with torch.save"
        )
    if sum(member.file_size for member in members) > file_bytes:
        raise WeightsError("is not a valid archive: its members overlap or claim more bytes than the file has")
    return {member.filename: member for member in members}


def read_torch_legacy(path: Path) -> ForeignFile:
    with open_regular(path) as file:
        if read_pickle(file)[0] != MAGIC_NUMBER or read_pickle(file)[0] != PROTOCOL_VERSION:
            raise WeightsError("is a pickle, but not one that torch.save wrote")
        system, _ = read_pickle(file)
        if type(system) is not dict or system.get("little_endian") is not True:
            raise WeightsError("was written on a big-endian machine: save it again on a common one")
        value, storages = read_pickle(file)
        keys, _ = read_pickle(file)
        positions = _positions(file, keys, storages, os.path.getsize(path))

    def read_storage(storage: StorageReference) -> np.ndarray:
        with open_regular(path) as file:
            file.seek(positions[storage.key])
            return _numbers(file.read(_bytes(storage)), storage.dtype)

    return _interpret("PyTorch (legacy format)", value, read_storage)


def _positions(file: BinaryIO, keys: Any, storages: dict[str, StorageReference], file_bytes: int) -> dict[str, int]:
    """Where each storage's numbers begin, found by hopping from count to count behind the last pickle."""
    if type(keys) is not list or any(type(key) is not str for key in keys) or sorted(keys) != sorted(storages):
        raise WeightsError("is damaged: its list of storages is not the one that its tensors refer to")
    positions = {}
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(file.read(8), "little")
        positions[key] = file.tell()
        if positions[key] + _bytes(storage) > file_bytes:
            raise WeightsError(f"is cut short: it has {file_bytes:,} bytes, and its tensors need more")
        if count != storage.count:
            raise WeightsError(
                f"is damaged: a storage holds {count:,} numbers where its tensors expect {storage.count:,}"
            )
        file.seek(_bytes(storage), os.SEEK_CUR)
    return positions


def _bytes(storage: StorageReference) -> int:
    width = 2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize
    return storage.count * width


def _numbers(data: bytes, dtype: str) -> np.ndarray:
    """A block as an array. bfloat16 is the upper half of a float32."""
    if dtype != "bfloat16":
        return np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))
    return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)


def _interpret(format_name: str, value: Any, read_storage: ReadStorage) -> ForeignFile:
    tensors = {name: _tensor(reference, read_storage) for name, reference in _state_dict(value).items()}
    scheme, layers = recognize(tensors)
    file = ForeignFile(format_name, tensors, layers)
    if scheme == "gatys":
        file.convention, file.reason = CAFFE_BGR, "the layers' names are those of Gatys' vgg_conv.pth"
    elif scheme == "jcjohnson":
        file.convention, file.reason = CAFFE_BGR, "classifier.1 and .4 are those of Johnson's conversions from Caffe"
    elif scheme != "features":
        file.convention, file.reason = TORCHVISION, f"the layers' names are {scheme}'s"
    return file


def _state_dict(value: Any) -> dict[str, TensorReference]:
    """The dictionary of tensors: the value itself, or what a training checkpoint keeps under a usual name."""
    if type(value) is not dict:
        raise WeightsError("holds no state dict: save the weights with torch.save(model.state_dict(), path)")
    for candidate in (value, *(value.get(key) for key in CONTAINERS)):
        if type(candidate) is dict:
            found = {str(k): v for k, v in candidate.items() if type(v) is TensorReference}
            if found:
                return found
    raise WeightsError(
        f"holds no tensors, neither at the top nor under {few(CONTAINERS, 9)}: its keys are {few(value)}"
    )


def _tensor(reference: TensorReference, read_storage: ReadStorage) -> ForeignTensor:
    def read() -> np.ndarray:
        numbers = read_storage(reference.storage)
        strides = [stride * numbers.itemsize for stride in reference.strides]
        return np.lib.stride_tricks.as_strided(
            numbers[reference.offset :], reference.shape, strides, writeable=False
        )  # in bounds: torch_pickle.rebuild_tensor has checked the view, and the storage's length is checked above

    return ForeignTensor(reference.shape, reference.storage.dtype, read)
