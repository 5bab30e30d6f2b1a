"""A GAN in the plane, where one can watch all of it: what GAN Lab shows, as a program one can read.

    python -m experiments.gan_2d --data ring --loss wgan-gp --steps 4000 --out out/ring

The animation shows what the discriminator thinks of every place (blue: real, red: generated), the data (gray), the
generated points (black), and the way in which the generator's loss wants each of them to move (arrows).
(Kahng, Thorat, Chau, Viegas and Wattenberg 2018, "GAN Lab".)
"""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Tensor
from minigrad.devices import Device
from minigrad.files import atomic_write

from .common.cli import (
    Parser,
    add_common,
    non_negative_float,
    positive_float,
    positive_int,
    run,
    start,
    writable_folder,
)
from .common.html_page import Page
from .common.images import save_gif, save_picture
from .common.plots import LossLog, plot_losses
from .common.progress import interruptible, progress_bar, show
from .gan.losses import LOSSES, GanLoss
from .gan.toy_data import POINTS, Points
from .gan.training import Players, alternate

NOISE = 8  # numbers of noise a point
SHOWN = 400  # points in a frame
RANGE = 2.8  # the frames show the square from -RANGE to RANGE
READ_EVERY = 20
PENALTY = 0.1  # of wgan-gp in the plane; 10, right for pictures, flattens the critic between spots this small
PLANE_LOSSES = {
    name: dataclasses.replace(loss, penalty=PENALTY) if loss.penalty else loss for name, loss in LOSSES.items()
}


def make_players(loss: GanLoss, lr: float, hidden: int, device: Device) -> Players:
    """Two networks with three hidden layers of ReLU (generator) and LeakyReLU 0.2 (discriminator)."""
    generator = nn.Sequential(
        nn.Linear(NOISE, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2),
    ).to(device=device)  # fmt: skip
    discriminator = nn.Sequential(
        nn.Linear(2, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1),
    ).to(device=device)  # fmt: skip
    betas = (0.5, 0.9) if loss.penalty else (0.5, 0.999)
    solvers = [optim.Adam(net.parameters(), lr=lr, betas=betas) for net in (generator, discriminator)]
    return Players(generator, discriminator, *solvers, loss, lambda n: mg.randn(n, NOISE, device=device), device=device)


def generated(players: Players, count: int) -> np.ndarray:
    """Generated points (count, 2)."""
    with mg.no_grad():
        return players.generate(None, count).cpu().numpy()


class Watcher:
    """Draws frames of a game: the same noise and the same data points in each."""

    def __init__(self, players: Players, points: Points) -> None:
        self.players = players
        self.noise = players.sample_noise(SHOWN)
        self.data = points.sample(SHOWN)
        self.frames: list[Image.Image] = []

    def look(self) -> dict[str, np.ndarray]:
        """opinion: D over the square (60, 60); made: generated points; pull: minus the loss's gradient at them."""
        players, axis = self.players, np.linspace(-RANGE, RANGE, 60, dtype=np.float32)
        places = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        with mg.no_grad():
            opinion = players.loss.judged(players.D(mg.tensor(places, device=players.device))).cpu().numpy()
            made: Tensor = players.G(self.noise)
        made = made.detach().requires_grad_()
        (slope,) = mg.grad(players.loss.generator(players.D(made)), [made])
        return {
            "opinion": opinion.reshape(60, 60),
            "made": made.detach().cpu().numpy(),
            "pull": -slope.cpu().numpy() * SHOWN,
        }

    def draw(self) -> None:
        """Add a frame."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        seen = self.look()
        figure = Figure(figsize=(4.2, 4.4), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        middle = 0.5 if self.players.loss.judged is mg.sigmoid else float(np.median(seen["opinion"]))
        reach = max(float(np.abs(seen["opinion"] - middle).max()), 1e-6)
        axes.imshow(
            seen["opinion"], extent=(-RANGE, RANGE) * 2, origin="lower", cmap="RdBu", alpha=0.6,
            vmin=middle - reach, vmax=middle + reach, interpolation="bilinear",
        )  # fmt: skip
        axes.scatter(*self.data.T, s=4, color="0.45", linewidths=0)
        axes.scatter(*seen["made"].T, s=5, color="black", linewidths=0)
        longest = max(float(np.abs(seen["pull"]).max()), 1e-9)
        arrows = slice(None, None, 4)
        axes.quiver(*seen["made"][arrows].T, *(seen["pull"][arrows] / longest).T, scale=8, width=0.003, color="purple")
        axes.set(xlim=(-RANGE, RANGE), ylim=(-RANGE, RANGE), xticks=[], yticks=[])
        axes.set_title(f"{self.players.loss.name}, step {self.players.step}", fontsize=10)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        self.frames.append(Image.open(buffer).convert("RGB"))


def play(
    players: Players, points: Points, steps: int, batch: int, folder: Path | None = None, frames: int = 0
) -> Watcher:
    """Train for `steps` steps; with a folder, log the losses there and draw `frames` frames evenly over the run."""
    batches, watcher = points.batches(batch, players.device), Watcher(players, points)
    due = set(np.linspace(0, steps, frames).round().astype(int).tolist()) if frames else set()
    log = LossLog(folder / "losses.csv") if folder else None
    if 0 in due:
        watcher.draw()
    with interruptible() as stop, progress_bar(steps, f"2-D {players.loss.name}") as bar:
        while players.step < steps and not stop:
            figures = alternate(players, batches)
            players.step += 1
            bar.update()
            if log and players.step % READ_EVERY == 0:
                read = {name: value.item() for name, value in figures.items()}
                log.add(players.step, **read)
                show(bar, **read)
            if players.step in due:
                watcher.draw()
    if log:
        log.close()
    return watcher


def write_results(folder: Path, watcher: Watcher, report: dict[str, Any], title: str) -> None:
    """The animation, its last frame, the plot, the figures and the page."""
    save_gif(watcher.frames, folder / "samples.gif", milliseconds=120)
    save_picture(watcher.frames[-1], folder / "final.png")
    plot_losses(folder / "losses.csv", folder / "losses.png")
    with atomic_write(folder / "report.json") as file:
        file.write(json.dumps(report, indent=1).encode())
    page = Page(title, "Blue: what the discriminator takes for real. Black: generated. Arrows: where the loss pulls.")
    page.pictures([(folder / "samples.gif", "the run"), (folder / "final.png", "its end")])
    page.table(["measure", "value"], report.items())
    page.picture(folder / "losses.png", "losses and the discriminator's mean outputs", width=620)
    page.save(folder / "index.html")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command line; returns what `Points.report` found."""
    parser = Parser("Train a GAN on points in the plane and film it.", prog="python -m experiments.gan_2d")
    parser.add_argument("--data", choices=POINTS, default="ring", help="8 spots on a ring, 25 on a grid, or a spiral")
    parser.add_argument("--loss", choices=LOSSES, default="ns", help="what the networks are asked to do")
    parser.add_argument("--steps", type=positive_int, default=2000, metavar="N", help="generator steps")
    parser.add_argument("--penalty", type=non_negative_float, default=PENALTY, metavar="L", help="factor of wgan-gp's")
    parser.add_argument("--d-steps", type=positive_int, metavar="K", help="discriminator steps a generator step")
    parser.add_argument("--batch-size", type=positive_int, default=256, metavar="N", help="points a batch")
    parser.add_argument("--hidden", type=positive_int, default=128, metavar="N", help="units of each hidden layer")
    parser.add_argument("--lr", type=positive_float, default=1e-3, help="Adam's learning rate")
    parser.add_argument("--frames", type=positive_int, default=40, metavar="N", help="of the animation")
    parser.add_argument("--out", default="out/gan_2d", metavar="DIR", help="the folder for the results")
    add_common(parser)
    options = parser.parse_args(arguments)
    device, folder = start(options), writable_folder(options.out)
    loss = PLANE_LOSSES[options.loss]
    penalty = options.penalty if loss.penalty else 0.0
    loss = dataclasses.replace(loss, d_steps=options.d_steps or loss.d_steps, penalty=penalty)
    points = POINTS[options.data]()
    players = make_players(loss, options.lr, options.hidden, device)
    watcher = play(players, points, options.steps, options.batch_size, folder, max(options.frames, 2))
    report = {"steps": players.step, **points.report(generated(players, 5000))}
    write_results(folder, watcher, report, f"A GAN in the plane: {options.data}, {options.loss}")
    print(f"{options.data}, {options.loss}: " + ", ".join(f"{name} {value:.4g}" for name, value in report.items()))
    print(f"the page is {folder / 'index.html'}")
    return report


if __name__ == "__main__":
    run(main)
