"""A run's checkpoints: `checkpoint.npz`, always the newest complete one, and the last few of them by step.

What is in one: the configuration, the step, both networks, both optimizers, the generator's average, the state of the
random generator, the place in the data, and the fixed noise of the sample grids. Nothing else decides how a run goes
on, so a run that is stopped and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import minigrad as mg
from minigrad import devices, nn
from minigrad.autograd import Tensor
from minigrad.devices import Device

from ..common.cli import UserError, sentence
from .recipes import Config, make_networks, noise_sampler

KIND, VERSION = "minigrad-gan", 1
NEWEST = "checkpoint.npz"
KEPT = 3


def write(folder: Path, state: dict[str, Any]) -> None:
    """Save a run's state as the newest checkpoint; it stays reachable by its step until `KEPT` newer ones exist.

    Errors: UserError if the disk is full or the folder may not be written; the older checkpoints are untouched.
    """
    try:
        mg.save({"kind": KIND, "version": VERSION, **state}, folder / NEWEST)
        keep(folder, state["step"])
    except OSError as error:
        raise UserError(
            f"cannot write the checkpoint of step {state['step']} ({sentence(error)}); "
            f"{folder / NEWEST} is still the one before"
        ) from error


def keep(folder: Path, step: int) -> None:
    """Give the newest checkpoint its name by step, and let go of the oldest."""
    named = folder / f"checkpoint_{step:07d}.npz"
    partial = folder / f".{named.name}.part"
    partial.unlink(missing_ok=True)
    try:
        os.link(folder / NEWEST, partial)
    except OSError:  # a file system without hard links
        shutil.copyfile(folder / NEWEST, partial)
    os.replace(partial, named)
    for old in sorted(folder.glob("checkpoint_*.npz"))[:-KEPT]:
        old.unlink(missing_ok=True)


def read(path: Path, device: Device) -> dict[str, Any]:
    """A checkpoint's state. Errors: UserError if it is missing, damaged, of another kind or another version."""
    try:
        state = mg.load(path, device)
    except (OSError, ValueError) as error:
        raise UserError(sentence(error)) from error
    if not isinstance(state, dict) or state.get("kind") != KIND:
        raise UserError(f"{path}: not a checkpoint of a GAN")
    if state["version"] != VERSION:
        raise UserError(f"{path}: a GAN checkpoint of version {state['version']}, this program reads version {VERSION}")
    return state


def check_same(path: Path, saved: Config, wanted: Config) -> None:
    """Errors: UserError naming the settings in which a run and the checkpoint it should continue differ."""
    differing = [name for name in wanted if saved.get(name) != wanted[name]]
    if differing:
        shown = "; ".join(f"{name} is {saved.get(name)!r} there, {wanted[name]!r} here" for name in differing)
        raise UserError(f"{path}: cannot be continued with other settings ({shown}); use the same, or another --out")


class Trained:
    """The generator of a checkpoint, ready to draw: `Trained(path).images(16)`.

    The averaged generator is used where there is one. config: the run's settings; step: how far it was trained.
    """

    def __init__(self, path: str | os.PathLike[str], device: Device = devices.CPU) -> None:
        state = read(Path(path), device)
        self.config: Config = state["config"]
        self.step: int = state["step"]
        self.device = device
        generator, _ = make_networks(self.config)
        self.generator: nn.Module = generator.to(device=device).eval().requires_grad_(False)
        try:
            self.generator.load_state_dict(state["average"] or state["G"])
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error
        self.noise = noise_sampler(self.config, device)

    def pictures(self, noise: Tensor, labels: Tensor | None = None, batch: int = 500) -> Tensor:
        """Noise (N, noise_dim) to pictures (N, C, H, W) in [0, 1], on the CPU; a border that was added is cut off."""
        parts = []
        with mg.no_grad():
            for start in range(0, len(noise), batch):
                chosen = slice(start, start + batch)
                inputs = (noise[chosen],) if labels is None else (noise[chosen], labels[chosen])
                parts.append(as_pictures(self.generator(*inputs), self.config))
        return mg.cat(parts, 0)

    def images(self, count: int) -> tuple[Tensor, Tensor | None]:
        """(pictures of fresh noise, their labels: 0, 1, ... in turn, or None for unconditional networks)."""
        classes = self.config["classes"]
        labels = mg.tensor([i % classes for i in range(count)], device=self.device) if classes else None
        return self.pictures(self.noise(count), labels), labels


def as_pictures(images: Tensor, config: Config) -> Tensor:
    """What a generator gives, (N, 784) or (N, C, S, S) in [-1, 1], as pictures (N, C, H, W) in [0, 1] on the CPU."""
    side, channels = config["image_size"], config["channels"]
    pictures = images.reshape(-1, channels, side, side).cpu() * 0.5 + 0.5
    border = (side - config["picture_size"]) // 2
    return pictures[:, :, border : side - border, border : side - border] if border else pictures
