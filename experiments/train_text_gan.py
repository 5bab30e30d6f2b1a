"""Train networks that draw sentences: GAN-CLS on captioned digits, and leave a page about it.

    python -m experiments.train_text_gan --data-dir MNIST --out runs/words
    python -m experiments.draw_text runs/words "a small red seven on a blue ground" -o seven.png

Interrupt it with Ctrl-C and continue with --resume: the result is the same, bit for bit.
"""

from __future__ import annotations

from typing import Any

from minigrad.data import MNIST, TypesetDigits
from minigrad.devices import Device

from .common.cli import Parser, UserError, natural_number, positive_float, positive_int, run
from .common.training_run import add_training_options, train
from .text.game import GanCls, Settings
from .text.losses import VARIANTS

GAMES = {"gan_cls": GanCls}


def make_parser() -> Parser:
    parser = Parser("Train networks that draw what a sentence says.", prog="python -m experiments.train_text_gan")
    what = parser.add_argument_group("networks and data")
    what.add_argument("--game", choices=GAMES, default="gan_cls", help="GAN-CLS (Reed et al. 2016)")
    what.add_argument(
        "--variant", choices=VARIANTS, default="int-cls",
        help="cls: D also sees wrong sentences; int: G also draws what lies between two sentences",
    )  # fmt: skip
    what.add_argument(
        "--data-dir", metavar="DIR", help="the folder of MNIST, for real strokes; default: typeset digits"
    )
    what.add_argument("--image-size", type=positive_int, default=32, metavar="N", help="side of the pictures")
    what.add_argument("--width", type=positive_int, default=32, metavar="N", help="channels of the widest layers")
    how = parser.add_argument_group("how")
    how.add_argument("--batch-size", type=positive_int, default=64, metavar="N", help="pictures a step")
    how.add_argument("--lr", type=positive_float, default=2e-4, help="Adam's learning rate")
    how.add_argument(
        "--matching", type=natural_number, default=800, metavar="N", help="steps of the text encoder before"
    )
    how.add_argument(
        "--measure", action="store_true",
        help="at the end, measure with a classifier how often pictures show what was asked for",
    )  # fmt: skip
    add_training_options(parser, out="out/text_gan", steps=10000, pictures_every=250)
    return parser


def strokes(folder: str | None, train: bool = True) -> Any:
    """The strokes of the digits: MNIST's from a folder, else typeset ones."""
    return MNIST(folder, train=train) if folder else TypesetDigits(10000, train=train)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command line; returns the last losses."""
    options = make_parser().parse_args(arguments)
    size = options.image_size
    if size < 8 or size & (size - 1):
        raise UserError(f"--image-size {size}: must be a power of two of at least 8, like 32")
    settings = Settings(
        options.variant, "mnist" if options.data_dir else "typeset", size, options.width, batch_size=options.batch_size,
        lr=options.lr, matching=options.matching, seed=options.seed,
    )  # fmt: skip

    def make_game(device: Device) -> GanCls:
        test = strokes(options.data_dir, train=False) if options.measure else None
        return GAMES[options.game](settings, strokes(options.data_dir), device, test)

    return train(make_game, options)


if __name__ == "__main__":
    run(main)
