"""The settings of a GAN: what its checkpoint keeps, and what must be the same for a run to go on."""

from __future__ import annotations

from dataclasses import dataclass, field

from .tricks import Tricks


@dataclass(frozen=True)
class GanSettings:
    """All that decides how a GAN is trained, defaults filled in.

    image_size: the side in pixels of what the networks see; picture_size: of the data's pictures, which get a border
    where they are smaller. classes: 0, or the number of classes of a conditional GAN. hidden: sizes of the hidden
    layers, empty for the network's own. betas: Adam's. ema: decay of the averaged generator, 0 for none.
    """

    net: str
    loss: str
    dataset: str
    noise: str
    noise_dim: int
    batch_size: int
    d_steps: int
    g_lr: float
    d_lr: float
    betas: tuple[float, float]
    seed: int = 0
    image_size: int = 28
    picture_size: int = 28
    channels: int = 1
    classes: int = 0
    hidden: tuple[int, ...] = ()
    tricks: Tricks = field(default_factory=Tricks)
    dropout: float = 0.0
    ema: float = 0.0
    spectral_norm: bool = False
