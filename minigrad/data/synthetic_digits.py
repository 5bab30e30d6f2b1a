"""Typeset digits: an endless stand-in for MNIST that needs no download.

The digits of the fonts that matplotlib ships are bent until they look handwritten. How one image is made:

1. Each glyph (a digit in a font) becomes a *signed distance field*: at every point, how far it lies inside
   the ink (positive) or outside (negative). Distances make the thickness of a stroke a number one can add to.
2. A random affine map (turn, shear, stretch) and a random smooth displacement, the elastic deformation of
   Simard, Steinkraus and Platt ("Best practices for convolutional neural networks", 2003), say for each of
   the 28 x 28 pixels where in the glyph to look.
3. Ink is where the distance found there, plus a random thickening, is positive, with soft edges.
4. The image is moved until its center of mass is in the middle, as MNIST's were.

All images of a chunk are made together with whole-array operations. Chunk number c of the training (or test)
images draws from its own random stream (seed, split, c), so a shorter set is the beginning of a longer one
and no test image repeats a training image.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from minigrad.data.dataset import LabelledImages

SIDE = 28  # pixels of an image's side
CHUNK = 1000  # images made together
FIELD = 64  # samples along the side of a glyph's distance field
BODY = 40.0  # of which the digit's longer side takes this many
SCALE = BODY / 20.0  # field samples per image pixel: MNIST's digits fill a box of 20 pixels

# Of the fonts matplotlib ships, those whose ten digits are plain ones (no symbols, no old-style
# figures, no dotted zeros).
FONTS = """
    DejaVuSans DejaVuSans-Bold DejaVuSans-Oblique DejaVuSerif DejaVuSerif-Italic DejaVuSerif-Bold
    STIXGeneral STIXGeneralItalic STIXGeneralBol STIXGeneralBolIta cmr10 cmb10 cmss10 cmtt10 cmti10
"""


class TypesetDigits(LabelledImages):
    """Digits 0 to 9 from many fonts, bent at random: images (count, 1, 28, 28) in [0, 1], labels (count,).

    The same `seed` gives the same images with one version of matplotlib's fonts; `train=False` gives others.
    Errors: ValueError for a count below 1 or a negative seed.
    """

    def __init__(self, count: int = 10000, train: bool = True, seed: int = 0) -> None:
        if count < 1:
            raise ValueError(f"TypesetDigits: count must be at least 1, got {count}")
        if seed < 0:
            raise ValueError(f"TypesetDigits: seed must not be negative, got {seed}")
        chunks = range((count + CHUNK - 1) // CHUNK)
        parts = [_chunk(np.random.default_rng([seed, 0 if train else 1, chunk])) for chunk in chunks]
        pixels = np.concatenate([images for images, _ in parts])[:count]
        labels = np.concatenate([digits for _, digits in parts])[:count]
        super().__init__(pixels, labels)


def _chunk(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """CHUNK images (CHUNK, 28, 28) uint8 and their digits (CHUNK,) int64."""
    fields, thin, thick = glyph_fields()
    digits = random.integers(0, 10, CHUNK)
    fonts = random.integers(0, len(fields), CHUNK)
    rows, columns = _affine_places(random)
    rows += elastic_displacement(random)
    columns += elastic_displacement(random)
    distance = sample_bilinear(fields[fonts, digits], rows * SCALE, columns * SCALE) / SCALE
    thickening = _thickening(random, thin[fonts, digits] / SCALE, thick[fonts, digits] / SCALE)
    softness = random.uniform(0.9, 1.7, CHUNK)
    ink = (distance + thickening[:, None, None]) / softness[:, None, None]
    images = centre_by_mass(np.clip(ink + 0.5, 0, 1).astype(np.float32))
    return np.rint(images * 255).astype(np.uint8), digits


def _thickening(random: np.random.Generator, thin: np.ndarray, thick: np.ndarray) -> np.ndarray:
    """What to add to the distance so that strokes of these widths (in pixels) come out as wide as MNIST's.

    The middle of a digit's thin and thick strokes gets a random width; hairlines never vanish.
    """
    wanted = random.uniform(1.8, 3.4, len(thin))
    return np.maximum(wanted - (thin + thick) / 2, 1.4 - thin) / 2


def _affine_places(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of each image looks before bending: rows and columns (CHUNK, 28, 28), from the center.

    The map from image to glyph is a stretch, a shear (slant) and a rotation by up to 15 degrees.
    """
    angle = np.deg2rad(random.uniform(-15, 15, CHUNK))
    slant = random.normal(0, 0.2, CHUNK)
    tall = random.uniform(1.0, 1.25, CHUNK)
    wide = tall * random.uniform(0.75, 1.1, CHUNK)
    along = np.arange(SIDE) - (SIDE - 1) / 2
    y, x = along[:, None], along[None, :]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    rows, columns = cos * y - sin * x, sin * y + cos * x
    columns = columns + slant[:, None, None] * rows
    return rows * tall[:, None, None], columns * wide[:, None, None]


def elastic_displacement(random: np.random.Generator) -> np.ndarray:
    """Smooth random fields (CHUNK, 28, 28): how far, in pixels, each place is pushed along one axis.

    Uniform noise blurred by a Gaussian of deviation 4 pixels, Simard et al.'s choice. They scale it by 34; here
    each field is scaled to its own strength, a root mean square of 0 to 1.5 pixels.
    """
    noise = random.uniform(-1, 1, (CHUNK, SIDE, SIDE)).astype(np.float32)
    apart = np.arange(SIDE)[:, None] - np.arange(SIDE)[None, :]
    blur = np.exp(-(apart**2) / (2 * 4.0**2)).astype(np.float32)
    smooth = blur @ noise @ blur.T
    size = np.sqrt(np.mean(smooth**2, axis=(1, 2), keepdims=True))
    return smooth / size * random.uniform(0, 1.5, (CHUNK, 1, 1)).astype(np.float32)


def sample_bilinear(fields: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of fields (N, H, W) at places (N, h, w) given from the center; the border value outside."""
    count, height, width = fields.shape
    rows = np.clip(rows + (height - 1) / 2, 0, height - 1.001)
    columns = np.clip(columns + (width - 1) / 2, 0, width - 1.001)
    top, left = rows.astype(np.int64), columns.astype(np.int64)
    down, right = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    flat = fields.reshape(-1)
    corner = np.arange(count)[:, None, None] * (height * width) + top * width + left
    upper = flat[corner] * (1 - right) + flat[corner + 1] * right
    lower = flat[corner + width] * (1 - right) + flat[corner + width + 1] * right
    return upper * (1 - down) + lower * down


def centre_by_mass(images: np.ndarray) -> np.ndarray:
    """Move each image (N, 28, 28) by whole pixels until its center of mass is next to the middle."""
    mass = images.sum(axis=(1, 2))
    along = np.arange(SIDE)
    middle = (SIDE - 1) / 2
    down = np.rint((images.sum(axis=2) @ along) / mass - middle).astype(np.int64)
    right = np.rint((images.sum(axis=1) @ along) / mass - middle).astype(np.int64)
    from_rows, from_columns = along + down[:, None], along + right[:, None]
    moved = images[
        np.arange(len(images))[:, None, None],
        np.clip(from_rows, 0, SIDE - 1)[:, :, None],
        np.clip(from_columns, 0, SIDE - 1)[:, None, :],
    ]
    inside_rows = (from_rows >= 0) & (from_rows < SIDE)
    inside_columns = (from_columns >= 0) & (from_columns < SIDE)
    return moved * inside_rows[:, :, None] * inside_columns[:, None, :]


@lru_cache(maxsize=1)
def glyph_fields() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All glyphs' distance fields (fonts, 10, 64, 64), and their thin and thick strokes' widths (fonts, 10).

    Widths are in samples: twice the distance on a stroke's middle line, which is where distance is greatest
    among the eight neighbors.
    """
    fields = np.stack(
        [[signed_distance(_draw(font, digit)) for digit in "0123456789"] for font in _font_files()]
    ).astype(np.float32)
    around = np.lib.stride_tricks.sliding_window_view(fields, (3, 3), axis=(2, 3)).max(axis=(4, 5))
    inner = fields[:, :, 1:-1, 1:-1]
    middle = np.where((inner >= around) & (inner > 0), inner, np.nan)
    thin, thick = 2 * np.nanpercentile(middle, (10, 90), axis=(2, 3))
    return fields, thin, thick


def _font_files() -> list[Path]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    files = [path for path in (folder / f"{name}.ttf" for name in FONTS.split()) if path.is_file()]
    if not files:
        raise RuntimeError(f"TypesetDigits: none of matplotlib's fonts is in {folder}; reinstall matplotlib")
    return files


def _draw(font: Path, digit: str) -> np.ndarray:
    """One glyph as a mask (64, 64) of bools, its longer side 40 samples long, in the middle."""
    large = ImageFont.truetype(str(font), 200)
    left, top, right, bottom = (round(side) for side in large.getbbox(digit))
    canvas = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(canvas).text((-left, -top), digit, fill=255, font=large)
    factor = BODY / max(canvas.size)
    size = (max(1, round(canvas.width * factor)), max(1, round(canvas.height * factor)))
    glyph = np.asarray(canvas.resize(size, Image.Resampling.BOX)) > 127
    mask = np.zeros((FIELD, FIELD), bool)
    y, x = (FIELD - size[1]) // 2, (FIELD - size[0]) // 2
    mask[y : y + size[1], x : x + size[0]] = glyph
    return mask


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance to the mask's edge, in samples: positive inside, negative outside. mask: (H, W) bools."""
    return _distance_to(~mask) - _distance_to(mask)


def _distance_to(mask: np.ndarray) -> np.ndarray:
    """Euclidean distance from every sample to the nearest True one, row by row, then column by column."""
    height, width = mask.shape
    far = float(height**2 + width**2)
    in_row = np.where(mask[:, None, :], _squared_gaps(width)[None], far).min(axis=2)  # (H, W)
    return np.sqrt((_squared_gaps(height)[:, :, None] + in_row[None]).min(axis=1))


def _squared_gaps(size: int) -> np.ndarray:
    """(i - j)^2 for all i, j below size."""
    return (np.arange(size)[:, None] - np.arange(size)[None, :]) ** 2.0
