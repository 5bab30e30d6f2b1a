"""StackGAN as a game of the training frame (Zhang et al. 2017, sections 3.3 and 3.4).

For each stage, with s_r, s_w, s_f the discriminator's logits of a real picture with its sentence, a real one with
another's and a drawn one:

    L_D = BCE(s_r, 1) + (BCE(s_w, 0) + BCE(s_f, 0)) / 2
    L_G = BCE(s_f, 1) + kl KL(N(mean, variance) || N(0, 1))

Stage I learns alone for the first `first_steps` steps; then it is kept (its average), and Stage II learns to draw its
pictures anew, four times as large. The paper writes log(1 - D) for L_G's first term, its authors' program this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.autograd import Tensor
from minigrad.data.captioned_digits import WORDS, Scenes
from minigrad.devices import Device
from minigrad.nn import functional as F
from nets.stackgan import SCALE, StackGenerator, StageOne, StageTwo, sampled
from nets.text_gan import TextDiscriminator, TextEncoder

from ..common.averaging import Average, warmed_up
from ..common.images import Picture, gradient_energy, grid
from ..common.losses import bce
from ..common.run_page import About, Plot
from ..common.run_parts import Part
from .losses import discriminator_loss, kl_to_standard_normal
from .text_game import SHOWN, TextGame

NOISES = 4  # pictures of each sentence, from each stage
TESTED = 256  # pictures whose sharpness is measured


@dataclass(frozen=True)
class Settings:
    """strokes: "mnist" or "typeset". image_size: of Stage II's pictures; Stage I's have a quarter of it a side.
    first_steps: steps of Stage I alone. kl: the weight of the KL term, a mean over the condition's numbers. matching:
    steps in which sentences are matched to pictures before the game. ema: decay of the generators' averages."""

    strokes: str = "typeset"
    image_size: int = 64
    width: int = 32
    noise_dim: int = 100
    condition_dim: int = 128
    blocks: int = 2
    batch_size: int = 32
    lr: float = 2e-4
    beta1: float = 0.5
    kl: float = 2.0
    first_steps: int = 4000
    matching: int = 800
    ema: float = 0.99
    seed: int = 0


class Stage:
    """One stage's generator with its average, its discriminator, and their optimizers. number: 1 or 2."""

    def __init__(self, number: int, generators: tuple[Any, Any], image_size: int, settings: Settings) -> None:
        self.number, (self.G, averaged) = number, generators
        averaged.load_state_dict(self.G.state_dict())
        device = self.G.augmentation.layer.weight.device
        self.D = TextDiscriminator(image_size, settings.width).to(device=device)
        self.average = Average(averaged, settings.ema)
        self.g_optimizer, self.d_optimizer = (
            optim.Adam(network.parameters(), lr=settings.lr, betas=(settings.beta1, 0.999))
            for network in (self.G, self.D)
        )

    def step(self, real: Tensor, text: Tensor, start: Tensor, kl_weight: float) -> dict[str, Tensor]:
        """One step of D and one of G. start: what G draws from, noise or Stage I's pictures."""
        mean, log_variance = self.G.augmentation(text)
        fake = self.G(start, sampled(mean, log_variance, mg.randn_like(mean.detach())))

        features = self.D.features(real)
        right, drawn = self.D.match(features, text), self.D(fake.detach(), text)
        wrong = self.D.match(features, mg.cat([text[1:], text[:1]], 0))
        d_loss = discriminator_loss(right, drawn, wrong)
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()

        self.D.requires_grad_(False)
        g_loss, kl = bce(self.D(fake, text), 1.0), kl_to_standard_normal(mean, log_variance)
        self.g_optimizer.zero_grad()
        (g_loss + kl_weight * kl).backward()
        self.g_optimizer.step()
        self.D.requires_grad_(True)
        self.average.update(self.G)

        logits = {"d_right": right, "d_wrong": wrong, "d_fake": drawn}
        with mg.no_grad():
            outputs = {name: mg.sigmoid(values.detach()).mean() for name, values in logits.items()}
        losses = {"d_loss": d_loss, "g_loss": g_loss, "kl": kl}
        return {f"{name}_{self.number}": loss.detach() for name, loss in losses.items()} | outputs


class StackGan(TextGame):
    """Two generators, of which the second draws the first one's pictures anew."""

    name = "stackgan"
    columns = (
        "d_loss_1", "g_loss_1", "kl_1", "d_loss_2", "g_loss_2", "kl_2", "d_right", "d_wrong", "d_fake",
    )  # fmt: skip

    def __init__(self, settings: Settings, strokes: Any, device: Device, test: Any = None) -> None:
        super().__init__(settings, strokes, device, test)
        self.about = ABOUT
        self.text = TextEncoder(len(WORDS)).to(device=device).requires_grad_(False)
        self.G, self.average = (make_generator(settings).to(device=device) for _ in range(2))
        sizes = (settings.image_size // SCALE, settings.image_size)
        pairs = ((self.G.first, self.average.first), (self.G.second, self.average.second))
        self.first, self.second = (
            Stage(number, pair, size, settings) for number, pair, size in zip((1, 2), pairs, sizes)
        )
        self.shown_noise = mg.randn(NOISES, self.G.noise_dim, device=device)
        self.parts: Mapping[str, Part] = {
            "text": self.text, "G": self.G, "average": self.average, "D1": self.first.D, "D2": self.second.D,
            "g1_optimizer": self.first.g_optimizer, "d1_optimizer": self.first.d_optimizer,
            "g2_optimizer": self.second.g_optimizer, "d2_optimizer": self.second.d_optimizer,
            "data": self.data, "shown_noise": self.shown_noise,
        }  # fmt: skip

    def step(self, batches: Iterator[Scenes], number: int) -> Mapping[str, Tensor]:
        """A step of the stage whose turn it is. Before the first step, sentences are matched to pictures."""
        if number == 0:
            self.match_sentences()
        scenes, settings = next(batches), self.settings
        large, text = scenes.pictures.to(self.device), self.encoded(scenes.captions)
        if number < settings.first_steps:
            self.first.average.decay = warmed_up(settings.ema, number)
            noise = mg.randn(len(large), settings.noise_dim, device=self.device)
            return self.first.step(F.avg_pool2d(large, SCALE), text, noise, settings.kl)
        self.second.average.decay = warmed_up(settings.ema, number - settings.first_steps)
        with mg.no_grad():
            small = self.average.small(mg.randn(len(large), self.G.noise_dim, device=self.device), text)
        return self.second.step(large, text, small, settings.kl)

    def metrics(self) -> Mapping[str, float | int | str]:
        """For both stages, how often pictures show their sentence's facts; and how sharp the pictures are."""
        if self.test is None:
            return {}
        size, found = self.settings.image_size, dict[str, float]()

        def both(text: Tensor) -> tuple[Tensor, Tensor]:
            return self.average.both(mg.randn(len(text), self.average.noise_dim, device=self.device), text)

        found |= {f"Stage I: {n}": v for n, v in self.facts_shown(lambda text: both(text)[0], size // SCALE).items()}
        found |= {f"Stage II: {n}": v for n, v in self.facts_shown(lambda text: both(text)[1], size).items()}
        scenes = self.data.draw(TESTED)
        with mg.no_grad():
            small, large = both(self.encoded(scenes.captions))
        smooth = F.interpolate(small, scale_factor=SCALE, mode="bicubic")
        for name, pictures in (("real", scenes.pictures), ("Stage I, enlarged", smooth), ("Stage II", large)):
            found[f"gradient energy, {name}"] = gradient_energy(pictures.cpu().numpy())
        return {**found, "right sentence ranked first by D": self.ranked(self.second.D)}

    def draw(self) -> Picture:
        """A row a sentence: a real picture, four of Stage I, enlarged, and what Stage II makes of them."""
        text, rows = self.encoded(self.shown.captions), []
        for i in range(SHOWN):
            small, large = self.average.both(self.shown_noise, text[i : i + 1].expand(NOISES, text.shape[1]))
            enlarged = F.interpolate(small, scale_factor=SCALE, mode="nearest")
            rows.append(np.concatenate([self.shown.pictures[i : i + 1].numpy(), enlarged.cpu(), large.cpu()]))
        return grid(np.concatenate(rows) * 0.5 + 0.5, columns=1 + 2 * NOISES)


def make_generator(settings: Settings) -> StackGenerator:
    """Both stages, untrained."""
    return StackGenerator(
        StageOne(
            settings.noise_dim, settings.image_size // SCALE, settings.width, condition_dim=settings.condition_dim
        ),
        StageTwo(settings.image_size, settings.width, condition_dim=settings.condition_dim, blocks=settings.blocks),
    )


ABOUT = About(
    "Words into pictures: StackGAN",
    "Each row is a sentence: a real picture of it, four that Stage I drew, and what Stage II makes of these.",
    "Stage I draws small pictures of sentences; Stage II sees them and the sentence and draws them four times as "
    "large. Each stage has a discriminator that tells real pictures of a sentence from drawn ones and from real "
    "pictures of another sentence.",
    (
        Plot("losses_1", {"discriminator": "d_loss_1", "generator": "g_loss_1", "KL": "kl_1"}, "loss", "Stage I"),
        Plot("losses_2", {"discriminator": "d_loss_2", "generator": "g_loss_2", "KL": "kl_2"}, "loss", "Stage II"),
        Plot(
            "outputs", {"its sentence": "d_right", "another sentence": "d_wrong", "drawn": "d_fake"},
            "D's mean output", "what D says",
        ),
    ),
)  # fmt: skip
