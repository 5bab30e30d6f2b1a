"""Pixel-level domain transfer (Yoo, Kim, Park, Paek and Kweon 2016): a converter between a source and its target, told
by one discriminator whether its picture is real, and by another whether it belongs to the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import minigrad as mg
from minigrad import Tensor, nn, optim
from minigrad.data import DataLoader
from minigrad.devices import Device
from nets import domain_transfer

from ..common import ranks
from ..common.cli import UserError
from ..common.images import Picture
from ..common.losses import bce
from ..common.run_page import About, Plot
from ..common.run_parts import Part
from ..common.training_run import Game
from . import metrics
from .domains import Domains, halves
from .panel import ROWS, panel
from .players import parts_of
from .settings import TransferSettings

ABOUT = About(
    "Pixel-level domain transfer",
    "Source, output and target of pictures that were not trained on.",
    "No loss compares the output with the target. One discriminator says whether it is a real picture of the target "
    "domain, the other whether it belongs to this source; the converter learns from both.",
    (
        Plot("losses", {"real or fake": "d_real", "associated": "d_domain"}, "cross-entropy", "the discriminators"),
        Plot("converter", {"look real": "g_real", "belong": "g_domain"}, "cross-entropy", "the converter's two terms"),
    ),
)


class Player:
    """The converter, the two discriminators and their optimizers."""

    def __init__(self, settings: TransferSettings, device: Device) -> None:
        channels, size = settings.b_channels, (settings.size, settings.width)
        self.converter = make_converter(settings).to(device=device)
        self.D_real = domain_transfer.Discriminator(channels, *size).to(device=device)
        self.D_domain = domain_transfer.Discriminator(2 * channels, *size).to(device=device)
        options: dict[str, Any] = {"lr": settings.lr, "betas": (settings.beta1, 0.999)}
        self.g_optimizer = optim.Adam(self.converter.parameters(), **options)
        self.real_optimizer = optim.Adam(self.D_real.parameters(), **options)
        self.domain_optimizer = optim.Adam(self.D_domain.parameters(), **options)

    def step(self, source: Tensor, target: Tensor) -> dict[str, Tensor]:
        """One step of each discriminator, then one of the converter (the paper's algorithm 1).

        Not associated with a source is the target of the next one in the batch.
        """
        fake, other = self.converter(source), mg.cat([target[1:], target[:1]], 0)
        still = fake.detach()
        self.real_optimizer.zero_grad()
        d_real = 0.5 * (bce(self.D_real(target), True) + bce(self.D_real(still), False))
        d_real.backward()
        self.real_optimizer.step()

        self.domain_optimizer.zero_grad()
        verdicts = ((target, True), (other, False), (still, False))
        d_domain: Any = sum(bce(self.associated(source, each), real) for each, real in verdicts) / 3.0
        d_domain.backward()
        self.domain_optimizer.step()

        self.g_optimizer.zero_grad()
        for network in (self.D_real, self.D_domain):
            network.requires_grad_(False)
        g_real, g_domain = bce(self.D_real(fake), True), bce(self.associated(source, fake), True)
        (0.5 * (g_real + g_domain)).backward()
        for network in (self.D_real, self.D_domain):
            network.requires_grad_(True)
        self.g_optimizer.step()
        losses = {"d_real": d_real, "d_domain": d_domain, "g_real": g_real, "g_domain": g_domain}
        return {name: value.detach() for name, value in losses.items()}

    def associated(self, source: Tensor, target: Tensor) -> Tensor:
        """The domain discriminator's logits for pairs."""
        return self.D_domain(mg.cat([source, target], 1))


def make_converter(settings: TransferSettings) -> nn.Module:
    """The converter of these settings."""
    return domain_transfer.Converter(settings.b_channels, settings.size, settings.width, settings.code)


class DomainTransfer(Game):
    """The game, on pairs of a source and its target."""

    name, columns, about = "domain_transfer", ("d_real", "d_domain", "g_real", "g_domain"), ABOUT

    def __init__(self, settings: TransferSettings, domains: Domains, device: Device) -> None:
        if ranks.part_of(settings.batch_size) < 2:
            raise UserError(
                f"--batch-size {settings.batch_size}: domain transfer needs at least 2 examples for each process, to "
                "pair a source with another one's target"
            )
        self.settings, self.domains, self.device = settings, domains, device
        self.player = Player(settings, device)
        self.loader = DataLoader(domains.a, settings.batch_size, shuffle=True, drop_last=True)
        self.parts: Mapping[str, Part] = {"data": self.loader, **parts_of({"player": self.player})}

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Sources and their targets."""
        for pairs in self.loader.forever():
            yield halves(pairs.to(self.device), self.settings.a_channels)

    def step(self, batches: Iterator[tuple[Tensor, Tensor]], number: int) -> Mapping[str, Tensor]:
        return self.player.step(*next(batches))

    def draw(self) -> Picture:
        """Source, output and target."""
        source, target = halves(self.domains.test_a.first(ROWS).to(self.device), self.settings.a_channels)
        self.player.converter.eval()
        made = self.player.converter(source)
        self.player.converter.train()
        return panel({"source": source, "output": made, "target": target})

    def metrics(self) -> Mapping[str, Any]:
        """Whether the output is the source's digit."""
        converter = self.player.converter.eval()
        measured = metrics.of_pairs(self.domains, self.settings.task, converter, self.device)
        converter.train()
        return measured

    @staticmethod
    def translators(settings: TransferSettings) -> dict[str, tuple[str, nn.Module]]:
        """By direction the converter's part in a checkpoint, and a network for its state."""
        return {settings.direction: ("player.converter", make_converter(settings))}
