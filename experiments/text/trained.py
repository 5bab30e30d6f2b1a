"""A trained run of words into pictures, ready to draw: from sentences, from what lies between two, and, with GAN-CLS,
in the style of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.data.captioned_digits import WORDS, tokens
from minigrad.devices import CPU, Device
from nets.text_gan import TextEncoder

from ..common.cli import UserError
from ..common.run_parts import load_part
from ..common.trained import read_trained
from . import gan_cls, stackgan

BATCH = 128
TEXT_GAMES = (gan_cls.GanCls.name, stackgan.StackGan.name)


class Trained:
    """The text encoder, the averaged generator G and, of GAN-CLS, the style encoder of a run's folder or checkpoint.

    Errors: UserError, naming the file, if it is not such a run.
    """

    def __init__(self, path: Path, device: Device = CPU) -> None:
        checkpoint = read_trained(path)
        self.file = checkpoint.path
        kinds: dict[str, tuple[type, Any]] = {
            gan_cls.GanCls.name: (gan_cls.Settings, gan_cls.make_networks),
            stackgan.StackGan.name: (stackgan.Settings, stackgan.make_generator),
        }
        if checkpoint.game not in kinds:
            raise UserError(f"{self.file}: a checkpoint of {checkpoint.game}, not of {' or '.join(kinds)}")
        settings_class, make = kinds[checkpoint.game]
        self.settings: Any = checkpoint.settings_as(settings_class)
        self.step, self.device = checkpoint.step, device
        self.S: nn.Module | None = None
        try:
            if checkpoint.game == gan_cls.GanCls.name:
                self.text, self.G, _, self.S = make(self.settings)
            else:
                self.text, self.G = TextEncoder(len(WORDS)), make(self.settings)
            for name, network in (("text", self.text), ("average", self.G), ("S", self.S)):
                if network is not None:
                    load_part(network, checkpoint.parts.get(name), f"parts.{name}")
                    network.to(device=device).eval().requires_grad_(False)
        except (ValueError, TypeError, ArithmeticError, MemoryError) as error:
            raise UserError(f"{self.file}: {error}") from error

    def encoded(self, sentences: list[str]) -> Tensor:
        """Sentences as (N, 128). Errors: UserError naming unknown words and listing the known ones."""
        try:
            numbers = tokens(sentences)
        except ValueError as error:
            raise UserError(str(error)) from error
        return self.text(mg.tensor(numbers, device=self.device))

    def noise(self, count: int) -> Tensor:
        """(count, G.noise_dim), standard normal."""
        return mg.randn(count, self.G.noise_dim, device=self.device)

    def pictures(self, noise: Tensor, text: Tensor) -> Tensor:
        """Drawn pictures (N, 3, size, size) in [-1, 1], on the CPU."""
        parts = [
            self.G(noise[start : start + BATCH], text[start : start + BATCH]).cpu()
            for start in range(0, len(noise), BATCH)
        ]
        return mg.cat(parts, 0)

    def style(self, picture: Tensor) -> Tensor:
        """The noise (N, noise_dim) that pictures (N, 3, size, size) in [-1, 1] seem to be drawn from.

        Errors: UserError if the run has no style encoder.
        """
        if self.S is None:
            raise UserError(f"{self.file}: --style needs a run of gan_cls, which has a style encoder")
        return self.S(picture.to(self.device))


def between(start: Tensor, end: Tensor, count: int) -> Tensor:
    """`count` points on the straight line from start to end, both (1, F): (count, F)."""
    shares = [i / max(count - 1, 1) for i in range(count)]
    return mg.cat([start * (1.0 - share) + end * share for share in shares], 0)
