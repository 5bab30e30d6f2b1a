"""A trained run of GAN-CLS, ready to draw: from sentences, from what lies between two, in the style of a picture."""

from __future__ import annotations

from pathlib import Path

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.data.captioned_digits import tokens
from minigrad.devices import CPU, Device

from ..common import run_checkpoints
from ..common.cli import UserError
from ..common.run_parts import load_part
from .game import GanCls, Settings, make_networks

BATCH = 128


class Trained:
    """The text encoder, averaged generator and style encoder of a run's folder or checkpoint.

    Errors: UserError, naming the file, if it is not such a run.
    """

    def __init__(self, path: Path, device: Device = CPU) -> None:
        file = path / run_checkpoints.NEWEST if path.is_dir() else path
        checkpoint = run_checkpoints.read(file)
        if checkpoint.game != GanCls.name:
            raise UserError(f"{file}: a checkpoint of {checkpoint.game}, not of {GanCls.name}")
        self.settings: Settings = checkpoint.settings_as(Settings)
        self.step, self.device = checkpoint.step, device
        try:
            self.text, self.G, _, self.S = make_networks(self.settings)
            for name, network in (("text", self.text), ("average", self.G), ("S", self.S)):
                load_part(network, checkpoint.parts.get(name), f"parts.{name}")
                network.to(device=device).eval().requires_grad_(False)
        except (ValueError, TypeError, ArithmeticError, MemoryError) as error:
            raise UserError(f"{file}: {error}") from error

    def encoded(self, sentences: list[str]) -> Tensor:
        """Sentences as (N, 128). Errors: UserError naming unknown words and listing the known ones."""
        try:
            numbers = tokens(sentences)
        except ValueError as error:
            raise UserError(str(error)) from error
        return self.text(mg.tensor(numbers, device=self.device))

    def noise(self, count: int) -> Tensor:
        """(count, noise_dim), standard normal."""
        return mg.randn(count, self.settings.noise_dim, device=self.device)

    def pictures(self, noise: Tensor, text: Tensor) -> Tensor:
        """Drawn pictures (N, 3, size, size) in [-1, 1], on the CPU."""
        parts = [
            self.G(noise[start : start + BATCH], text[start : start + BATCH]).cpu()
            for start in range(0, len(noise), BATCH)
        ]
        return mg.cat(parts, 0)

    def style(self, picture: Tensor) -> Tensor:
        """The noise (N, noise_dim) that pictures (N, 3, size, size) in [-1, 1] seem to be drawn from."""
        return self.S(picture.to(self.device))


def between(start: Tensor, end: Tensor, count: int) -> Tensor:
    """`count` points on the straight line from start to end, both (1, F): (count, F)."""
    shares = [i / max(count - 1, 1) for i in range(count)]
    return mg.cat([start * (1.0 - share) + end * share for share in shares], 0)
