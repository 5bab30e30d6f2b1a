"""The one frame of every training. It owns what all of them have in common: the folder with its lock, the progress bar,
the table of losses and its plots, pictures every so many steps, the alarm for numbers that are not finite, checkpoints
of everything that decides how a run goes on, resuming bit for bit, Ctrl-C, and the page.

A *game* is what is trained: a small class in its family's folder. This one trains a network to remove noise:

    @dataclass(frozen=True)
    class Settings:                       # plain values; a run can only be resumed with the same ones
        lr: float = 1e-3

    class Denoising(Game):
        name, columns = "denoising", ("loss",)
        def __init__(self, settings, dataset, device):
            self.settings, self.about = settings, About("Denoising", "What it makes of noisy pictures.")
            self.net, self.loader, self.device = make_net().to(device=device), DataLoader(dataset, 16, True), device
            self.optimizer = optim.Adam(self.net.parameters(), lr=settings.lr)
            self.noisy = mg.rand(16, 1, 28, 28, device=device)
            self.parts = {"net": self.net, "optimizer": self.optimizer, "data": self.loader, "noisy": self.noisy}
        def batches(self):
            return (images.to(self.device) for images, _ in self.loader.forever())
        def step(self, batches, number):
            images = next(batches)
            loss = F.mse_loss(self.net(images + 0.1 * mg.randn_like(images)), images)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return {"loss": loss.detach()}
        def draw(self):
            return grid(self.net(self.noisy).cpu().numpy())

and its command is

    def main(arguments=None):
        parser = Parser("Train a network to remove noise.", prog="python -m experiments.denoise")
        parser.add_argument("--lr", type=positive_float, default=1e-3, help="learning rate")
        add_training_options(parser, out="out/denoise", steps=2000, pictures_every=250)
        options = parser.parse_args(arguments)
        return train(lambda device: Denoising(Settings(options.lr), open_dataset(...), device), options)
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.devices import CPU, Device, xp_of
from minigrad.random import get_rng_state, set_rng_state

from . import run_checkpoints, run_page
from .cli import Parser, UserError, add_common, positive_int, start
from .images import Picture, save_picture
from .output_folder import OutputFolder
from .plots import LossLog, read_losses
from .progress import interruptible, progress_bar, show
from .run_checkpoints import Checkpoint, Upgrade
from .run_page import About
from .run_parts import Part, load_part, short_repr, state_of
from .status import NAME as STATUS
from .status import Status

READ_EVERY = 10  # steps between readings of the losses: each reading waits for the device


class Game(ABC):
    """What is trained, with everything that belongs to it.

    name: of the game, kept in its checkpoints. columns: the names of its losses, in the table's order.
    settings: a dataclass of plain values. about: the text of its page, and its plots.
    parts: by name everything that decides how the run goes on and changes while it runs: networks, optimizers,
    schedules, averages, loaders, pools of pictures (whatever has state_dict and load_state_dict), and tensors such as
    a fixed noise. The step number, the random generator and the losses are the frame's.
    commands: what to try with the run when it is over, "experiments.x {run}". sources: the files to read about it.
    upgrades: for each older kind of checkpoint ("minigrad-gan") a function that gives it the present structure.
    """

    name: ClassVar[str]
    columns: ClassVar[Sequence[str]]
    upgrades: ClassVar[Mapping[str, Upgrade]] = {}
    commands: ClassVar[Sequence[str]] = ()
    sources: ClassVar[Sequence[str]] = ()
    settings: Any
    about: About
    parts: Mapping[str, Part]

    @abstractmethod
    def batches(self) -> Iterator[Any]:
        """Batches without end, from a loader that is one of the parts."""

    @abstractmethod
    def step(self, batches: Iterator[Any], number: int) -> Mapping[str, Tensor]:
        """One training step: takes `next(batches)` as often as the algorithm needs and updates the networks.

        number: how many steps were done before. Returns scalars by column, still on the device; a column may be left
        out in steps that do not compute it. Nothing is read back from the device in here.
        """

    @abstractmethod
    def draw(self) -> Picture:
        """A picture of how far it has come, always of the same inputs; must not draw random numbers."""

    def metrics(self) -> Mapping[str, float | int | str]:
        """Metrics of the result for the page and metrics.json, computed when the training is over."""
        return {}


@dataclass
class TrainingRun:
    """A game being trained in a folder. steps: how many in all; step: how many are done."""

    game: Game
    folder: OutputFolder
    steps: int
    pictures_every: int
    checkpoint_every: int
    device: Device = CPU
    step: int = 0
    newest: dict[str, float] = field(default_factory=dict)  # the losses of the last step that was read
    pending: list[tuple[int, Mapping[str, Tensor]]] = field(default_factory=list)  # steps that were not yet read

    def __post_init__(self) -> None:
        self.log = LossLog(self.folder.path / "losses.csv", self.game.columns)

    # ---------------------------------------------------------------------------------- going on
    def begin(self) -> None:
        """Start at step 0, with a picture of the untrained networks."""
        self.folder.file("losses.csv")
        self.log.restore(np.empty((0, 1 + len(self.game.columns))))
        self.draw()

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on where the checkpoint was written. Errors: UserError if it belongs to another run."""
        game, path = self.game, checkpoint.path
        check_same(checkpoint, game)
        missing = [*(game.parts.keys() - checkpoint.parts.keys()), *(checkpoint.parts.keys() - game.parts.keys())]
        if missing or (checkpoint.rows is not None and checkpoint.columns != list(game.columns)):
            what = f"parts.{sorted(missing)[0]} is missing or not expected" if missing else "columns are not its losses"
            raise UserError(f"{path}: does not fit this run: {what}")
        for name, part in game.parts.items():
            try:
                load_part(part, checkpoint.parts[name], f"parts.{name}")
            except ValueError as error:
                raise UserError(f"{path}: does not fit this run: {error}") from error
        self.step = checkpoint.step
        set_rng_state(checkpoint.random)
        table = self.folder.file("losses.csv")
        self.log.restore(rows_of(table, game.columns, self.step) if checkpoint.rows is None else checkpoint.rows)
        if path.name == run_checkpoints.NEWEST:  # it may have been written just before a kill, without its number
            run_checkpoints.keep(self.folder, self.step)
        later = [path.name for number, path in run_page.numbered_pictures(self.folder) if number > self.step]
        self.folder.remove(later)

    def checkpoint(self) -> None:
        """Put the table of losses, then the checkpoint that goes with it, on the disk."""
        self.log.flush()
        game = self.game
        run_checkpoints.write(self.folder, Checkpoint(
            self.folder.path, game.name, dataclasses.asdict(game.settings), self.step,
            {name: state_of(part) for name, part in game.parts.items()}, get_rng_state(),
            list(game.columns), self.log.rows(),
        ))  # fmt: skip

    # ---------------------------------------------------------------------------------- training
    def train(self) -> bool:
        """Train until all steps are done; False if the user stopped it before.

        Errors: UserError when losses or weights are not finite, naming the step and the last good checkpoint.
        """
        batches = self.game.batches()
        title = self.game.about.title
        bar = progress_bar(self.steps, title, self.step)
        status = Status(self.folder.file(STATUS), title, self.step, self.steps, self.device)
        with interruptible() as stop, bar, self.log, status:
            while self.step < self.steps and not stop:
                self.train_step(batches, bar)
                status.at(self.step)
            self.read_losses(bar)
            self.checkpoint()
        return self.step >= self.steps

    def train_step(self, batches: Iterator[Any], bar: Any) -> None:
        """One step and what is due after it: reading the losses, a picture, a checkpoint."""
        losses = self.game.step(batches, self.step)
        self.step += 1
        self.pending.append((self.step, losses))
        bar.update()
        draw, save = self.step % self.pictures_every == 0, self.step % self.checkpoint_every == 0
        if draw or save or self.step % READ_EVERY == 0:
            self.read_losses(bar)
        if draw:
            self.draw()
        if save:
            self.checkpoint()

    def read_losses(self, bar: Any) -> None:
        """Read the losses of the steps since the last reading in one transfer, log them, check that all is finite."""
        if not self.pending:
            return
        columns = self.game.columns
        scalars = [losses[name].reshape(()) for _, losses in self.pending for name in columns if name in losses]
        values = iter(mg.stack(scalars).cpu().numpy().tolist())
        for step, losses in self.pending:
            row = {name: next(values) if name in losses else None for name in columns}
            known = {name: value for name, value in row.items() if value is not None}
            if not all(map(math.isfinite, known.values())):
                self.alarm(step, f"the losses are {known}")
            self.log.add(step, **row)
            self.newest |= known
        self.pending.clear()
        networks = [part for part in self.game.parts.values() if isinstance(part, nn.Module)]
        if not all_finite([parameter for network in networks for parameter in network.parameters()]):
            self.alarm(self.step, "a gradient or a weight is not finite")
        show(bar, **self.newest)

    def alarm(self, step: int, what: str) -> None:
        """Stop the run."""
        path = self.folder.path / run_checkpoints.NEWEST
        good = f"the last good checkpoint is {path}" if path.exists() else "there is no checkpoint yet"
        raise UserError(f"step {step}: {what}; the run stops, {good}; try a lower learning rate or another loss")

    # ----------------------------------------------------------------------------------- showing
    def draw(self, name: str = "") -> None:
        """Save the game's picture under its name, by default the step's."""
        with mg.no_grad():
            picture = self.game.draw()
        save_picture(picture, self.folder.file(f"samples_{name or format(self.step, '07d')}.png"))

    def finish(self) -> None:
        """The last picture, the plots, the animation, the metrics and the page."""
        self.draw("final")
        run_page.write_plots(self.folder, self.game.about)
        run_page.write_animation(self.folder)
        metrics = dict(self.game.metrics())
        if metrics:
            run_page.write_metrics(self.folder, metrics)
        commands = [f"python -m {command.format(run=self.folder.path)}" for command in self.game.commands]
        settings = dataclasses.asdict(self.game.settings)
        run_page.write_page(self.folder, self.game.about, settings, metrics, commands, self.game.sources)


def check_same(checkpoint: Checkpoint, game: Game) -> None:
    """Errors: UserError naming the settings in which a run and the checkpoint it should continue differ."""
    path = checkpoint.path
    if checkpoint.game != game.name:
        raise UserError(f"{path}: is a run of {short_repr(checkpoint.game)}, not of {game.name}; choose another --out")
    saved, wanted = checkpoint.settings_as(type(game.settings)), game.settings
    names = [f.name for f in dataclasses.fields(wanted) if getattr(saved, f.name) != getattr(wanted, f.name)]
    if names:
        shown = "; ".join(f"{name} is {getattr(saved, name)!r} there, {getattr(wanted, name)!r} here" for name in names)
        raise UserError(f"{path}: cannot be continued with other settings ({shown}); use the same, or another --out")


def rows_of(table: Path, columns: Sequence[str], step: int) -> np.ndarray:
    """The rows of a table of losses up to a step, for checkpoints that keep none. Says if it cannot be read."""
    try:
        known = read_losses(table)
        rows = np.stack([known["step"], *[known[name] for name in columns]], 1)
        return rows[rows[:, 0] <= step]
    except (OSError, ValueError, KeyError) as error:
        print(f"{table}: begins anew at step {step}, since its earlier rows cannot be read ({error})")
        return np.empty((0, 1 + len(columns)))


def all_finite(parameters: Sequence[Tensor]) -> bool:
    """Whether all parameters and their gradients are finite, read in one transfer."""
    arrays = [part.array for p in parameters for part in (p, p.grad) if part is not None]
    if not arrays:
        return True
    xp = xp_of(arrays[0])
    return bool(xp.isfinite(xp.stack([array.sum() for array in arrays])).all())


# ---------------------------------------------------------------------------------- from a command line


def add_training_options(parser: Parser, out: str, steps: int, pictures_every: int | None = None) -> None:
    """The options of every training: --steps, --out, --resume, --fresh, ..., and the common --device and --seed.

    out, steps, pictures_every: the defaults; pictures_every of None is left to the command to fill in.
    """
    group = parser.add_argument_group("the run")
    group.add_argument("--steps", type=positive_int, default=steps, metavar="N", help="training steps in all")
    group.add_argument("--out", default=out, metavar="DIR", help="the run's folder")
    group.add_argument(
        "--pictures-every", "--grid-every", type=positive_int, default=pictures_every, metavar="N",
        help="steps between pictures of how far it has come",
    )  # fmt: skip
    group.add_argument(
        "--checkpoint-every",
        type=positive_int,
        metavar="N",
        help="steps between checkpoints (with the pictures)",
    )
    again = group.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue the run in --out, up to --steps")
    again.add_argument("--fresh", action="store_true", help="start over in --out, replacing the run there")
    add_common(parser)


def train(make_game: Callable[[Device], Game], options: argparse.Namespace) -> dict[str, float]:
    """Train a game as the options of `add_training_options` say; returns its last losses.

    make_game: makes the game on a device; called after the folder is known to be free and the seed is set.
    """
    device = start(options)
    with OutputFolder(options.out) as folder:
        check_folder(folder, options)
        run = prepare(make_game(device), folder, options, device)
        complete = run.train()
        run.finish()
    print(f"step {run.step}: " + ", ".join(f"{name} {value:.4g}" for name, value in run.newest.items()))
    if not complete:
        print(f"stopped at step {run.step} of {run.steps}; --resume continues")
    print(f"the page is {folder.path / 'index.html'}")
    return run.newest


def check_folder(folder: OutputFolder, options: argparse.Namespace) -> None:
    """Make the folder ready, before any work: with --fresh the run in it is removed.

    Errors: UserError if there is a run and neither --resume nor --fresh was given, or if files are in the way.
    """
    exists = run_checkpoints.candidates(folder)
    if exists and not (options.resume or options.fresh):
        raise UserError(f"{folder.path} already holds a run; --resume continues it, --fresh starts over")
    if folder.has_manifest or not options.resume:
        folder.check_free(run_page.FIXED_NAMES, run_page.NUMBERED_NAMES)
    if options.fresh or not exists:
        folder.remove(folder.names)


def prepare(game: Game, folder: OutputFolder, options: argparse.Namespace, device: Device) -> TrainingRun:
    """The run, at its start or where its newest checkpoint stands."""
    pictures_every = options.pictures_every
    run = TrainingRun(game, folder, options.steps, pictures_every, options.checkpoint_every or pictures_every, device)
    names, checkpoint = run_page.names_of(game.about), None
    if options.resume and not folder.has_manifest:
        run_checkpoints.adopt(folder, game.name, game.upgrades, names)
    folder.check_free(names, run_page.NUMBERED_NAMES)
    if options.resume:
        checkpoint = run_checkpoints.newest(folder, device, game.upgrades)
        if checkpoint is None:
            print(f"there is no checkpoint in {folder.path} yet: starting at step 0")
    if checkpoint:
        run.resume(checkpoint)
    else:
        run.begin()
    return run
