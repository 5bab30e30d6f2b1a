"""Saving and loading: nested dictionaries of tensors and numbers, in one file that cannot run code.

    mg.save({"net": net.state_dict(), "adam": adam.state_dict(), "step": 1000}, "checkpoint.npz")
    state = mg.load("checkpoint.npz")

The file is a NumPy .npz archive: each tensor and array is a member, and the member `tree` is a JSON text that holds
everything else and says where the arrays go. Nothing in it is ever executed. Values come back bit for bit.

A state dict alone can be saved for other tools, as a `.safetensors` file, and comes back from theirs:

    mg.save(net.state_dict(), "net.safetensors")
    net.load_state_dict(mg.load("net.safetensors"))

Names and layouts are PyTorch's, so `safetensors.torch.load_file` gives the state dict of the same network in PyTorch.
"""

from __future__ import annotations

import errno
import json
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .autograd import Tensor, tensor_of
from .devices import Device, device, to_device, to_numpy
from .files import atomic_write
from .npz import read_stored
from .ops.creation import DTYPES
from .safetensors import SafetensorsError, list_safetensors, write_safetensors

FORMAT = "minigrad-checkpoint"
VERSION = 1
SAFETENSORS = ".safetensors"
WRITTEN_FOR = {"format": "pt"}  # the metadata by which Hugging Face's libraries know PyTorch's names and layouts


# ------------------------------------------------------------------------- values to JSON and back


def save(state: Any, path: str | os.PathLike[str] | BinaryIO) -> None:
    """Write a nested structure of dicts, lists, tuples, Tensors, arrays, numbers, strings, bools and None.

    path: a file's, or a binary file open for writing, such as io.BytesIO(). A name that ends in .safetensors makes it
    such a file; then `state` must be a state dict, tensors by name.
    Errors: TypeError for anything else, naming its place; OSError if the file cannot be written (the old one stays).
    """
    if _is_safetensors(path):
        _save_state_dict(state, path)
        return
    arrays: dict[str, np.ndarray] = {}
    tree = {"format": FORMAT, "version": VERSION, "state": _encode(state, "state", arrays)}
    members: dict[str, Any] = {"tree": np.asarray(json.dumps(tree)), **arrays}
    with atomic_write(path) if isinstance(path, (str, os.PathLike)) else nullcontext(path) as file:
        np.savez(file, **members)


def _is_safetensors(path: Any) -> bool:
    return isinstance(path, (str, os.PathLike)) and Path(path).suffix.lower() == SAFETENSORS


def _save_state_dict(state: Any, path: Any) -> None:
    if not isinstance(state, Mapping):
        raise TypeError(f"save: a {SAFETENSORS} file holds a state dict, got a {type(state).__name__}")
    arrays = {}
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, (Tensor, np.ndarray)):
            what = f"{name!r} is a {type(value).__name__}"
            raise TypeError(f"save: a {SAFETENSORS} file holds tensors by name, but {what}; save an .npz file instead")
        arrays[name] = to_numpy(value.array if isinstance(value, Tensor) else value)
    with atomic_write(path) as file:
        write_safetensors(file, arrays, WRITTEN_FOR)


def _encode(value: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    """JSON for a value; everything but plain values becomes {"kind": ..., ...}."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        items = [_encode(item, f"{place}[{i}]", arrays) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"kind": "tuple", "items": items}
    if isinstance(value, dict):
        pairs = [[_key(key, place), _encode(item, f"{place}[{key!r}]", arrays)] for key, item in value.items()]
        return {"kind": "dict", "items": pairs}
    kind = "tensor" if isinstance(value, Tensor) else "array"
    array = value.array if isinstance(value, Tensor) else value
    if not hasattr(array, "dtype") or array.dtype.kind not in "biuf":
        raise TypeError(
            f"save: {place} is a {type(value).__name__}; only tensors, numbers, strings, lists and dicts fit"
        )
    name = f"array_{len(arrays)}"
    arrays[name] = np.ascontiguousarray(to_numpy(array)).reshape(array.shape)
    return {"kind": kind, "name": name}


def _key(key: Any, place: str) -> Any:
    if not isinstance(key, (str, int)):
        raise TypeError(f"save: the key {key!r} of {place} is a {type(key).__name__}; keys must be strings or ints")
    return key


def load(path: str | os.PathLike[str] | BinaryIO, map_location: str | Device = "cpu") -> Any:
    """What `save` wrote; tensors are put on the device `map_location`.

    path: a file's, or a binary file open for reading, which is read from where it stands. A .safetensors file, whoever
    wrote it, gives a dictionary of tensors; float16 and bfloat16 are widened to float32, small integers to int64.
    Errors: FileNotFoundError, also for a folder, a pipe or a device; ValueError if the file is truncated, damaged, or
    not a checkpoint of this version. A file never takes more memory than its own size: see npz.read_stored.
    """
    target = device(map_location)
    if isinstance(path, (str, os.PathLike)) and not Path(path).is_file():
        what = "not a file" if Path(path).exists() else "there is no such checkpoint"
        raise FileNotFoundError(errno.ENOENT, what, str(path))
    if _is_safetensors(path):
        return _load_state_dict(str(path), target)
    try:
        members = read_stored(path)
        tree = json.loads(str(members["tree"]))
        if tree["format"] == FORMAT and tree["version"] == VERSION:
            return _decode(tree["state"], members, target)
        kind, version = tree["format"], tree["version"]
    except _DAMAGE as error:
        raise ValueError(f"{path}: not a whole minigrad checkpoint (truncated, damaged or another format)") from error
    raise ValueError(f"{path}: a {kind} of version {version}; this program reads {FORMAT} of version {VERSION}")


def _load_state_dict(path: str, target: Device) -> dict[str, Tensor]:
    try:
        members, _ = list_safetensors(path)
        return {name: tensor_of(to_device(_widened(member.read()), target)) for name, member in members.items()}
    except SafetensorsError as error:
        raise ValueError(f"{path}: the file {error}") from error


def _widened(array: np.ndarray) -> np.ndarray:
    """The array in a number type that tensors have: all of its values are in the wider one too."""
    if array.dtype in DTYPES:
        return array
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise SafetensorsError("holds whole numbers that exceed int64")
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int64)


# What zipfile, NumPy and json raise over damaged files. RuntimeError includes NotImplementedError (an unknown
# compression), RecursionError (a bottomless tree), and a member that says it is encrypted.
_DAMAGE = (
    ValueError, LookupError, TypeError, AttributeError, EOFError, OSError, ArithmeticError, SyntaxError, MemoryError,
    RuntimeError, zipfile.BadZipFile, struct.error, zlib.error, tokenize.TokenError,
)  # fmt: skip


def _decode(value: Any, arrays: dict[str, np.ndarray], target: Device) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays, target) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    if kind == "dict":
        return {key: _decode(item, arrays, target) for key, item in value["items"]}
    if kind == "tuple":
        return tuple([_decode(item, arrays, target) for item in value["items"]])
    if kind not in ("tensor", "array") or value.get("name") not in arrays:
        raise ValueError(f"the tree names a part that is not there: {value}")
    array = arrays[value["name"]]
    if array.dtype.kind not in "biuf":
        raise ValueError(f"the part {value['name']} holds no numbers")
    return tensor_of(to_device(array, target)) if kind == "tensor" else array
