"""How much memory a style transfer takes: told before a picture is loaded, and refused where it is not there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from minigrad.data.image import picture_size

from ..common.cli import UserError

BYTES_PER_PIXEL = 2100  # of the picture, measured with VGG19 to conv5_1: features, their gradients, scratch
BYTES_PER_STYLE_PIXEL = 1500  # of a style picture, which passes through the network once, without gradients
BYTES_ALWAYS = 550 << 20  # weights, their Winograd transforms, the program


def available_memory() -> int | None:
    """Bytes that a program may still take, or None where the system does not say. The kernel's own estimate comes
    first: pages that only cache files can be had, but do not count as free."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) * 1024
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, AttributeError, OSError):
        return None


def check_memory(size: tuple[int, int], styles: Sequence[tuple[int, int]] = ()) -> int:
    """The bytes that a run needs for a picture of this size and style pictures of these sizes, (height, width) each.

    Errors: UserError, naming the option and what would fit, if that is more than is free.
    """
    search = BYTES_PER_PIXEL * size[0] * size[1]
    style = max((BYTES_PER_STYLE_PIXEL * height * width for height, width in styles), default=0)
    needed = BYTES_ALWAYS + max(search, style)
    available = available_memory()
    if available is None or needed <= available:
        return needed
    room = max(0, available - BYTES_ALWAYS)
    need = f"need about {needed / 2**30:.1f} GiB, {available / 2**30:.1f} are free"
    if style > search:
        raise UserError(
            f"--style-scale: the style pictures would {need}; use a factor that is {(style / max(room, 1)) ** 0.5:.1f} "
            "times smaller, or a smaller --size"
        )
    fitting = max(32, int(max(size) * (room / search) ** 0.5 * 0.95))
    raise UserError(f"--size: {size[1]} x {size[0]} pixels {need}; use --size {fitting}")


def fitted(path: Path, longest: float) -> tuple[int, int]:
    """(height, width) that a picture file has once its longer side is `longest`; only its header is read."""
    width, height = picture_size(path)
    factor = longest / max(width, height)
    return max(1, round(height * factor)), max(1, round(width * factor))
