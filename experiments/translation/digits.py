"""Built-in tasks: pictures made of digits, so that every game runs without a download.

All functions take digits (N, 28, 28) uint8, white on black, and give pictures (N, C, 32, 32) uint8.
"""

from __future__ import annotations

import numpy as np

from minigrad.data.synthetic_digits import sample_bilinear

SIZE = 32  # pixels: a digit of 28 with a border


def framed(digits: np.ndarray) -> np.ndarray:
    """White on black, (N, 1, 32, 32)."""
    border = (SIZE - digits.shape[1]) // 2
    return np.pad(digits, ((0, 0), (border, border), (border, border)))[:, None]


def in_three_channels(digits: np.ndarray) -> np.ndarray:
    """White on black as a color picture, (N, 3, 32, 32)."""
    return np.repeat(framed(digits), 3, axis=1)


def outlines(digits: np.ndarray) -> np.ndarray:
    """The digits' edges: pixels of ink that touch a pixel without, (N, 1, 32, 32), white on black."""
    ink = framed(digits)[:, 0] > 127
    inner = ink.copy()
    for axis in (1, 2):
        for step in (1, -1):
            inner &= np.roll(ink, step, axis)
    return ((ink & ~inner) * np.uint8(255))[:, None]


def on_texture(digits: np.ndarray) -> np.ndarray:
    """Warm digits on a woven blue ground, (N, 3, 32, 32). The ground is always the same: a picture of a digit can be
    changed into this and back without a loss, and no picture needs to carry more than its digit."""
    y, x = np.mgrid[:SIZE, :SIZE]
    weave = 0.5 + 0.25 * np.sin(2 * np.pi * (x + y) / 8) + 0.25 * np.sin(2 * np.pi * (x - y) / 8)
    ground = np.array([0.05, 0.25, 0.55])[:, None, None] + weave * np.array([0.1, 0.25, 0.3])[:, None, None]
    warmth = y / (SIZE - 1)
    ink = np.stack([np.ones_like(warmth), 0.9 - 0.5 * warmth, 0.2 * np.ones_like(warmth)])
    return _blended(framed(digits), ground, ink)


def colored(digits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each digit in its own color on a dark ground of the opposite one, (N, 3, 32, 32): what `colorize` learns."""
    hues = np.stack([0.5 + 0.5 * np.cos(2 * np.pi * (labels / 10 + shift)) for shift in (0, 1 / 3, 2 / 3)], 1)
    hues = hues[:, :, None, None]
    return _blended(framed(digits), 0.3 * (1 - hues), 0.4 + 0.6 * hues)


def grays(pictures: np.ndarray) -> np.ndarray:
    """The brightness of color pictures (N, 3, H, W) uint8: (N, 1, H, W)."""
    weights = np.array([0.299, 0.587, 0.114])
    return np.rint(np.einsum("c,nchw->nhw", weights, pictures)).astype(np.uint8)[:, None]


def worn(digits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Scenes in which a digit is worn: turned by up to 30 degrees, shrunk, moved, colored, on a cluttered ground."""
    count = len(digits)
    angle, zoom = np.deg2rad(random.uniform(-30, 30, count)), random.uniform(1.1, 1.4, count)
    down, right = random.uniform(-4, 4, (2, count, 1, 1))
    along = np.arange(SIZE) - (SIZE - 1) / 2
    y, x = along[:, None] - down, along[None, :] - right
    cos, sin = (np.cos(angle) * zoom)[:, None, None], (np.sin(angle) * zoom)[:, None, None]
    mask = sample_bilinear(digits.astype(np.float32), cos * y - sin * x, sin * y + cos * x)[:, None]
    ground = random.uniform(0, 0.5, (count, 3, 1, 1)) * np.ones((1, 1, SIZE, SIZE))
    for _ in range(4):
        _clutter(ground, random)
    ground += random.normal(0, 0.03, ground.shape)
    return _blended(mask, ground, random.uniform(0.65, 1.0, (count, 3, 1, 1)))


def _clutter(ground: np.ndarray, random: np.random.Generator) -> None:
    """Lay a rectangle of a dim color over each picture."""
    count = len(ground)
    center, half = random.uniform(0, SIZE, (2, count, 1, 1)), random.uniform(2, 8, (2, count, 1, 1))
    y, x = np.arange(SIZE)[:, None], np.arange(SIZE)[None, :]
    inside = ((np.abs(y - center[0]) < half[0]) & (np.abs(x - center[1]) < half[1]))[:, None]
    np.copyto(ground, random.uniform(0, 0.55, (count, 3, 1, 1)), where=inside)


def _blended(mask: np.ndarray, ground: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """ink where the mask (0 to 255) is white, ground where it is black; both in [0, 1]."""
    share = mask.astype(np.float32) / 255
    return np.rint(np.clip(share * ink + (1 - share) * ground, 0, 1) * 255).astype(np.uint8)
