"""The settings of the games: what their checkpoints keep, and what must be the same for a run to go on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What all games have. task: as on the command line. size: of the pictures in pixels. width: channels of the
    first layer of every network. compare: also train the variants that the panel sets beside the game's own."""

    task: str
    direction: str = "AtoB"
    size: int = 32
    a_channels: int = 3
    b_channels: int = 3
    width: int = 16
    batch_size: int = 16
    lr: float = 2e-4
    beta1: float = 0.5
    compare: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Pix2PixSettings(Settings):
    """lambda_l1, lambda_gan: weights of the generator's two terms. halvings: of the U-Net. layers: of the PatchGAN."""

    lambda_l1: float = 100.0
    lambda_gan: float = 1.0
    halvings: int = 4
    layers: int = 2


@dataclass(frozen=True)
class CycleSettings(Settings):
    """lambda_cycle, lambda_identity, lambda_gan, lambda_features: weights of the generators' terms. pool: pictures that
    the image pool keeps. d_interval: generator steps to each discriminator step. The learning rate is constant for
    constant_steps, then falls to 0 in decay_steps. blocks, layers: of CycleGAN's networks."""

    lambda_cycle: float = 10.0
    lambda_identity: float = 5.0
    lambda_gan: float = 1.0
    lambda_features: float = 0.0
    pool: int = 50
    d_interval: int = 1
    constant_steps: int = 1000
    decay_steps: int = 1000
    weight_decay: float = 0.0
    blocks: int = 3
    layers: int = 2


@dataclass(frozen=True)
class TransferSettings(Settings):
    """code: numbers in the converter's bottleneck."""

    code: int = 64
