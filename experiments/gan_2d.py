"""A GAN in the plane, where one can watch all of it: what GAN Lab shows, as a program one can read.

    python -m experiments.gan_2d --data ring --loss wgan-gp --steps 4000 --out out/ring

The animation shows what the discriminator thinks of every place (blue: real, red: generated), the data (gray), the
generated points (black), and the way in which the generator's loss wants each of them to move (arrows).
(Kahng, Thorat, Chau, Viegas and Wattenberg 2018, "GAN Lab".)
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from minigrad.files import atomic_write

from .common.cli import (
    Parser,
    UserError,
    add_common,
    non_negative_float,
    positive_float,
    positive_int,
    run,
    start,
)
from .common.html_page import Page
from .common.images import save_gif, save_picture
from .common.output_folder import OutputFolder
from .common.plots import plot_losses
from .gan.losses import LOSSES
from .gan.plane import PENALTY, PLANE_LOSSES, Watcher, generated, make_players, play
from .gan.toy_data import POINTS

FILES = ("samples.gif", "final.png", "losses.csv", "losses.png", "report.json", "index.html")


def write_results(folder: Path, watcher: Watcher, report: dict[str, Any], title: str) -> None:
    """The animation, its last frame, the plot, the metrics and the page."""
    save_gif(watcher.frames, folder / "samples.gif", milliseconds=120)
    save_picture(watcher.frames[-1], folder / "final.png")
    plot_losses(folder / "losses.csv", folder / "losses.png")
    with atomic_write(folder / "report.json") as file:
        file.write(json.dumps(report, indent=1).encode())
    page = Page(title, "Blue: what the discriminator takes for real. Black: generated. Arrows: where the loss pulls.")
    page.pictures([(folder / "samples.gif", "the run"), (folder / "final.png", "its end")])
    page.table(["metric", "value"], report.items())
    page.picture(folder / "losses.png", "losses and the discriminator's mean outputs", width=620)
    page.save(folder / "index.html")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command line; returns what `Points.report` found."""
    parser = Parser("Train a GAN on points in the plane and film it.", prog="python -m experiments.gan_2d")
    parser.add_argument("--data", choices=POINTS, default="ring", help="8 spots on a ring, 25 on a grid, or a spiral")
    parser.add_argument("--loss", choices=LOSSES, default="ns", help="what the networks are asked to do")
    parser.add_argument("--steps", type=positive_int, default=2000, metavar="N", help="generator steps")
    parser.add_argument("--penalty", type=non_negative_float, metavar="L", help=f"of wgan-gp (default: {PENALTY})")
    parser.add_argument("--d-steps", type=positive_int, metavar="K", help="discriminator steps a generator step")
    parser.add_argument("--batch-size", type=positive_int, default=256, metavar="N", help="points a batch")
    parser.add_argument("--hidden", type=positive_int, default=128, metavar="N", help="units of each hidden layer")
    parser.add_argument("--lr", type=positive_float, default=1e-3, help="Adam's learning rate")
    parser.add_argument("--frames", type=positive_int, default=40, metavar="N", help="of the animation")
    parser.add_argument("--out", default="out/gan_2d", metavar="DIR", help="the folder for the results")
    add_common(parser)
    options = parser.parse_args(arguments)
    loss = PLANE_LOSSES[options.loss]
    if options.penalty is not None and not loss.penalty:
        raise UserError(f"--penalty: the loss {loss.name} has no gradient penalty; use --loss wgan-gp")
    penalty = loss.penalty if options.penalty is None else options.penalty
    loss = dataclasses.replace(loss, d_steps=options.d_steps or loss.d_steps, penalty=penalty)
    device = start(options)
    with OutputFolder(options.out) as output:
        folder, points = output.claim(*FILES), POINTS[options.data]()
        players = make_players(loss, options.lr, options.hidden, device)
        watcher = play(players, points, options.steps, options.batch_size, folder, max(options.frames, 2))
        report = {"steps": players.step, **points.report(generated(players, 5000))}
        write_results(folder, watcher, report, f"A GAN in the plane: {options.data}, {options.loss}")
    print(f"{options.data}, {options.loss}: " + ", ".join(f"{name} {value:.4g}" for name, value in report.items()))
    print(f"the page is {folder / 'index.html'}")
    return report


if __name__ == "__main__":
    run(main)
