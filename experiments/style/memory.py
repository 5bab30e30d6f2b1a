"""How much memory a style transfer takes: told before a picture is loaded, and refused where it is not there.

The estimate follows what a run keeps. Always: the program, the network's parameters, the transforms of the weights that
the convolutions remember, and the kernels' scratch. On top of these comes the largest of four things that follow one
another: reading the largest array of the weights, looking at the pictures, the search, and drawing the losses.

On a GPU it is the GPU's memory that counts: the parameters, the columns of a convolution, and the larger of looking and
searching.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from minigrad import cuda
from minigrad.data.image import picture_size
from minigrad.devices import CPU, Device
from minigrad.kernels.cpu.threads import num_threads
from minigrad.kernels.gpu.conv import COLUMN_BYTES
from nets.vgg import ARCHITECTURES, VGG19_LAYERS, Architecture, canonical
from nets.vgg_file import Weights

from ..common.cli import UserError
from .presets import Preset

Size = tuple[int, int]  # (height, width)

PROGRAM = 50 << 20  # Python, NumPy, Pillow and the modules, measured
DRAWING = 45 << 20  # Matplotlib and the plot of the losses, measured
SCRATCH = 28 << 20  # of each thread: tiles of 512 channels and their products
TRANSFORMED = 4  # times its size: a 3 x 3 kernel for Winograd's 6 x 6 places
FEWEST_POSITIONS = 65  # of a layer whose weights are transformed
PICTURE = 3 * 4  # bytes for each pixel of a picture in float32
PICTURES = 10  # in the search: the pixels, their gradient, the best, the last ones, the steps in between
HISTORY = 20  # pairs of pictures that L-BFGS remembers
LOOKING = 3  # times the widest features: a layer's input, its output, and that behind the ReLU
CALIBRATING = 5  # the same of all pictures at once, side by side, and their deviations


def available_memory(device: Device = CPU) -> int | None:
    """Bytes that a program may still take on a device, or None where the system does not say. On a CPU the kernel's own
    estimate comes first: pages that only cache files can be had, but do not count as free. On a GPU a limit that
    MINIGRAD_GPU_MEMORY sets counts too."""
    if device.type == "cuda":
        return min(cuda.mem_get_info(device.index)[0], cuda.memory_limit() or 2**63)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) * 1024
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, AttributeError, OSError):
        return None


@dataclass(frozen=True)
class Job:
    """What decides how much memory a run takes. weights: as the file lists them, None for random ones; size: of the
    picture that is made; styles: of the style pictures; masked: whether each of these has a mask; device: whose
    memory is taken."""

    weights: Weights | None
    preset: Preset
    size: Size
    styles: Sequence[Size] = ()
    masked: bool = False
    device: Device = CPU

    @property
    def architecture(self) -> Architecture:
        names = {architecture.name: architecture for architecture in ARCHITECTURES}
        return VGG19_LAYERS if self.weights is None else names[self.weights.architecture]

    @property
    def layers(self) -> list[str]:
        """Gatys' names of the layers that are compared."""
        return [canonical(name) for name in (*self.preset.content_layers, *self.preset.style_layers)]

    def always(self) -> int:
        """Bytes that are taken all the time, once the network was used."""
        shapes = self.architecture.conv_shapes() if self.weights is None else {
            name: array.shape for name, array in self.weights.arrays.items()
        }  # fmt: skip
        parameters = 4 * sum(map(prod, shapes.values()))
        if self.device.type == "cuda":
            return parameters + self.columns()
        return PROGRAM + parameters + self.transforms() + SCRATCH * num_threads()

    def columns(self) -> int:
        """Bytes of the largest matrix of columns that a convolution on a GPU makes: 3 x 3 times its input."""
        pixels = max(height * width for height, width in (self.size, *self.styles))
        inputs = [size for name, size in self.features().items() if not name.startswith("pool")]
        return min(COLUMN_BYTES, round(9 * max(inputs, default=0) * pixels))

    def transforms(self) -> int:
        """Bytes of the weights' transforms, of the layers that see enough of the largest picture."""
        pixels = max(height * width for height, width in (self.size, *self.styles))
        # a calibration passes through every layer
        used = self.architecture.layer_names() if self.weights is None else list(self.features())
        shapes = self.architecture.conv_shapes()
        weights = [
            prod(shapes[f"{name}.weight"])
            for name in used
            if f"{name}.weight" in shapes and name != "conv1_1" and pixels >> 2 * (int(name[4]) - 1) >= FEWEST_POSITIONS
        ]
        return 4 * TRANSFORMED * sum(weights)

    def features(self) -> dict[str, float]:
        """Bytes of each layer's features for each pixel of the picture, down to the deepest layer that is compared."""
        names, widths = self.architecture.layer_names(), self.architecture.widths
        last = max((names.index(name) for name in self.layers if name in names), default=0)
        blocks = [int(name[4]) for name in names[: last + 1]]
        return {
            name: 4 * widths[block - 1] / 4 ** (block - (not name.startswith("pool")))
            for name, block in zip(names[: last + 1], blocks)
        }

    def reading(self) -> int:
        """Bytes of the largest array of the weights' file, as it is read."""
        return 0 if self.weights is None else 4 * max(prod(array.shape) for array in self.weights.arrays.values())

    def looking(self) -> float:
        """Bytes to pass the pictures through the network without gradients, one after the other, or, to calibrate it,
        all at once."""
        features, pixels = self.features(), [height * width for height, width in (self.size, *self.styles)]
        widest = max(features.values())
        if self.weights is None:
            return CALIBRATING * widest * sum(pixels)
        named = sum(features.get(name, 0) for name in self.layers)
        return (LOOKING * widest + named) * max(pixels) + 2 * PICTURE * sum(pixels)

    def search(self) -> float:
        """Bytes to compute the loss and its gradient, and of what the optimizer remembers."""
        features, preset = self.features(), self.preset
        named = sum(features.get(name, 0) for name in self.layers)
        kept = sum(size for name, size in features.items() if name in self.layers or not name.startswith("conv"))
        targets = sum(features.get(canonical(name), 0) for name in preset.content_layers)
        history = 2 * min(HISTORY, preset.steps) if preset.optimizer == "lbfgs" else 2
        pixel = kept + targets + named + 2 * max(features.values()) + PICTURE * (PICTURES + history)
        if self.masked:  # the masked features of each style, and their gradients
            pixel += len(self.styles) * 2 * sum(features.get(canonical(name), 0) for name in preset.style_layers)
        return pixel * prod(self.size)

    def bytes(self) -> int:
        """The most that the run takes."""
        if self.device.type == "cuda":
            return self.always() + round(max(self.looking(), self.search()))
        return self.always() + round(max(self.reading(), self.looking(), self.search(), DRAWING))


def check_memory(job: Job) -> int:
    """The bytes that a run needs. Errors: UserError, naming the option and what would fit, if that is more than is
    free."""
    needed, available = job.bytes(), available_memory(job.device)
    if available is None or needed <= available:
        return needed
    always, search, looking = job.always(), job.search(), job.looking()
    room = max(0, available - always)
    where = " on the GPU" if job.device.type == "cuda" else ""
    need = f"need about {needed / 2**30:.1f} GiB, {available / 2**30:.1f} are free{where}"
    if looking > search and max(job.size) < max(map(max, job.styles), default=0):
        factor = (looking / max(room, 1)) ** 0.5
        raise UserError(
            f"--style-scale: the style pictures would {need}; use a factor that is {factor:.1f} times smaller, or a "
            "smaller --size"
        )
    fitting = max(32, int(max(job.size) * (room / max(search, looking)) ** 0.5 * 0.95))
    raise UserError(f"--size: {job.size[1]} x {job.size[0]} pixels {need}; use --size {fitting}")


def fitted(path: Path, longest: float) -> tuple[int, int]:
    """(height, width) that a picture file has once its longer side is `longest`; only its header is read."""
    width, height = picture_size(path)
    factor = longest / max(width, height)
    return max(1, round(height * factor)), max(1, round(width * factor))
