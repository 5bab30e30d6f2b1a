"""Fast style transfer: train a network for one style, then stylize any picture in one pass.

    python -m experiments.fast_style train starry_night.jpg --content photos --weights vgg16.npz --out runs/starry
    python -m experiments.fast_style apply runs/starry photo.jpg -o painted.png
    python -m experiments.fast_style apply starry photo.jpg -o painted.png
    python -m experiments.fast_style apply runs/starry holiday.gif -o painted.gif --size 400
    python -m experiments.fast_style apply mosaic.npz photos -o painted

The second one of these uses a model that comes with the project; the last one a model of pytorch/examples, converted:
python -m weights_converter mosaic.pth -o mosaic.npz. The last eighth of the photographs, by name, is not trained on but
shown and measured. See `experiments/style/fast.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import minigrad as mg
from minigrad.data.folder import pictures_in
from minigrad.devices import Device
from nets import transform_net, vgg
from nets.transform_net import TransformNet

from .common.cli import (
    Parser,
    UserError,
    add_common,
    existing_file,
    existing_folder,
    non_negative_float,
    positive_float,
    positive_int,
    run,
    start,
)
from .common.images import load_picture
from .common.picture_files import for_each_picture
from .common.run_parts import load_part
from .common.trained import find_trained, read_trained, shipped_for
from .common.training_run import add_training_options, train
from .style.fast import FastStyle, FastStyleSettings
from .style.perceptual import Weights
from .style.photographs import RandomCrops
from .style.stylize import stylize_file

HELD_OUT = 8  # of so many photographs, the last one is not trained on
SHOWN = 10  # held-out photographs that are drawn and measured, at most
USUAL = Weights()


def make_parser() -> Parser:
    """Both commands' options."""
    parser = Parser(__doc__ or "", prog="python -m experiments.fast_style")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    _add_train(commands.add_parser("train", description="Train a network for one style.", help="learn a style"))
    _add_apply(commands.add_parser("apply", description="Stylize pictures in one pass.", help="stylize pictures"))
    return parser


def _add_train(parser: Parser) -> None:
    parser.add_argument("style", type=existing_file, help="the painting")
    parser.add_argument("--content", type=existing_folder, required=True, metavar="FOLDER", help="photographs")
    parser.add_argument("--weights", type=existing_file, required=True, metavar="W.npz", help="VGG16's or VGG19's")
    how = parser.add_argument_group("the training")
    how.add_argument("--size", type=positive_int, default=256, metavar="N", help="side of the crops; larger is slower")
    how.add_argument("--style-size", type=positive_int, default=256, metavar="N", help="larger makes larger strokes")
    how.add_argument("--batch-size", type=positive_int, default=4, metavar="N", help="crops a step")
    how.add_argument("--lr", type=positive_float, default=1e-3, help="Adam's learning rate")
    how.add_argument("--content-weight", type=non_negative_float, default=USUAL.content, help="more photograph")
    how.add_argument("--style-weight", type=non_negative_float, default=USUAL.style, help="more painting")
    how.add_argument("--tv-weight", type=non_negative_float, default=USUAL.tv, help="smoother")
    how.add_argument("--pixel-weight", type=non_negative_float, default=USUAL.pixel, help="nearer to the colors")
    add_training_options(parser, out="out/fast_style", steps=2000, pictures_every=200)


def _add_apply(parser: Parser) -> None:
    parser.add_argument(
        "model", metavar="DIR|FILE|NAME",
        help=f"a run, a checkpoint, a converted model; {shipped_for([FastStyle.name])}",
    )  # fmt: skip
    parser.add_argument("pictures", type=Path, metavar="PICTURE|FOLDER|GIF", help="what to stylize")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="a file for a picture, else a folder")
    parser.add_argument("--size", type=positive_int, metavar="N", help="longer side in pixels; default: the picture's")
    parser.add_argument("--tile", type=positive_int, metavar="N", help="work in tiles; default: only large pictures")
    add_common(parser)


def main(arguments: list[str] | None = None) -> Any:
    """The command line."""
    options = make_parser().parse_args(arguments)
    return train_style(options) if options.command == "train" else apply_style(options)


def train_style(options: argparse.Namespace) -> dict[str, float]:
    """Train; returns the last losses."""
    paths = pictures_in(options.content)
    held_out = len(paths) // HELD_OUT
    if held_out < 1 or len(paths) - held_out < options.batch_size:
        needed = max(HELD_OUT, options.batch_size + 1)
        raise UserError(f"--content {options.content}: {len(paths)} pictures are too few, give at least {needed}")
    if options.size < transform_net.SMALLEST:
        raise UserError(f"--size {options.size}: at least {transform_net.SMALLEST} pixels are needed")
    weights = Weights(options.content_weight, options.style_weight, options.tv_weight, options.pixel_weight)
    settings = FastStyleSettings(
        options.style.name, weights, options.size, options.style_size, options.batch_size, options.lr, options.seed
    )

    def make_game(device: Device) -> FastStyle:
        shown = [load_picture(path, max(settings.size, 128)) for path in paths[-held_out:][:SHOWN]]
        style = load_picture(options.style, settings.style_size)
        loss_network = vgg.load(options.weights).to(device=device)
        return FastStyle(settings, RandomCrops(paths[:-held_out], settings.size), shown, style, loss_network, device)

    return train(make_game, options)


def apply_style(options: argparse.Namespace) -> None:
    """Stylize a picture, a folder, or an animation."""
    device = start(options)
    if not options.pictures.exists():
        raise UserError(f"{options.pictures}: there is no such file or folder")
    net = load_model(find_trained(options.model, [FastStyle.name]), device)

    def make(source: Path, target: Path) -> None:
        stylize_file(net, source, target, options.size, device, options.tile)

    made = for_each_picture(options.pictures, options.output, make, "stylizing", options)
    print(f"{made} picture{'s' if made != 1 else ''}: {options.output}", file=sys.stdout)


def load_model(path: Path, device: Device) -> TransformNet:
    """The network in a checkpoint, a model file, or a converted file.

    Errors: UserError for a file of something else.
    """
    content = mg.load(path)
    if isinstance(content, dict) and content.get("kind") == transform_net.KIND:
        return transform_net.load(path).to(device=device).eval().requires_grad_(False)
    checkpoint = read_trained(path, device)
    if checkpoint.game != FastStyle.name:
        raise UserError(f"{path}: a checkpoint of {checkpoint.game}; a run of fast_style is needed")
    with mg.nn.init.skip_init():
        net = TransformNet().to(device=device)
    try:
        load_part(net, checkpoint.parts.get("net"), "parts.net")
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    return net.eval().requires_grad_(False)


if __name__ == "__main__":
    run(main)
