"""Feature maps of a generator that draw one thing, and pictures drawn without them (Radford, Metz and Chintala 2016,
section 6.3.1 and figure 6: a generator of bedrooms forgets to draw windows).

The generator draws pictures. At each place of its feature maps before one of the last convolutions lie C numbers; where
the pictures have a stroke inside a box, they are positive examples, elsewhere in the same pictures negative ones.
Logistic regression learns to tell them apart. The feature maps with the largest positive weights are those that draw
the stroke there: the generator is run again with these maps set to zero at every place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor, nn
from minigrad.nn import functional as F

STROKE = 0.5  # brightness from which a place counts as drawn on
HELD_OUT = 5  # of so many examples, one is not learned from


@dataclass(frozen=True)
class Box:
    """Pixels of a picture: x, y of its upper left corner, width and height."""

    x: int
    y: int
    width: int
    height: int

    def mask(self, side: int) -> np.ndarray:
        """(side, side), True inside."""
        inside = np.zeros((side, side), bool)
        inside[self.y : self.y + self.height, self.x : self.x + self.width] = True
        return inside


def convolution(generator: nn.Module, depth: int) -> nn.Module:
    """The convolution whose inputs are looked at: 1 is the last one, 2 the one before it.

    Errors: ValueError for a generator with fewer convolutions.
    """
    found = [m for m in generator.modules() if isinstance(m, (nn.ConvTranspose2d, nn.Conv2d))]
    if len(found) < depth:
        raise ValueError(
            f"forget: this generator has {len(found)} convolutions, so --depth {depth} has no feature maps"
        )
    return found[-depth]


@contextmanager
def feature_maps(layer: nn.Module, dropped: Sequence[int] = ()) -> Iterator[list[Tensor]]:
    """Inside, what goes into the layer, (N, C, h, w), is noted; the maps `dropped` are set to zero first."""
    seen: list[Tensor] = []

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        keep = np.ones((1, inputs[0].shape[1], 1, 1), np.float32)
        keep[:, list(dropped)] = 0
        seen.append(inputs[0] * mg.tensor(keep, device=inputs[0].device))
        return (seen[-1], *inputs[1:])

    handle = layer.register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def examples(features: np.ndarray, pictures: np.ndarray, box: Box, border: int) -> tuple[np.ndarray, np.ndarray]:
    """(x, y): the C numbers of places, (M, C), and whether a stroke is drawn there inside the box, (M,).

    features: (N, C, h, w). pictures: (N, channels, S, S) in [0, 1]; border: pixels that were cut off their sides.
    As many places outside of the box, drawn at random, as there are positive ones.
    """
    side = features.shape[2]
    padding = ((0, 0), (border, border), (border, border))
    scale = (pictures.shape[2] + 2 * border) // side
    mask = np.pad(box.mask(pictures.shape[2]).astype(np.float64)[None], padding)
    covered = _averaged(mask, scale)
    drawn = _averaged(np.pad(pictures.mean(1), padding) * mask, scale) / np.maximum(covered, 1e-9)  # within the box
    inside = covered[0] >= min(0.5, covered.max())
    brightness = np.where(inside, drawn, 0.0)
    positive = np.argwhere((brightness > STROKE) & inside)
    elsewhere = np.argwhere(np.broadcast_to(~inside, brightness.shape))
    random = mg.random.generator()
    negative = elsewhere[random.choice(len(elsewhere), min(len(positive), len(elsewhere)), replace=False)]
    places = np.concatenate([positive, negative])
    order = random.permutation(len(places))
    x = features[places[:, 0], :, places[:, 1], places[:, 2]]
    y = np.arange(len(places)) < len(positive)
    return x[order], y[order]


def _averaged(pictures: np.ndarray, scale: int) -> np.ndarray:
    """(N, S, S) to (N, S / scale, S / scale), by averages."""
    count, side = pictures.shape[0], pictures.shape[1] // scale
    return pictures.reshape(count, side, scale, side, scale).mean((2, 4))


@dataclass(frozen=True)
class Regression:
    """Logistic regression: the weight of each feature, in units of its standard deviation, and how often it is right
    on examples that it did not learn from."""

    weights: np.ndarray
    accuracy: float


def logistic_regression(x: np.ndarray, y: np.ndarray, steps: int = 300, penalty: float = 1e-3) -> Regression:
    """Minimize the mean of log(1 + e^-s) over positive and log(1 + e^s) over negative examples, s = w x + b, plus
    penalty |w|^2, by Adam. x: (M, C); y: (M,) bool. Errors: ValueError for fewer than 20 examples."""
    if len(y) < 20:
        raise ValueError(f"forget: only {len(y)} examples of a stroke in the box; choose another --box")
    deviation = x.std(0)
    scaled = ((x - x.mean(0)) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)
    held = len(y) // HELD_OUT
    inputs, labels = mg.tensor(scaled[held:]), mg.tensor(y[held:].astype(np.float32))
    weight = mg.zeros(x.shape[1], requires_grad=True)
    bias = mg.zeros((), requires_grad=True)
    optimizer = mg.optim.Adam([weight, bias], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        scores = inputs @ weight + bias
        loss = F.binary_cross_entropy_with_logits(scores, labels) + penalty * (weight * weight).sum()
        loss.backward()
        optimizer.step()
    weights = weight.detach().numpy()
    right = (scaled[:held] @ weights + float(bias.detach()) > 0) == y[:held]
    return Regression(weights, float(right.mean()))


def brightness(pictures: np.ndarray, box: Box) -> tuple[float, float]:
    """The mean brightness of pictures (N, C, S, S) inside the box, and outside of it."""
    gray, inside = pictures.mean(1), box.mask(pictures.shape[2])
    return float(gray[:, inside].mean()), float(gray[:, ~inside].mean())
