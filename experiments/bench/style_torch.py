"""What `experiments.style_transfer` does without options, in PyTorch: the benchmark's counterpart for a whole command.

The same preset, start, losses and number of evaluations; it writes the picture, a panel and a plot of the losses, as
the original does, with Pillow and Matplotlib alone, so that nothing of minigrad is loaded.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from ..style.presets import PRESETS

Features = dict[str, torch.Tensor]


class Enough(Exception):
    """Raised inside the closure when the evaluations are used up."""


class Net:
    """VGG19 from a converted file, with average pooling, as far as it is asked for."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        metadata = json.loads(str(arrays.pop("metadata")))
        self.mean, self.std = (torch.tensor(metadata[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
        self.range, self.channels = metadata["range"], [2, 1, 0] if metadata["channel_order"] == "bgr" else [0, 1, 2]
        self.parameters = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def features(self, x: torch.Tensor, layers: set[str]) -> Features:
        """The outputs of the named ReLUs for a picture, RGB in [0, 1]."""
        found: Features = {}
        h = (x[:, self.channels] * self.range - self.mean) / self.std
        for block, count in enumerate((2, 2, 4, 4, 4), start=1):
            for number in range(1, count + 1):
                name = f"conv{block}_{number}"
                h = F.relu(F.conv2d(h, self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"], padding=1))
                found[f"relu{block}_{number}"] = h
                if layers <= found.keys():
                    return {layer: found[layer] for layer in layers}
            h = F.avg_pool2d(h, 2)
        return found


def gram(features: torch.Tensor) -> torch.Tensor:
    """F F^T / (C H W)."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / features.numel()


def relative(current: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """sum (current - target)^2 / sum target^2."""
    return ((current - target) ** 2).sum() / float((target**2).sum())


def optimize(net: Net, content: torch.Tensor, style: torch.Tensor, steps: int) -> tuple[torch.Tensor, list[float]]:
    """The picture after so many evaluations of the default preset's loss, and the losses."""
    preset = PRESETS["default"]
    layers = {*preset.content_layers, *preset.style_layers}
    with torch.no_grad():
        own, other = net.features(content, layers), net.features(style, set(preset.style_layers))
        grams = {name: gram(other[name]) for name in preset.style_layers}
    image, losses = content.clone().requires_grad_(), []
    optimizer = torch.optim.LBFGS(
        [image], max_iter=10, tolerance_grad=0, tolerance_change=0, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        seen = net.features(image, layers)
        loss: Any = sum(weight * relative(seen[name], own[name]) for name, weight in preset.content_layers.items())
        loss = loss + sum(w * relative(gram(seen[name]), grams[name]) for name, w in preset.style_layers.items())
        down, right = image[:, :, 1:] - image[:, :, :-1], image[:, :, :, 1:] - image[:, :, :, :-1]
        loss = loss + preset.tv_weight * ((down**2).sum() + (right**2).sum())
        loss.backward()
        losses.append(loss.item())
        if len(losses) >= steps:
            raise Enough
        return loss

    try:
        while True:
            optimizer.step(closure)
    except Enough:
        return image.detach().clamp(0, 1), losses


def write(output: Path, pictures: list[torch.Tensor], losses: list[float]) -> None:
    """The result (the last picture), a panel of all of them, and the plot of the losses."""
    from matplotlib.figure import Figure

    arrays = [(picture[0].permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8) for picture in pictures]
    Image.fromarray(arrays[-1]).save(output)
    Image.fromarray(np.concatenate(arrays, axis=1)).save(output.with_name(f"{output.stem}_panel.png"))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(losses)
    axes.set_xlabel("step")
    figure.savefig(output.with_name(f"{output.stem}_losses.png"), dpi=120)


def main() -> None:
    """The command line, as far as the benchmark uses it."""
    parser = argparse.ArgumentParser(prog="python -m experiments.bench.style_torch")
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("MINIGRAD_NUM_THREADS") or os.cpu_count() or 1))
    loaded = [Image.open(path).convert("RGB").resize((options.size,) * 2) for path in (options.content, options.style)]
    content, style = (
        torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)[None].contiguous()
        for picture in loaded
    )
    result, losses = optimize(Net(options.weights), content, style, options.steps)
    write(options.output, [content, style, result], losses)


if __name__ == "__main__":
    main()
