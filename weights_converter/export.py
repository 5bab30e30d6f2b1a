"""The way out: networks as files that PyTorch and other tools read, `.safetensors` or `.pth`.

A VGG gets torchvision's names. Its numbers stay what they are, and so does the input that it expects: one of Oxford's
wants BGR in 0..255 whatever its layers are called. So the file also holds the project's metadata, by which the
converter knows it again. A network that was trained here keeps its names: those of the same modules in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.checkpoint import WRITTEN_FOR
from minigrad.files import atomic_write
from minigrad.npz import NpzError, list_npz
from minigrad.safetensors import write_safetensors
from nets.vgg import ARCHITECTURES, Architecture
from nets.vgg_file import FORMAT

from .convert import Converted, convert
from .naming import torchvision_names
from .readers.base import WeightsError, few
from .torch_writer import write_torch

ENDINGS = (".safetensors", ".pth")


def export(
    source: Path,
    output: Path,
    part: str | None = None,
    convention: str | None = None,
    half: bool = False,
    architectures: Sequence[Architecture] = ARCHITECTURES,
) -> list[str]:
    """Write a network in another format; returns what the user should know.

    source: a checkpoint of a training run, a file of `minigrad.save`, or a VGG in any known format. part: which network
    of a file that holds several. convention, architectures: as for `convert`. half: floating-point numbers as float16.
    Errors: WeightsError, one sentence; OSError where the place cannot be written.
    """
    if _is_checkpoint(source):
        if convention is not None:
            raise WeightsError(f"{source} is no VGG from elsewhere: --input-convention does not apply")
        name, state = _network(source, part)
        arrays = {key: value.numpy() for key, value in state.items()}
        extra: dict[str, str] = {}
        notes = [f"network: {name}"] if name else []
    else:
        if part is not None:
            raise WeightsError(f"{source} holds one network: leave out --part")
        arrays, extra, notes = _vgg(convert(source, None, convention, False, architectures), architectures)
    if half:
        arrays = {key: _halved(source, key, array) for key, array in arrays.items()}
    with atomic_write(output) as file:
        if output.suffix == ".pth":
            write_torch(file, arrays, extra)
        else:
            write_safetensors(file, arrays, WRITTEN_FOR | extra)
    count = sum(array.size for array in arrays.values())
    return [*notes, f"{output}: {len(arrays)} arrays, {count:,} numbers"]


def _halved(source: Path, name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if np.isfinite(half).sum() < np.isfinite(array).sum():
        raise WeightsError(f"{source}: {name} has values too large for float16: leave out --half")
    return half


# -------------------------------------------------------------------------------------- a VGG


def _vgg(
    converted: Converted, architectures: Sequence[Architecture]
) -> tuple[dict[str, np.ndarray], dict[str, str], list[str]]:
    """(arrays by torchvision's names, the project's metadata, notes)."""
    weights = converted.weights
    architecture = next(a for a in architectures if a.name == weights.architecture)
    names = torchvision_names(architecture)
    arrays = {}
    for name in weights.arrays:
        layer, _, kind = name.partition(".")
        arrays[f"{names[layer]}.{kind}"] = weights.array(name)
    return arrays, {FORMAT: weights.metadata()}, [f"{architecture.name.upper()}, torchvision's names", *converted.notes]


# -------------------------------------------------------------------------------------- a checkpoint


def _is_checkpoint(source: Path) -> bool:
    """Whether `minigrad.save` wrote the file."""
    try:
        return "tree" in list_npz(source)
    except (NpzError, OSError):  # of another format, or unreadable: its reader says so
        return False


def _network(source: Path, part: str | None) -> tuple[str, dict[str, mg.Tensor]]:
    """The name and the state dict of the network `part`, or of the only one."""
    try:
        found = dict(networks(mg.load(source)))
    except ValueError as error:
        raise WeightsError(str(error)) from error
    if not found:
        raise WeightsError(f"{source} holds no network (tensors by name)")
    if part is None and len(found) > 1:
        raise WeightsError(f"{source} holds several networks: say which with --part ({few(found, 9)})")
    if part is not None and part not in found:
        raise WeightsError(f"{source} holds no network {part!r:.60}; there are {few(found, 9)}")
    return next((name, state) for name, state in found.items() if part in (None, name))


def networks(content: Any, name: str = "") -> Iterator[tuple[str, dict[str, mg.Tensor]]]:
    """All state dicts in a checkpoint, with their names: those of a training run are called as its parts."""
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        return
    if content and all(isinstance(value, mg.Tensor) for value in content.values()):
        yield name, dict(content)
        return
    for key, value in content.items():
        yield from networks(value, name if key == "parts" else f"{name}.{key}" if name else key)
