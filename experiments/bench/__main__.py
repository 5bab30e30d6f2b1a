"""Time minigrad next to PyTorch, Chainer and DeZero, each in processes of its own, in turns."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from minigrad.files import atomic_write, write_text
from nets import vgg_file
from nets.vgg import VGG19_LAYERS

from ..common.cli import Parser, UserError, positive_float, run
from ..common.output_folder import OutputFolder
from . import measure, report, scaling, shapes
from .table import GROWTH, ROWS

PEER_GOALS = {"chainer": "<= 0.33", "dezero": "<= 0.25"}


def main_jobs(quick: bool, seconds: float, rows: list[list[str]]) -> dict[str, dict[str, measure.Timing]]:
    """The table's whole jobs, ours against PyTorch's: eager, and unless quick also channels-last and compiled."""
    results = {}
    can_compile = not quick and measure.has_compiler()
    if not quick and not can_compile:
        print("  torch.compile is left out: it needs a C++ compiler, and none was found")
    for line in ROWS:
        if line.quick or not quick:
            print(f"  {line.name}", flush=True)
            peers = ["torch", *([] if quick else ["channels_last"])]
            libraries = ["minigrad", *peers, *(["compiled"] if can_compile and line.compiled else [])]
            results[line.name] = measure.compare(libraries, line.job, seconds)
            rows.append(report.row(line.name, results[line.name], line.goal))
    return results


def layer_jobs(seconds: float, rows: list[list[str]]) -> dict[str, dict[str, measure.Timing]]:
    """Each convolution of VGG19 at 256 pixels, forward and gradient to its input."""
    results = {}
    for layer in shapes.VGG19_LAYERS:
        for direction in ("forward", "input gradient"):
            name = f"{layer} {direction}"
            print(f"  {name}", flush=True)
            job = ("convolution", layer, direction.split()[0])
            results[name] = measure.compare(["minigrad", "torch"], job, seconds)
            rows.append(report.row(name, results[name], ""))
    return results


def peer_jobs(seconds: float, rows: list[list[str]]) -> dict[str, dict[str, measure.Timing]]:
    """The Gatys iteration at 256 pixels against the other NumPy frameworks that are installed."""
    results = {}
    for peer in measure.installed(["chainer", "dezero"]):
        name = f"Gatys iteration, 256 px, against {peer}"
        print(f"  {name}", flush=True)
        results[name] = measure.compare(["minigrad", peer], ("gatys", "256"), seconds)
        rows.append(report.row(name, results[name], PEER_GOALS[peer]))
    return results


def command_job(
    rows: list[list[str]], repetitions: int, size: int = 256, steps: int = 20
) -> dict[str, dict[str, measure.Timing]]:
    """L-BFGS style transfer of one picture with random VGG19 features, start-up included."""
    name = f"style transfer, L-BFGS, {size} px, {steps} steps, whole command"
    print(f"  {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "vgg19.npz"
        _write_weights(weights)
        pictures = [str(Path(folder) / file) for file in ("content.png", "style.png")]
        for position, path in enumerate(pictures):
            noise = np.random.default_rng(position).random((16, 16, 3)) * 255
            Image.fromarray(noise.astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC).save(path)
        shared = [*pictures, "--weights", str(weights), "--size", str(size), "--steps", str(steps)]
        commands = {
            "minigrad": ["-m", "experiments.style_transfer", *shared, "-o", str(Path(folder) / "ours.png")],
            "torch": ["-m", "experiments.bench.style_torch", *shared, "-o", str(Path(folder) / "theirs.png")],
        }
        timings = measure.compare_commands(commands, repetitions)
    rows.append(report.row(name, timings, "<= 0.75"))
    return {name: timings}


def _write_weights(path: Path) -> None:
    """VGG19's convolutions up to conv5_1, seeded, in the converter's format."""

    names = VGG19_LAYERS.conv_names()
    arrays = {}
    for name, (weight, bias) in zip(names, shapes.vgg_weights(shapes.VGG19_TO_CONV5_1)):
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = weight, bias
    for i in (2, 3, 4):  # the rest of block 5, never reached
        arrays[f"conv5_{i}.weight"], arrays[f"conv5_{i}.bias"] = weight, bias
    convention = vgg_file.InputConvention("rgb", 1.0, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    with atomic_write(path) as file:
        vgg_file.write(file, vgg_file.Weights("vgg19", convention, arrays, "seeded noise", converter="bench"))


def growth(seconds: float) -> dict[str, dict[int, dict[str, measure.Timing]]]:
    """Time and memory against image size and batch size."""
    results: dict[str, dict[int, dict[str, measure.Timing]]] = {}
    for title, (job, sizes) in GROWTH.items():
        results[title] = {}
        for size in sizes:
            print(f"  {title}: {size}", flush=True)
            arguments = tuple(argument.format(size) for argument in job)
            results[title][size] = measure.compare(["minigrad", "torch"], arguments, seconds, least=2)
    return results


def parser() -> Parser:
    """The options."""
    parser = Parser(
        prog="python -m experiments.bench",
        description="Time minigrad's jobs next to PyTorch's: eager, channels-last, and with torch.compile; one of "
        "them also next to Chainer's and DeZero's, where installed. Each runs in processes of its own, in turns; "
        "the table gives minima, and ratios of minima and of medians. Run nothing else meanwhile: it would "
        "slow PyTorch most.",
    )
    what = parser.add_mutually_exclusive_group()
    text = "a job of each kind, next to eager PyTorch only, in under two minutes"
    what.add_argument("--quick", action="store_true", help=text)
    what.add_argument("--layers", action="store_true", help="only VGG19's convolutions, one by one")
    what.add_argument("--growth", action="store_true", help="only the growth with image and batch size")
    text = "only data parallelism: 1, 2 and 4 processes here, many GPUs predicted"
    what.add_argument("--scaling", action="store_true", help=text)
    parser.add_argument("--out", default="out/bench", metavar="DIR", help="the folder for the results")
    parser.add_argument("--seconds", type=positive_float, metavar="X", help="for each job (default: 2 quick, 12 else)")
    return parser


def measured_jobs(
    options: argparse.Namespace, seconds: float, rows: list[list[str]]
) -> dict[str, dict[str, measure.Timing]]:
    """The layers, or the whole jobs, as the options say."""
    if options.layers:
        return layer_jobs(min(seconds, 2), rows)
    results = main_jobs(options.quick, seconds, rows)
    results |= command_job(rows, 1 if options.quick else 3)
    return results if options.quick else results | peer_jobs(seconds, rows)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    options = parser().parse_args(arguments)
    if "torch" not in measure.installed(["torch"]):
        raise UserError("the benchmark compares with PyTorch, which is not installed: pip install torch")
    if options.scaling and options.seconds:
        raise UserError("--seconds has no effect with --scaling, which takes a fixed number of steps; leave it out")
    name = next((each for each in ("scaling", "growth", "layers") if getattr(options, each)), "jobs")
    with OutputFolder(options.out) as folder:
        files = [f"{name}{ending}" for ending in ENDINGS[name]]
        folder.claim(*files)
        if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.7:
            print(f"note: the machine is busy (load {os.getloadavg()[0]:.1f}); the figures will suffer")
        print("measuring:")
        write(name, folder.path, options)
    print("wrote " + ", ".join(str(folder.path / file) for file in files))


ENDINGS = {
    "scaling": (".md", ".png"), "growth": (".png",),
    "layers": (".md", ".json", ".png"), "jobs": (".md", ".json", ".png"),
}  # fmt: skip


def write(name: str, out: Path, options: argparse.Namespace) -> None:
    """Measure what the options ask for, and write it into a folder under this name."""
    seconds = options.seconds or (2 if options.quick else 12)
    if name == "scaling":
        print(scaling.report(out / "scaling.md", out / "scaling.png"))
    elif name == "growth":
        report.plot_growth(out / "growth.png", growth(seconds / 2))
    else:
        rows: list[list[str]] = []
        results = measured_jobs(options, seconds, rows)
        libraries = measure.installed(["minigrad", "numpy", "torch", "chainer", "dezero"])
        text = f"{report.heading(libraries)}\n\n{report.markdown(rows)}\n"
        print("\n" + text)
        write_text(out / f"{name}.md", text)
        report.save_json(out / f"{name}.json", results, libraries)
        report.plot_ratios(out / f"{name}.png", results)


if __name__ == "__main__":
    run(main)
