"""See what a network learned: what neurons see, what a code keeps, which pattern a filter finds, which map draws what.

    python -m experiments.see receptive_field vgg16.npz photo.jpg      # pictures from the central neurons of each depth
    python -m experiments.see invert vgg16.npz photo.jpg               # other pictures with the classifier's code
    python -m experiments.see textures vgg19.npz pebbles.jpg           # from 10,400, 176,640 and 852,128 numbers
    python -m experiments.see filters runs/digits                      # what a discriminator's filters respond to
    python -m experiments.see forget runs/digits --box 8 4 12 6        # a generator without the maps that draw there

The first three take a VGG converted by weights_converter and a picture; the others a run of train_gan (--net dcgan or
dcgan_lab). Each writes pictures and a page, index.html, into out/see/COMMAND or where --out says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.devices import Device
from minigrad.files import check_outputs
from nets import vgg

from .common import run_checkpoints
from .common.cli import (
    Parser,
    UserError,
    add_common,
    existing_file,
    non_negative_float,
    positive_int,
    run,
    start,
)
from .common.images import load_picture, resize, save_picture
from .common.output_folder import OutputFolder
from .gan.checkpoints import Trained
from .gan.datasets import check_data_dir
from .seeing import pages
from .seeing.forgetting import Box

SMALLEST = 32  # pixels: five poolings must leave something
PAGE = "index.html"


def make_parser() -> Parser:
    """All commands' options."""
    parser = Parser(__doc__ or "", prog="python -m experiments.see")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, (add, _, text) in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
        add(one)
        one.add_argument("-o", "--out", default=f"out/see/{name}", metavar="DIR", help="the folder for the results")
        add_common(one)
    return parser


def _add_vgg(parser: Parser, size: int, steps: int) -> None:
    parser.add_argument("weights", type=existing_file, metavar="WEIGHTS", help="a converted VGG16 or VGG19")
    parser.add_argument("picture", type=existing_file, metavar="PICTURE", help="the picture to find again")
    parser.add_argument("--size", type=positive_int, default=size, metavar="N", help="the longer side in pixels")
    parser.add_argument("--steps", type=positive_int, default=steps, metavar="N", help="evaluations for each picture")


def _add_smoothness(parser: Parser, value: float) -> None:
    text = "weight of the mean total variation: larger is smoother"
    parser.add_argument("--smoothness", type=non_negative_float, default=value, metavar="X", help=text)


def _add_receptive_field(parser: Parser) -> None:
    _add_vgg(parser, 224, 120)
    _add_smoothness(parser, 2.0)
    layers = [f"pool{block}" for block in range(1, 6)]
    parser.add_argument("--layers", nargs="+", default=layers, metavar="LAYER", help="such as conv3_2")
    parser.add_argument("--neurons", type=positive_int, default=5, metavar="N", help="the central N x N of each layer")


def _add_invert(parser: Parser) -> None:
    _add_vgg(parser, 224, 200)
    _add_smoothness(parser, 1.0)
    text = "fc8 is the code of the classifier, 1000 numbers; or a layer of features, such as relu5_3"
    parser.add_argument("--layer", default="fc8", metavar="LAYER", help=text)
    parser.add_argument("--count", type=positive_int, default=3, metavar="N", help="pictures, each from fresh noise")


def _add_textures(parser: Parser) -> None:
    _add_vgg(parser, 192, 200)
    text = "avg is smoother, as in the paper; max as trained"
    parser.add_argument("--pooling", choices=("avg", "max"), default="avg", help=text)


def _add_run(parser: Parser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="a run of train_gan, or one of its checkpoints")


def _add_filters(parser: Parser) -> None:
    _add_run(parser)
    parser.add_argument("--features", type=positive_int, default=6, metavar="N", help="how many, from the first on")
    parser.add_argument("--count", type=positive_int, default=6, metavar="N", help="pictures for each, strongest first")
    parser.add_argument("--pictures", type=positive_int, default=500, metavar="N", help="the choice of pictures")
    text = "where the run's mnist or fashion_mnist lie; default: the user's cache"
    parser.add_argument("--data-dir", metavar="DIR", help=text)


def _add_forget(parser: Parser) -> None:
    _add_run(parser)
    text = "upper left corner and size in pixels (default: the upper middle)"
    parser.add_argument("--box", type=int, nargs=4, metavar=("X", "Y", "W", "H"), help=text)
    text = "which convolution's inputs: 1 is the last one"
    parser.add_argument("--depth", type=positive_int, default=2, metavar="N", help=text)
    text = "how many maps to leave out, those with the largest weights (default: a quarter)"
    parser.add_argument("--maps", type=positive_int, metavar="N", help=text)
    parser.add_argument("--count", type=positive_int, default=12, metavar="N", help="pictures to show")
    parser.add_argument("--samples", type=positive_int, default=500, metavar="N", help="pictures to learn from")


# ------------------------------------------------------------------------------------- what they do


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command line; returns the figures that are on the page."""
    options = make_parser().parse_args(arguments)
    device, picture = start(options), f"{options.command}.png"
    inputs = [value for name in ("weights", "picture", "run") if (value := getattr(options, name, None)) is not None]
    with OutputFolder(options.out) as folder:
        check_outputs([folder.path / name for name in (picture, PAGE)], inputs)
        folder.claim(picture, PAGE)
        page, sheet, figures = COMMANDS[options.command][1](options, device)
        save_picture(sheet, folder.path / picture)
        page.save(folder.path / PAGE)
    for name, value in figures.items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value:,}")
    print(f"the page is {folder.path / PAGE}")
    return figures


def _opened(options: argparse.Namespace, device: Device, pooling: str = "max") -> tuple[Any, np.ndarray]:
    original = load_picture(options.picture, options.size)
    if min(original.shape[2:]) < SMALLEST:
        raise UserError(f"--size: at least {SMALLEST} pixels are needed on the shorter side")
    return vgg.load(options.weights, pooling).to(device=device), original


def receptive_field(options: argparse.Namespace, device: Device) -> pages.Made:
    net, original = _opened(options, device)
    layers = [vgg.canonical(layer) for layer in options.layers]
    unknown = [layer for layer in layers if layer not in net.layer_names]
    if unknown:
        raise UserError(f"--layers: there is no layer {unknown[0]}; there are {', '.join(net.layer_names)}")
    return pages.receptive_fields(net, original, layers, options.neurons, options.smoothness, options.steps)


def invert(options: argparse.Namespace, device: Device) -> pages.Made:
    net, original = _opened(options, device)
    layer = vgg.canonical(options.layer)
    if layer == "fc8" and len(net.head):
        original = _square(original, 32 * vgg.FEATURE_SIDE)
    return pages.inversions(net, original, layer, options.count, options.smoothness, options.steps, options.weights)


def _square(picture: np.ndarray, side: int) -> np.ndarray:
    """The largest central square of a picture, side x side."""
    edge = min(picture.shape[2:])
    top, left = (picture.shape[2] - edge) // 2, (picture.shape[3] - edge) // 2
    return resize(picture[:, :, top : top + edge, left : left + edge], side, side)


def textures(options: argparse.Namespace, device: Device) -> pages.Made:
    net, original = _opened(options, device, options.pooling)
    return pages.textures(net, original, options.steps)


def _checkpoint(options: argparse.Namespace) -> Path:
    path = run_checkpoints.checkpoint_file(options.run)
    if not path.exists():
        raise UserError(f"{options.run}: there is no run; train one with python -m experiments.train_gan --net dcgan")
    return path


def filters(options: argparse.Namespace, device: Device) -> pages.Made:
    path = _checkpoint(options)
    trained = Trained(path, device)
    check_data_dir(options.data_dir, trained.settings.dataset)
    return pages.filters(
        trained, options.data_dir, options.features, options.count, max(options.pictures, options.count)
    )


def forget(options: argparse.Namespace, device: Device) -> pages.Made:
    trained = Trained(_checkpoint(options), device)
    side = trained.settings.picture_size
    box = Box(*(options.box or (side * 5 // 14, side // 7, side * 2 // 7, side // 7)))
    if min(box.x, box.y) < 0 or min(box.width, box.height) < 1 or max(box.x + box.width, box.y + box.height) > side:
        raise UserError(f"--box: must lie within the pictures of {side} x {side} pixels")
    return pages.forget(trained, box, options.depth, options.maps, options.count, options.samples)


COMMANDS: dict[str, tuple[Callable[[Parser], None], Callable[[argparse.Namespace, Device], pages.Made], str]] = {
    "receptive_field": (
        _add_receptive_field,
        receptive_field,
        "find a picture again from the central neurons of each depth, with what they can see drawn on it",
    ),
    "invert": (_add_invert, invert, "find other pictures with the same code, from noise"),
    "textures": (_add_textures, textures, "make a texture anew, from three numbers of parameters"),
    "filters": (_add_filters, filters, "guided backpropagation from random and from trained filters"),
    "forget": (_add_forget, forget, "draw without the feature maps that draw a stroke in a box"),
}


if __name__ == "__main__":
    run(main)
