"""Train a network to translate pictures, and leave a page about it.

    python -m experiments.train_translation --game pix2pix --task digit_edges --out runs/edges
    python -m experiments.train_translation --game cyclegan --task photo2painting --photos photos --paintings monet.jpg
    python -m experiments.train_translation --game pix2pix --task facades --size 256     (a folder with train and val)

The games are in `experiments/translation`. Interrupt with Ctrl-C and continue with --resume: the result is the same,
bit for bit. `python -m experiments.translate` applies the result.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from minigrad.devices import Device

from .common.cli import Parser, UserError, natural_number, non_negative_float, positive_float, positive_int, run
from .common.training_run import Game, add_training_options, train
from .translation import tasks
from .translation.domains import Source
from .translation.games import GAMES, usual_settings
from .translation.settings import Settings

EPILOG = tasks.__doc__ or ""


def make_parser() -> Parser:
    """All options, grouped by what they are about."""
    parser = Parser(
        "Train a network to translate pictures of one kind into pictures of another.\n\ntasks:\n"
        + EPILOG.partition("\n\n")[2],
        prog="python -m experiments.train_translation",
    )
    parser.add_argument("--game", choices=GAMES, default="pix2pix", help="pix2pix and domain_transfer learn from pairs")
    data = parser.add_argument_group("the data")
    data.add_argument("--task", metavar="TASK|FOLDER", help="what is translated into what; default: the game's digits")
    data.add_argument("--direction", choices=("AtoB", "BtoA"), default="AtoB", help="for games on pairs: which way")
    data.add_argument("--size", type=positive_int, metavar="N", help="side of the pictures (digits: 32, others: 64)")
    data.add_argument("--data-dir", metavar="DIR", help="where MNIST lies; default: typeset digits, no download")
    data.add_argument("--count", type=positive_int, default=10000, metavar="N", help="digits of a built-in task")
    data.add_argument("--photos", metavar="FOLDER", help="photographs, for colorize, edges2photo and photo2painting")
    data.add_argument("--paintings", metavar="FILE|FOLDER", help="one painting or several, for photo2painting")
    how = parser.add_argument_group("the game (defaults depend on it and on the size)")
    how.add_argument("--batch-size", type=positive_int, metavar="N", help="pictures a step")
    how.add_argument("--width", type=positive_int, metavar="N", help="channels of the networks' first layers")
    how.add_argument(
        "--lr", type=positive_float,
        help="Adam's learning rate (2e-4; on digits CycleGAN 5e-4, DiscoGAN and domain transfer 1e-3)",
    )  # fmt: skip
    how.add_argument("--lambda-l1", type=non_negative_float, metavar="W", help="pix2pix: 0 leaves the GAN alone (100)")
    how.add_argument("--lambda-gan", type=non_negative_float, metavar="W", help="0 leaves the other terms alone")
    how.add_argument("--lambda-cycle", type=non_negative_float, metavar="W", help="CycleGAN 10, DiscoGAN 1")
    how.add_argument("--lambda-identity", type=non_negative_float, metavar="W", help="CycleGAN 5")
    how.add_argument("--pool", type=natural_number, metavar="N", help="CycleGAN: pictures in the image pool (50)")
    how.add_argument(
        "--constant-steps",
        type=positive_int,
        metavar="N",
        help="cycles: before the rate falls (steps / 2; to --resume with more --steps, give the first run's)",
    )
    how.add_argument("--decay-steps", type=positive_int, metavar="N", help="cycles: while it falls to 0 (steps / 2)")
    how.add_argument(
        "--compare", action="store_true",
        help="also train what the panel shows beside it: L1 alone and GAN alone, or no cycle (costs as much again)",
    )  # fmt: skip
    add_training_options(parser, out="out/translation", steps=1, pictures_every=250)
    parser.set_defaults(steps=None)  # the game's own
    return parser


def source_from(options: argparse.Namespace) -> Source:
    """What the user said about the data."""
    task = options.task or GAMES[options.game].task
    return Source(task, options.data_dir, options.photos, options.paintings, options.count)


def settings_from(options: argparse.Namespace, source: Source) -> Settings:
    """The settings of the game, defaults filled in. Errors: UserError for options that it does not have."""
    recipe, digits = GAMES[options.game], tasks.is_digits(source)
    if digits and options.size not in (None, 32):
        raise UserError(f"--size {options.size}: the digits of {source.task} are 32 pixels large; leave --size out")
    if not recipe.paired and options.direction != "AtoB":
        raise UserError(f"--direction: {options.game} learns both directions; leave it out")
    size = 32 if digits else options.size or 64
    usual = usual_settings(options.game, size, digits)
    fields = {field.name for field in dataclasses.fields(recipe.settings)}
    given: dict[str, Any] = {"direction": options.direction, "size": size, "seed": options.seed}
    names = ("batch_size", "width", "lr", "lambda_l1", "lambda_gan", "lambda_cycle", "lambda_identity", "pool")
    for name in (*names, "constant_steps", "decay_steps"):
        value = getattr(options, name)
        if value is not None and name not in fields:
            raise UserError(f"--{name.replace('_', '-')}: {options.game} has no such setting; leave it out")
        if value is not None:
            given[name] = value
    if options.compare and options.game not in ("pix2pix", "cyclegan", "discogan"):
        raise UserError(f"--compare: {options.game} has nothing to compare; leave it out")
    if "constant_steps" in fields:
        given.setdefault("constant_steps", max(1, options.steps // 2))
        given.setdefault("decay_steps", max(1, options.steps - options.steps // 2))
    channels = tasks.channels_of(source)
    if options.direction == "BtoA":
        channels = channels[::-1]
    given |= {"a_channels": channels[0], "b_channels": channels[1], "compare": options.compare}
    return recipe.settings(task=source.task, **{**usual, **given})


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """The command line; returns the last losses."""
    options = make_parser().parse_args(arguments)
    recipe, source = GAMES[options.game], source_from(options)
    options.steps = options.steps or recipe.steps
    tasks.check(source)
    settings = settings_from(options, source)

    def make_game(device: Device) -> Game:
        domains = tasks.open_domains(source, settings.size, settings.seed)
        if (domains.b is None) != recipe.paired:
            kinds = ("pairs", "two domains without pairs")
            wanted, got = kinds if recipe.paired else kinds[::-1]
            raise UserError(f"--task {source.task} gives {got}, {options.game} needs {wanted}")
        return recipe.game(settings, domains.reversed() if settings.direction == "BtoA" else domains, device)

    return train(make_game, options)


if __name__ == "__main__":
    run(main)
