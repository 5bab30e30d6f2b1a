"""SRResNet and SRGAN as games of the training frame.

    mse   G: the mean squared difference of pictures in [-1, 1]                    (SRResNet)
    gan   D: -log D(large) - log(1 - D(G(small)))
          G: mean (phi(G(small)) - phi(large))^2 / 12.75^2 - 1e-3 log D(G(small))  (SRGAN)

phi: a layer of VGG. (Ledig et al. 2017, sections 2.2 and 3.2.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Tensor
from minigrad.devices import Device
from minigrad.nn import functional as F
from nets import vgg
from nets.srresnet import COLORS, Discriminator, SRResNet

from ..common import ranks
from ..common.averaging import Average, warmed_up
from ..common.cli import UserError
from ..common.images import Picture, grid
from ..common.losses import bce
from ..common.run_checkpoints import Checkpoint
from ..common.run_page import About, Plot
from ..common.run_parts import Part, load_part
from ..common.trained import read_trained
from ..common.training_run import Game
from .data import Crops
from .evaluation import evaluate
from .resampling import bicubic

FEATURE_SCALE = 1 / 12.75  # brings VGG's features to the scale of the mean squared error (section 3.2)
ADVERSARIAL = 1e-3
SHOWN = 4  # crops in the pictures of a run
LAYERS = {"vgg16": "relu5_3", "vgg19": "relu5_4"}

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Settings:
    """photos: the folder. crop: side of the large crops. weights, layer: VGG's file and layer, for the loss gan.
    start: a trained run from which the generator starts. ema: decay of the generator's average, 0 for none."""

    photos: str
    loss: str = "mse"
    blocks: int = 5
    channels: int = 32
    crop: int = 64
    batch_size: int = 8
    lr: float = 5e-4
    ema: float = 0.999
    weights: str = ""
    layer: str = ""
    start: str = ""
    seed: int = 0


class SuperResolution(Game):
    """SRResNet on crops of photographs. test: a folder whose pictures are enlarged and measured at the end."""

    name = "super_resolution"
    columns: ClassVar[Sequence[str]] = ("loss",)
    commands = ("experiments.super_resolution enlarge {run} picture.jpg -o large.png",)
    sources = ("experiments/super_resolution/game.py", "nets/srresnet.py")

    def __init__(self, settings: Settings, crops: Crops, device: Device, test: Path | None = None) -> None:
        self.settings, self.device, self.crops, self.test = settings, device, crops, test
        self.about = about(settings)
        self.G = SRResNet(settings.blocks, settings.channels).to(device=device)
        if settings.start:
            load_generator(Path(settings.start), self.G)
        self.optimizer = optim.Adam(self.G.parameters(), lr=settings.lr)
        self.average = Average(SRResNet(settings.blocks, settings.channels).to(device=device), settings.ema)
        self.average.network.load_state_dict(self.G.state_dict())
        self.shown_small, self.shown_large = (crop.to(device) for crop in crops.batch(SHOWN))
        self.parts: Mapping[str, Part] = {
            "G": self.G, "g_optimizer": self.optimizer, "average": self.average.network,
            "shown_small": self.shown_small, "shown_large": self.shown_large,
        }  # fmt: skip

    def batches(self) -> Iterator[Pair]:
        """Pairs (small in [0, 1], large in [-1, 1]) without end; drawn with the engine's random generator."""
        while True:
            small, large = self.crops.batch(ranks.part_of(self.settings.batch_size))
            yield small.to(self.device), large.to(self.device)

    def step(self, batches: Iterator[Pair], number: int) -> Mapping[str, Tensor]:
        small, large = next(batches)
        loss = F.mse_loss(self.G(small), large)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.average.decay = warmed_up(self.settings.ema, number)
        self.average.update(self.G)
        return {"loss": loss.detach()}

    def draw(self) -> Picture:
        """A row a crop: bicubic, the network's, the original."""
        small, large = self.shown_small.cpu().numpy(), self.shown_large.cpu().numpy() * 0.5 + 0.5
        made = self.average.network(self.shown_small).cpu().numpy() * 0.5 + 0.5
        rows = zip(bicubic(small, *large.shape[2:]), made, large)
        return grid(np.clip(np.stack([picture for row in rows for picture in row]), 0, 1), columns=3)

    def metrics(self) -> Mapping[str, float | int | str]:
        """Mean PSNR and SSIM of the test folder's pictures, beside those of bicubic enlargement."""
        if self.test is None:
            return {}
        rows = evaluate(self.average.network, self.test, self.device)
        names = ("bicubic", "network")
        return {
            f"{metric}, {name}": float(np.mean([row[name][i] for row in rows.values()]))
            for name in names for i, metric in enumerate(("PSNR (dB)", "SSIM"))
        }  # fmt: skip


class AdversarialSuperResolution(SuperResolution):
    """SRGAN: the same generator, judged by a discriminator and by what VGG sees."""

    columns: ClassVar[Sequence[str]] = ("d_loss", "content", "adversarial", "d_real", "d_fake")

    def __init__(self, settings: Settings, crops: Crops, device: Device, test: Path | None = None) -> None:
        super().__init__(settings, crops, device, test)
        self.vgg = vgg.load(settings.weights).to(device=device)
        self.layer = settings.layer or LAYERS[self.vgg.architecture.name]
        self.D = Discriminator(settings.crop, settings.channels).to(device=device)
        self.d_optimizer = optim.Adam(self.D.parameters(), lr=settings.lr)
        self.parts = {**self.parts, "D": self.D, "d_optimizer": self.d_optimizer}

    def features(self, pictures: Tensor) -> Tensor:
        """phi / 12.75 of pictures in [-1, 1]."""
        return self.vgg.features(pictures * 0.5 + 0.5, [self.layer])[self.layer] * FEATURE_SCALE

    def step(self, batches: Iterator[Pair], number: int) -> Mapping[str, Tensor]:
        small, large = next(batches)
        made = self.G(small)

        # the discriminator: up on originals, down on what the generator makes
        real, fake = self.D(large), self.D(made.detach())
        d_loss = bce(real, 1.0) + bce(fake, 0.0)
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()

        # the generator: towards the original as VGG sees it, and towards what the discriminator takes for one
        self.D.requires_grad_(False)
        with mg.no_grad():
            wanted = self.features(large)
        content, adversarial = F.mse_loss(self.features(made), wanted), bce(self.D(made), 1.0)
        self.optimizer.zero_grad()
        (content + ADVERSARIAL * adversarial).backward()
        self.optimizer.step()
        self.D.requires_grad_(True)
        self.average.decay = warmed_up(self.settings.ema, number)
        self.average.update(self.G)
        with mg.no_grad():
            d_real, d_fake = mg.sigmoid(real.detach()).mean(), mg.sigmoid(fake.detach()).mean()
        return {
            "d_loss": d_loss.detach(), "content": content.detach(), "adversarial": adversarial.detach(),
            "d_real": d_real, "d_fake": d_fake,
        }  # fmt: skip


GAMES = {"mse": SuperResolution, "gan": AdversarialSuperResolution}


def about(settings: Settings) -> About:
    """The words and plots of a run's page."""
    columns = GAMES[settings.loss].columns
    losses = {name: name for name in columns if not name.startswith("d_") or name == "d_loss"}
    return About(
        f"Super-resolution, loss {settings.loss}",
        "Four times as large. Each row: bicubic, what the network makes of the same small picture, the original.",
        "Crops of photographs are made four times as small and enlarged again by the network.",
        (Plot("losses", losses, "loss", "losses"),),
    )


# ---------------------------------------------------------------------------------- trained networks


def load_generator(path: Path, into: SRResNet) -> None:
    """Give a network the averaged weights of a trained run. Errors: UserError if the run is another network's."""
    checkpoint, _ = read_run(path)
    try:
        load_part(into, checkpoint.parts.get("average"), "parts.average")
    except ValueError as error:
        raise UserError(f"{checkpoint.path}: does not fit this network: {error}") from error


def read_run(path: Path) -> tuple[Checkpoint, Settings]:
    """The checkpoint of a run, given by its folder or its file. Errors: UserError naming the file."""
    checkpoint = read_trained(path)
    file = checkpoint.path
    if checkpoint.game != SuperResolution.name:
        raise UserError(f"{file}: a checkpoint of {checkpoint.game}, not of {SuperResolution.name}")
    settings: Any = checkpoint.settings_as(Settings)
    if settings.blocks not in range(1, 65) or settings.channels not in range(COLORS, 1025):
        raise UserError(f"{file}: settings: no network of {settings.blocks} blocks of {settings.channels} channels")
    return checkpoint, settings


def trained(path: Path, device: Device) -> SRResNet:
    """The averaged generator of a run, ready to enlarge."""
    _, settings = read_run(path)
    with nn.init.skip_init():
        network = SRResNet(settings.blocks, settings.channels)
    load_generator(path, network)
    return network.to(device=device).eval().requires_grad_(False)
