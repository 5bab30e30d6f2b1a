"""A painting made by the project itself, for demonstrations: strokes along a swirling field, warm on cold.

python -m experiments.paint -o painting.png
"""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import Image, ImageDraw

from .common.cli import Parser, finite_float, natural_number, positive_int, run, writable_file
from .common.images import save_picture

SWIRLS = 7
BACKGROUND = (24, 40, 92)


def paint(size: int = 512, seed: int = 3, hue: float = 0.0) -> Image.Image:
    """A square picture of brush strokes that follow the flow around a few whirls, drawn at twice the size.

    hue: by how many turns of the color circle all colors move.
    """
    random = np.random.default_rng(seed)
    canvas = 2 * size
    image = Image.new("RGB", (canvas, canvas), _turned(BACKGROUND, hue))
    draw = ImageDraw.Draw(image)
    centers = random.uniform(0, 1, (SWIRLS, 2))
    turns = random.choice([-1.0, 1.0], SWIRLS) * random.uniform(0.6, 1.2, SWIRLS)
    radii = random.uniform(0.10, 0.24, SWIRLS)
    for width, count in ((0.030, 1500), (0.018, 4000), (0.010, 6000)):
        for place in random.uniform(-0.05, 1.05, (count, 2)):
            _stroke(draw, random, place, width, centers, turns, radii, canvas, hue)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def _turned(color: tuple[int, int, int], turn: float) -> tuple[int, int, int]:
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in color))
    red, green, blue = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _flow(place: np.ndarray, centers: np.ndarray, turns: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """The direction of the brush at a place: around the near whirls, else from left to right in waves."""
    away = place - centers
    pull = turns * np.exp(-(away**2).sum(1) / radii**2)
    around = (np.stack([-away[:, 1], away[:, 0]], 1) / radii[:, None] * pull[:, None]).sum(0)
    direction = around + 0.25 * np.array([1.0, 0.5 * np.cos(7 * place[0])])
    return direction / max(float(np.hypot(*direction)), 1e-6)


def _stroke(draw, random, place, width, centers, turns, radii, canvas, turn) -> None:  # type: ignore[no-untyped-def]
    """One curved stroke, its color from the nearest whirl: yellow at its heart, blue and teal away from it."""
    near = float(np.min(np.hypot(*(place - centers).T) / radii))
    warm = np.exp(-((1.6 * near) ** 2))
    hue = (0.60 - 0.07 * random.random()) * (1 - warm) + (0.13 - 0.05 * random.random()) * warm
    brightness = np.clip(0.45 + 0.5 * warm + random.normal(0, 0.13), 0.15, 1)
    color = colorsys.hsv_to_rgb((hue + turn) % 1, np.clip(0.78 - 0.2 * random.random(), 0, 1), brightness)
    points = [place]
    for _ in range(5):
        points.append(points[-1] + 0.6 * width * _flow(points[-1], centers, turns, radii))
    pixels = [tuple(point * canvas) for point in points]
    draw.line(pixels, fill=tuple(int(255 * c) for c in color), width=max(1, int(width * canvas / 2.4)), joint="curve")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser("Paint a picture of swirling brush strokes.", prog="python -m experiments.paint")
    parser.add_argument("-o", "--output", default="painting.png", help="the picture's path")
    parser.add_argument("--size", type=positive_int, default=512, help="its side in pixels")
    parser.add_argument("--seed", type=natural_number, default=3, help="another seed is another painting")
    parser.add_argument("--hue", type=finite_float, default=0.0, help="turn the color circle: 0.5 swaps warm and cold")
    options = parser.parse_args(arguments)
    save_picture(paint(options.size, options.seed, options.hue), writable_file(options.output))
    print(f"wrote {options.output}")


if __name__ == "__main__":
    run(main)
