"""The list of games, each with the settings that go well with digits and with photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad import nn
from minigrad.devices import Device

from ..common.cli import UserError
from ..common.run_parts import load_part
from ..common.trained import read_trained
from .cycle import CycleGAN, DiscoGAN
from .pix2pix import Pix2Pix
from .settings import CycleSettings, Pix2PixSettings, Settings, TransferSettings
from .transfer import DomainTransfer


@dataclass(frozen=True)
class Recipe:
    """A game with its settings. paired: what its data must be. task: the built-in one. digits, photographs: what is
    usual for pictures of 32 pixels, whose small networks learn well at higher rates than the papers', and for larger
    ones. steps: training steps for a good result on digits."""

    game: Any
    settings: type[Settings]
    paired: bool
    task: str
    steps: int
    digits: dict[str, Any]
    photographs: dict[str, Any]


GAMES = {
    "pix2pix": Recipe(
        Pix2Pix, Pix2PixSettings, True, "digit_edges", 1500,
        {"batch_size": 16, "width": 16, "halvings": 4, "layers": 1},
        {"batch_size": 1, "width": 64, "layers": 3},
    ),
    "cyclegan": Recipe(
        CycleGAN, CycleSettings, False, "digits", 500,
        {"batch_size": 8, "width": 12, "blocks": 2, "layers": 1, "lr": 5e-4},
        {"batch_size": 1, "width": 64, "blocks": 9, "layers": 3},
    ),
    "discogan": Recipe(
        DiscoGAN, CycleSettings, False, "digits", 800,
        {"batch_size": 16, "width": 16, "lr": 1e-3},
        {"batch_size": 64, "width": 64},
    ),
    "domain_transfer": Recipe(
        DomainTransfer, TransferSettings, True, "worn_digits", 3000,
        {"batch_size": 32, "width": 16, "lr": 1e-3},
        {"batch_size": 64, "width": 128},
    ),
}  # fmt: skip
DISCOGAN = {"lambda_cycle": 1.0, "lambda_identity": 0.0, "lambda_gan": 0.1, "lambda_features": 0.9, "pool": 0}
DISCOGAN |= {"d_interval": 2, "weight_decay": 1e-5}  # the authors' weights after their first 10,000 steps


def usual_settings(name: str, size: int, digits: bool) -> dict[str, Any]:
    """What the settings of a game are unless the user says otherwise, for pictures of this size."""
    recipe = GAMES[name]
    usual = dict(recipe.digits if digits else recipe.photographs)
    if name == "discogan":
        usual |= DISCOGAN
    if digits:
        return usual
    if name == "pix2pix":
        usual |= {"halvings": halvings_for(size), "layers": layers_for(size)}
    if name == "cyclegan":
        usual |= {"blocks": 9 if size > 128 else 6, "layers": layers_for(size)}
    return usual


def halvings_for(size: int) -> int:
    """How often the U-Net halves: as often as it goes, and at most the paper's 8 times.

    Errors: UserError for a size that cannot be halved at least three times.
    """
    halvings = min(8, (size & -size).bit_length() - 1)
    if halvings < 3:
        raise UserError(f"--size {size}: the U-Net halves pictures 3 times or more; use a multiple of 8")
    return halvings


def layers_for(size: int) -> int:
    """The PatchGAN's layers: patches of 70 pixels for pictures from 128 on, of 34 for smaller ones, of 16 below 64."""
    return 3 if size >= 128 else 2 if size >= 64 else 1


# -------------------------------------------------------------------------------- trained networks


@dataclass(frozen=True)
class Translator:
    """A trained generator. name: of its game; network: in evaluation mode; pictures have in_channels channels."""

    name: str
    settings: Settings
    network: nn.Module
    in_channels: int

    @property
    def cell(self) -> int | None:
        """Sides must be multiples of this; None where the network only takes squares of its own size."""
        if isinstance(self.settings, Pix2PixSettings):
            return 2**self.settings.halvings
        return 4 if self.name == "cyclegan" else None


def load_translator(path: Path, direction: str | None, device: Device) -> Translator:
    """The generator of a run's folder or of a checkpoint. direction: "AtoB", "BtoA", or None for the run's own.

    Errors: UserError for a checkpoint of something else, and for a direction that was not trained.
    """
    checkpoint = read_trained(path, device)
    file = checkpoint.path
    if checkpoint.game not in GAMES:
        raise UserError(f"{file}: a checkpoint of {checkpoint.game}; a run of {', '.join(GAMES)} is needed")
    recipe = GAMES[checkpoint.game]
    settings = checkpoint.settings_as(recipe.settings)
    translators = recipe.game.translators(settings)
    wanted = direction or settings.direction
    if wanted not in translators:
        raise UserError(f"--direction {wanted}: {file} was trained for {', '.join(translators)} only")
    part, network = translators[wanted]
    network = network.to(device=device)
    try:
        load_part(network, checkpoint.parts.get(part), f"parts.{part}")
    except ValueError as error:
        raise UserError(f"{file}: {error}") from error
    swapped = len(translators) > 1 and wanted == "BtoA"
    own = settings.b_channels if swapped else settings.a_channels
    return Translator(checkpoint.game, settings, network.eval().requires_grad_(False), own)
