"""How near enlarged pictures come to the originals: the table of the papers, for any folder of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad.devices import CPU, Device
from nets.srresnet import SRResNet
from nets.vgg import VGG16, VGG19

from ..common.cli import UserError
from ..common.images import gradient_energy
from .data import SCALE, picture_files, read_pair
from .enlarge import enlarge
from .metrics import SHAVED, psnr, ssim
from .resampling import bicubic

Scores = dict[str, tuple[float, float]]  # method: (PSNR in dB, SSIM)
LEAST = 2 * SHAVED + 4 * SCALE  # pixels a side that a picture needs for its borders to be shaved off


def enlargements(network: SRResNet, path: Path, device: Device) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A picture's file, and what three methods make of its small version: (original, pictures by method).

    All are (3, H, W) in [0, 1]. Errors: UserError if the picture is too small.
    """
    large, small = read_pair(path)
    if min(large.shape[1:]) < LEAST:
        raise UserError(f"{path}: {large.shape[2]} x {large.shape[1]} pixels are too few; {LEAST} a side are needed")
    original, reduced = large / np.float32(255), small / np.float32(255)
    return original, {
        "nearest": reduced.repeat(SCALE, axis=1).repeat(SCALE, axis=2),
        "bicubic": np.clip(bicubic(reduced, *large.shape[1:]), 0, 1),
        "network": enlarge(network, reduced, device),
    }


def pictures_of(folder: Path) -> list[Path]:
    """The pictures of a folder. Errors: UserError if there is none."""
    paths = picture_files(folder)
    if not paths:
        raise UserError(f"{folder}: there are no pictures to evaluate on")
    return paths


def evaluate(network: SRResNet, folder: Path, device: Device = CPU) -> dict[str, Scores]:
    """For each picture of a folder, made four times as small and enlarged again: its scores by method.

    The methods are "nearest", "bicubic" and "network". Errors: UserError if there is no picture or one is too small.
    """
    table = {}
    for path in pictures_of(folder):
        original, pictures = enlargements(network, path, device)
        table[path.name] = {name: (psnr(made, original), ssim(made, original)) for name, made in pictures.items()}
    return table


def perceived(
    network: SRResNet, folder: Path, vgg: VGG16 | VGG19, layer: str, device: Device = CPU
) -> dict[str, tuple[float, float]]:
    """By method, means over a folder: how far VGG's features are from the original's, and how much sharper it is.

    The first is mean (phi(made) - phi(original))^2 / mean phi(original)^2; the second the ratio of the pictures'
    gradient energies (`gradient_energy`), 1 for a picture that is as sharp as the original.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for path in pictures_of(folder):
        original, pictures = enlargements(network, path, device)

        def features(picture: np.ndarray) -> np.ndarray:
            with mg.no_grad():
                return vgg.features(mg.tensor(picture[None], device=device), [layer])[layer].cpu().numpy()

        wanted, energy = features(original), gradient_energy(original[None])
        for name, made in pictures.items():
            distance = float(np.mean((features(made) - wanted) ** 2) / np.mean(wanted**2))
            found.setdefault(name, []).append((distance, gradient_energy(made[None]) / energy))
    return {
        name: (float(np.mean([d for d, _ in rows])), float(np.mean([e for _, e in rows])))
        for name, rows in found.items()
    }


def averaged(table: dict[str, Scores], method: str, part: int) -> float:
    """The mean PSNR (part 0) or SSIM (part 1) of a method over the pictures."""
    return float(np.mean([scores[method][part] for scores in table.values()]))


def as_text(table: dict[str, Scores]) -> str:
    """The table with a row a picture and their mean; PSNR in dB, then SSIM."""
    methods = list(next(iter(table.values())))
    width = max(len("picture"), *(len(name) for name in table))
    lines = [f"{'picture':{width}}  " + "  ".join(f"{method:>15}" for method in methods)]
    mean: Scores = {method: (averaged(table, method, 0), averaged(table, method, 1)) for method in methods}
    for name, scores in [*table.items(), ("mean", mean)]:
        cells = [f"{scores[method][0]:6.2f} / {scores[method][1]:.4f}" for method in methods]
        lines.append(f"{name:{width}}  " + "  ".join(f"{cell:>15}" for cell in cells))
    return "\n".join(lines)
