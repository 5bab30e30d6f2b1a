"""Models of fast style transfer that were trained with pytorch/examples' `fast_neural_style`.

Their state dicts have the names of `nets.transform_net`, so converting is checking and copying. Files from the time of
PyTorch 0.4 also hold the running means and variances that instance norm kept then and never used; they are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import minigrad as mg
from nets import transform_net

from .convert import converter_version, load
from .naming import STYLE_MODEL
from .readers.base import ForeignFile, WeightsError, few
from .registry import checksums

UNUSED = re.compile(r"(.*\.)?in\d\.(running_mean|running_var|num_batches_tracked)")


def is_style_model(file: ForeignFile) -> bool:
    """Whether a file holds a transformation network."""
    return STYLE_MODEL in file.layers


def convert_style_model(source: Path, file: ForeignFile, output: Path) -> str:
    """Write the model for `experiments.fast_style apply`; returns what the user should know.

    Errors: WeightsError for missing, unexpected or misshapen tensors, for numbers that are not finite, and for a place
    that cannot be written.
    """
    with mg.nn.init.skip_init():
        wanted = {name: value.shape for name, value in transform_net.TransformNet().state_dict().items()}
    layers = {name: tensor for name, tensor in file.layers.items() if not UNUSED.fullmatch(name)}
    for title, names in (("lacks", wanted.keys() - layers.keys()), ("also holds", layers.keys() - wanted.keys())):
        if names:
            raise WeightsError(f"{source} is no model of fast_neural_style: it {title} {few(sorted(names))}")
    for name, shape in wanted.items():
        if layers[name].shape != shape:
            raise WeightsError(f"{source}: {name} has the shape {layers[name].shape}, where {shape} is expected")
    state = {name: mg.tensor(load(source, name, layers[name], np.float32)) for name in wanted}
    try:
        transform_net.save(state, output, source.name, checksums(source).sha256, converter_version())
    except OSError as error:
        raise WeightsError(f"{output} cannot be written: {error.strerror or error}") from error
    count = sum(value.numel() for value in state.values())
    return f"{output}: a transformation network of fast style transfer, {count:,} parameters"
