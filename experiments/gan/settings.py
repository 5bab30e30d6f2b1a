"""The settings of a GAN: what its checkpoint keeps, and what must be the same for a run to go on."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from .tricks import Tricks

LARGEST = 1 << 28  # weights between the noise and the hidden layers, one GiB of them


@dataclass(frozen=True)
class GanSettings:
    """All that decides how a GAN is trained, defaults filled in.

    image_size: the side in pixels of what the networks see; picture_size: of the data's pictures, which get a border
    where they are smaller. classes: 0, or the number of classes of a conditional GAN. hidden: sizes of the hidden
    layers, empty for the network's own. betas: Adam's. ema: decay of the averaged generator, 0 for none.
    grow_steps: how long each level of a growing network fades in, and then stays; 0 for networks that do not grow.
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
    grow_steps: int = 0

    def __post_init__(self) -> None:
        """Errors: ValueError for sizes of which no network can be made."""
        sizes = {"noise_dim": (self.noise_dim,), "batch_size": (self.batch_size,), "hidden": self.hidden}
        sizes |= {"image_size": (self.image_size,), "picture_size": (self.picture_size,), "channels": (self.channels,)}
        limits = {"image_size": 2048, "picture_size": 2048, "channels": 4}
        for name, values in sizes.items():
            most = limits.get(name, 65536)
            if not all(1 <= value <= most for value in values):
                raise ValueError(f"{name} must lie in 1 to {most}, got {', '.join(map(str, values))}")
        if self.picture_size > self.image_size:
            raise ValueError(f"picture_size {self.picture_size} must not exceed image_size {self.image_size}")
        weights = sum(before * after for before, after in pairwise([self.noise_dim + self.classes, *self.hidden]))
        if weights > LARGEST or len(self.hidden) > 100:
            raise ValueError(f"hidden layers of {weights:,} weights exceed the limit of {LARGEST:,}")
        if not 0 <= self.classes <= 1000 or not 1 <= self.d_steps <= 10**6:
            raise ValueError("classes must lie in 0 to 1000 and d_steps in 1 to 1,000,000")
        if self.noise not in ("uniform", "normal"):
            raise ValueError(f"noise must be uniform or normal, got {self.noise!r}")
        if not (0 <= self.dropout < 1 and 0 <= self.ema < 1):
            raise ValueError("dropout and ema must lie in 0 to below 1")
        if not 0 <= self.grow_steps <= 10**9:
            raise ValueError(f"grow_steps must lie in 0 to 1,000,000,000, got {self.grow_steps}")
