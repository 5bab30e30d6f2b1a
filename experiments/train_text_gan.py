"""Train networks that draw sentences, GAN-CLS or StackGAN, on captioned digits, and leave a page about it.

    python -m experiments.train_text_gan --data-dir MNIST --out runs/words
    python -m experiments.train_text_gan --data-dir MNIST --out runs/stack --game stackgan
    python -m experiments.draw_text runs/words "a small red seven on a blue ground" -o seven.png

Interrupt it with Ctrl-C and continue with --resume: the result is the same, bit for bit.
"""

from __future__ import annotations

import argparse
from typing import Any

from minigrad.data import MNIST, TypesetDigits
from minigrad.data.captioned_digits import missing_digits
from minigrad.devices import Device

from .common.cli import Parser, UserError, natural_number, positive_float, positive_int, run
from .common.training_run import add_training_options, train
from .text import gan_cls, stackgan
from .text.losses import VARIANTS

LEAST = {"gan_cls": 8, "stackgan": 32}  # pixels a side
BATCH_SIZE = {"gan_cls": 64, "stackgan": 32}


def make_parser() -> Parser:
    parser = Parser("Train networks that draw what a sentence says.", prog="python -m experiments.train_text_gan")
    what = parser.add_argument_group("networks and data")
    what.add_argument(
        "--game", choices=LEAST, default="gan_cls",
        help="gan_cls: GAN-CLS (Reed et al. 2016); stackgan: StackGAN, in two stages (Zhang et al. 2017)",
    )  # fmt: skip
    what.add_argument(
        "--variant", choices=VARIANTS,
        help="of GAN-CLS; cls: D also sees wrong sentences; int: G also draws what lies between two sentences "
        "(default: cls)",
    )  # fmt: skip
    what.add_argument(
        "--data-dir", metavar="DIR", help="the folder of MNIST, for real strokes; default: typeset digits"
    )
    what.add_argument(
        "--image-size", type=positive_int, metavar="N", help="side of the pictures (default: 32, StackGAN: 64)"
    )
    what.add_argument("--width", type=positive_int, default=32, metavar="N", help="channels of the widest layers")
    how = parser.add_argument_group("how")
    how.add_argument("--batch-size", type=positive_int, metavar="N", help="pictures a step (default: 64, StackGAN: 32)")
    how.add_argument(
        "--lr", type=positive_float, metavar="LR", default=2e-4,
        help="Adam's learning rate; of GAN-CLS the generator's, and its discriminator learns 2.5 times as fast",
    )  # fmt: skip
    how.add_argument(
        "--matching", type=natural_number, default=800, metavar="N", help="steps of the text encoder before"
    )
    how.add_argument(
        "--first-steps", type=positive_int, metavar="N",
        help="of StackGAN: steps in which Stage I learns alone (default: 4000)",
    )  # fmt: skip
    how.add_argument(
        "--measure", action="store_true",
        help="at the end, measure with a classifier how often pictures show what was asked for",
    )  # fmt: skip
    add_training_options(parser, out="out/text_gan", steps=10000, pictures_every=250)
    return parser


def strokes(folder: str | None, train: bool = True) -> Any:
    """The strokes of the digits: MNIST's from a folder, else typeset ones. Errors: UserError if a digit is missing."""
    if not folder:
        return TypesetDigits(10000, train=train)
    digits = MNIST(folder, train=train)
    if missing := missing_digits(digits):
        kind = "training" if train else "test"
        raise UserError(
            f"--data-dir {folder}: its {kind} images show no {' and no '.join(missing)}; all ten digits are needed, as "
            "in the whole of MNIST"
        )
    return digits


def settings_of(options: argparse.Namespace) -> gan_cls.Settings | stackgan.Settings:
    """The settings of the chosen game. Errors: UserError for a size or an option that does not fit it."""
    game = options.game
    size = options.image_size or {"gan_cls": 32, "stackgan": 64}[game]
    if size < LEAST[game] or size & (size - 1):
        raise UserError(f"--image-size {size}: must be a power of two of at least {LEAST[game]}, like 64")
    common = {
        "strokes": "mnist" if options.data_dir else "typeset", "image_size": size, "width": options.width,
        "batch_size": options.batch_size or BATCH_SIZE[game], "lr": options.lr, "matching": options.matching,
        "seed": options.seed,
    }  # fmt: skip
    if game == "gan_cls":
        if options.first_steps is not None:
            raise UserError("--first-steps belongs to --game stackgan; leave it out")
        return gan_cls.Settings(variant=options.variant or "cls", d_lr=2.5 * options.lr, **common)
    if options.variant is not None:
        raise UserError("--variant belongs to --game gan_cls; leave it out")
    if options.width % 4:
        raise UserError(f"--width {options.width}: must be a multiple of 4 with --game stackgan, like 32")
    return stackgan.Settings(first_steps=options.first_steps or 4000, **common)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command line; returns the last losses."""
    options = make_parser().parse_args(arguments)
    settings = settings_of(options)

    def make_game(device: Device) -> Any:
        test = strokes(options.data_dir, train=False) if options.measure else None
        kind: Any = gan_cls.GanCls if isinstance(settings, gan_cls.Settings) else stackgan.StackGan
        return kind(settings, strokes(options.data_dir), device, test)

    return train(make_game, options)


if __name__ == "__main__":
    run(main)
