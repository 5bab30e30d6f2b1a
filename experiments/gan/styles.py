"""What a trained StyleGAN shows of its styles: mixing and truncation (Karras et al. 2019, section 3.1, appendix B)."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

import minigrad as mg
from minigrad.autograd import Tensor

from ..common.images import table, to_image
from .checkpoints import Trained, as_pictures

PSIS = (1.0, 0.7, 0.4, 0.0, -0.4, -1.0)
SHOWN = 72  # pixels a side of each picture


def has_styles(trained: Trained) -> bool:
    """Whether the run is a StyleGAN's."""
    return trained.settings.net == "stylegan"


class Styles:
    """The w of a trained StyleGAN and the pictures they make, at the level that it has grown to."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.G: Any = trained.generator
        self.crossover = self.G.styles // 2  # up to here styles are coarse; at 32 pixels, those of 4 and 8 pixels

    def w(self, noise: Tensor) -> Tensor:
        """Noise (N, noise_dim) to w (N, w_dim)."""
        with mg.no_grad():
            return self.G.mapping(noise)

    def mixed(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Pictures (N, C, H, W) in [0, 1] with one w (N, w_dim) for the coarse layers and another for the fine ones."""
        with mg.no_grad():
            ws = [coarse] * self.crossover + [fine] * (self.G.styles - self.crossover)
            return as_pictures(self.G.draw(ws), self.trained.settings)

    def mixing_grid(self, rows: Tensor, columns: Tensor) -> Image.Image:
        """The sources' own pictures at the left and the top; between them, coarse styles of the row, fine ones of the
        column. rows, columns: noise."""
        coarse, fine = self.w(rows), self.w(columns)
        lines = [[_blank(), *_shown(self.mixed(fine, fine))]]
        for i, own in enumerate(_shown(self.mixed(coarse, coarse))):
            lines.append([own, *_shown(self.mixed(coarse[i : i + 1].expand(*fine.shape), fine))])
        return table(lines, names=["fine styles of", *["coarse styles of"] * len(rows)], gap=4)

    def truncation_strip(self, noise: Tensor) -> Image.Image:
        """For each noise a row: its picture for psi from 1 (as trained) over 0 (the mean w) to -1 (the opposite)."""
        w = self.w(noise)
        drawn = [_shown(self.mixed(moved, moved)) for moved in (self.G.truncated(w, psi) for psi in PSIS)]
        return table(list(zip(*drawn)), columns=[f"psi {psi:g}" for psi in PSIS], gap=4)

    def mixtures(self, count: int) -> tuple[Tensor, Tensor]:
        """(pictures of `count` noises, the same with the fine styles of others), for a classifier to compare."""
        own, other = self.w(self.trained.noise(count)), self.w(self.trained.noise(count))
        return self.mixed(own, own), self.mixed(own, other)


def _shown(pictures: Tensor) -> list[Image.Image]:
    images = [to_image(np.clip(picture, 0, 1)) for picture in pictures.numpy()]
    return [image.resize((SHOWN, SHOWN), Image.Resampling.NEAREST) for image in images]


def _blank() -> Image.Image:
    return Image.new("RGB", (SHOWN, SHOWN), "white")
