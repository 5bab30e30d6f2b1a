"""Two-dimensional data for GANs one can see through: a ring and a grid of small normal distributions, and a spiral.

`modes` says how many of the distributions a generator has found, which in images can only be guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad import from_numpy
from minigrad.devices import Device
from minigrad.random import generator

from .training import Batch


@dataclass(frozen=True)
class Points:
    """A distribution in the plane: a center (or a place on the spiral) drawn evenly, plus normal noise.

    centers: (M, 2). sigma: the noise. spacing: the distance between neighboring centers; None for a curve.
    """

    centers: np.ndarray
    sigma: float
    spacing: float | None

    def sample(self, count: int) -> np.ndarray:
        """Points (count, 2) float32, drawn from the engine's generator."""
        chosen = self.centers[generator().integers(len(self.centers), size=count)]
        return (chosen + self.sigma * generator().standard_normal((count, 2))).astype(np.float32)

    def batches(self, count: int, device: Device) -> Iterator[Batch]:
        """Fresh batches without end; there are no classes."""
        while True:
            yield from_numpy(self.sample(count)).to(device), None

    def report(self, made: np.ndarray) -> dict[str, Any]:
        """How well generated points (N, 2) fit.

        For separate centers: how many have at least a tenth of their share within a quarter of the spacing, and the
        share of all points that lie so close to one. For a curve: the mean distance to it, and how much of it has a
        point within 5 sigma.
        """
        distances = np.linalg.norm(made[:, None] - self.centers[None], axis=2)
        if self.spacing is None:
            reached = (distances.min(0) <= 5 * self.sigma).mean()
            return {"mean distance": float(distances.min(1).mean()), "curve covered": float(reached)}
        close = distances.min(1) <= self.spacing / 4
        found = np.bincount(distances.argmin(1)[close], minlength=len(self.centers))
        return {
            "modes": int((found >= 0.1 * len(made) / len(self.centers)).sum()),
            "of": len(self.centers),
            "close": float(close.mean()),
        }


def ring(count: int = 8, radius: float = 2.0, sigma: float = 0.02) -> Points:
    """`count` normal distributions evenly on a circle."""
    angles = 2 * np.pi * np.arange(count) / count
    centers = radius * np.stack([np.cos(angles), np.sin(angles)], 1)
    return Points(centers, sigma, float(2 * radius * np.sin(np.pi / count)))


def lattice(side: int = 5, spacing: float = 1.0, sigma: float = 0.025) -> Points:
    """side x side normal distributions on a square grid around 0."""
    places = (np.arange(side) - (side - 1) / 2) * spacing
    return Points(np.stack(np.meshgrid(places, places), -1).reshape(-1, 2), sigma, spacing)


def spiral(turns: float = 2.0, radius: float = 2.0, sigma: float = 0.05) -> Points:
    """A spiral from the middle outwards, evenly dense along its length."""
    along = np.sqrt(np.linspace(0.02, 1, 400))
    angles = 2 * np.pi * turns * along
    return Points(radius * along[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1), sigma, None)


POINTS = {"ring": ring, "grid": lattice, "spiral": spiral}
