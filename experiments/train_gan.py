"""Train a GAN and leave a page about it.

    python -m experiments.train_gan --net dcgan_lab --dataset mnist --data-dir DIR --steps 2000 --out runs/digits

The algorithm is in `experiments/gan/training.py`, what is trained in `experiments/gan/game.py`, the frame around it in
`experiments/common/training_run.py`. Interrupt it with Ctrl-C and continue with --resume: the result is the same, bit
for bit.
"""

from __future__ import annotations

import argparse
import dataclasses

from minigrad.devices import Device

from .common.cli import Parser, UserError, natural_number, non_negative_float, positive_float, positive_int, run
from .common.training_run import add_training_options, train
from .gan.datasets import NAMED, check_data_dir, open_dataset
from .gan.game import Gan
from .gan.losses import LOSSES
from .gan.recipes import RECIPES, check, usual_rate
from .gan.settings import GanSettings
from .gan.tricks import Tricks


def sizes(text: str) -> tuple[int, ...]:
    """ "512,512" as (512, 512)."""
    return tuple(positive_int(part) for part in text.split(","))


def part(text: str) -> float:
    """A number from 0 to below 1."""
    value = non_negative_float(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"must be below 1, got {text!r}")
    return value


def make_parser() -> Parser:
    parser = Parser("Train a generative adversarial network on small pictures.", prog="python -m experiments.train_gan")
    what = parser.add_argument_group("networks and data")
    what.add_argument("--net", choices=RECIPES, default="dcgan_lab", help="the pair of networks")
    what.add_argument("--loss", choices=LOSSES, help="what they are asked to do; default: the network's, mostly ns")
    what.add_argument("--dataset", default="typeset", metavar="typeset|mnist|fashion_mnist|FOLDER", help="the pictures")
    what.add_argument("--data-dir", metavar="DIR", help="where mnist or fashion_mnist lie; default: download once")
    what.add_argument(
        "--image-size",
        type=positive_int,
        metavar="N",
        help="side of the pictures, a power of two (--net dcgan, progressive, stylegan)",
    )
    what.add_argument("--conditional", action="store_true", help="tell both networks the class (--net mlp)")
    what.add_argument("--hidden", type=sizes, default=(), metavar="N,N", help="sizes of the hidden layers (--net mlp)")
    how = parser.add_argument_group("how long and how fast")
    how.add_argument("--batch-size", type=positive_int, metavar="N", help="default: the network's, mostly 128")
    how.add_argument("--d-steps", type=positive_int, metavar="K", help="discriminator steps a generator step")
    how.add_argument("--lr", type=positive_float, help="learning rate of both; default: the network's or the loss's")
    how.add_argument("--g-lr", type=positive_float, help="of the generator alone")
    how.add_argument("--d-lr", type=positive_float, help="of the discriminator alone")
    how.add_argument("--beta1", type=part, help="Adam's momentum")
    how.add_argument(
        "--grow-steps", type=positive_int, metavar="N", help="progressive, stylegan: steps to fade a size in"
    )
    how.add_argument("--noise", choices=("uniform", "normal"), help="what the generator starts from")
    how.add_argument("--noise-dim", type=positive_int, metavar="N", help="how many numbers of it")
    _add_tricks(parser)
    add_training_options(parser, out="out/gan", steps=2000)
    return parser


def _add_tricks(parser: Parser) -> None:
    tricks = parser.add_argument_group("tricks (off unless given or the network's own)")
    tricks.add_argument("--label-smoothing", type=part, default=0.0, metavar="E", help="real targets 1 - E")
    tricks.add_argument("--label-noise", type=part, default=0.0, metavar="E", help="move targets by up to E")
    tricks.add_argument("--flip-labels", type=part, default=0.0, metavar="P", help="swap this part of the targets")
    tricks.add_argument("--instance-noise", type=non_negative_float, default=0.0, metavar="S", help="blur what D sees")
    tricks.add_argument("--noise-steps", type=natural_number, default=0, metavar="N", help="steps until that is over")
    tricks.add_argument("--dropout", type=part, default=0.0, metavar="P", help="in the discriminator")
    tricks.add_argument("--ema", type=part, metavar="DECAY", help="sample from an averaged generator")
    tricks.add_argument("--spectral-norm", action="store_true", help="normalize the discriminator's layers")


def check_effects(options: argparse.Namespace) -> None:
    """Errors: UserError for options that could have no effect."""
    check_data_dir(options.data_dir, options.dataset)
    if options.noise_steps and not options.instance_noise:
        raise UserError("--noise-steps has no effect without --instance-noise, whose end it sets")
    if options.beta1 is not None and options.loss == "wgan":
        raise UserError("--beta1 has no effect with --loss wgan, which is trained with RMSprop; use wgan-gp")
    if options.lr and options.g_lr and options.d_lr:
        raise UserError("--lr has no effect when both --g-lr and --d-lr are given; leave one of the three out")


def settings_from(options: argparse.Namespace) -> GanSettings:
    """The settings that the options describe, defaults filled in. Errors: UserError for what does not go together."""
    check_effects(options)
    recipe = RECIPES[options.net]
    loss = options.loss or recipe.loss
    lr, betas = usual_rate(options.net, loss)
    lr = options.lr or lr
    own_folder = options.dataset not in NAMED
    side = recipe.side or options.image_size or (64 if own_folder else 32)
    if recipe.side and options.image_size not in (None, recipe.side):
        raise UserError(
            f"--image-size {options.image_size}: the network {options.net} draws {recipe.side} pixels; use --net dcgan"
        )
    settings = GanSettings(
        net=options.net,
        loss=loss,
        dataset=options.dataset,
        noise=options.noise or recipe.noise,
        noise_dim=options.noise_dim or recipe.noise_dim,
        batch_size=options.batch_size or recipe.batch_size,
        d_steps=options.d_steps or LOSSES[loss].d_steps,
        g_lr=options.g_lr or lr,
        d_lr=options.d_lr or lr,
        betas=(betas[0] if options.beta1 is None else options.beta1, betas[1]),
        seed=options.seed,
        image_size=side,
        picture_size=side if own_folder else min(side, 28),
        channels=3 if own_folder and recipe.side is None else 1,
        classes=10 if options.conditional else 0,
        hidden=options.hidden,
        tricks=Tricks(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Tricks)}),
        dropout=options.dropout,
        ema=recipe.ema if options.ema is None else options.ema,
        spectral_norm=options.spectral_norm,
        grow_steps=options.grow_steps or recipe.grow_steps,
    )
    check(settings)
    return settings


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command line; returns the last losses."""
    options = make_parser().parse_args(arguments)
    settings = settings_from(options)
    options.pictures_every = options.pictures_every or RECIPES[options.net].grid_every

    def make_game(device: Device) -> Gan:
        return Gan(settings, open_dataset(options.dataset, options.data_dir, settings.image_size), device)

    return train(make_game, options)


if __name__ == "__main__":
    run(main)
