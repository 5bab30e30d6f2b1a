"""How much style, and how deep: a grid of results over content weights and style layers, as one labeled picture.

    python -m experiments.style_sweep photo.jpg painting.jpg -o sweep.png --weights vgg19.npz

Rows use style layers up to conv1_1, ..., conv5_1: deeper sets carry larger patterns. Columns raise alpha / beta, the
content's weight over the style's: further right is more photograph (Gatys et al. 2016, figures 3 and 4). The losses of
every cell are printed, so that one can see them trade places.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad.files import check_outputs, write_text
from nets import vgg

from .common import images
from .common.cli import Parser, add_common, existing_file, positive_float, positive_int, run, start, writable_file
from .common.progress import progress_bar
from .style.presets import PRESETS, STYLE_LAYERS, Preset
from .style.search import Search, Targets


def cell_preset(depth: int, ratio: float) -> Preset:
    """The default preset with style layers conv1_1 to conv<depth>_1 and content weighted by `ratio`."""
    style = dict.fromkeys(STYLE_LAYERS[:depth], 5.0 / depth)
    return dataclasses.replace(PRESETS["default"], style_layers=style, content_layers={"relu4_2": ratio}, tv_weight=0.0)


def cell(
    net: vgg.VGG16 | vgg.VGG19, content: np.ndarray, style: np.ndarray, depth: int, ratio: float, steps: int
) -> tuple[np.ndarray, float, float]:
    """(picture, content loss, style loss) of one cell, both losses without their weights."""
    tensors = [mg.tensor(picture, device=net.mean.device) for picture in (content, style)]
    preset = cell_preset(depth, ratio)
    targets = Targets(net, preset, tensors[0], [(tensors[1], 1.0)], [None])
    search = Search(targets, content, steps)
    for _ in search:
        pass
    picture = np.clip(search.best, 0, 1)
    with mg.no_grad():
        _, losses = targets.loss(mg.tensor(picture, dtype=mg.float32, device=net.mean.device))
    return picture, float(losses["content"]) / ratio, float(losses["style"]) / 5.0


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser((__doc__ or "").split("\n\n")[0], prog="python -m experiments.style_sweep")
    parser.add_argument("content", type=existing_file, help="the photograph")
    parser.add_argument("style", type=existing_file, help="the painting")
    parser.add_argument("--weights", type=existing_file, required=True, help="a converted VGG16 or VGG19")
    parser.add_argument("-o", "--output", default="sweep.png", help="the labeled grid; its losses stand beside it")
    parser.add_argument("--ratios", type=positive_float, nargs="+", default=[0.01, 0.1, 1.0, 10.0], help="alpha / beta")
    parser.add_argument(
        "--depths", type=int, choices=range(1, 6), nargs="+", default=[1, 2, 3, 4, 5], help="style layers"
    )
    parser.add_argument("--size", type=positive_int, default=160, help="each picture's longer side in pixels")
    parser.add_argument("--steps", type=positive_int, default=200, help="evaluations of the loss for each picture")
    add_common(parser)
    options = parser.parse_args(arguments)
    device = start(options)
    output = writable_file(options.output)
    check_outputs([output, output.with_suffix(".csv")], [options.content, options.style, options.weights])
    content, style = (images.load_picture(path, options.size) for path in (options.content, options.style))
    net = vgg.load(options.weights, "avg").to(device=device)
    rows: list[list[np.ndarray]] = []
    table = [["style layers", "alpha/beta", "content loss", "style loss"]]
    try:
        with progress_bar(len(options.depths) * len(options.ratios), "cells") as bar:
            for depth in options.depths:
                for number, ratio in enumerate(options.ratios):
                    picture, content_loss, style_loss = cell(net, content, style, depth, ratio, options.steps)
                    if number == 0:
                        rows.append([])
                    rows[-1].append(picture)
                    table.append([f"conv1_1..conv{depth}_1", f"{ratio:g}", f"{content_loss:.5f}", f"{style_loss:.5f}"])
                    bar.update()
    finally:  # after Ctrl-C too: the cells that are finished
        if rows:
            write(rows, table, options.ratios, options.depths, output)


def write(
    rows: list[list[np.ndarray]], table: list[list[str]], ratios: list[float], depths: list[int], output: Path
) -> None:
    """The labeled grid, and its losses beside it and on the screen."""
    labels = [f"alpha/beta {ratio:g}" for ratio in ratios]
    names = [f"to conv{depth}_1" for depth in depths[: len(rows)]]
    images.save_picture(images.table(rows, labels, names), output)
    text = io.StringIO()
    csv.writer(text).writerows(table)
    beside = output.with_suffix(".csv")
    write_text(beside, text.getvalue())
    print("\n".join("  ".join(f"{value:>16}" for value in line) for line in table))
    print(f"wrote {output} and {beside}")


if __name__ == "__main__":
    run(main)
