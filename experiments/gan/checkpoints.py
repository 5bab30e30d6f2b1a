"""A GAN's checkpoints: those of the first version made readable, and the generator in one, ready to draw."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import minigrad as mg
from minigrad import devices, nn
from minigrad.autograd import Tensor
from minigrad.devices import Device
from minigrad.nn import functional as F

from ..common import run_checkpoints
from ..common.cli import UserError
from ..common.run_checkpoints import Checkpoint, Upgrade
from ..common.run_parts import check_like, short_repr
from ..common.trained import read_trained
from .growth import Growth
from .recipes import check, make_networks, noise_sampler
from .settings import GanSettings

COLUMNS = ["d_loss", "g_loss", "d_real", "d_fake"]


def from_first_version(state: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint of kind "minigrad-gan", version 1, in the present structure: the parts had other names, and the
    table of losses was not kept. Errors: ValueError for what is not one."""
    version = state.get("version")
    if type(version) is not int or version != 1:
        raise ValueError(f"a GAN checkpoint of version {short_repr(version)}, this program reads version 1")
    names = {"G": "G", "D": "D", "g_optimizer": "G_solver", "d_optimizer": "D_solver", "average": "average"}
    names |= {"fixed_noise": "fixed_noise", "data": "data"}
    for name in ("config", "step", "random", *names.values()):
        if name not in state:
            raise ValueError(f"{name} is missing")
    config = state["config"]
    if not isinstance(config, dict):
        raise ValueError(f"config must be a dictionary, got a {type(config).__name__}")
    known = {field.name for field in dataclasses.fields(GanSettings)} | {"grid_every", "checkpoint_every"}
    unknown = [name for name in config if name not in known]
    if unknown:
        raise ValueError(f"config has no setting {str(unknown[0])[:60]!r}")
    return {
        "kind": run_checkpoints.KIND,
        "version": run_checkpoints.VERSION,
        "game": "gan",
        "settings": {name: value for name, value in config.items() if name not in ("grid_every", "checkpoint_every")},
        "step": state["step"],
        "parts": {new: state[old] for new, old in names.items() if state[old] is not None},
        "random": state["random"],
        "columns": COLUMNS,
        "rows": None,
    }


UPGRADES: Mapping[str, Upgrade] = {"minigrad-gan": from_first_version}


def read(path: str | os.PathLike[str], device: Device = devices.CPU) -> tuple[Checkpoint, GanSettings]:
    """A GAN's checkpoint and its settings. Errors: UserError, naming the file and the key that is wrong."""
    checkpoint = read_trained(Path(path), device, UPGRADES)
    if checkpoint.game != "gan":
        raise UserError(f"{path}: a checkpoint of {short_repr(checkpoint.game)}, not of a GAN")
    settings = checkpoint.settings_as(GanSettings)
    try:
        check(settings)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return checkpoint, settings


class Trained:
    """The generator of a checkpoint, ready to draw: `Trained(path).images(16)`.

    The averaged generator is used where there is one. settings: the run's; step: how far it was trained.
    """

    def __init__(self, path: str | os.PathLike[str], device: Device = devices.CPU) -> None:
        checkpoint, self.settings = read(path, device)
        self.step, self.device = checkpoint.step, device
        name = "average" if self.settings.ema else "G"
        self._judge = path, checkpoint.parts.get("D")
        try:
            generator, _ = make_networks(self.settings)
            check_like(checkpoint.parts.get(name), generator.state_dict(), f"parts.{name}")
        except (ValueError, TypeError, ArithmeticError, MemoryError) as error:
            raise UserError(f"{path}: {error}") from error
        generator.load_state_dict(checkpoint.parts[name])
        if self.settings.grow_steps:
            Growth([generator], self.settings.grow_steps).at(max(0, self.step - 1))  # as in the last step
        self.generator: nn.Module = generator.to(device=device).eval().requires_grad_(False)
        self.noise = noise_sampler(self.settings, device)

    def discriminator(self) -> nn.Module:
        """The run's discriminator, in evaluation mode. Errors: UserError if the checkpoint's is damaged."""
        path, state = self._judge
        network = self.fresh_discriminator()
        try:
            check_like(state, network.state_dict(), "parts.D")
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: {error}") from error
        network.load_state_dict(state)  # type: ignore[arg-type]
        return network

    def fresh_discriminator(self) -> nn.Module:
        """A discriminator as training starts with, in evaluation mode."""
        return make_networks(self.settings)[1].to(device=self.device).eval().requires_grad_(False)

    def pictures(self, noise: Tensor, labels: Tensor | None = None, batch: int = 500) -> Tensor:
        """Noise (N, noise_dim) to pictures (N, C, H, W) in [0, 1], on the CPU; a border that was added is cut off."""
        parts = []
        with mg.no_grad():
            for start in range(0, len(noise), batch):
                chosen = slice(start, start + batch)
                inputs = (noise[chosen],) if labels is None else (noise[chosen], labels[chosen])
                parts.append(as_pictures(self.generator(*inputs), self.settings))
        return mg.cat(parts, 0)

    def images(self, count: int) -> tuple[Tensor, Tensor | None]:
        """(pictures of fresh noise, their labels: 0, 1, ... in turn, or None for unconditional networks)."""
        classes = self.settings.classes
        labels = mg.tensor([i % classes for i in range(count)], device=self.device) if classes else None
        return self.pictures(self.noise(count), labels), labels


def as_pictures(images: Tensor, settings: GanSettings) -> Tensor:
    """What a generator gives, (N, 784) or (N, C, S, S) in [-1, 1], as pictures (N, C, H, W) in [0, 1] on the CPU.

    What a network draws that still grows is enlarged to the side of the others, every pixel a square.
    """
    side, channels = settings.image_size, settings.channels
    if settings.grow_steps:
        images = F.interpolate(images, size=(side, side), mode="nearest")
    pictures = images.reshape(-1, channels, side, side).cpu() * 0.5 + 0.5
    border = (side - settings.picture_size) // 2
    return pictures[:, :, border : side - border, border : side - border] if border else pictures
