"""Translate pictures with a network that `train_translation` trained.

python -m experiments.translate runs/edges drawing.png -o picture.png
python -m experiments.translate runs/monet photos -o painted
python -m experiments.translate runs/monet paintings -o photographed --direction BtoA
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import minigrad as mg
from minigrad.data.image import open_picture
from minigrad.devices import Device

from .common.cli import Parser, UserError, add_common, positive_int, run, start
from .common.images import save_picture
from .common.picture_files import for_each_picture
from .common.trained import find_trained, shipped_for
from .translation.games import GAMES, Translator, load_translator
from .translation.pictures import scaled, to_unit


def make_parser() -> Parser:
    """The command line's options."""
    parser = Parser("Translate pictures with a trained network.", prog="python -m experiments.translate")
    parser.add_argument(
        "run", metavar="RUN|CHECKPOINT|NAME",
        help=f"a run's folder, or one of its checkpoints; {shipped_for(list(GAMES))}",
    )  # fmt: skip
    parser.add_argument("pictures", type=Path, metavar="PICTURE|FOLDER", help="what to translate")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="a file for a picture, else a folder")
    parser.add_argument("--direction", choices=("AtoB", "BtoA"), help="default: as trained, AtoB for cycles")
    parser.add_argument("--size", type=positive_int, metavar="N", help="shorter side in pixels; default: as trained")
    add_common(parser)
    return parser


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    options = make_parser().parse_args(arguments)
    device = start(options)
    if not options.pictures.exists():
        raise UserError(f"{options.pictures}: there is no such file or folder")
    translator = load_translator(find_trained(options.run, GAMES), options.direction, device)
    size = checked_size(translator, options.size)
    start(options)  # making the network drew from the generator too: the U-Net's noise begins at the seed

    def make(source: Path, target: Path) -> None:
        save_picture(translate(translator, open_picture(source), size, device), target)

    made = for_each_picture(options.pictures, options.output, make, "translating", options)
    print(f"{made} picture{'s' if made != 1 else ''}: {options.output}")


def checked_size(translator: Translator, size: int | None) -> int:
    """The size to translate at. Errors: UserError for one that the network cannot work at."""
    trained = translator.settings.size
    if size is None:
        return trained
    if translator.cell is None and size != trained:
        raise UserError(f"--size {size}: a network of {translator.name} works at {trained} pixels only, as trained")
    if translator.cell is not None and size % translator.cell:
        raise UserError(
            f"--size {size}: the network halves pictures again and again; use a multiple of {translator.cell}"
        )
    return size


def translate(translator: Translator, image: Image.Image, size: int, device: Device) -> np.ndarray:
    """A picture (1, 3, H, W) in [0, 1] of an image: resized to a shorter side of `size`, both sides to multiples of the
    network's cell; networks of one size get the square in its middle."""
    cell = translator.cell
    if cell is None:
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    else:
        factor = size / min(image.size)
        width, height = (max(cell, round(side * factor / cell) * cell) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(image.convert("L" if translator.in_channels == 1 else "RGB"))
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    with mg.no_grad():
        return to_unit(translator.network(scaled(pixels[None]).to(device)))


if __name__ == "__main__":
    run(main)
