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
from nets import dcgan, mlp_gan

from ..common.cli import UserError
from .losses import LOSSES, NS_OF_PROBABILITIES, GanLoss
from .tricks import Tricks

Config = dict[str, Any]  # the settings of a run that its checkpoint keeps; see `train_gan.configuration`


@dataclass(frozen=True)
class Recipe:
    """What a network pair comes with. noise: "uniform" on (-1, 1) or "normal". grid_every: steps between pictures.

    makers: config to (generator, discriminator). simultaneous: see `training.simultaneous`. whole_epochs: also train
    on the last batch of an epoch, which is not full. probabilities: the discriminator ends in a sigmoid.
    """

    makers: Callable[[Config], tuple[nn.Module, nn.Module]]
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


def _mlp(config: Config) -> tuple[nn.Module, nn.Module]:
    classes = config["classes"]
    sizes = {"hidden": tuple(config["hidden"])} if config["hidden"] else {}
    generator = mlp_gan.Generator(config["noise_dim"], num_classes=classes, **sizes)
    return generator, mlp_gan.Discriminator(num_classes=classes, dropout=config["dropout"], **sizes)


def _mlp_deep(config: Config) -> tuple[nn.Module, nn.Module]:
    return mlp_gan.DeepGenerator(config["noise_dim"]), mlp_gan.DeepDiscriminator(sigmoid=config["loss"] == "ns")


def _lab(config: Config) -> tuple[nn.Module, nn.Module]:
    return dcgan.Generator(config["noise_dim"]), dcgan.Discriminator(dropout=config["dropout"])


def _geron(config: Config) -> tuple[nn.Module, nn.Module]:
    return dcgan.GeronGenerator(config["noise_dim"]), dcgan.GeronDiscriminator(sigmoid=config["loss"] == "ns")


def _keras(config: Config) -> tuple[nn.Module, nn.Module]:
    return dcgan.KerasGenerator(config["noise_dim"]), dcgan.KerasDiscriminator()


def _paper(config: Config) -> tuple[nn.Module, nn.Module]:
    shape = {"image_size": config["image_size"], "channels": config["channels"]}
    generator = dcgan.PaperGenerator(config["noise_dim"], **shape)
    return generator, dcgan.PaperDiscriminator(**shape, batch_norm=config["loss"] != "wgan-gp")


RECIPES = {
    "mlp": Recipe(_mlp, 96, "uniform", 1e-3, (0.5, 0.999), options=("hidden", "dropout", "conditional")),
    "mlp_deep": Recipe(_mlp_deep, 100, "normal", 2e-4, (0.9, 0.999), whole_epochs=True, probabilities=True),
    "dcgan_lab": Recipe(_lab, 96, "uniform", 1e-3, (0.5, 0.999), grid_every=150, options=("dropout",)),
    "dcgan_a": Recipe(_geron, 100, "normal", 2e-4, (0.5, 0.999), probabilities=True),
    "dcgan_b": Recipe(_keras, 100, "normal", 1e-4, (0.9, 0.999), batch_size=256, simultaneous=True),
    "dcgan": Recipe(_paper, 100, "normal", 2e-4, (0.5, 0.999), side=None),
}


def make_networks(config: Config) -> tuple[nn.Module, nn.Module]:
    """(generator, discriminator) of a configuration, freshly started from the random generator."""
    generator, discriminator = RECIPES[config["net"]].makers(config)
    if config["spectral_norm"]:
        discriminator.apply(_normalize_spectrally)
    return generator, discriminator


def _normalize_spectrally(module: nn.Module) -> None:
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.utils.spectral_norm(module)


def make_loss(config: Config) -> GanLoss:
    """The loss of a configuration, for the kind of output its discriminator has."""
    loss = LOSSES[config["loss"]]
    if RECIPES[config["net"]].probabilities and loss.name == "ns":
        loss = NS_OF_PROBABILITIES
    return dataclasses.replace(loss, d_steps=config["d_steps"])


def make_optimizer(config: Config, network: nn.Module, lr: float) -> Optimizer:
    """RMSprop for the clipped WGAN (Arjovsky et al. 2017, section 4.3), Adam for all others."""
    if config["loss"] == "wgan":
        return optim.RMSprop(network.parameters(), lr=lr)
    return optim.Adam(network.parameters(), lr=lr, betas=tuple(config["betas"]))


def usual_rate(net: str, loss: str) -> tuple[float, tuple[float, float]]:
    """(learning rate, Adam's betas): the loss's own where its paper gives them, else the network's."""
    papers = {"wgan": (5e-5, (0.9, 0.999)), "wgan-gp": (1e-4, (0.5, 0.9))}
    recipe = RECIPES[net]
    return papers.get(loss, (recipe.lr, recipe.betas))


def noise_sampler(config: Config, device: Any) -> Callable[[int], Tensor]:
    """A function from N to noise (N, noise_dim), uniform on (-1, 1) or standard normal."""

    def sample(count: int) -> Tensor:
        if config["noise"] == "uniform":
            return mg.rand(count, config["noise_dim"], device=device) * 2.0 - 1.0
        return mg.randn(count, config["noise_dim"], device=device)

    return sample


def check(config: Config) -> None:
    """Errors: UserError for settings that do not go together."""
    net, loss = config["net"], LOSSES[config["loss"]]
    recipe = RECIPES[net]
    for option, used in (
        ("hidden", config["hidden"]),
        ("dropout", config["dropout"]),
        ("conditional", config["classes"]),
    ):
        if used and option not in recipe.options:
            able = ", ".join(name for name, other in RECIPES.items() if option in other.options)
            raise UserError(f"--{option}: the network {net} has no such option; use --net {able}")
    if recipe.simultaneous and (config["d_steps"] > 1 or loss.penalty or loss.clip):
        raise UserError(f"--net {net} updates both networks at once, which --loss {loss.name} cannot; use ns or hinge")
    if not loss.uses_targets and Tricks(**config["tricks"]).touches_targets():
        raise UserError(f"--loss {loss.name} has no labels to smooth, move or flip; leave those options out")
    if loss.uses_targets and loss.name != "lsgan" and recipe.probabilities and config["tricks"]["label_noise"]:
        raise UserError(f"--label-noise: the discriminator of {net} gives probabilities; use --flip-labels instead")
