"""pix2pix (Isola, Zhu, Zhou and Efros 2017): a U-Net and a PatchGAN that sees input and output together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import Tensor, nn, optim
from minigrad.data import DataLoader
from minigrad.devices import Device
from nets.patch_discriminator import PatchDiscriminator
from nets.unet import UNet

from ..common.images import Picture
from ..common.losses import bce
from ..common.run_page import About, Plot
from ..common.run_parts import Part
from ..common.training_run import Game
from . import metrics
from .domains import Domains, halves
from .panel import ROWS, fixed_noise, panel
from .players import parts_of
from .settings import Pix2PixSettings

ABOUT = About(
    "pix2pix",
    "Input, output and truth of pictures that were not trained on.",
    "The generator is to give the truth (L1) and to look real to a discriminator that judges every patch of the "
    "picture beside its input (GAN). L1 alone blurs what it cannot know; the GAN alone is free to be wrong.",
    (
        Plot("losses", {"discriminator": "d_loss", "generator, GAN": "g_gan"}, "cross-entropy", "the game"),
        Plot("l1", {"L1": "l1"}, "L1", "distance from the truth"),
    ),
)


class Player:
    """A generator and a discriminator with their optimizers, and the weights of the generator's terms."""

    def __init__(self, settings: Pix2PixSettings, lambda_l1: float, lambda_gan: float, device: Device) -> None:
        self.lambda_l1, self.lambda_gan = lambda_l1, lambda_gan
        self.G = make_generator(settings).to(device=device)
        pair = settings.a_channels + settings.b_channels
        self.D = PatchDiscriminator(pair, settings.layers, settings.width).to(device=device)
        options: dict[str, Any] = {"lr": settings.lr, "betas": (settings.beta1, 0.999)}
        self.g_optimizer = optim.Adam(self.G.parameters(), **options)
        self.d_optimizer = optim.Adam(self.D.parameters(), **options)

    def step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """One step of D, then one of G, on inputs x and truths y."""
        fake = self.G(x)
        zero = mg.zeros((), dtype=x.dtype, device=x.device)
        d_loss = g_gan = zero
        if self.lambda_gan:
            self.d_optimizer.zero_grad()
            real_logits, fake_logits = self.D(mg.cat([x, y], 1)), self.D(mg.cat([x, fake.detach()], 1))
            d_loss = 0.5 * (bce(real_logits, True) + bce(fake_logits, False))
            d_loss.backward()
            self.d_optimizer.step()

        self.g_optimizer.zero_grad()
        self.D.requires_grad_(False)
        if self.lambda_gan:
            g_gan = bce(self.D(mg.cat([x, fake], 1)), True)
        l1 = F.l1_loss(fake, y)
        (self.lambda_gan * g_gan + self.lambda_l1 * l1).backward()
        self.D.requires_grad_(True)
        self.g_optimizer.step()
        return {"d_loss": d_loss.detach(), "g_gan": g_gan.detach(), "l1": l1.detach()}


def make_generator(settings: Pix2PixSettings) -> UNet:
    """The U-Net of these settings."""
    return UNet(settings.a_channels, settings.b_channels, settings.halvings, settings.width)


class Pix2Pix(Game):
    """The game, on aligned pairs."""

    name, columns, about = "pix2pix", ("d_loss", "g_gan", "l1"), ABOUT

    def __init__(self, settings: Pix2PixSettings, domains: Domains, device: Device) -> None:
        self.settings, self.domains, self.device = settings, domains, device
        weights = {"output": (settings.lambda_l1, settings.lambda_gan)}
        if settings.compare:
            weights |= {"L1 alone": (settings.lambda_l1, 0.0), "GAN alone": (0.0, settings.lambda_gan)}
        self.players = {name: Player(settings, *pair, device) for name, pair in weights.items()}
        self.loader = DataLoader(domains.a, settings.batch_size, shuffle=True, drop_last=True)
        self.parts: Mapping[str, Part] = {"data": self.loader, **parts_of(self.players)}

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and truths, (N, C, S, S) in [-1, 1]."""
        for pairs in self.loader.forever():
            yield halves(pairs.to(self.device), self.settings.a_channels)

    def step(self, batches: Iterator[tuple[Tensor, Tensor]], number: int) -> Mapping[str, Tensor]:
        """One step of every variant on the same batch; the losses are the game's own."""
        x, y = next(batches)
        losses = [player.step(x, y) for player in self.players.values()]
        return losses[0]

    def draw(self) -> Picture:
        """Input, output (of every variant) and truth."""
        x, y = halves(self.domains.test_a.first(ROWS).to(self.device), self.settings.a_channels)
        with fixed_noise():
            made = {name: player.G(x) for name, player in self.players.items()}
        return panel({"input": x, **made, "truth": y})

    def metrics(self) -> Mapping[str, Any]:
        """How near the truth the outputs are."""
        return metrics.of_pairs(self.domains, self.settings.task, self.players["output"].G, self.device)

    @staticmethod
    def translators(settings: Pix2PixSettings) -> dict[str, tuple[str, nn.Module]]:
        """By direction the generator's part in a checkpoint, and a network for its state."""
        return {settings.direction: ("output.G", make_generator(settings))}
