"""The training loop of a GAN, from top to bottom.

One step is: k times improve the discriminator on a batch of real and a batch of generated pictures, then once improve
the generator (Goodfellow et al. 2014, algorithm 1). `alternate` does that; `simultaneous` is the variant in which both
networks are updated from one and the same batch of generated pictures. Nothing in here is read back from the device:
losses are returned as tensors, for whoever wants to look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Tensor
from minigrad.devices import CPU, Device
from minigrad.optim.optimizer import Optimizer

from ..common import ranks
from .losses import GanLoss, gradient_penalty, r1_penalty
from .tricks import Tricks

Batch = tuple[Tensor, Tensor | None]  # real samples (N, ...) and, for conditional GANs, their classes (N,)
Losses = dict[str, Tensor]


@dataclass
class Players:
    """The two networks, what moves them, and the rules.

    G: noise to samples. D: samples to outputs (N, 1). sample_noise: N to (N, noise_dim). classes: 0, or the number of
    classes of a conditional GAN, whose networks then take (input, labels). step: how many steps are done.
    """

    G: nn.Module
    D: nn.Module
    g_optimizer: Optimizer
    d_optimizer: Optimizer
    loss: GanLoss
    sample_noise: Callable[[int], Tensor]
    tricks: Tricks = field(default_factory=Tricks)
    classes: int = 0
    step: int = 0
    device: Device = CPU

    def generate(self, labels: Tensor | None, count: int) -> Tensor:
        """Samples from fresh noise, with a graph behind them."""
        noise = self.sample_noise(count)
        return self.G(noise, labels) if self.classes else self.G(noise)

    def discriminate(self, samples: Tensor, labels: Tensor | None) -> Tensor:
        """The discriminator's outputs (N, 1) for samples."""
        samples = self.tricks.blurred(samples, self.step)
        return self.D(samples, labels) if self.classes else self.D(samples)

    def random_labels(self, count: int) -> Tensor | None:
        """Classes to generate, drawn evenly; None where there are none."""
        return mg.randint(self.classes, (count,), device=self.device) if self.classes else None


def alternate(players: Players, batches: Iterator[Batch]) -> Losses:
    """k discriminator steps on fresh batches, then a generator step with noise of its own."""
    for _ in range(players.loss.d_steps):
        real, labels = next(batches)
        losses = improve_discriminator(players, real, labels)
    losses["g_loss"] = improve_generator(players, len(real))
    return losses


def improve_discriminator(players: Players, real: Tensor, labels: Tensor | None) -> Losses:
    """One step of D: up on real samples, down on generated ones."""
    players.d_optimizer.zero_grad()
    logits_real = players.discriminate(real, labels)

    fake = players.generate(labels, len(real)).detach()  # D's loss must not reach G
    logits_fake = players.discriminate(fake, labels)

    d_loss = discriminator_loss(players, logits_real, logits_fake)
    if players.loss.penalty:
        penalty = gradient_penalty(lambda samples: players.discriminate(samples, labels), real, fake)
        d_loss = d_loss + players.loss.penalty * penalty
    if players.loss.drift:
        d_loss = d_loss + players.loss.drift * (logits_real * logits_real).mean()
    if players.loss.r1:
        d_loss = d_loss + players.loss.r1 * r1_penalty(lambda samples: players.discriminate(samples, labels), real)
    d_loss.backward()
    players.d_optimizer.step()
    clip_weights(players)
    return reported_losses(players, d_loss, logits_real, logits_fake)


def improve_generator(players: Players, count: int) -> Tensor:
    """One step of G, towards samples that D takes for real; D's weights get no gradients, since none are used."""
    players.g_optimizer.zero_grad()
    labels = players.random_labels(count)
    players.D.requires_grad_(False)
    logits_fake = players.discriminate(players.generate(labels, count), labels)
    g_loss = players.loss.generator(logits_fake)
    g_loss.backward()
    players.D.requires_grad_(True)
    players.g_optimizer.step()
    return g_loss.detach()


def simultaneous(players: Players, batches: Iterator[Batch]) -> Losses:
    """Both networks from one shared batch of generated samples: both gradients first, then both steps."""
    real, labels = next(batches)
    fake = players.generate(labels, len(real))
    logits_real, logits_fake = players.discriminate(real, labels), players.discriminate(fake, labels)
    g_loss = players.loss.generator(logits_fake)
    d_loss = discriminator_loss(players, logits_real, logits_fake)

    g_weights, d_weights = list(players.G.parameters()), list(players.D.parameters())
    g_gradients = mg.grad(g_loss, g_weights, retain_graph=True)
    d_gradients = mg.grad(d_loss, d_weights)
    for weight, gradient in zip([*g_weights, *d_weights], [*g_gradients, *d_gradients]):
        weight.grad = gradient
    ranks.average_gradients([*g_weights, *d_weights])
    players.g_optimizer.step()
    players.d_optimizer.step()
    return {**reported_losses(players, d_loss, logits_real, logits_fake), "g_loss": g_loss.detach()}


def discriminator_loss(players: Players, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """The loss with the targets that the tricks ask for."""
    tricks = players.tricks
    targets = tricks.targets(logits_real, real=True), tricks.targets(logits_fake, real=False)
    return players.loss.discriminator(logits_real, logits_fake, *targets)


def clip_weights(players: Players) -> None:
    """Keep each of D's weights in [-clip, clip], where the loss asks for it. (Arjovsky et al. 2017.)"""
    bound = players.loss.clip
    if bound is not None:
        with mg.no_grad():
            for weight in players.D.parameters():
                weight.copy_(weight.clamp(-bound, bound))


def reported_losses(players: Players, d_loss: Tensor, logits_real: Tensor, logits_fake: Tensor) -> Losses:
    """What is reported of a discriminator step: its loss and its mean opinion of real and of generated samples."""
    with mg.no_grad():
        d_real, d_fake = (players.loss.reported(logits.detach()).mean() for logits in (logits_real, logits_fake))
    return {"d_loss": d_loss.detach(), "d_real": d_real, "d_fake": d_fake}
