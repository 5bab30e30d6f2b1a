"""Does a picture show what its sentence says? A classifier that reads the facts, and what it finds of a generator.

The classifier learns digit, color and ground from captioned digits of all pairs, real ones only; it is kept in the
user's cache. Its accuracy on real held-out pictures is reported with every figure, since it bounds what can be found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.autograd import Tensor
from minigrad.data.captioned_digits import FACTS, CaptionedDigits
from minigrad.devices import Device
from minigrad.hub import classifiers_folder
from minigrad.nn import functional as F
from minigrad.random import get_rng_state, set_rng_state
from nets.classifier import SceneClassifier

from ..common.progress import progress_bar, show

READ = ("digit", "color", "ground")
STEPS, BATCH, SEED = 1200, 64, 2026


class FactReader:
    """Reads the facts of pictures of captioned digits."""

    def __init__(self, network: SceneClassifier, device: Device) -> None:
        self.network, self.device = network.to(device=device).eval().requires_grad_(False), device

    def read(self, pictures: Tensor) -> dict[str, np.ndarray]:
        """For each fact in `READ` an array (N,) of numbers. pictures: (N, 3, size, size) in [-1, 1]."""
        with mg.no_grad():
            scores = self.network(pictures.to(self.device))
        return {name: values.argmax(1).cpu().numpy() for name, values in zip(READ, scores)}

    def accuracy(self, pictures: Tensor, facts: dict[str, np.ndarray]) -> dict[str, float]:
        """The share of pictures that show each fact."""
        found = self.read(pictures)
        return {name: float((found[name] == facts[name]).mean()) for name in READ}


def train_reader(strokes: Any, size: int, device: Device, steps: int = STEPS) -> FactReader:
    """A reader trained on real scenes, Adam 2e-3, the learning rate falling to 0 along a cosine."""
    data = CaptionedDigits(strokes, size, pairs="all", seed=SEED)
    network = SceneClassifier([len(FACTS[name]) for name in READ], size).to(device=device)
    adam = optim.Adam(network.parameters(), lr=2e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    with progress_bar(steps, "a classifier of captioned digits") as bar:
        for step in range(steps):
            scenes = data.draw(BATCH)
            scores = network(scenes.pictures.to(device))
            targets = [mg.tensor(scenes.facts[name], device=device) for name in READ]
            loss: Any = sum(F.cross_entropy(found, target) for found, target in zip(scores, targets))
            adam.zero_grad()
            loss.backward()
            adam.step()
            schedule.step()
            bar.update()
            if step % 20 == 0:
                show(bar, loss=loss.item())
    return FactReader(network, device)


def kept_reader(strokes: Any, kind: str, size: int, device: Device) -> FactReader:
    """The reader for these strokes from the cache; trained and kept there first if it is missing."""
    path = classifiers_folder() / f"captioned-{kind}-{size}.npz"
    network = SceneClassifier([len(FACTS[name]) for name in READ], size)
    if path.is_file():
        network.load_state_dict(mg.load(path))
        return FactReader(network, device)
    before = get_rng_state()
    mg.manual_seed(SEED)
    reader = train_reader(strokes, size, device)
    set_rng_state(before)
    path.parent.mkdir(parents=True, exist_ok=True)
    mg.save(reader.network.state_dict(), path)
    return reader


def measured(
    reader: FactReader, test: Any, size: int, draw: Callable[[list[str]], Tensor], count: int = 512
) -> dict[str, float]:
    """How often drawn pictures show the digit and the color of their sentence, on seen and on unseen pairs.

    test: strokes that were not trained on. draw: sentences to pictures. The reader's own accuracy on real pictures
    comes with it, as "real".
    """
    found = {}
    for pairs in ("seen", "unseen"):
        scenes = CaptionedDigits(test, size, pairs, seed=SEED + 1).draw(count)
        for source, pictures in (("drawn", draw(scenes.captions)), ("real", scenes.pictures)):
            for name, share in reader.accuracy(pictures, scenes.facts).items():
                found[f"{name}, {pairs} pairs, {source}"] = share
    return found


def ranking(discriminator: nn.Module, pictures: Tensor, text: Tensor) -> float:
    """How often D prefers a real picture's own sentence (N, 128) to the next picture's."""
    features = discriminator.features(pictures)
    right = discriminator.match(features, text)
    wrong = discriminator.match(features, mg.cat([text[1:], text[:1]], 0))
    return float((right > wrong).cpu().numpy().mean())
