"""The one frame of every training. It owns what all of them have in common: the folder with its lock, the progress bar,
the table of losses and its plots, pictures every so many steps, the alarm for numbers that are not finite, checkpoints
of everything that decides how a run goes on, resuming bit for bit, Ctrl-C, the page, and sharing the work out over the
processes that `mpiexec -n 4 python -m experiments.train_gan ...` starts.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.devices import CPU, Device
from minigrad.distributed import alone
from minigrad.random import get_rng_state, set_rng_state

from . import ranks, run_checkpoints, run_page
from .cli import Parser, UserError, add_common, positive_int, start
from .game import Game
from .images import save_picture
from .output_folder import OutputFolder
from .plots import LossLog, read_losses
from .progress import interruptible, progress_bar, show
from .run_checkpoints import Checkpoint
from .run_parts import all_finite, load_part, short_repr, state_of
from .status import NAME as STATUS
from .status import Status

READ_EVERY = 10  # steps between readings of the losses: each reading waits for the device


@dataclass
class TrainingRun:
    """A game being trained in a folder. steps: how many in all; step: how many are done.

    Of several processes this is rank 0, which writes; the others are a `Follower` each.
    """

    game: Game
    folder: Any  # an OutputFolder; of a follower only its path
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
        self.resume_files(checkpoint)

    def resume_files(self, checkpoint: Checkpoint) -> None:
        """Put the folder into the state that goes with a checkpoint."""
        game, path = self.game, checkpoint.path
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
        ranks.check_agreement(game.parts)
        run_checkpoints.write(self.folder, Checkpoint(
            self.folder.path, game.name, dataclasses.asdict(game.settings), self.step,
            {name: state_of(part) for name, part in game.parts.items()}, get_rng_state(),
            list(game.columns), self.log.rows(), ranks.of_all(None)[1:],
        ))  # fmt: skip

    # ---------------------------------------------------------------------------------- training
    def train(self) -> bool:
        """Train until all steps are done; False if the user stopped it before.

        Errors: UserError when losses or weights are not finite, naming the step and the last good checkpoint.
        """
        batches = self.game.batches()
        bar, any_rank = progress_bar(self.steps, self.game.about.title, self.step), ranks.AnyRank()
        with interruptible() as stop, bar, self.log, self.status() as status:
            while self.step < self.steps and not any_rank(stop):
                self.train_step(batches, bar)
                status.at(self.step)
            self.read_losses(bar)
            self.checkpoint()
        return self.step >= self.steps

    def status(self) -> Any:
        """Notes how far the run is, while it goes on."""
        return Status(self.folder.file(STATUS), self.game.about.title, self.step, self.steps, self.device)

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
        everyone = np.array(ranks.of_all(mg.stack(scalars).cpu().numpy()), np.float64)  # (ranks, scalars)
        values = iter(everyone.T)
        for step, losses in self.pending:
            known = {name: next(values) for name in columns if name in losses}
            for rank in range(ranks.count()):
                own = {name: float(value[rank]) for name, value in known.items()}
                if not all(map(math.isfinite, own.values())):
                    self.alarm(step, f"the losses {f'of rank {rank} ' if ranks.count() > 1 else ''}are {own}")
            row = {name: float(known[name].mean()) if name in known else None for name in columns}
            self.log.add(step, **row)
            self.newest |= {name: value for name, value in row.items() if value is not None}
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
        with mg.no_grad(), alone():
            picture = self.game.draw()
        save_picture(picture, self.folder.file(f"samples_{name or format(self.step, '07d')}.png"))

    def finish(self) -> None:
        """The last picture, the plots, the animation, the metrics and the page."""
        self.draw("final")
        run_page.write_plots(self.folder, self.game.about)
        run_page.write_animation(self.folder)
        with alone():
            metrics = dict(self.game.metrics())
        if metrics:
            run_page.write_metrics(self.folder, metrics)
        commands = [f"python -m {command.format(run=self.folder.path)}" for command in self.game.commands]
        settings = dataclasses.asdict(self.game.settings)
        run_page.write_page(self.folder, self.game.about, settings, metrics, commands, self.game.sources)


class NoFile:
    """In place of a table of losses, and of a status, that rank 0 writes."""

    def __enter__(self) -> NoFile:
        return self

    def __exit__(self, *exception: object) -> None: ...

    def add(self, step: int, **values: float | None) -> None: ...

    def at(self, step: int) -> None: ...


class Follower(TrainingRun):
    """The run in another process than rank 0: takes part in every step, and writes nothing."""

    def __post_init__(self) -> None:
        self.log: Any = NoFile()

    def status(self) -> NoFile:
        """Nothing to write."""
        return NoFile()

    def begin(self) -> None:
        """Nothing to write."""

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on with what the checkpoint has of this rank's own; where it has nothing (the run had fewer processes),
        as rank 0, but with other random numbers."""
        number = ranks.rank() - 1
        if number < len(checkpoint.others):
            own = checkpoint.others[number]
            merged = {name: own["parts"].get(name) for name, part in self.game.parts.items() if ranks.is_own(part)}
            super().resume(replace(checkpoint, parts={**checkpoint.parts, **merged}, random=own["random"]))
        else:
            super().resume(checkpoint)
            ranks.own_random_numbers()

    def resume_files(self, checkpoint: Checkpoint) -> None:
        """Nothing to write."""

    def checkpoint(self) -> None:
        """Send what is this rank's own to rank 0."""
        parts = {name: state_of(part) for name, part in self.game.parts.items() if ranks.is_own(part)}
        ranks.check_agreement(self.game.parts)
        ranks.of_all({"random": get_rng_state(), "parts": parts})

    def draw(self, name: str = "") -> None:
        """Nothing to write."""


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
    if ranks.rank() > 0:
        return follow(make_game(device), options, device)
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
    ranks.share_out(game.parts)
    run = TrainingRun(game, folder, device=device, **intervals(options))
    names, checkpoint = run_page.names_of(game.about), None
    if options.resume and not folder.has_manifest:
        run_checkpoints.adopt(folder, game.name, game.upgrades, names)
    folder.check_free(names, run_page.NUMBERED_NAMES)
    if options.resume:
        checkpoint = run_checkpoints.newest(folder, device, game.upgrades)
        if checkpoint is None:
            print(f"there is no checkpoint in {folder.path} yet: starting at step 0")
    ranks.from_first(lambda: checkpoint and checkpoint.path)
    if checkpoint:
        run.resume(checkpoint)
    else:
        run.begin()
    return run


def follow(game: Game, options: argparse.Namespace, device: Device) -> dict[str, float]:
    """What `train` is in the other processes than rank 0."""
    ranks.share_out(game.parts)
    run = Follower(game, SimpleNamespace(path=Path(options.out)), **intervals(options))
    path = ranks.from_first(lambda: None)
    if path:
        run.resume(run_checkpoints.read(path, device, game.upgrades))
    run.train()
    return run.newest


def intervals(options: argparse.Namespace) -> dict[str, Any]:
    """How many steps, and how often something is due."""
    every = options.pictures_every
    return {"steps": options.steps, "pictures_every": every, "checkpoint_every": options.checkpoint_every or every}
