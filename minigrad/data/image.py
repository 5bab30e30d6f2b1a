"""Opening any picture file as plain 8-bit RGB.

Picture files come turned by their camera (EXIF), half transparent, in palettes, in CMYK, with 16 bits, with
many frames, far too large, cut short, or are no pictures at all. Here each becomes either an upright RGB
picture or one clear sentence. What was decided on the way (a first frame taken, a size halved) is said in a
`PictureNote`, a warning that the command line shows as a line of its own.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from minigrad.npz import open_regular

# Formats that are pixels; Pillow's others include page descriptions, which it opens by running a program.
FORMATS = "PNG JPEG MPO WEBP GIF BMP DIB TIFF PPM TGA ICO AVIF JPEG2000 PCX SGI QOI"
SUFFIXES = ".png .jpg .jpeg .jpe .webp .gif .bmp .tif .tiff .ppm .pgm .tga .avif .jp2 .qoi"
MAX_PIXELS = 178_000_000  # beyond this a small file can fill the memory (a decompression bomb)
MAX_SIDE = 4096  # larger pictures are shrunk to this
STRIP_PIXELS = 1 << 22  # how much of a very large picture is converted at once
IMAGE_WIDTH, IMAGE_HEIGHT = 256, 257  # TIFF's tags
ORIENTATION = 0x0112  # the EXIF tag; its values and what makes the picture upright again
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip

Color = tuple[int, int, int]


class PictureNote(UserWarning):
    """Something a user should know about how a picture was read."""


class PictureError(ValueError):
    """Why a file cannot be read as a picture: one sentence that names the file."""


def open_picture(
    path: str | os.PathLike[str], background: str | Color = "white", longest: int | None = None
) -> Image.Image:
    """The picture in a file: upright, RGB, first frame, transparency laid over `background`.

    longest: shrink so that the longer side has at most this many pixels (4096 where None, with a note).
    Errors: FileNotFoundError; PictureError (a ValueError) when the file cannot be read as a picture.
    """
    with _opened(path) as image:
        return _decode(image, Path(path), background, longest)


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(width, height) of the picture in a file, upright; only its header is read. Errors: as of open_picture."""
    with _opened(path) as image:
        width, height = image.size
        if image.format == "TIFF":  # which some versions of Pillow turn themselves: take the size that is stored
            width, height = image.tag_v2[IMAGE_WIDTH], image.tag_v2[IMAGE_HEIGHT]  # type: ignore[attr-defined]
        return (height, width) if image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8) else (width, height)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """The picture file, its header read and its size checked; errors of the decoding inside become PictureError."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such picture")
    if not path.is_file():
        raise PictureError(f"{path}: this is a {'folder' if path.is_dir() else 'pipe or a device'}, not a picture")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # its remarks on damage; the size is checked here
            with open_regular(path) as file, Image.open(file, formats=_formats()) as image:
                width, height = image.size
                if width < 1 or height < 1:
                    raise PictureError(f"{path}: the picture has no pixels ({width} x {height})")
                if width * height > MAX_PIXELS:
                    raise PictureError(
                        f"{path}: {width} x {height} is more than {MAX_PIXELS:,} pixels; shrink it first"
                    )
                yield image
    except (PictureError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise PictureError(f"{path}: not a picture in a known format (PNG, JPEG, WebP, GIF, TIFF ...)") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path}: larger than {MAX_PIXELS:,} pixels; shrink it first") from error
    except PermissionError as error:
        raise PictureError(f"{path}: may not be read (permission denied)") from error
    except Exception as error:  # Pillow's decoders answer damaged data with nearly any exception
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"{path}: the picture is damaged or cut short ({reason})") from error


def _check_size(path: Path, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise PictureError(f"{path}: the picture has no pixels ({width} x {height})")
    if width * height > MAX_PIXELS:
        raise PictureError(f"{path}: {width} x {height} is more than {MAX_PIXELS:,} pixels; shrink it first")


def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS.split() if name in Image.OPEN]


def _decode(image: Image.Image, path: Path, background: str | Color, longest: int | None) -> Image.Image:
    width, height = image.size
    if getattr(image, "is_animated", False) and image.format != "MPO":
        _note(f"{path}: has several frames; the first is used")
    limit = MAX_SIDE if longest is None else min(longest, MAX_SIDE)
    image.draft("RGB", (2 * limit, 2 * limit))  # lets JPEG decode at a fraction of the size, never below this one
    image.load()
    rgb = _to_rgb(image, background, max(1, max(image.size) // (3 * limit)))
    orientation = None if image.format == "TIFF" else image.getexif().get(ORIENTATION)  # Pillow turns TIFFs itself
    if orientation in TURNS:
        rgb = rgb.transpose(TURNS[orientation])
    if max(width, height) > MAX_SIDE and longest is None:
        _note(f"{path}: {width} x {height} is very large; it is shrunk to {MAX_SIDE} pixels on its longer side")
    return resize_longest(rgb, limit) if max(rgb.size) > limit else rgb


def _to_rgb(image: Image.Image, background: str | Color, factor: int) -> Image.Image:
    """Any of Pillow's modes as RGB, `factor` times smaller: averages over boxes of so many pixels.

    The conversions copy the picture several times; so a picture that is shrunk anyway goes through them in strips.
    """
    rows = image.height if factor == 1 else factor * max(1, STRIP_PIXELS // (factor * image.width))
    strips = range(0, image.height, rows)
    top = max(_white(_strip(image, y, rows)) for y in strips) if image.mode.startswith(("I", "F")) else 0.0
    if factor == 1:
        return _plain(image, background, top)
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for y in strips:
        small.paste(_plain(_strip(image, y, rows), background, top).reduce(factor), (0, y // factor))
    return small


def _strip(image: Image.Image, y: int, rows: int) -> Image.Image:
    return image.crop((0, y, image.width, min(image.height, y + rows)))


def _plain(image: Image.Image, background: str | Color, white: float) -> Image.Image:
    """Any of Pillow's modes as RGB. white: the value that becomes 255, where the mode has more than 8 bits."""
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        return Image.fromarray(np.rint(np.clip(values / white, 0, 1) * 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        over = image.convert("RGBA")
        ground = Image.new("RGBA", over.size, background)
        return Image.alpha_composite(ground, over).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _white(image: Image.Image) -> float:
    """The value that means white: gray values are 16-bit integers, or floats of 0 to 1 or 0 to 255."""
    largest = float(np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0).max())
    if image.mode == "F":
        return 1.0 if largest <= 1.0 else 255.0
    return max(65535.0, largest)


def resize_longest(image: Image.Image, longest: int) -> Image.Image:
    """The picture with its longer side of `longest` pixels, proportions kept (no side below one pixel)."""
    factor = longest / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def _note(text: str) -> None:
    warnings.warn(text, PictureNote, stacklevel=4)
