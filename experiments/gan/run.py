"""A training run with all it leaves behind in its folder.

checkpoint.npz, checkpoint_0001000.npz ...   where to go on (`--resume`) and where to sample from
losses.csv, losses.png                       one row a step: both losses, D(x), D(G(z))
samples_0000250.png ..., samples.gif         the same noise, drawn every so often
index.html                                   all of it on one page
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.data import DataLoader
from minigrad.devices import Device, xp_of
from minigrad.random import get_rng_state, set_rng_state

from ..common.cli import UserError
from ..common.html_page import Page
from ..common.images import grid, save_gif, save_picture
from ..common.plots import LossLog, plot_curves, read_losses
from ..common.progress import interruptible, progress_bar, show
from . import checkpoints
from .datasets import real_batches
from .recipes import RECIPES, Config, make_loss, make_networks, make_optimizer, noise_sampler
from .training import Figures, Players, alternate, simultaneous
from .tricks import Average, Tricks

READ_EVERY = 10  # steps between looks at the losses: each look waits for the device
COLUMNS = ("d_loss", "g_loss", "d_real", "d_fake")
GIF_FRAMES = 60


class Run:
    """The players of a configuration, their data, and the folder that the results go to."""

    def __init__(self, config: Config, dataset: Any, folder: Path, device: Device) -> None:
        self.config, self.folder, self.device = config, folder, device
        generator, discriminator = (net.to(device=device) for net in make_networks(config))
        self.players = Players(
            generator, discriminator,
            make_optimizer(config, generator, config["g_lr"]), make_optimizer(config, discriminator, config["d_lr"]),
            make_loss(config), noise_sampler(config, device), Tricks(**config["tricks"]), config["classes"], 0, device,
        )  # fmt: skip
        self.average: Average | None = None
        if config["ema"]:
            self.average = Average(make_networks(config)[0].to(device=device), config["ema"])
            self.average.network.load_state_dict(generator.state_dict())
        recipe = RECIPES[config["net"]]
        self.loader = DataLoader(dataset, config["batch_size"], shuffle=True, drop_last=not recipe.whole_epochs)
        self.one_step = simultaneous if recipe.simultaneous else alternate
        self.fixed_noise, self.fixed_labels = self._fixed_noise()
        self.log = LossLog(folder / "losses.csv")
        self.pending: list[tuple[int, Figures]] = []
        self.newest: dict[str, float] = {}

    def _fixed_noise(self) -> tuple[Tensor, Tensor | None]:
        """The noise of all sample grids: 8 x 8, or for conditional networks one row of 8 a class."""
        classes = self.config["classes"]
        if not classes:
            return self.players.sample_noise(64), None
        return self.players.sample_noise(8 * classes), mg.tensor(
            [row for row in range(classes) for _ in range(8)], device=self.device
        )

    # ---------------------------------------------------------------------------------- going on
    def state(self) -> dict[str, Any]:
        """Everything that decides how the run goes on."""
        players = self.players
        return {
            "config": self.config,
            "step": players.step,
            "G": players.G.state_dict(),
            "D": players.D.state_dict(),
            "G_solver": players.G_solver.state_dict(),
            "D_solver": players.D_solver.state_dict(),
            "average": self.average.network.state_dict() if self.average else None,
            "fixed_noise": self.fixed_noise,
            "data": self.loader.state_dict(),
            "random": get_rng_state(),
        }

    def resume(self) -> None:
        """Take over the newest checkpoint. Errors: UserError if it is another run's; nothing is changed then."""
        path = self.folder / checkpoints.NEWEST
        state = checkpoints.read(path, self.device)
        checkpoints.check_same(path, state["config"], self.config)
        players = self.players
        try:
            self.loader.load_state_dict(state["data"])
            players.G.load_state_dict(state["G"])
            players.D.load_state_dict(state["D"])
            players.G_solver.load_state_dict(state["G_solver"])
            players.D_solver.load_state_dict(state["D_solver"])
            if self.average:
                self.average.network.load_state_dict(state["average"])
        except (ValueError, KeyError) as error:
            raise UserError(f"{path}: does not fit this run: {error}") from error
        self.fixed_noise, players.step = state["fixed_noise"], state["step"]
        set_rng_state(state["random"])
        checkpoints.keep(self.folder, players.step)
        self.log.resume_at(players.step)
        for picture in numbered_grids(self.folder):
            if int(picture.stem.split("_")[1]) > players.step:
                picture.unlink()

    def begin(self) -> None:
        """Clear the folder of what an earlier run left, and draw what the untrained generator draws."""
        for pattern in ("samples_*.png", "checkpoint*.npz", "samples.gif", "losses.*", "metrics.json"):
            for path in self.folder.glob(pattern):
                path.unlink()
        self.draw_samples()

    # ---------------------------------------------------------------------------------- training
    def train(self, steps: int) -> bool:
        """Train until `steps` steps are done in all; False if the user stopped it before.

        Errors: UserError when losses or gradients are not finite, naming the step and the last good checkpoint.
        """
        players = self.players
        batches = real_batches(self.loader, self.config["image_size"], self.config["classes"], self.device)
        bar = progress_bar(steps, f"GAN {self.config['net']}", players.step)
        with interruptible() as stop, bar, self.log:
            while players.step < steps and not stop:
                self.train_step(batches, bar)
            self.look(bar)
            self.checkpoint()
        return players.step >= steps

    def train_step(self, batches: Iterator[Any], bar: Any) -> None:
        """One step and what is due after it: the average, a look at the losses, a grid, a checkpoint."""
        players, config = self.players, self.config
        figures = self.one_step(players, batches)
        players.step += 1
        if self.average:
            self.average.update(players.G)
        self.pending.append((players.step, figures))
        bar.update()
        drawn, saved = players.step % config["grid_every"] == 0, players.step % config["checkpoint_every"] == 0
        if drawn or saved or players.step % READ_EVERY == 0:
            self.look(bar)
        if drawn:
            self.draw_samples()
        if saved:
            self.checkpoint()

    def look(self, bar: Any) -> None:
        """Read the losses of the steps since the last look, in one transfer, log them, and check that all is finite."""
        if not self.pending:
            return
        table = mg.stack([figures[name].reshape(()) for _, figures in self.pending for name in COLUMNS])
        rows = table.cpu().numpy().reshape(-1, len(COLUMNS)).tolist()
        for (step, _), row in zip(self.pending, rows):
            if not all(map(math.isfinite, row)):
                self.alarm(step, f"the losses are {dict(zip(COLUMNS, row))}")
            self.log.add(step, **dict(zip(COLUMNS, row)))
        self.pending.clear()
        if not all_finite([*self.players.G.parameters(), *self.players.D.parameters()]):
            self.alarm(self.players.step, "a gradient or a weight is not finite")
        self.newest = dict(zip(COLUMNS, rows[-1]))
        show(bar, **{"D": rows[-1][0], "G": rows[-1][1], "D(x)": rows[-1][2], "D(G(z))": rows[-1][3]})

    def alarm(self, step: int, what: str) -> None:
        """Stop the run."""
        path = self.folder / checkpoints.NEWEST
        good = f"the last good checkpoint is {path}" if path.exists() else "there is no checkpoint yet"
        raise UserError(f"step {step}: {what}; the run stops, {good}; try a lower learning rate or another loss")

    def checkpoint(self) -> None:
        """Put the log, then the checkpoint that goes with it, on the disk."""
        self.log.flush()
        checkpoints.write(self.folder, self.state())

    # ----------------------------------------------------------------------------------- showing
    def draw_samples(self, name: str = "") -> None:
        """Draw the fixed noise with the (averaged) generator in evaluation mode; name: the step, if not given."""
        generator = self.average.network if self.average else self.players.G
        inputs = (self.fixed_noise,) if self.fixed_labels is None else (self.fixed_noise, self.fixed_labels)
        generator.eval()
        with mg.no_grad():
            pictures = checkpoints.as_pictures(generator(*inputs), self.config)
        if generator is self.players.G:
            generator.train()
        sheet = grid(pictures.numpy(), columns=8)
        save_picture(sheet, self.folder / f"samples_{name or format(self.players.step, '07d')}.png")

    def finish(self) -> None:
        """The plot, the animation and the page."""
        columns = read_losses(self.folder / "losses.csv")
        steps = columns.pop("step")
        losses = {"discriminator": columns["d_loss"], "generator": columns["g_loss"]}
        plot_curves(losses, self.folder / "losses.png", steps, title=f"{self.config['net']}, {self.config['loss']}")
        opinions = {"D(x), real": columns["d_real"], "D(G(z)), generated": columns["d_fake"]}
        plot_curves(opinions, self.folder / "opinions.png", steps, label="D's mean output")
        self.draw_samples("final")
        grids = numbered_grids(self.folder)
        shown = [*grids[:: -(-len(grids) // GIF_FRAMES)], self.folder / "samples_final.png"]
        frames = [Image.open(path).convert("RGB") for path in shown]
        save_gif(frames, self.folder / "samples.gif", milliseconds=200)
        write_page(self.folder, self.config)


def numbered_grids(folder: Path) -> list[Path]:
    """The sample grids that have a step in their name, in order."""
    return sorted(folder.glob("samples_[0-9]*.png"))


def all_finite(parameters: list[Tensor]) -> bool:
    """Whether all parameters and their gradients are finite, read in one transfer."""
    arrays = [part.array for p in parameters for part in (p, p.grad) if part is not None]
    xp = xp_of(arrays[0])
    return bool(xp.isfinite(xp.stack([array.sum() for array in arrays])).all())


def write_page(folder: Path, config: Config, metrics: dict[str, Any] | None = None) -> None:
    """The run's page, index.html. metrics: what `gan_metrics` found out, if it has."""
    page = Page(f"A GAN: {config['net']}, {config['loss']}, on {config['dataset']}", "What it drew while it learned.")
    grids = numbered_grids(folder)
    chosen = dict.fromkeys([grids[0], grids[len(grids) // 2]])
    pictures = [(path, f"step {int(path.stem.split('_')[1])}") for path in chosen]
    page.pictures([*pictures, (folder / "samples_final.png", "at the end")], width=290)
    page.picture(folder / "samples.gif", "the same noise, from the first step to the last", width=290)
    page.heading("The game")
    page.paragraph(
        "The discriminator is rewarded for telling real pictures from generated ones, the generator for fooling it. "
        "Losses that stay level are a game in balance; they do not measure how good the pictures are."
    )
    page.pictures([(folder / "losses.png", "losses"), (folder / "opinions.png", "what D says")], width=460)
    if metrics:
        page.heading("How good they are")
        page.table(["measure", "value"], [(k, v) for k, v in metrics.items() if isinstance(v, (int, float, str))])
        page.picture(folder / "nearest.png", "samples, and below each the training picture nearest to it", width=620)
    page.heading("Settings")
    page.table(["setting", "value"], [(name, str(value)) for name, value in config.items()])
    page.save(folder / "index.html")
