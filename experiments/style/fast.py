"""Fast style transfer as a game: a network learns to paint any picture in one style, in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor, optim
from minigrad.data import DataLoader
from minigrad.devices import Device
from nets.transform_net import TransformNet
from nets.vgg import VGG16, VGG19

from ..common.images import Picture, table, to_array
from ..common.run_page import About, Plot
from ..common.run_parts import Part
from ..common.training_run import Game
from .perceptual import PerceptualLoss, Weights
from .photographs import RandomCrops

ABOUT = About(
    "Fast style transfer",
    "Photographs that it was not trained on, in one pass.",
    "The network is trained to make of every photograph what the optimization of style transfer would make of it: the "
    "features of the photograph in a deep layer, the style's correlations between features in several.",
    (Plot("losses", {"content": "content", "style": "style"}, "weighted loss", "the two terms"),),
)


@dataclass(frozen=True)
class FastStyleSettings:
    """style: the painting's file name. size: of the crops; style_size: the painting's longer side, in pixels."""

    style: str
    weights: Weights
    size: int = 256
    style_size: int = 256
    batch_size: int = 4
    lr: float = 1e-3
    seed: int = 0


class FastStyle(Game):
    """A transformation network and the loss it learns from. (Johnson, Alahi and Fei-Fei 2016.)"""

    name, columns, about = "fast_style", ("loss", "content", "style", "tv", "pixel"), ABOUT
    commands = ("experiments.fast_style apply {run} photo.jpg -o painted.png",)
    sources = ("experiments/style/fast.py", "experiments/style/perceptual.py", "nets/transform_net.py")

    def __init__(
        self, settings: FastStyleSettings, crops: RandomCrops, shown: Sequence[np.ndarray], style: np.ndarray,
        loss_network: VGG16 | VGG19, device: Device,
    ) -> None:  # fmt: skip
        """crops: what it learns from. shown, style: pictures (1, 3, H, W) in [0, 1]; loss_network: on the device."""
        self.settings, self.device, self.shown = settings, device, shown
        self.net = TransformNet().to(device=device)
        self.loss = PerceptualLoss(loss_network, mg.tensor(style, device=device), settings.weights)
        self.optimizer = optim.Adam(self.net.parameters(), lr=settings.lr)
        self.loader = DataLoader(crops, settings.batch_size, shuffle=True, drop_last=True)
        self.parts: Mapping[str, Part] = {"net": self.net, "optimizer": self.optimizer, "data": self.loader}

    def batches(self) -> Iterator[Tensor]:
        """Photographs (N, 3, size, size) in [0, 1]."""
        for pictures in self.loader.forever():
            yield pictures.to(self.device)

    def step(self, batches: Iterator[Tensor], number: int) -> Mapping[str, Tensor]:
        """One step on one batch."""
        photographs = next(batches)
        wanted = self.loss.content_features(photographs)
        terms = self.loss.terms(self.net(photographs), photographs, wanted)
        loss: Any = sum(terms.values())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def draw(self) -> Picture:
        """Photographs above what becomes of them."""
        made = [np.clip(self.net(mg.tensor(each, device=self.device)).cpu().numpy(), 0, 1) for each in self.shown]
        return to_array(table([list(self.shown), made]))

    def metrics(self) -> Mapping[str, Any]:
        """The mean loss on the photographs that are shown, which it did not learn from."""
        losses = []
        for picture in self.shown:
            content = mg.tensor(picture, device=self.device)
            with mg.no_grad():
                terms = self.loss.terms(self.net(content), content, self.loss.content_features(content))
            losses.append(sum(float(term) for term in terms.values()))
        return {"held_out_photographs": len(losses), "held_out_loss": float(np.mean(losses))}
