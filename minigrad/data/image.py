"""Opening any picture file as plain 8-bit RGB.

Picture files come turned by their camera (EXIF), half transparent, in palettes, in CMYK, with 16 bits, with
many frames, far too large, cut short, or are no pictures at all. Here each becomes either an upright RGB
picture or one clear sentence. What was decided on the way (a first frame taken, a size halved) is said in a
`PictureNote`, a warning that the command line shows as a line of its own.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

# Formats that are pixels; Pillow's others include page descriptions, which it opens by running a program.
FORMATS = "PNG JPEG MPO WEBP GIF BMP DIB TIFF PPM TGA ICO AVIF JPEG2000 PCX SGI QOI"
SUFFIXES = ".png .jpg .jpeg .jpe .webp .gif .bmp .tif .tiff .ppm .pgm .tga .avif .jp2 .qoi"
MAX_PIXELS = 178_000_000  # beyond this a small file can fill the memory (a decompression bomb)
MAX_SIDE = 4096  # larger pictures are shrunk to this

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
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such picture")
    if not path.is_file():
        raise PictureError(f"{path}: this is a folder, not a picture")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # its remarks on damage; the size is checked here
            with Image.open(path, formats=_formats()) as image:
                return _decode(image, path, background, longest)
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


def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS.split() if name in Image.OPEN]


def _decode(image: Image.Image, path: Path, background: str | Color, longest: int | None) -> Image.Image:
    width, height = image.size
    if width < 1 or height < 1:
        raise PictureError(f"{path}: the picture has no pixels ({width} x {height})")
    if width * height > MAX_PIXELS:
        raise PictureError(f"{path}: {width} x {height} is more than {MAX_PIXELS:,} pixels; shrink it first")
    if getattr(image, "is_animated", False) and image.format != "MPO":
        _note(f"{path}: has several frames; the first is used")
    limit = MAX_SIDE if longest is None else min(longest, MAX_SIDE)
    image.draft("RGB", (2 * limit, 2 * limit))  # lets JPEG decode at a fraction of the size, never below this one
    rgb = _to_rgb(ImageOps.exif_transpose(image), background)
    if max(width, height) > MAX_SIDE and longest is None:
        _note(f"{path}: {width} x {height} is very large; it is shrunk to {MAX_SIDE} pixels on its longer side")
    return resize_longest(rgb, limit) if max(rgb.size) > limit else rgb


def _to_rgb(image: Image.Image, background: str | Color) -> Image.Image:
    """Any of Pillow's modes as RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(image, np.float32), image.mode)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        over = image.convert("RGBA")
        ground = Image.new("RGBA", over.size, background)
        return Image.alpha_composite(ground, over).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Gray values of 16-bit integers, or floats of 0 to 1 or 0 to 255, as bytes."""
    if mode == "F":
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
        top = 1.0 if values.max() <= 1.0 else 255.0
    else:
        top = max(65535.0, float(values.max()))
    return np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8)


def resize_longest(image: Image.Image, longest: int) -> Image.Image:
    """The picture with its longer side of `longest` pixels, proportions kept (no side below one pixel)."""
    factor = longest / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def _note(text: str) -> None:
    warnings.warn(text, PictureNote, stacklevel=4)
