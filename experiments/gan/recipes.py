"""The networks by name, each with the settings it was published with.

A recipe says how to make both networks and what training uses unless the user says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Tensor
from minigrad.optim.optimizer import Optimizer
from nets import dcgan, mlp_gan, progressive_gan, stylegan

from ..common.cli import UserError
from .losses import LOSSES, NS_OF_PROBABILITIES, GanLoss
from .settings import GanSettings


@dataclass(frozen=True)
class Recipe:
    """What a network pair comes with. noise: "uniform" on (-1, 1) or "normal". grid_every: steps between pictures.

    makers: settings to (generator, discriminator). simultaneous: see `training.simultaneous`. whole_epochs: also train
    on the last batch of an epoch, which is not full. probabilities: the discriminator ends in a sigmoid.
    """

    makers: Callable[[GanSettings], tuple[nn.Module, nn.Module]]
    noise_dim: int
    noise: str
    lr: float
    betas: tuple[float, float]
    batch_size: int = 128
    grid_every: int = 250
    simultaneous: bool = False
    whole_epochs: bool = False
    probabilities: bool = False
    options: tuple[str, ...] = ()  # which of hidden, dropout, conditional the networks understand
    side: int | None = 28  # None: any power of two
    loss: str = "ns"
    ema: float = 0.0
    grow_steps: int = 0  # 0: does not grow


def _mlp(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    classes = settings.classes
    sizes = {"hidden": settings.hidden} if settings.hidden else {}
    generator = mlp_gan.Generator(settings.noise_dim, num_classes=classes, **sizes)
    return generator, mlp_gan.Discriminator(num_classes=classes, dropout=settings.dropout, **sizes)


def _mlp_deep(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    return mlp_gan.DeepGenerator(settings.noise_dim), mlp_gan.DeepDiscriminator(sigmoid=settings.loss == "ns")


def _lab(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    return dcgan.Generator(settings.noise_dim), dcgan.Discriminator(dropout=settings.dropout)


def _geron(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    return dcgan.GeronGenerator(settings.noise_dim), dcgan.GeronDiscriminator(sigmoid=settings.loss == "ns")


def _keras(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    return dcgan.KerasGenerator(settings.noise_dim), dcgan.KerasDiscriminator()


def _paper(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    shape = {"image_size": settings.image_size, "channels": settings.channels}
    generator = dcgan.PaperGenerator(settings.noise_dim, **shape)
    return generator, dcgan.PaperDiscriminator(**shape, batch_norm=not LOSSES[settings.loss].penalty)


def _progressive(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    shape = {"image_size": settings.image_size, "channels": settings.channels}
    return progressive_gan.Generator(settings.noise_dim, **shape), progressive_gan.Discriminator(**shape)


def _stylegan(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    shape = {"image_size": settings.image_size, "channels": settings.channels}
    return stylegan.Generator(settings.noise_dim, **shape), stylegan.Discriminator(**shape)


RECIPES = {
    "mlp": Recipe(_mlp, 96, "uniform", 1e-3, (0.5, 0.999), options=("hidden", "dropout", "conditional")),
    "mlp_deep": Recipe(_mlp_deep, 100, "normal", 2e-4, (0.9, 0.999), whole_epochs=True, probabilities=True),
    "dcgan_lab": Recipe(_lab, 96, "uniform", 1e-3, (0.5, 0.999), grid_every=150, options=("dropout",)),
    "dcgan_a": Recipe(_geron, 100, "normal", 2e-4, (0.5, 0.999), probabilities=True),
    "dcgan_b": Recipe(_keras, 100, "normal", 1e-4, (0.9, 0.999), batch_size=256, simultaneous=True),
    "dcgan": Recipe(_paper, 100, "normal", 2e-4, (0.5, 0.999), side=None),
    "progressive": Recipe(
        _progressive, 64, "normal", 1e-3, (0.0, 0.99), batch_size=32, grid_every=50, side=None,
        loss="wgan-gp-drift", ema=0.99, grow_steps=200,
    ),
    "stylegan": Recipe(
        _stylegan, 64, "normal", 1e-3, (0.0, 0.99), batch_size=32, grid_every=50, side=None,
        loss="ns-r1", ema=0.99, grow_steps=200,
    ),
}  # fmt: skip


def make_networks(settings: GanSettings) -> tuple[nn.Module, nn.Module]:
    """(generator, discriminator) that the settings describe, freshly started from the random generator."""
    generator, discriminator = RECIPES[settings.net].makers(settings)
    if settings.spectral_norm:
        discriminator.apply(_normalize_spectrally)
    return generator, discriminator


def _normalize_spectrally(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.utils.spectral_norm(module)


def make_loss(settings: GanSettings) -> GanLoss:
    """The loss that the settings describe, for the kind of output its discriminator has."""
    loss = LOSSES[settings.loss]
    if RECIPES[settings.net].probabilities and loss.name == "ns":
        loss = NS_OF_PROBABILITIES
    return dataclasses.replace(loss, d_steps=settings.d_steps)


def make_optimizer(settings: GanSettings, network: nn.Module, lr: float) -> Optimizer:
    """RMSprop for the clipped WGAN (Arjovsky et al. 2017, section 4.3), Adam for all others."""
    if LOSSES[settings.loss].clip:
        return optim.RMSprop(network.parameters(), lr=lr)
    return optim.Adam(network.parameters(), lr=lr, betas=settings.betas)


def usual_rate(net: str, loss: str) -> tuple[float, tuple[float, float]]:
    """(learning rate, Adam's betas): the loss's own where its paper gives them, else the network's."""
    recipe = RECIPES[net]
    return LOSSES[loss].rate or (recipe.lr, recipe.betas)


def noise_sampler(settings: GanSettings, device: Any) -> Callable[[int], Tensor]:
    """A function from N to noise (N, noise_dim), uniform on (-1, 1) or standard normal."""

    def sample(count: int) -> Tensor:
        if settings.noise == "uniform":
            return mg.rand(count, settings.noise_dim, device=device) * 2.0 - 1.0
        return mg.randn(count, settings.noise_dim, device=device)

    return sample


def check(settings: GanSettings) -> None:
    """Errors: UserError for settings that do not go together."""
    for name, known in (("net", RECIPES), ("loss", LOSSES)):
        if getattr(settings, name) not in known:
            raise UserError(f"{name} must be one of {', '.join(known)}, got {getattr(settings, name)[:60]!r}")
    net, loss = settings.net, LOSSES[settings.loss]
    recipe = RECIPES[net]
    if recipe.side not in (None, settings.image_size):
        raise UserError(f"image_size {settings.image_size}: the network {net} draws {recipe.side} pixels; use dcgan")
    if bool(settings.grow_steps) != bool(recipe.grow_steps):
        growing = " and ".join(name for name, other in RECIPES.items() if other.grow_steps)
        raise UserError(f"--grow-steps {settings.grow_steps}: {growing} grow and need some, other networks do not")
    if settings.spectral_norm and recipe.grow_steps:
        raise UserError(f"--spectral-norm: the network {net} scales its weights itself; use --net dcgan")
    for option, used in (
        ("hidden", settings.hidden),
        ("dropout", settings.dropout),
        ("conditional", settings.classes),
    ):
        if used and option not in recipe.options:
            able = ", ".join(name for name, other in RECIPES.items() if option in other.options)
            raise UserError(f"--{option}: the network {net} has no such option; use --net {able}")
    if recipe.simultaneous and (settings.d_steps > 1 or loss.penalty or loss.clip):
        raise UserError(f"--net {net} updates both networks at once, which --loss {loss.name} cannot; use ns or hinge")
    if not loss.uses_targets and settings.tricks.touches_targets():
        raise UserError(f"--loss {loss.name} has no labels to smooth, move or flip; leave those options out")
    if loss.name == "ns" and recipe.probabilities and settings.tricks.label_noise:
        raise UserError(f"--label-noise: the discriminator of {net} gives probabilities; use --flip-labels instead")
