"""Train a GAN and leave a page about it.

    python -m experiments.train_gan --net dcgan_lab --dataset mnist --data-dir DIR --steps 2000 --out runs/digits

The training loop itself is `experiments/gan/training.py`; this module is the command around it. Interrupt it with
Ctrl-C and continue with --resume: the result is the same, bit for bit.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from .common.cli import (
    Parser,
    UserError,
    add_common,
    natural_number,
    non_negative_float,
    positive_float,
    positive_int,
    run,
    start,
    writable_folder,
)
from .gan import checkpoints
from .gan.datasets import open_dataset
from .gan.losses import LOSSES
from .gan.recipes import RECIPES, Config, check, usual_rate
from .gan.run import Run
from .gan.tricks import Tricks


def sizes(text: str) -> list[int]:
    """ "512,512" as [512, 512]."""
    return [positive_int(part) for part in text.split(",")]


def part(text: str) -> float:
    """A number from 0 to below 1."""
    value = non_negative_float(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"must be below 1, got {text!r}")
    return value


def make_parser() -> Parser:
    parser = Parser("Train a generative adversarial network on small pictures.", prog="python -m experiments.train_gan")
    what = parser.add_argument_group("what is trained on what")
    what.add_argument("--net", choices=RECIPES, default="dcgan_lab", help="the pair of networks")
    what.add_argument("--loss", choices=LOSSES, default="ns", help="what they are asked to do")
    what.add_argument("--dataset", default="typeset", metavar="typeset|mnist|fashion_mnist|FOLDER", help="the pictures")
    what.add_argument("--data-dir", metavar="DIR", help="where mnist or fashion_mnist lie; default: download once")
    what.add_argument(
        "--image-size", type=positive_int, metavar="N", help="side of a folder's pictures (--net dcgan: 64)"
    )
    what.add_argument("--conditional", action="store_true", help="tell both networks the class (--net mlp)")
    what.add_argument("--hidden", type=sizes, default=[], metavar="N,N", help="sizes of the hidden layers (--net mlp)")
    how = parser.add_argument_group("how long and how fast")
    how.add_argument("--steps", type=positive_int, default=2000, metavar="N", help="generator steps in all")
    how.add_argument("--batch-size", type=positive_int, metavar="N", help="default: the network's, mostly 128")
    how.add_argument("--d-steps", type=positive_int, metavar="K", help="discriminator steps a generator step")
    how.add_argument("--lr", type=positive_float, help="learning rate of both; default: the network's or the loss's")
    how.add_argument("--g-lr", type=positive_float, help="of the generator alone")
    how.add_argument("--d-lr", type=positive_float, help="of the discriminator alone")
    how.add_argument("--beta1", type=part, help="Adam's momentum")
    how.add_argument("--noise", choices=("uniform", "normal"), help="what the generator starts from")
    how.add_argument("--noise-dim", type=positive_int, metavar="N", help="how many numbers of it")
    _add_tricks(parser)
    out = parser.add_argument_group("what is written")
    out.add_argument("--out", default="out/gan", metavar="DIR", help="the run's folder")
    out.add_argument("--grid-every", type=positive_int, metavar="N", help="steps between sample grids")
    out.add_argument("--checkpoint-every", type=positive_int, metavar="N", help="default: with every grid")
    again = out.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue the run in --out, up to --steps")
    again.add_argument("--fresh", action="store_true", help="start over in --out, replacing the run there")
    add_common(parser)
    return parser


def _add_tricks(parser: Parser) -> None:
    tricks = parser.add_argument_group("tricks (all off unless given)")
    tricks.add_argument("--label-smoothing", type=part, default=0.0, metavar="E", help="real targets 1 - E")
    tricks.add_argument("--label-noise", type=part, default=0.0, metavar="E", help="move targets by up to E")
    tricks.add_argument("--flip-labels", type=part, default=0.0, metavar="P", help="swap this part of the targets")
    tricks.add_argument("--instance-noise", type=non_negative_float, default=0.0, metavar="S", help="blur what D sees")
    tricks.add_argument("--noise-steps", type=natural_number, default=0, metavar="N", help="steps until that is over")
    tricks.add_argument("--dropout", type=part, default=0.0, metavar="P", help="in the discriminator")
    tricks.add_argument("--ema", type=part, default=0.0, metavar="DECAY", help="sample from an averaged generator")
    tricks.add_argument("--spectral-norm", action="store_true", help="normalise the discriminator's layers")


def configuration(options: argparse.Namespace) -> Config:
    """All that a checkpoint must know to continue or to sample: plain values, defaults filled in."""
    recipe = RECIPES[options.net]
    lr, betas = usual_rate(options.net, options.loss)
    lr = options.lr or lr
    own_folder = options.dataset not in ("typeset", "mnist", "fashion_mnist")
    side = recipe.side or options.image_size or (64 if own_folder else 32)
    if recipe.side and options.image_size not in (None, recipe.side):
        raise UserError(
            f"--image-size {options.image_size}: the network {options.net} draws {recipe.side} pixels; use --net dcgan"
        )
    grid_every = options.grid_every or recipe.grid_every
    return {
        "net": options.net,
        "loss": options.loss,
        "dataset": options.dataset,
        "seed": options.seed,
        "image_size": side,
        "picture_size": side if own_folder else 28,
        "channels": 3 if own_folder and recipe.side is None else 1,
        "classes": 10 if options.conditional else 0,
        "hidden": options.hidden,
        "batch_size": options.batch_size or recipe.batch_size,
        "d_steps": options.d_steps or LOSSES[options.loss].d_steps,
        "g_lr": options.g_lr or lr,
        "d_lr": options.d_lr or lr,
        "betas": [betas[0] if options.beta1 is None else options.beta1, betas[1]],
        "noise": options.noise or recipe.noise,
        "noise_dim": options.noise_dim or recipe.noise_dim,
        "tricks": {field.name: getattr(options, field.name) for field in dataclasses.fields(Tricks)},
        "dropout": options.dropout,
        "ema": options.ema,
        "spectral_norm": options.spectral_norm,
        "grid_every": grid_every,
        "checkpoint_every": options.checkpoint_every or grid_every,
    }


def prepare(options: argparse.Namespace) -> Run:
    """The run that the options describe, at its start or where its checkpoint stands."""
    config = configuration(options)
    check(config)
    device = start(options)
    folder = writable_folder(options.out)
    exists = (folder / checkpoints.NEWEST).exists()
    if exists and not (options.resume or options.fresh):
        raise UserError(f"{folder} already holds a run; --resume continues it, --fresh starts over")
    dataset = open_dataset(options.dataset, options.data_dir, config["image_size"])
    one_run = Run(config, dataset, folder, device)
    if exists and options.resume:
        one_run.resume()
    else:
        if options.resume:
            print(f"there is no checkpoint in {folder} yet: starting at step 0")
        one_run.begin()
    return one_run


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command line; returns the last figures."""
    options = make_parser().parse_args(arguments)
    one_run = prepare(options)
    complete = one_run.train(options.steps)
    one_run.finish()
    step = one_run.players.step
    print(f"step {step}: " + ", ".join(f"{name} {value:.4g}" for name, value in one_run.newest.items()))
    if not complete:
        print(f"stopped at step {step} of {options.steps}; --resume continues")
    print(f"the page is {one_run.folder / 'index.html'}")
    return one_run.newest


if __name__ == "__main__":
    run(main)
