"""GANs in the plane: small networks on points, trained before one's eyes.

`Watcher` draws what the discriminator says of every place and where the loss moves the generated points.
"""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Tensor
from minigrad.devices import Device

from ..common.plots import LossLog
from ..common.progress import interruptible, progress_bar, show
from .losses import LOSSES, GanLoss
from .toy_data import Points
from .training import Players, alternate

NOISE = 8  # numbers of noise a point
SHOWN = 400  # points in a frame
RANGE = 2.8  # the frames show the square from -RANGE to RANGE
READ_EVERY = 20  # steps between rows of losses.csv
COLUMNS = ("d_loss", "d_real", "d_fake", "g_loss")
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
    g_optimizer, d_optimizer = (optim.Adam(net.parameters(), lr=lr, betas=betas) for net in (generator, discriminator))
    return Players(
        generator, discriminator, g_optimizer, d_optimizer, loss, lambda count: mg.randn(count, NOISE, device=device),
        device=device,
    )  # fmt: skip


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

    def observe(self) -> dict[str, np.ndarray]:
        """d_output: D over the square (60, 60); made: generated points; force: minus the loss's gradient at them."""
        players, axis = self.players, np.linspace(-RANGE, RANGE, 60, dtype=np.float32)
        places = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        with mg.no_grad():
            d_output = players.loss.reported(players.D(mg.tensor(places, device=players.device))).cpu().numpy()
            made: Tensor = players.G(self.noise)
        made = made.detach().requires_grad_()
        (gradient,) = mg.grad(players.loss.generator(players.D(made)), [made])
        return {
            "d_output": d_output.reshape(60, 60),
            "made": made.detach().cpu().numpy(),
            "force": -gradient.cpu().numpy() * SHOWN,
        }

    def draw(self) -> None:
        """Add a frame."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        seen = self.observe()
        figure = Figure(figsize=(4.2, 4.4), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        middle = 0.5 if self.players.loss.reported is mg.sigmoid else float(np.median(seen["d_output"]))
        reach = max(float(np.abs(seen["d_output"] - middle).max()), 1e-6)
        axes.imshow(
            seen["d_output"], extent=(-RANGE, RANGE) * 2, origin="lower", cmap="RdBu", alpha=0.6,
            vmin=middle - reach, vmax=middle + reach, interpolation="bilinear",
        )  # fmt: skip
        axes.scatter(self.data[:, 0], self.data[:, 1], s=4, color="0.45", linewidths=0)
        axes.scatter(seen["made"][:, 0], seen["made"][:, 1], s=5, color="black", linewidths=0)
        longest = max(float(np.abs(seen["force"]).max()), 1e-9)
        arrows = slice(None, None, 4)
        axes.quiver(*seen["made"][arrows].T, *(seen["force"][arrows] / longest).T, scale=8, width=0.003, color="purple")
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
    log = LossLog(folder / "losses.csv", COLUMNS) if folder else None
    if log:
        log.restore(np.empty((0, 1 + len(COLUMNS))))
    if 0 in due:
        watcher.draw()
    with interruptible() as stop, progress_bar(steps, f"2-D {players.loss.name}") as bar:
        while players.step < steps and not stop:
            losses = alternate(players, batches)
            players.step += 1
            bar.update()
            if log and (players.step % READ_EVERY == 0 or players.step == steps):
                read = {name: losses[name].item() for name in COLUMNS}
                log.add(players.step, **read)
                show(bar, **read)
            if players.step in due:
                watcher.draw()
    if log:
        log.close()
    return watcher
