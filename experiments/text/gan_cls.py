"""GAN-CLS as a game of the training frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Tensor
from minigrad.data.captioned_digits import WORDS, Scenes
from minigrad.devices import Device
from minigrad.nn import functional as F
from nets.text_gan import PictureEncoder, TextDiscriminator, TextEncoder, TextGenerator

from ..common.averaging import Average, warmed_up
from ..common.images import Picture, grid
from ..common.losses import bce
from ..common.run_page import About, Plot
from ..common.run_parts import Part
from .losses import discriminator_loss, interpolated
from .text_game import MATCHED, SHOWN, TextGame

STYLE_EVERY = 4  # steps of the game for one of the style encoder


@dataclass(frozen=True)
class Settings:
    """variant: one of `losses.VARIANTS`. strokes: "mnist" or "typeset". matching: steps in which sentences are matched
    to pictures before the game. lr, d_lr: learning rates of the generator, and of the discriminator and the style
    encoder. ema: decay of the generator's average."""

    variant: str = "cls"
    strokes: str = "typeset"
    image_size: int = 32
    width: int = 32
    noise_dim: int = 100
    batch_size: int = 64
    lr: float = 2e-4
    d_lr: float = 5e-4
    beta1: float = 0.5
    matching: int = 800
    ema: float = 0.99
    seed: int = 0


class GanCls(TextGame):
    """A generator that draws sentences, a discriminator that reads them, and a style encoder that finds the noise."""

    name, columns = "gan_cls", ("d_loss", "g_loss", "style", "d_right", "d_wrong", "d_fake")

    def __init__(self, settings: Settings, strokes: Any, device: Device, test: Any = None) -> None:
        super().__init__(settings, strokes, device, test)
        self.about = about(settings)
        self.text, self.G, self.D, self.S = (network.to(device=device) for network in make_networks(settings))
        self.average = Average(make_networks(settings)[1].to(device=device), settings.ema)
        self.average.network.load_state_dict(self.G.state_dict())
        self.g_optimizer, self.d_optimizer, self.s_optimizer = (
            optim.Adam(network.parameters(), lr=lr, betas=(settings.beta1, 0.999))
            for network, lr in ((self.G, settings.lr), (self.D, settings.d_lr), (self.S, settings.d_lr))
        )
        self.shown_noise = mg.randn(SHOWN, settings.noise_dim, device=device)
        self.text.requires_grad_(False)
        self.parts: Mapping[str, Part] = {
            "text": self.text, "G": self.G, "D": self.D, "S": self.S, "average": self.average.network,
            "g_optimizer": self.g_optimizer, "d_optimizer": self.d_optimizer, "s_optimizer": self.s_optimizer,
            "data": self.data, "shown_noise": self.shown_noise,
        }  # fmt: skip

    def step(self, batches: Iterator[Scenes], number: int) -> Mapping[str, Tensor]:
        """Algorithm 1; then the style encoder learns to tell the noise of what was drawn (section 4.4).

        Before the first step, sentences are matched to pictures.
        """
        if number == 0:
            self.match_sentences(*([self.D] if self.settings.image_size <= MATCHED else []))
        scenes = next(batches)
        real, text = scenes.pictures.to(self.device), self.encoded(scenes.captions)
        noise = mg.randn(len(real), self.settings.noise_dim, device=self.device)
        fake = self.G(noise, text)

        features = self.D.features(real)
        right, drawn = self.D.match(features, text), self.D(fake.detach(), text)
        wrong = self.D.match(features, mg.cat([text[1:], text[:1]], 0)) if "cls" in self.settings.variant else None
        d_loss = discriminator_loss(right, drawn, wrong)
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()

        self.D.requires_grad_(False)
        g_loss = bce(self.D(fake, text), 1.0)
        if "int" in self.settings.variant:
            between = interpolated(text)
            g_loss = g_loss + bce(self.D(self.G(noise, between), between), 1.0)
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        self.D.requires_grad_(True)
        self.average.decay = warmed_up(self.settings.ema, number)
        self.average.update(self.G)

        losses = {"d_loss": d_loss, "g_loss": g_loss}
        if number % STYLE_EVERY == 0:
            losses["style"] = F.mse_loss(self.S(fake.detach()), noise)
            self.s_optimizer.zero_grad()
            losses["style"].backward()
            self.s_optimizer.step()
        logits = {"d_right": right, "d_fake": drawn, **({} if wrong is None else {"d_wrong": wrong})}
        with mg.no_grad():
            outputs = {name: mg.sigmoid(values.detach()).mean() for name, values in logits.items()}
        return {**{name: loss.detach() for name, loss in losses.items()}, **outputs}

    def metrics(self) -> Mapping[str, float | int | str]:
        """How often drawn pictures show their sentence's facts, and how often D ranks the right sentence first."""
        if self.test is None:
            return {}
        generator = self.average.network
        drawn = self.facts_shown(
            lambda text: generator(mg.randn(len(text), generator.noise_dim, device=self.device), text),
            self.settings.image_size,
        )
        return {**drawn, "right sentence ranked first by D": self.ranked(self.D)}

    def draw(self) -> Picture:
        """A row a sentence: a real picture, then what is drawn from eight noises."""
        text, count = self.encoded(self.shown.captions), len(self.shown_noise)
        rows = []
        for i in range(SHOWN):
            drawn = self.average.network(self.shown_noise, text[i : i + 1].expand(count, text.shape[1]))
            rows.append(mg.cat([self.shown.pictures[i : i + 1], drawn.cpu()], 0))
        return grid((mg.cat(rows, 0) * 0.5 + 0.5).numpy(), columns=1 + count)


def make_networks(settings: Settings) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    """(text encoder, generator, discriminator, style encoder)."""
    size, width, noise_dim = settings.image_size, settings.width, settings.noise_dim
    return (
        TextEncoder(len(WORDS)), TextGenerator(noise_dim, size, width), TextDiscriminator(size, width),
        PictureEncoder(size, width, noise_dim),
    )  # fmt: skip


def about(settings: Settings) -> About:
    """The words and plots of a run's page."""
    losses = {"discriminator": "d_loss", "generator": "g_loss", "style encoder": "style"}
    outputs = {"its sentence": "d_right", "drawn": "d_fake"}
    outputs |= {"another sentence": "d_wrong"} if "cls" in settings.variant else {}
    return About(
        f"Words into pictures: GAN-CLS, variant {settings.variant}",
        "Each row is a sentence: a real picture of it, then eight that the generator drew.",
        "The discriminator tells real pictures of a sentence from drawn ones and, in the variants with CLS, from real "
        "pictures of another sentence; the generator learns from what it says.",
        (Plot("losses", losses, "loss", "losses"), Plot("outputs", outputs, "D's mean output", "what D says")),
    )
