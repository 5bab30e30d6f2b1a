"""What `info` and `verify` print about a file of weights."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np

from .convert import ASK, WeightsError, check_shapes, load, match_architecture
from .readers.base import ForeignFile
from .readers.detect import read_foreign
from .registry import KnownFile, checksum_mismatch, checksums, identify


def info(path: Path) -> str:
    """A file's format, its arrays, what network they make and what input that expects."""
    file = read_foreign(path)
    known = identify(checksums(path))
    lines = [f"{path}: {file.format}, {path.stat().st_size:,} bytes"]
    if known or file.origin:
        lines.append(f"origin: {f'{known.name}, {known.origin}' if known else file.origin}")
    lines += [f"  {name:<40} {tensor.dtype:<9} {tensor.shape}" for name, tensor in file.tensors.items()]
    try:
        architecture = match_architecture(path, file.layers)
        head = any(name.startswith("fc") for name in file.layers)
        lines.append(f"network: {architecture.name.upper()}, {'with' if head else 'without'} classifier")
    except WeightsError as error:
        lines.append(f"network: not usable: {error}")
    count = sum(prod(tensor.shape) for tensor in file.layers.values())
    lines += [f"parameters: {count:,}", _input_line(file, known)]
    return "\n".join(lines + file.notes)


def _input_line(file: ForeignFile, known: KnownFile | None) -> str:
    if known is not None and known.convention is not None:
        return f"input: {known.convention} (the checksum is that of {known.name})"
    if file.convention is None:
        return f"input: the file does not tell; to convert it {ASK}"
    return f"input: {file.convention} ({file.reason})"


def verify(path: Path) -> str:
    """Reads every number of the network. Errors: WeightsError for a wrong checksum, shape or value."""
    sums = checksums(path)
    fault = checksum_mismatch(path, sums)
    if fault:
        raise WeightsError(f"{path} {fault}: it is damaged or another file")
    file = read_foreign(path)
    architecture = match_architecture(path, file.layers)
    head = {name: shape for name, shape in architecture.head_shapes().items() if name in file.layers}
    check_shapes(path, file.layers, head)
    for name, tensor in file.layers.items():
        load(path, name, tensor, np.float32)
    known = identify(sums)
    identity = f"it is the published {known.name}" if known else "it is none of the known files"
    return (
        f"{path}: {architecture.name.upper()}, {len(file.layers)} arrays, shapes right, all values finite\n"
        f"sha256 {sums.sha256}: {identity}"
    )
