"""A trained transformation network at work: on pictures of any size, whole or in tiles, and on animations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

import minigrad as mg
from minigrad.data.image import PictureError, open_picture, resize_longest
from minigrad.devices import Device
from nets.transform_net import CELL, REACH, SMALLEST, TransformNet

from ..common.cli import UserError
from ..common.images import resize, save_gif, save_picture, to_array

TILE = 512  # pixels: the side of a tile without the border that is cut off again
WHOLE = 1024 * 1024  # pixels: up to here a picture is stylized whole


def stylize(net: TransformNet, picture: np.ndarray, device: Device, tile: int | None = None) -> np.ndarray:
    """A picture (1, 3, H, W) in [0, 1] stylized, of the same size.

    tile: the side of the tiles; None takes none for up to 1024 x 1024 pixels, above that 512. Tiles overlap by as
    much as the network sees around a place, and share the normalization statistics of the picture shrunk to the size
    of a tile, so that no seams can appear. Errors: UserError for a side below 16 pixels.
    """
    height, width = picture.shape[2:]
    if min(height, width) < SMALLEST:
        raise UserError(f"the picture is {width} x {height} pixels; at least {SMALLEST} on each side are needed")
    tile = tile or (TILE if height * width > WHOLE else max(height, width))
    with mg.no_grad():
        if max(height, width) <= tile:
            return np.clip(net(mg.tensor(picture, device=device)).cpu().numpy(), 0, 1)
        factor = max(tile / max(height, width), SMALLEST / min(height, width))
        small = resize(picture, round(height * factor), round(width * factor))
        with net.statistics_of(mg.tensor(small, device=device)):
            return _in_tiles(net, picture, device, tile)


def _in_tiles(net: TransformNet, picture: np.ndarray, device: Device, tile: int) -> np.ndarray:
    """The picture tile by tile, with the statistics that the network has."""
    result = np.empty_like(picture)
    step = max(tile // CELL, 1) * CELL
    for rows, from_rows in _spans(picture.shape[2], step):
        for columns, from_columns in _spans(picture.shape[3], step):
            part = np.ascontiguousarray(picture[:, :, from_rows, from_columns])
            made = net(mg.tensor(part, device=device)).cpu().numpy()
            top, left = rows.start - from_rows.start, columns.start - from_columns.start
            height, width = rows.stop - rows.start, columns.stop - columns.start
            result[:, :, rows, columns] = made[:, :, top : top + height, left : left + width]
    return np.clip(result, 0, 1)


def _spans(length: int, step: int) -> Iterator[tuple[slice, slice]]:
    """Along one side: what a tile gives, and what it must see for that, cut at the picture's border."""
    for start in range(0, length, step):
        stop = min(start + step, length)
        yield slice(start, stop), slice(max(0, start - REACH), min(length, stop + REACH))


def stylize_file(
    net: TransformNet, source: Path, target: Path, size: int | None, device: Device, tile: int | None = None
) -> None:
    """Stylize a picture's file; an animated GIF frame by frame where the target's name ends in .gif.

    size: the longer side of the result in pixels; None keeps the picture's.
    """
    try:
        if source.suffix.lower() == target.suffix.lower() == ".gif":
            frames, milliseconds = _frames(source)
            made = [stylize(net, _at_size(frame, size), device, tile) for frame in frames]
            save_gif(made, target, milliseconds)
        else:
            save_picture(stylize(net, _at_size(open_picture(source), size), device, tile), target)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


def _at_size(image: Image.Image, size: int | None) -> np.ndarray:
    return to_array(image if size is None else resize_longest(image, size))


def _frames(path: Path) -> tuple[list[Image.Image], int]:
    """All frames of a GIF as RGB, and how long one is shown. Errors: PictureError if it cannot be read."""
    try:
        with Image.open(path, formats=["GIF"]) as image:
            frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
            return frames, int(image.info.get("duration") or 100)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise PictureError(f"{path}: the animation is damaged ({error})") from error
