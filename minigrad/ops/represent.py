"""How a tensor shows itself: as text, and in a notebook, where it is one or several pictures, as a picture."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from .. import devices
from ..autograd import Tensor
from .common import BOOL, FLOAT32, INT64

SHOWN = 1000  # numbers; of more, the first and last three along each axis
SMALLEST_SIDE = 8  # pixels: below, a tensor is hardly a picture
ENLARGED_TO = 128  # pixels: small pictures are shown about this large, every pixel a square
MOST_PICTURES = 64
GAP = 2  # pixels between pictures


def represent(x: Tensor) -> str:
    """`tensor([1., 2.], requires_grad=True)`: the numbers, then whatever is not the default.

    Of more than 1000 numbers the first and the last ones along each axis, and the shape.
    """
    numbers = devices.to_numpy(x.array)
    shown = np.array2string(numbers, separator=", ", precision=4, prefix="tensor(", threshold=SHOWN)
    notes = []
    if x.array.size == 0 or x.array.size > SHOWN:
        notes.append(f"shape={x.shape}")
    if x.dtype not in (FLOAT32, INT64, BOOL):
        notes.append(f"dtype={x.dtype}")
    if x.device != devices.CPU:
        notes.append(f"device='{x.device}'")
    if x.node is not None:
        notes.append(f"grad_fn=<{type(x.node).__name__}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([shown, *notes])})"


def as_png(x: Tensor) -> bytes | None:
    """What a notebook shows of a tensor that can only be pictures: a PNG; None for any other, which is shown as text.

    Pictures are (C, H, W) or (N, C, H, W) with 1 or 3 channels and sides of at least 8 pixels, uint8, or floating-point
    numbers that all lie in [0, 1]. Several stand in a grid; of more than 64 the first 64 are shown.
    """
    shape = x.shape
    if len(shape) not in (3, 4) or shape[-3] not in (1, 3) or min(shape[-2:]) < SMALLEST_SIDE or 0 in shape:
        return None
    if x.dtype.kind != "f" and x.dtype != np.uint8:
        return None
    pictures = devices.to_numpy(x.array).reshape(-1, *shape[-3:])[:MOST_PICTURES]
    if x.dtype.kind == "f":
        if not (pictures.min() >= 0 and pictures.max() <= 1):  # also for NaN
            return None
        pictures = np.rint(pictures * 255).astype(np.uint8)
    scale = max(1, ENLARGED_TO // max(shape[-2:]))
    sheet = _sheet(pictures.repeat(scale, 2).repeat(scale, 3))
    buffer = io.BytesIO()
    Image.fromarray(sheet if sheet.shape[2] == 3 else sheet[:, :, 0]).save(buffer, "PNG")
    return buffer.getvalue()


def _sheet(pictures: np.ndarray) -> np.ndarray:
    """Pictures (N, C, H, W) in a grid as square as it goes, on gray: (height, width, C)."""
    count, channels, height, width = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), 128, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    return sheet
