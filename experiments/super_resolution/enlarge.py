"""Enlarging pictures of any size with a trained network, in tiles that fit the memory and show no seams.

A tile is computed together with the margin that its pixels depend on (`SRResNet.reach`), of which the result is cut
off; so every pixel of the result is what the network would make of the whole picture at once.
"""

from __future__ import annotations

import numpy as np

import minigrad as mg
from minigrad.devices import CPU, Device
from nets.srresnet import SCALE, SRResNet

TILE = 128  # pixels of the small picture along a tile's side, without the margin


def enlarge(network: SRResNet, picture: np.ndarray, device: Device = CPU, tile: int = TILE) -> np.ndarray:
    """A picture (3, H, W) in [0, 1], float32, at (3, 4 H, 4 W), clipped to [0, 1]. network: in evaluation mode."""
    _, height, width = picture.shape
    result = np.empty((3, SCALE * height, SCALE * width), np.float32)
    with mg.no_grad():
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                rows, row_inside = _with_margin(top, min(top + tile, height), height, network.reach)
                columns, column_inside = _with_margin(left, min(left + tile, width), width, network.reach)
                small = np.ascontiguousarray(picture[None, :, rows, columns])
                made = network(mg.tensor(small, device=device)).cpu().numpy()[0, :, row_inside, column_inside]
                end = (SCALE * top + made.shape[1], SCALE * left + made.shape[2])
                result[:, SCALE * top : end[0], SCALE * left : end[1]] = made
    return np.clip(result * 0.5 + 0.5, 0, 1)


def _with_margin(start: int, stop: int, size: int, margin: int) -> tuple[slice, slice]:
    """(the part of the small picture that is computed, the part of its enlargement that is kept), along one axis."""
    first, last = max(0, start - margin), min(size, stop + margin)
    return slice(first, last), slice(SCALE * (start - first), SCALE * (stop - first))
