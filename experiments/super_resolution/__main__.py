"""Make pictures four times as large: train a network on photographs, enlarge with it, measure it.

    python -m experiments.super_resolution train --photos PHOTOS --out runs/sr
    python -m experiments.super_resolution enlarge runs/sr picture.jpg -o large.png
    python -m experiments.super_resolution evaluate runs/sr SET5

Interrupt the training with Ctrl-C and continue with --resume: the result is the same, bit for bit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minigrad.devices import Device
from nets import vgg
from nets.srresnet import COLORS

from ..common.cli import (
    Parser,
    UserError,
    add_common,
    existing_file,
    existing_folder,
    positive_float,
    positive_int,
    run,
    start,
)
from ..common.images import load_picture, save_picture
from ..common.picture_files import for_each_picture
from ..common.trained import find_trained, shipped_for
from ..common.training_run import add_training_options, train
from .data import Crops
from .enlarge import TILE, enlarge
from .evaluation import as_text, evaluate, perceived
from .game import GAMES, LAYERS, Settings, SuperResolution, trained


def make_parser() -> Parser:
    parser = Parser(
        "Make pictures four times as large (SRResNet, SRGAN).", prog="python -m experiments.super_resolution"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="train|enlarge|evaluate")
    training = commands.add_parser("train", description="Train on a folder of photographs.", help="train a network")
    training.set_defaults(main=train_network)
    training.add_argument("--photos", type=existing_folder, required=True, metavar="FOLDER", help="what to learn from")
    training.add_argument(
        "--loss", choices=GAMES, default="mse", help="mse: SRResNet; gan: SRGAN, which needs --weights"
    )
    training.add_argument("--weights", type=existing_file, metavar="VGG.npz", help="converted weights of a trained VGG")
    training.add_argument("--layer", default="", help="VGG's layer that is compared (default: the last ReLU)")
    training.add_argument("--from-run", metavar="RUN", help="start from the network of a trained run, as SRGAN should")
    training.add_argument(
        "--blocks", type=positive_int, default=5, metavar="N", help="residual blocks; the paper has 16"
    )
    training.add_argument("--channels", type=positive_int, default=32, metavar="N", help="the paper has 64")
    training.add_argument("--crop", type=positive_int, default=64, metavar="N", help="side of the crops (paper: 96)")
    training.add_argument("--batch-size", type=positive_int, default=8, metavar="N", help="crops a step (paper: 16)")
    training.add_argument("--lr", type=positive_float, default=5e-4, help="Adam's learning rate; the paper has 1e-4")
    training.add_argument("--test", type=existing_folder, metavar="FOLDER", help="measure on these pictures at the end")
    add_training_options(training, out="out/super_resolution", steps=5000, pictures_every=250)

    enlarging = commands.add_parser(
        "enlarge", description="Enlarge a picture, or all of a folder, four times.", help="enlarge pictures"
    )
    enlarging.set_defaults(main=enlarge_pictures)
    _add_run(enlarging)
    enlarging.add_argument("source", metavar="PICTURE|FOLDER", help="what to enlarge")
    enlarging.add_argument("-o", "--output", required=True, metavar="OUT", help="a picture's name, or a folder's")
    enlarging.add_argument("--tile", type=positive_int, default=TILE, metavar="N", help="pixels computed at a time")
    add_common(enlarging)

    measuring = commands.add_parser(
        "evaluate",
        description="Make the pictures of a folder small, enlarge them again, and print PSNR (dB) and SSIM.",
        help="measure a network",
    )
    measuring.set_defaults(main=evaluate_network)
    _add_run(measuring)
    measuring.add_argument("folder", type=existing_folder, metavar="FOLDER", help="pictures it was not trained on")
    measuring.add_argument(
        "--weights", type=existing_file, metavar="VGG.npz",
        help="converted weights of a trained VGG: also tell how far its last features are, and how sharp pictures are",
    )  # fmt: skip
    add_common(measuring)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN|CHECKPOINT|NAME",
        help=f"the folder of a training run, or a checkpoint; {shipped_for([SuperResolution.name])}",
    )  # fmt: skip


def train_network(options: argparse.Namespace) -> None:
    """The command `train`."""
    if options.loss == "gan" and options.weights is None:
        raise UserError("--loss gan compares features of a trained VGG; give its converted file with --weights")
    if options.loss == "mse" and (options.weights or options.layer):
        raise UserError(
            "--loss mse compares pixels and takes no --weights or --layer; leave them out, or use --loss gan"
        )
    if options.crop % 16:
        raise UserError(f"--crop {options.crop}: must be a multiple of 16, like 96")
    if options.channels < COLORS:
        raise UserError(f"--channels {options.channels}: at least {COLORS} are needed, for red, green and blue")
    settings = Settings(
        str(options.photos), options.loss, options.blocks, options.channels, options.crop, options.batch_size,
        options.lr, weights=str(options.weights or ""), layer=options.layer, start=options.from_run or "",
        seed=options.seed,
    )  # fmt: skip

    def make_game(device: Device) -> SuperResolution:
        return GAMES[settings.loss](settings, Crops(options.photos, settings.crop), device, options.test)

    train(make_game, options)


def enlarge_pictures(options: argparse.Namespace) -> None:
    """The command `enlarge`."""
    source = existing_picture(Path(options.source).expanduser())
    device = start(options)
    network = trained(find_trained(options.run, [SuperResolution.name]), device)

    def make(path: Path, target: Path) -> None:
        large = enlarge(network, load_picture(path)[0], device, options.tile)
        save_picture(large, target, {"run": options.run, "picture": str(path)})

    made = for_each_picture(source, options.output, make, "enlarging", options, keep_gif=False)
    where = options.output
    print(f"{made} pictures, four times as large: {where}" if source.is_dir() else f"enlarged: {where}")


def existing_picture(path: Path) -> Path:
    """Errors: UserError if there is no such picture or folder."""
    if not path.exists():
        raise UserError(f"{path}: there is no such picture or folder")
    return path


def evaluate_network(options: argparse.Namespace) -> None:
    """The command `evaluate`."""
    device = start(options)
    network = trained(find_trained(options.run, [SuperResolution.name]), device)
    table = evaluate(network, options.folder, device)
    print("PSNR (dB) / SSIM of the brightness, without a border of 4 pixels")
    print(as_text(table))
    if options.weights:
        net = vgg.load(options.weights).to(device=device)
        found = perceived(network, options.folder, net, LAYERS[net.architecture.name], device)
        print("distance of VGG's features, relative / gradient energy (the original's is 1)")
        print("  ".join(f"{name} {distance:.4f} / {energy:.3f}" for name, (distance, energy) in found.items()))


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    options = make_parser().parse_args(arguments)
    options.main(options)


if __name__ == "__main__":
    run(main)
