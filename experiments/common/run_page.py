"""What a training run shows of itself: plots of its losses, an animation of its pictures, and a page with all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from minigrad.files import write_text

from .html_page import Page
from .images import save_gif
from .output_folder import OutputFolder
from .plots import plot_curves, read_losses
from .run_checkpoints import NUMBERED, PICTURE

GIF_FRAMES = 60
SMALL = 300  # pixels
FIXED_NAMES = (
    "checkpoint.npz", "losses.csv", "status.json", "samples_final.png", "samples.gif", "metrics.json", "index.html",
)  # fmt: skip
NUMBERED_NAMES = f"{PICTURE}|{NUMBERED}"


@dataclass(frozen=True)
class Plot:
    """A picture of some columns of the table of losses. name: of its file, without ".png". curves: label to column."""

    name: str
    curves: Mapping[str, str]
    label: str = "loss"
    caption: str = ""


@dataclass(frozen=True)
class About:
    """The words of a run's page. lead: the line under the title. explanation: a paragraph beside the plots."""

    title: str
    lead: str
    explanation: str = ""
    plots: Sequence[Plot] = ()


def numbered_pictures(folder: OutputFolder) -> list[tuple[int, Path]]:
    """The run's pictures that have a step in their name, in order: (step, path)."""
    return sorted((int(re.fullmatch(PICTURE, path.name)[1]), path) for path in folder.existing(PICTURE))  # type: ignore[index]


def names_of(about: About) -> set[str]:
    """The names of the files that every run of a game writes, besides its numbered ones."""
    return {*FIXED_NAMES, *[f"{plot.name}.png" for plot in about.plots or (Plot("losses", {}),)]}


def plots_of(folder: OutputFolder, about: About) -> Sequence[Plot]:
    """The game's plots; if it names none, one of all columns."""
    if about.plots:
        return about.plots
    columns = [name for name in read_losses(folder.path / "losses.csv") if name != "step"]
    return [Plot("losses", {name: name for name in columns})]


def write_plots(folder: OutputFolder, about: About) -> None:
    """The plots of the table of losses."""
    table = read_losses(folder.path / "losses.csv")
    for plot in plots_of(folder, about):
        curves = {label: table[column] for label, column in plot.curves.items()}
        plot_curves(curves, folder.file(f"{plot.name}.png"), table["step"], title=about.title, label=plot.label)


def write_animation(folder: OutputFolder) -> None:
    """The pictures, in order, as samples.gif."""
    paths = [path for _, path in numbered_pictures(folder)]
    chosen = [*paths[:: -(-len(paths) // GIF_FRAMES) or 1], folder.path / "samples_final.png"]
    frames = [Image.open(path).convert("RGB") for path in chosen]
    largest = max(frame.width for frame in frames), max(frame.height for frame in frames)
    frames = [frame if frame.size == largest else frame.resize(largest) for frame in frames]
    save_gif(frames, folder.file("samples.gif"), milliseconds=200)


def write_metrics(folder: OutputFolder, metrics: Mapping[str, Any]) -> None:
    """The metrics, as metrics.json."""
    write_text(folder.file("metrics.json"), json.dumps(dict(metrics), indent=1))


def is_small(path: Path) -> bool:
    """Whether a picture is so small that it is enlarged, with every pixel a square."""
    with Image.open(path) as image:
        return image.width <= SMALL


def write_page(
    folder: OutputFolder, about: About, settings: Mapping[str, Any], metrics: Mapping[str, Any],
    commands: Sequence[str] = (), sources: Sequence[str] = (),
) -> None:  # fmt: skip
    """The run's page, index.html, from what lies in its folder. commands: what to try next; sources: the program's."""
    page = Page(about.title, about.lead)
    numbered = numbered_pictures(folder)
    chosen = dict([numbered[0], numbered[len(numbered) // 2]] if numbered else [])
    pictures = [(path, f"step {step}") for step, path in chosen.items()]
    final = folder.path / "samples_final.png"
    pixels = is_small(final)
    page.pictures([*pictures, (final, "at the end")], width=480 if pixels else 290, pixels=pixels)
    animation = folder.path / "samples.gif"
    page.picture(
        animation, "the same inputs, from the first step to the last", width=480 if pixels else 290, pixels=pixels
    )
    page.heading("The training")
    if about.explanation:
        page.paragraph(about.explanation)
    plots = [(folder.path / f"{plot.name}.png", plot.caption or plot.label) for plot in plots_of(folder, about)]
    page.pictures(plots, width=460)
    if metrics:
        page.heading("How good the result is")
        page.table(["metric", "value"], [(k, v) for k, v in metrics.items() if isinstance(v, (int, float, str))])
        for path in folder.existing(r"nearest\.png"):
            page.picture(path, "samples, and below each the training picture nearest to it", width=620)
    page.heading("Settings")
    page.table(["setting", "value"], [(name, str(value)) for name, value in settings.items()])
    if commands:
        page.heading("What to try next")
        page.code("\n".join(commands))
    if sources:
        page.sources(sources)
    page.save(folder.file("index.html"))
