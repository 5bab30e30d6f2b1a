"""Pictures in and out: files to arrays, arrays to files, colors kept, grids, strips and animations.

Inside the project a picture is an array (1, 3, H, W) of float32, RGB, 0 (black) to 1. Every experiment reads
pictures with `load_picture`, writes them with `save_picture`, and sets them side by side with `grid`,
`strip` or `table`. Files appear whole or not at all, and carry the parameters that made them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from minigrad.data.image import Color, open_picture, resize_longest
from minigrad.files import atomic_write

Picture = np.ndarray  # (1, 3, H, W) or (3, H, W) float32 in [0, 1]; gray ones (1, H, W) or (H, W) are taken too
KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF"}
DESCRIPTION = 0x010E  # the EXIF tag ImageDescription
RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]], np.float32)


# ------------------------------------------------------------------------------------------- in and out


def load_picture(
    path: str | os.PathLike[str], size: int | None = None, background: str | Color = "white"
) -> np.ndarray:
    """A picture file as (1, 3, H, W) float32 in [0, 1].

    size: the longer side in pixels, larger or smaller than the file's; None keeps it.
    background: the color behind transparent parts. Errors: as `minigrad.data.image.open_picture`.
    """
    if size is not None and size < 1:
        raise ValueError(f"load_picture: size must be at least 1 pixel, got {size}")
    image = open_picture(path, background, size)
    return to_array(image if size is None else resize_longest(image, size))


def load_mask(path: str | os.PathLike[str], height: int, width: int) -> np.ndarray:
    """A mask file, white where it holds, as (1, 1, height, width) float32 in [0, 1]."""
    gray = open_picture(path, background="black").convert("L")
    return np.asarray(gray.resize((width, height), Image.Resampling.BILINEAR), np.float32)[None, None] / 255


def to_array(image: Image.Image) -> np.ndarray:
    """A Pillow image as (1, 3, H, W) float32 in [0, 1]."""
    pixels = np.asarray(image.convert("RGB"), np.float32) / 255
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]


def to_image(picture: Picture) -> Image.Image:
    """An array as a Pillow image, RGB or gray; values are clipped to [0, 1] and rounded to 8 bits.

    Errors: ValueError for a shape that is no picture, or for NaNs.
    """
    values = np.asarray(picture)
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[0] != 3) or values.size == 0:
        raise ValueError(f"to_image: a picture is (1, 3, H, W), (3, H, W) or (H, W), got {np.shape(picture)}")
    if np.isnan(values).any():
        raise ValueError("to_image: the picture contains NaN; the computation that made it diverged")
    pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture (1, C, H, W) at another size (1, C, height, width), without rounding to 8 bits."""
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.LANCZOS))
        for channel in np.asarray(picture, np.float32)[0]
    ]
    return np.clip(np.stack(channels)[None], 0, 1)


def picture_kind(path: str | os.PathLike[str]) -> str:
    """The format a suffix asks for: "PNG", "JPEG", "WEBP" or "GIF". Errors: ValueError for any other."""
    suffix = Path(path).suffix.lower()
    if suffix not in KINDS:
        raise ValueError(f"{path}: pictures are saved as {', '.join(KINDS)}, not {suffix or 'without a suffix'}")
    return KINDS[suffix]


def save_picture(
    picture: Picture | Image.Image, path: str | os.PathLike[str], parameters: dict[str, Any] | None = None
) -> None:
    """Write a picture, whole or not at all, in the format of the suffix.

    parameters: what made it, kept as JSON in the file: in PNG's text chunk "minigrad", in the EXIF image
    description of JPEG and WebP. Errors: ValueError as `picture_kind` and `to_image`, OSError from the disk.
    """
    kind = picture_kind(path)
    image = picture if isinstance(picture, Image.Image) else to_image(picture)
    options: dict[str, Any] = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    if parameters and kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("minigrad", json.dumps(parameters, default=str))
    elif parameters:
        exif = Image.Exif()
        exif[DESCRIPTION] = json.dumps(parameters, default=str)
        options["exif"] = exif
    with atomic_write(path) as file:
        image.save(file, format=kind, **options)


def read_parameters(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The parameters that `save_picture` put into a file; empty where there are none."""
    with Image.open(path) as image:
        text = image.info.get("minigrad") or image.getexif().get(DESCRIPTION)
    return json.loads(text) if text else {}


def save_gif(frames: Sequence[Picture | Image.Image], path: str | os.PathLike[str], milliseconds: int = 80) -> None:
    """Write frames as an endless animation; the last one stays two seconds.

    Errors: ValueError without frames, or for a file name that does not end in .gif.
    """
    if not frames:
        raise ValueError("save_gif: there are no frames")
    if picture_kind(path) != "GIF":
        raise ValueError(f"{path}: an animation's name ends in .gif")
    images = [frame if isinstance(frame, Image.Image) else to_image(frame) for frame in frames]
    if len({image.size for image in images}) > 1:
        raise ValueError(f"save_gif: the frames differ in size: {sorted({image.size for image in images})}")
    durations = [milliseconds] * (len(images) - 1) + [2000]
    with atomic_write(path) as file:
        images[0].save(
            file,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=durations,
            loop=0,
            optimize=False,
        )


# ------------------------------------------------------------------------------------------- colors


def luminance(picture: np.ndarray) -> np.ndarray:
    """The brightness Y of a picture (1, 3, H, W): (1, 1, H, W), 0.299 R + 0.587 G + 0.114 B."""
    return np.einsum("c,nchw->nhw", RGB_TO_YIQ[0], picture)[:, None]


def gradient_energy(pictures: np.ndarray) -> float:
    """How sharp pictures (N, C, H, W) are: the mean of (x_{i+1} - x_i)^2 along the rows, and along the columns, summed.

    Blurred pictures have less of it than sharp ones, noisy ones more.
    """
    return float(sum(np.mean(np.diff(pictures.astype(np.float64), axis=axis) ** 2) for axis in (2, 3)))


def as_gray(picture: np.ndarray) -> np.ndarray:
    """The picture without its colors, still (1, 3, H, W)."""
    return np.repeat(luminance(picture), 3, axis=1)


def with_colors_of(picture: np.ndarray, colored: np.ndarray) -> np.ndarray:
    """The brightness of `picture` with the colors of `colored`; both (1, 3, H, W).

    In YIQ, Y is taken from the first and I and Q from the second (Gatys, Bethge, Hertzmann and Shechtman,
    "Preserving color in neural artistic style transfer", 2016, section 3.2).
    """
    if picture.shape != colored.shape:
        raise ValueError(f"with_colors_of: the pictures differ in size, {picture.shape} and {colored.shape}")
    yiq = np.einsum("dc,nchw->ndhw", RGB_TO_YIQ, colored)
    yiq[:, :1] = luminance(picture)
    return np.clip(np.einsum("dc,nchw->ndhw", np.linalg.inv(RGB_TO_YIQ), yiq), 0, 1).astype(np.float32)


def match_luminance(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The style picture in gray, its brightness shifted and scaled to the content's mean and deviation.

    L' = (L - mean_S) * deviation_C / deviation_S + mean_C (the same paper, equation 8).
    """
    own, goal = luminance(style), luminance(content)
    scaled = (own - own.mean()) * (goal.std() / max(float(own.std()), 1e-6)) + goal.mean()
    return np.clip(np.repeat(scaled, 3, axis=1), 0, 1).astype(np.float32)


# --------------------------------------------------------------------------------- several in one picture


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2, ground: float = 0.5) -> np.ndarray:
    """Many small images in rows: (N, C, H, W) in [0, 1], C of 1 or 3, to one picture (1, 3, height, width).

    columns: images a row; None makes the grid as square as it goes. Empty places stay gray (`ground`).
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(f"grid: images must be (N, 1, H, W) or (N, 3, H, W) with N of at least 1, got {images.shape}")
    count, _, height, width = images.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((1, 3, gap + rows * (height + gap), gap + columns * (width + gap)), ground, np.float32)
    for index, image in enumerate(images):
        top = gap + index // columns * (height + gap)
        left = gap + index % columns * (width + gap)
        sheet[0, :, top : top + height, left : left + width] = image
    return sheet


def strip(
    pictures: Sequence[Picture | Image.Image], labels: Sequence[str] = (), height: int | None = None
) -> Image.Image:
    """Pictures side by side, all as high as the first (or `height`), each with its label above."""
    images = [picture if isinstance(picture, Image.Image) else to_image(picture) for picture in pictures]
    if not images:
        raise ValueError("strip: there are no pictures")
    height = height or images[0].height
    scaled = [image.resize((max(1, round(image.width * height / image.height)), height)) for image in images]
    return table([scaled], columns=labels)


def table(
    rows: Sequence[Sequence[Picture | Image.Image]],
    columns: Sequence[str] = (),
    names: Sequence[str] = (),
    gap: int = 8,
    text: int = 14,
) -> Image.Image:
    """Pictures in rows and columns on white, with labels above the columns and names left of the rows.

    Each column is as wide as its widest picture or label. text: the letters' height in pixels.
    """
    cells = [[cell if isinstance(cell, Image.Image) else to_image(cell) for cell in row] for row in rows]
    font = label_font(text)
    widths = _column_widths(cells, columns, font)
    heights = [max(cell.height for cell in row) for row in cells]
    left = int(max((font.getlength(name) for name in names), default=-gap)) + 2 * gap
    top = text + 2 * gap if columns else gap
    size = (left + sum(widths) + gap * len(widths), top + sum(heights) + gap * len(heights))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    starts = [left + sum(widths[:index]) + gap * index for index in range(len(widths))]
    for label, x, width in zip(columns, starts, widths):
        draw.text((x + width // 2, gap), label, fill="black", font=font, anchor="ma")
    y = top
    for number, (row, height) in enumerate(zip(cells, heights)):
        if number < len(names):
            draw.text((gap, y + height // 2), names[number], fill="black", font=font, anchor="lm")
        for cell, x, width in zip(row, starts, widths):
            sheet.paste(cell, (x + (width - cell.width) // 2, y + (height - cell.height) // 2))
        y += height + gap
    return sheet


def _column_widths(cells: list[list[Image.Image]], labels: Sequence[str], font: Any) -> list[int]:
    widths = [0] * max(len(row) for row in cells)
    for row in cells:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], cell.width)
    for index, label in enumerate(labels[: len(widths)]):
        widths[index] = max(widths[index], int(font.getlength(label)) + 4)
    return widths


@lru_cache
def label_font(size: int) -> ImageFont.FreeTypeFont:
    """The font of all labels: matplotlib's DejaVu Sans."""
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size)
