"""From any readable file to the project's own: recognize, check, reorder, say what the input must look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.files import atomic_write
from nets import vgg_file
from nets.vgg import ARCHITECTURES, HEAD_NAMES, Architecture

from .readers.base import CONVENTIONS, ForeignFile, ForeignTensor, InputConvention, WeightsError, few
from .readers.detect import read_foreign
from .registry import KnownFile, checksums, identify

ASK = f"say it with --input-convention ({' or '.join(CONVENTIONS)})"


@dataclass
class Converted:
    """weights: ready to be written; notes: what the user should know."""

    weights: vgg_file.Weights
    notes: list[str]


def convert(
    source: Path,
    architecture: str | None = None,
    convention: str | None = None,
    half: bool = False,
    architectures: Sequence[Architecture] = ARCHITECTURES,
) -> Converted:
    """Reads a file of VGG16's or VGG19's weights in any known format.

    architecture: "vgg16" or "vgg19" where the file must hold that; convention: "caffe-bgr" or "torchvision",
    needed where the file does not tell; half: float16. architectures: the configurations that are accepted.
    Errors: WeightsError, one sentence.
    """
    file = read_foreign(source)
    sums = checksums(source)
    known = identify(sums)
    found = match_architecture(source, file.layers, architectures)
    if architecture is not None and found.name != architecture:
        raise WeightsError(f"{source} holds {found.name.upper()}, not {architecture.upper()} as --arch says")
    input_convention, reason = choose_convention(source, file, known, convention)
    notes = [*file.notes, f"input: {input_convention} ({reason})"]
    if known is not None:
        notes.append(f"known file: {known.name}, {known.origin}")
    wanted = {**found.conv_shapes(), **_head_shapes(file.layers, found, notes)}
    dtype = np.float16 if half else np.float32
    arrays = {name: load(source, name, file.layers[name], dtype) for name in wanted}
    note = known.origin if known else file.origin
    weights = vgg_file.Weights(
        found.name, input_convention, arrays, source.name, sums.sha256, converter_version(), note, str(source)
    )
    return Converted(weights, notes)


def write(converted: Converted, output: Path) -> None:
    """Writes the file atomically. Errors: WeightsError where the place cannot be written."""
    try:
        with atomic_write(output) as file:
            vgg_file.write(file, converted.weights)
    except OSError as error:
        raise WeightsError(f"{output} cannot be written: {error.strerror or error}") from error


def converter_version() -> str:
    try:
        return f"minigrad {version('minigrad')}"
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "minigrad"


def match_architecture(
    source: Path, layers: dict[str, ForeignTensor], architectures: Sequence[Architecture] = ARCHITECTURES
) -> Architecture:
    """The configuration whose convolutions these are, all of them and each of the right shape."""
    convolutions = {name for name in layers if name.startswith("conv")}
    for architecture in architectures:
        shapes = architecture.conv_shapes()
        if convolutions == set(shapes):
            check_shapes(source, layers, shapes)
            return architecture
    closest = min(architectures, key=lambda candidate: len(convolutions ^ set(candidate.conv_shapes())))
    missing = [name for name in closest.conv_shapes() if name not in convolutions]
    excess = sorted(convolutions - set(closest.conv_shapes()))
    complaint = f"lacks {few(missing)}" if missing else f"has {few(excess)} besides"
    raise WeightsError(f"{source} holds neither VGG16 nor VGG19: for {closest.name.upper()} it {complaint}")


def check_shapes(source: Path, layers: dict[str, ForeignTensor], shapes: dict[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if layers[name].shape != shape:
            raise WeightsError(f"{source}: {name} has the shape {layers[name].shape}, where {shape} is expected")


def choose_convention(
    source: Path, file: ForeignFile, known: KnownFile | None, given: str | None
) -> tuple[InputConvention, str]:
    """The input convention and how it is known: the user's word, a known file, or what the file itself tells."""
    if given is not None:
        return CONVENTIONS[given], "as given"
    if known is not None and known.convention is not None:
        return known.convention, f"the checksum is that of {known.name}"
    if file.convention is None:
        why = f": {file.reason}" if file.reason else ""
        raise WeightsError(
            f"{source} does not tell what its network's input must look like{why}; {ASK}: caffe-bgr is BGR in "
            "0..255 minus the mean (Oxford's, Keras', Gatys' weights), torchvision is RGB in 0..1 normalized"
        )
    return file.convention, file.reason


def _head_shapes(
    layers: dict[str, ForeignTensor], architecture: Architecture, notes: list[str]
) -> dict[str, tuple[int, ...]]:
    """The classifier's shapes where the file has it whole; else none, and a note that says why."""
    shapes = architecture.head_shapes()
    present = [name for name in layers if name.startswith(HEAD_NAMES)]
    if not present:
        notes.append("the file has no classifier: features only")
        return {}
    wrong = [name for name, shape in shapes.items() if name not in layers or layers[name].shape != shape]
    if wrong:
        notes.append(f"the classifier is left out: {few(wrong)} missing or of another shape than VGG's")
        return {}
    return shapes


def load(source: Path, name: str, tensor: ForeignTensor, dtype: Any) -> np.ndarray:
    """The numbers in the wanted precision. Errors: WeightsError where some are not finite, or too large for it."""
    array = np.asarray(tensor.read())
    if array.shape != tensor.shape or array.dtype.kind != "f":
        raise WeightsError(f"{source}: {name} is not the array of floating-point numbers that the file announces")
    with np.errstate(over="ignore", invalid="ignore"):
        result = np.ascontiguousarray(array, dtype)
    bad = result.size - np.count_nonzero(np.isfinite(result))
    if bad:
        raise WeightsError(f"{source}: {name} has {bad:,} values that are not finite numbers in {np.dtype(dtype).name}")
    return result
