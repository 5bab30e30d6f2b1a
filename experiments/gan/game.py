"""The GAN as a game of the training frame: its networks, optimizers and data, one step, and the pictures it draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.data import DataLoader
from minigrad.devices import Device

from ..common.averaging import Average
from ..common.images import Picture, grid
from ..common.run_page import About, Plot
from ..common.run_parts import Part
from ..common.training_run import Game
from .checkpoints import UPGRADES, as_pictures
from .datasets import real_batches
from .growth import Growth
from .recipes import RECIPES, make_loss, make_networks, make_optimizer, noise_sampler
from .settings import GanSettings
from .training import Batch, Losses, Players, alternate, simultaneous

EXPLANATION = (
    "The discriminator is rewarded for telling real pictures from generated ones, the generator for fooling it. "
    "Losses that stay level are a game in balance; they do not measure how good the pictures are."
)


def about(settings: GanSettings) -> About:
    """The words and plots of a GAN's page."""
    losses = Plot("losses", {"discriminator": "d_loss", "generator": "g_loss"}, "loss", "losses")
    outputs = {"D(x), real": "d_real", "D(G(z)), generated": "d_fake"}
    return About(
        f"A GAN: {settings.net}, {settings.loss}, on {settings.dataset}", "What it drew while it learned.", EXPLANATION,
        (losses, Plot("opinions", outputs, "D's mean output", "what D says")),
    )  # fmt: skip


class Gan(Game):
    """Two networks against each other, with the settings of `GanSettings`, on a data set of pictures."""

    name, columns, upgrades = "gan", ("d_loss", "g_loss", "d_real", "d_fake"), UPGRADES
    commands = ("experiments.gan_latent {run} --out out/latent", "experiments.gan_metrics {run}/checkpoint.npz")
    sources = ("experiments/gan/training.py", "experiments/gan/losses.py", "nets/dcgan.py", "nets/mlp_gan.py")

    def __init__(self, settings: GanSettings, dataset: Any, device: Device) -> None:
        self.settings, self.about, self.device = settings, about(settings), device
        recipe = RECIPES[settings.net]
        generator, discriminator = (network.to(device=device) for network in make_networks(settings))
        self.players = Players(
            generator, discriminator,
            make_optimizer(settings, generator, settings.g_lr), make_optimizer(settings, discriminator, settings.d_lr),
            make_loss(settings), noise_sampler(settings, device), settings.tricks, settings.classes, 0, device,
        )  # fmt: skip
        self.average: Average | None = None
        if settings.ema:
            self.average = Average(make_networks(settings)[0].to(device=device), settings.ema)
            self.average.network.load_state_dict(generator.state_dict())
        self.growth: Growth | None = None
        if settings.grow_steps:
            averaged = [self.average.network] if self.average else []
            self.growth = Growth([generator, discriminator, *averaged], settings.grow_steps)
        self.loader = DataLoader(dataset, settings.batch_size, shuffle=True, drop_last=not recipe.whole_epochs)
        self.algorithm = simultaneous if recipe.simultaneous else alternate
        self.fixed_noise, self.fixed_labels = self._fixed_noise()
        self.parts: Mapping[str, Part] = {
            "G": generator, "D": discriminator,
            "g_optimizer": self.players.g_optimizer, "d_optimizer": self.players.d_optimizer,
            **({"average": self.average.network} if self.average else {}),
            **({"growth": self.growth} if self.growth else {}),
            "fixed_noise": self.fixed_noise, "data": self.loader,
        }  # fmt: skip

    def _fixed_noise(self) -> tuple[Tensor, Tensor | None]:
        """The noise of all sample grids: 8 x 8, or for conditional networks one row of 8 a class."""
        classes = self.settings.classes
        if not classes:
            return self.players.sample_noise(64), None
        labels = mg.tensor([row for row in range(classes) for _ in range(8)], device=self.device)
        return self.players.sample_noise(8 * classes), labels

    def batches(self) -> Iterator[Batch]:
        """Real pictures and their classes, see `datasets.real_batches`."""
        return real_batches(self.loader, self.settings.image_size, self.settings.classes, self.device)

    def step(self, batches: Iterator[Batch], number: int) -> Losses:
        """One step of the algorithm in `training`, then of the generator's average."""
        self.players.step = number
        if self.growth:
            self.growth.at(number)
            batches = self.growth.batches(batches)
        losses = self.algorithm(self.players, batches)
        if self.average:
            self.average.update(self.players.G)
        return losses

    def draw(self) -> Picture:
        """What the (averaged) generator makes of the fixed noise, in evaluation mode."""
        generator = self.average.network if self.average else self.players.G
        inputs = (self.fixed_noise,) if self.fixed_labels is None else (self.fixed_noise, self.fixed_labels)
        generator.eval()
        pictures = as_pictures(generator(*inputs), self.settings)
        if generator is self.players.G:
            generator.train()
        return grid(pictures.numpy(), columns=8)
