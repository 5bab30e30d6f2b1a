"""GANs in the plane: small networks on points, trained before one's eyes.

`Watcher` sees what the discriminator says of every place and where the loss moves the generated points.
"""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
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
CELLS, NODES = 60, 17  # along each side of D's map, and of the grid of noise
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


@dataclass(frozen=True)
class Moment:
    """What is seen of a game after a step: d_output: D over the square (CELLS, CELLS), rows from below; made: generated
    points (SHOWN, 2); force: minus the gradient of G's loss at them (SHOWN, 2); manifold: where G puts a square grid of
    noise, (NODES, NODES, 2)."""

    step: int
    d_output: np.ndarray
    made: np.ndarray
    force: np.ndarray
    manifold: np.ndarray


class Watcher:
    """Observes a game: the same noise and the same data points each time. rows: (step, losses by column) as read."""

    def __init__(self, players: Players, points: Points) -> None:
        self.players = players
        self.noise = players.sample_noise(SHOWN)
        self.data = points.sample(SHOWN)
        self.moments: list[Moment] = []
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.square = mg.tensor(_square_of_noise(), device=players.device)

    def observe(self) -> None:
        """Note what is seen now, as another of `moments`."""
        players, axis = self.players, np.linspace(-RANGE, RANGE, CELLS, dtype=np.float32)
        places = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        with mg.no_grad():
            d_output = players.loss.reported(players.D(mg.tensor(places, device=players.device))).cpu().numpy()
            made: Tensor = players.G(self.noise)
            manifold = players.G(self.square).cpu().numpy()
        made = made.detach().requires_grad_()
        (gradient,) = mg.grad(players.loss.generator(players.D(made)), [made])
        self.moments.append(Moment(
            players.step, d_output.reshape(CELLS, CELLS), made.detach().cpu().numpy(),
            -gradient.cpu().numpy() * SHOWN, manifold.reshape(NODES, NODES, 2),
        ))  # fmt: skip

    def colors(self, moment: Moment) -> tuple[float, float]:
        """(the output shown as neither red nor blue, how far from it the darkest colors are)."""
        middle = 0.5 if self.players.loss.reported is mg.sigmoid else float(np.median(moment.d_output))
        return middle, max(float(np.abs(moment.d_output - middle).max()), 1e-6)

    def draw(self, moment: Moment) -> Image.Image:
        """A moment as a picture."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.2, 4.4), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        middle, reach = self.colors(moment)
        axes.imshow(
            moment.d_output, extent=(-RANGE, RANGE) * 2, origin="lower", cmap="RdBu", alpha=0.6,
            vmin=middle - reach, vmax=middle + reach, interpolation="bilinear",
        )  # fmt: skip
        axes.scatter(self.data[:, 0], self.data[:, 1], s=4, color="0.45", linewidths=0)
        axes.scatter(moment.made[:, 0], moment.made[:, 1], s=5, color="black", linewidths=0)
        longest = max(float(np.abs(moment.force).max()), 1e-9)
        arrows = slice(None, None, 4)
        axes.quiver(*moment.made[arrows].T, *(moment.force[arrows] / longest).T, scale=8, width=0.003, color="purple")
        axes.set(xlim=(-RANGE, RANGE), ylim=(-RANGE, RANGE), xticks=[], yticks=[])
        axes.set_title(f"{self.players.loss.name}, step {moment.step}", fontsize=10)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        return Image.open(buffer).convert("RGB")


def _square_of_noise() -> np.ndarray:
    """A square grid of noises (NODES^2, NOISE): the first two numbers from -2 to 2, the others 0."""
    noise = np.zeros((NODES * NODES, NOISE), np.float32)
    noise[:, :2] = np.stack(np.meshgrid(*[np.linspace(-2, 2, NODES)] * 2), -1).reshape(-1, 2)
    return noise


def play(
    players: Players, points: Points, steps: int, batch: int, folder: Path | None = None, frames: int = 0
) -> Watcher:
    """Train for `steps` steps; with a folder, log the losses there. Observes `frames` moments, evenly over the run."""
    batches, watcher = points.batches(batch, players.device), Watcher(players, points)
    due = set(np.linspace(0, steps, frames).round().astype(int).tolist()) if frames else set()
    log = LossLog(folder / "losses.csv", COLUMNS) if folder else None
    if log:
        log.restore(np.empty((0, 1 + len(COLUMNS))))
    if 0 in due:
        watcher.observe()
    with interruptible() as stop, progress_bar(steps, f"2-D {players.loss.name}") as bar:
        while players.step < steps and not stop:
            losses = alternate(players, batches)
            players.step += 1
            bar.update()
            if players.step % READ_EVERY == 0 or players.step == steps:
                read = {name: losses[name].item() for name in COLUMNS}
                watcher.rows.append((players.step, read))
                show(bar, **read)
                if log:
                    log.add(players.step, **read)
            if players.step in due:
                watcher.observe()
    if log:
        log.close()
    return watcher
