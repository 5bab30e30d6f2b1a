"""A GAN in the plane, where one can watch all of it: what GAN Lab shows, as a program one can read.

    python -m experiments.gan_2d --data ring --loss wgan-gp --steps 4000 --out out/ring
    python -m experiments.gan_2d --page
    python -m experiments.gan_2d --data grid --page ns wgan-gp

The animation shows what the discriminator thinks of every place (blue: real, red: generated), the data (gray), the
generated points (black), and the way in which the generator's loss wants each of them to move (arrows).
With --page the training is recorded too, under several losses from the same start, as one page in which you play it.
(Kahng, Thorat, Chau, Viegas and Wattenberg 2018, "GAN Lab".)
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from minigrad.devices import Device

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
from .common.report import REPORT, write_report
from .gan.losses import LOSSES
from .gan.plane import PENALTY, PLANE_LOSSES, Watcher, generated, make_players, play
from .gan.playground import Recorded, write_playground
from .gan.toy_data import POINTS

FILES = ("samples.gif", "final.png", "losses.csv", "losses.png", REPORT, "index.html")
PLAYGROUND = "play.html"
COMPARED = ("ns", "saturating", "lsgan", "wgan-gp")


def write_results(folder: Path, watcher: Watcher, report: dict[str, Any], title: str) -> None:
    """The animation, its last frame, the plot, the metrics and the page."""
    frames = [watcher.draw(moment) for moment in watcher.moments]
    save_gif(frames, folder / "samples.gif", milliseconds=120)
    save_picture(frames[-1], folder / "final.png")
    plot_losses(folder / "losses.csv", folder / "losses.png")
    write_report(folder, report)
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
    parser.add_argument(
        "--page", nargs="*", choices=LOSSES, metavar="LOSS",
        help=f"also write {PLAYGROUND}, in which one plays the training under these losses side by side "
        f"(default: {' '.join(COMPARED)})",
    )  # fmt: skip
    add_common(parser)
    options = parser.parse_args(arguments)
    if options.penalty is not None and not PLANE_LOSSES[options.loss].penalty:
        raise UserError(f"--penalty: the loss {options.loss} has no gradient penalty; use --loss wgan-gp")
    device = start(options)
    with OutputFolder(options.out) as output:
        page = [] if options.page is None else [PLAYGROUND]
        folder = output.claim(*FILES, *page)
        result = train(options, options.loss, device, folder)
        title = f"A GAN in the plane: {options.data}, {options.loss}"
        write_results(folder, result.watcher, result.report, title)
        if page:
            write_playground(
                folder / PLAYGROUND, f"A GAN in the plane: {options.data}", compared(options, device, result)
            )
    report = result.report
    print(f"{options.data}, {options.loss}: " + ", ".join(f"{name} {value:.4g}" for name, value in report.items()))
    print(f"the page is {folder / 'index.html'}" + (f", the playground {folder / PLAYGROUND}" if page else ""))
    return report


def train(options: argparse.Namespace, name: str, device: Device, folder: Path | None = None) -> Recorded:
    """Train with a loss as the options say; with a folder, the losses are logged there."""
    loss = PLANE_LOSSES[name]
    penalty = options.penalty if options.penalty is not None and loss.penalty else loss.penalty
    loss = dataclasses.replace(loss, d_steps=options.d_steps or loss.d_steps, penalty=penalty)
    points = POINTS[options.data]()
    players = make_players(loss, options.lr, options.hidden, device)
    watcher = play(players, points, options.steps, options.batch_size, folder, max(options.frames, 2))
    return Recorded(watcher, {"steps": players.step, **points.report(generated(players, 5000))})


def compared(options: argparse.Namespace, device: Device, first: Recorded) -> list[Recorded]:
    """The run that there is, and one for each other loss to be compared, all from the same seed.

    Where the first was stopped, the others are not begun.
    """
    wanted = dict.fromkeys([options.loss, *(options.page or COMPARED)])
    results = [first]
    for name in list(wanted)[1:]:
        if results[-1].report["steps"] == options.steps:
            start(options)
            results.append(train(options, name, device))
    return results


if __name__ == "__main__":
    run(main)
