"""Several runs side by side: for each sentence a real picture and what every run draws (Reed et al. 2016, figure 3)."""

from __future__ import annotations

import numpy as np
from PIL import Image

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.data import CaptionedDigits, TypesetDigits

from ..common.images import table, to_image
from .gan_cls import Settings
from .trained import Trained

SIDE = 128  # pixels of the file along each picture's side


def panel(runs: list[Trained], count: int, seed: int) -> Image.Image:
    """A row for each of `count` sentences, of pairs of a digit and a color that no run was shown in training.

    A column for the real pictures (typeset digits), then one a run, all drawn with noise from the same seed.
    """
    scenes = CaptionedDigits(TypesetDigits(2000, train=False), 64, "unseen", seed).draw(count)
    columns = [_shown(scenes.pictures)]
    for run in runs:
        mg.manual_seed(seed)
        columns.append(_shown(run.pictures(run.noise(count), run.encoded(scenes.captions))))
    return table(list(zip(*columns)), columns=["real", *map(_label, runs)], names=scenes.captions)


def _label(run: Trained) -> str:
    return run.settings.variant if isinstance(run.settings, Settings) else "StackGAN"


def _shown(pictures: Tensor) -> list[Image.Image]:
    images = [to_image(np.clip(picture * 0.5 + 0.5, 0, 1)) for picture in pictures.numpy()]
    return [image.resize((SIDE, SIDE), Image.Resampling.NEAREST) for image in images]
