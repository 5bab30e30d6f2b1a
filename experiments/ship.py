"""Make a small model file of a finished run, or list the models that come with the project.

    python -m experiments.ship list
    python -m experiments.ship pack runs/edges edges --about "outlines into digits" --source "typeset digits" \\
        --command "python -m experiments.train_translation --game pix2pix --task digit_edges --steps 1500"

A model file holds the networks that draw, in half precision, and nothing else. `pack` puts it into a folder of models,
beside an index with its command, seed, figures and checksum; by default into the project's own, whose models the
commands take by name: fast_style apply, translate, gan_latent, gan_sample, draw_text, super_resolution enlarge.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

from minigrad.files import atomic_write

from .common.cli import Parser, UserError, existing_folder, run
from .common.output_folder import OutputFolder
from .common.run_checkpoints import NEWEST, Checkpoint
from .common.trained import LARGEST, MODELS, Model, Shipped, read_trained, write_model
from .gan.checkpoints import UPGRADES
from .style.fast import FastStyle
from .super_resolution.game import SuperResolution
from .text.gan_cls import GanCls
from .text.stackgan import StackGan
from .translation.games import GAMES as TRANSLATIONS

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
FIGURES = 6  # of the run's metrics that go into the index


def parts_that_draw(checkpoint: Checkpoint) -> list[str]:
    """The parts of a run that the commands which use it load. Errors: UserError for a game without such a command."""
    game, settings = checkpoint.game, checkpoint.settings
    if game in TRANSLATIONS:
        recipe = TRANSLATIONS[game]
        translators = recipe.game.translators(checkpoint.settings_as(recipe.settings))
        return sorted({part for part, _ in translators.values()})
    known = {
        FastStyle.name: ["net"],
        GanCls.name: ["text", "average", "S"],
        StackGan.name: ["text", "average"],
        SuperResolution.name: ["average"],
        "gan": ["average" if settings.get("ema") else "G"],
    }
    if game not in known:
        raise UserError(f"{checkpoint.path}: nothing draws with a run of {game}")
    return known[game]


def pack(options: argparse.Namespace) -> None:
    """The command `pack`."""
    if not NAME.fullmatch(options.name):
        raise UserError(f"{options.name[:40]!r} is no name for a model: use small letters, digits and _")
    checkpoint = read_trained(options.run, upgrades=UPGRADES)
    buffer, seed = io.BytesIO(), checkpoint.settings.get("seed", 0)
    write_model(buffer, checkpoint, parts_that_draw(checkpoint))
    content = buffer.getvalue()
    model = Model(
        checkpoint.game, options.about, options.command, seed, checkpoint.step, options.source, len(content),
        hashlib.sha256(content).hexdigest(), options.figures or figures(options.run),
    )  # fmt: skip
    with OutputFolder(options.models) as folder:  # for its lock; the index says whose the files are
        shipped = Shipped(folder.path)
        target = shipped.folder / f"{options.name}.npz"
        if target.exists() and options.name not in shipped.models:
            raise UserError(f"{target} is in the way: it is not in the index; choose another name")
        shipped.add(options.name, model)  # first, so that after a kill the same command finds no stranger's file
        with atomic_write(target) as file:
            file.write(content)
    total = sum(each.bytes for each in shipped.models.values())
    print(f"{target}: {len(content):,} bytes; all models together {total:,} of {LARGEST:,}")


def figures(folder: Path) -> str:
    """What a run measured of itself, as text: "l1 0.052, digits_right 0.95"."""
    try:
        metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    numbers = [(name, value) for name, value in metrics.items() if isinstance(value, (int, float))]
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers[:FIGURES])


def show(options: argparse.Namespace) -> None:
    """The command `list`."""
    for name, model in Shipped(options.models).models.items():
        print(f"{name}: {model.about} ({model.game}, {model.bytes / 1e6:.1f} MB, {model.steps} steps)")
        print(f"    made by: {model.command}\n    learned from: {model.source}")
        print(f"    measured: {model.figures}" if model.figures else "    not measured")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser(__doc__ or "Small model files of runs.", prog="python -m experiments.ship")
    commands = parser.add_subparsers(dest="action", required=True, parser_class=Parser)
    listing = commands.add_parser("list", description="List models.", help="the models that there are")
    listing.set_defaults(main=show)
    listing.add_argument("--models", type=existing_folder, default=MODELS, metavar="DIR", help="another folder")
    packing = commands.add_parser("pack", description="Make a model file of a run.", help="make a model file")
    packing.set_defaults(main=pack)
    packing.add_argument("run", type=existing_folder, metavar="RUN", help=f"the run's folder, with its {NEWEST}")
    packing.add_argument("name", metavar="NAME", help="how the model shall be called")
    packing.add_argument("--about", required=True, metavar="TEXT", help="what it does, in a line")
    packing.add_argument("--command", required=True, metavar="TEXT", help="the command that made the run")
    packing.add_argument("--source", required=True, metavar="TEXT", help="what it learned from, and whose that is")
    packing.add_argument("--figures", default="", metavar="TEXT", help="what was measured; default: its metrics.json")
    packing.add_argument("--models", default=str(MODELS), metavar="DIR", help="the folder of models")
    options = parser.parse_args(arguments)
    options.main(options)


if __name__ == "__main__":
    run(main)
