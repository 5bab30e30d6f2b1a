"""The game on a line: the data's density, the generator's, the discriminator and the best one, while they learn.

    python -m experiments.gan_1d --out out/gan_1d

The animation is figure 1 of Goodfellow et al. 2014, computed: black dots are the data's density, the green line is the
generator's, the blue dashed line the discriminator, the thin line the optimum p / (p + q) for the present generator.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.devices import Device

from .common.cli import Parser, add_common, positive_float, positive_int, run, start
from .common.html_page import Page
from .common.images import save_gif, save_picture
from .common.output_folder import OutputFolder
from .common.plots import plot_curves
from .common.progress import interruptible, progress_bar, show
from .common.report import REPORT, print_report, write_report
from .gan.line import DATA_DEVIATION, DATA_MEAN, HIGH, LOW, Moment, generator_losses, make_line_players, moment
from .gan.losses import LOSSES
from .gan.training import Batch, Players, improve_discriminator, improve_generator

GAMES = {name: LOSSES[name].title for name in ("ns", "saturating")}
FILES = tuple(f"{game}{ending}" for game in GAMES for ending in (".gif", "_final.png"))
FILES += ("jsd.png", "generator_losses.png", "slopes.png", REPORT, "index.html")


def batches(count: int, device: Device) -> Iterator[Batch]:
    """Data (count, 1), normal, without end."""
    while True:
        yield mg.randn(count, 1, device=device) * DATA_DEVIATION + DATA_MEAN, None


def draw(now: Moment, title: str) -> Image.Image:
    """One frame."""
    figure = Figure(figsize=(5.2, 3.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(now.x[::6], now.p[::6], ".", color="black", markersize=3, label="p: data")
    axes.plot(now.x, now.q, color="green", label="q: generated")
    axes.plot(now.x, now.d, "--", color="tab:blue", label="D")
    axes.plot(now.x, now.best, color="0.6", linewidth=1, label="D* = p / (p + q)")
    axes.set(xlim=(LOW, HIGH), ylim=(-0.03, 1.15), title=f"{title}, step {now.step}, JSD {now.jsd:.3f}")
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def play(players: Players, steps: int, d_steps: int, batch: int, frames: int) -> tuple[list[Moment], list[Image.Image]]:
    """Train, keeping `frames` moments and their pictures, the first and the last step among them."""
    data: Iterator[tuple[Tensor, Tensor | None]] = batches(batch, players.device)
    due = set(np.linspace(0, steps, frames).round().astype(int).tolist())
    title = players.loss.name
    moments = [moment(players)]
    pictures = [draw(moments[0], title)]
    with interruptible() as stop, progress_bar(steps, f"1-D {title}") as bar:
        while players.step < steps and not stop:
            for _ in range(d_steps):
                improve_discriminator(players, *next(data))
            improve_generator(players, batch)
            players.step += 1
            bar.update()
            if players.step in due:
                moments.append(moment(players))
                pictures.append(draw(moments[-1], title))
                show(bar, jsd=moments[-1].jsd)
    return moments, pictures


def write_page(folder: Path, found: dict[str, Any]) -> None:
    page = Page(
        "The game on a line",
        "A generator that shifts and stretches normal noise learns to imitate normal data. Where the densities p and q "
        "agree, the best discriminator says 1/2 everywhere: nothing is left to tell apart.",
    )
    for name, title in GAMES.items():
        page.heading(title)
        page.pictures([(folder / f"{name}.gif", "while they learn"), (folder / f"{name}_final.png", "at the end")])
    page.heading("How far apart the densities are")
    page.paragraph("The Jensen-Shannon divergence: log 2 = 0.693 for densities that do not overlap, 0 for equal ones.")
    page.picture(folder / "jsd.png", width=620)
    page.heading("What the generator minimizes")
    page.paragraph(
        "As functions of D(G(z)): where the discriminator rejects everything generated (left), log(1 - D) is almost "
        "flat, with slope -1, while -log D has slope -1 / D and pulls the harder the worse the generator is."
    )
    page.pictures([(folder / "generator_losses.png", "both losses"), (folder / "slopes.png", "the size of the slopes")])
    page.heading("Figures")
    page.table(["measure", "value"], found.items())
    page.save(folder / "index.html")


def play_all(folder: Path, options: argparse.Namespace, device: Device) -> dict[str, Any]:
    """Both games and what is drawn of them; returns the figures."""
    found: dict[str, Any] = {}
    divergences = {}
    for name in GAMES:
        mg.manual_seed(options.seed)
        players = make_line_players(LOSSES[name], options.lr, options.hidden, device)
        moments, pictures = play(players, options.steps, options.d_steps, options.batch_size, max(options.frames, 2))
        save_gif(pictures, folder / f"{name}.gif", milliseconds=120)
        save_picture(pictures[-1], folder / f"{name}_final.png")
        divergences[name] = [now.jsd for now in moments]
        last = moments[-1]
        found |= {f"{name}: JSD at the start": moments[0].jsd, f"{name}: JSD at the end": last.jsd}
        found |= {f"{name}: mean (data {DATA_MEAN})": last.mean}
        found |= {f"{name}: deviation (data {DATA_DEVIATION})": last.deviation}
    plot_curves(divergences, folder / "jsd.png", label="JSD(p, q), nats", x_label="frame")
    d = np.linspace(0.02, 0.98, 193)
    losses = generator_losses(d)
    values = {name: values for name, (values, _) in losses.items()}
    slopes = {name: np.abs(slopes) for name, (_, slopes) in losses.items()}
    plot_curves(values, folder / "generator_losses.png", d, x_label="D(G(z))")
    plot_curves(slopes, folder / "slopes.png", d, label="|slope|", log=True, x_label="D(G(z))")
    return found


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command line; returns the figures."""
    parser = Parser("Play the game of Goodfellow et al. 2014 on a line.", prog="python -m experiments.gan_1d")
    parser.add_argument("--steps", type=positive_int, default=800, metavar="N", help="generator steps of each game")
    parser.add_argument("--d-steps", type=positive_int, default=3, metavar="K", help="discriminator steps for each")
    parser.add_argument("--batch-size", type=positive_int, default=256, metavar="N", help="numbers a batch")
    parser.add_argument("--hidden", type=positive_int, default=32, metavar="N", help="units of D's hidden layers")
    parser.add_argument("--lr", type=positive_float, default=0.01, help="Adam's learning rate")
    parser.add_argument("--frames", type=positive_int, default=40, metavar="N", help="of each animation")
    parser.add_argument("--out", default="out/gan_1d", metavar="DIR", help="the folder for the results")
    add_common(parser)
    options = parser.parse_args(arguments)
    device = start(options)
    with OutputFolder(options.out) as output:
        found = play_all(output.claim(*FILES), options, device)
        write_report(output.path, found)
        write_page(output.path, found)
    print_report(output.path, found)
    return found


if __name__ == "__main__":
    run(main)
