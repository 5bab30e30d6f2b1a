"""Style transfer: a photograph painted in the style of a painting (Gatys, Ecker and Bethge 2016).

    python -m experiments.style_transfer photo.jpg painting.jpg -o out.png --weights vgg19.npz

The picture itself is what is trained: its features in a deep layer should match the photograph's, and the
correlations between its features (Gram matrices) the painting's. The losses are in `style_losses`, the loop in
`style_optimization`, what presets decide in `style_presets`. Ctrl-C ends the search early: the best picture so far
is written as if the run were over, with exit code 0; a second Ctrl-C stops at once with 130, and without a picture.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from contextlib import suppress
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad.files import check_outputs
from minigrad.hub import weights_file
from nets import vgg, vgg_file

from .common import images, plots
from .common.cli import (
    Parser,
    UserError,
    add_common,
    existing_file,
    non_negative_float,
    positive_float,
    positive_int,
    run,
    start,
    writable_file,
)
from .common.html_page import Page
from .common.progress import interruptible, progress_bar, show
from .common.status import Status
from .style.calibration import calibrate
from .style.memory import Job, check_memory, fitted
from .style.presets import PRESETS, RANDOM_FEATURES, Preset
from .style.search import Evaluation, Search, Targets, noise_picture


def parser() -> Parser:
    """All options, grouped by what they are about."""
    result = Parser((__doc__ or "").split("\n\n")[0], prog="python -m experiments.style_transfer")
    result.add_argument("content", type=existing_file, help="the photograph")
    result.add_argument("style", type=existing_file, nargs="+", help="the painting, or several to blend")
    result.add_argument(
        "-o", "--output", default="stylized.png", help="the result; files that belong to it are written next to it"
    )
    look = result.add_argument_group("the look")
    look.add_argument("--preset", choices=PRESETS, default="default", help="layers, weights and optimizer of a source")
    look.add_argument("--size", type=positive_int, help="the longer side in pixels: larger shows finer strokes")
    look.add_argument("--style-scale", type=positive_float, default=1.0, help="above 1: larger strokes; below: finer")
    look.add_argument("--style-weight", type=non_negative_float, default=1.0, help="times the preset's: more painting")
    look.add_argument("--content-weight", type=non_negative_float, default=1.0, help="times the preset's: more photo")
    look.add_argument("--tv-weight", type=non_negative_float, help="smoothness: higher removes speckle, then detail")
    look.add_argument(
        "--blend", type=positive_float, nargs="+", help="one weight for each style, when there are several"
    )
    look.add_argument(
        "--masks", type=existing_file, nargs="+", help="one picture for each style, white where it applies"
    )
    look.add_argument("--keep-colors", action="store_true", help="take only brightness from the result, colors stay")
    look.add_argument(
        "--init",
        type=initial_picture,
        metavar="content|noise|PICTURE",
        help="where to start: content keeps shapes best; a picture file is stretched to the content's size",
    )
    look.add_argument("--levels", type=positive_int, default=1, help="coarse to fine: more makes larger structures")
    network = result.add_argument_group("the network")
    network.add_argument("--weights", type=existing_file, help="a converted file (python -m weights_converter --help)")
    network.add_argument("--pooling", choices=("avg", "max"), help="avg is smoother, max as the network was trained")
    network.add_argument("--content-layers", nargs="+", metavar="LAYER[=WEIGHT]", help="deeper: freer shapes")
    network.add_argument("--style-layers", nargs="+", metavar="LAYER[=WEIGHT]", help="deeper: larger patterns")
    search = result.add_argument_group("the search")
    search.add_argument("--steps", type=positive_int, help="evaluations of the loss: more is closer to the style")
    search.add_argument("--optimizer", choices=("lbfgs", "adam", "sgd"), help="L-BFGS needs the fewest steps")
    search.add_argument("--lr", type=positive_float, help="step length of Adam and SGD")
    search.add_argument("--save-every", type=positive_int, help="also write the picture every so many steps")
    search.add_argument("--gif", action="store_true", help="also write the run as an animation")
    search.add_argument("--report", action="store_true", help="also write a page about the run")
    add_common(result)
    return result


def initial_picture(text: str) -> str:
    """ "content", "noise", or the path of a file that is there."""
    if text not in ("content", "noise") and not Path(text).expanduser().is_file():
        raise argparse.ArgumentTypeError(f"must be content, noise or a picture; {text} is no such file")
    return text


def settings(options: argparse.Namespace, preset: Preset) -> Preset:
    """The preset with what the user changed. Errors: UserError for layers that cannot be read."""
    changes = {
        name: getattr(options, name)
        for name in ("size", "steps", "optimizer", "lr", "init", "pooling", "tv_weight", "save_every")
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    content = _layers(options.content_layers, preset.content_layers)
    style = _layers(options.style_layers, preset.style_layers)
    content = {name: weight * options.content_weight for name, weight in content.items()}
    style = {name: weight * options.style_weight for name, weight in style.items()}
    return dataclasses.replace(preset, **changes, content_layers=content, style_layers=style)


def _layers(given: list[str] | None, usual: dict[str, float]) -> dict[str, float]:
    if not given:
        return usual
    layers: dict[str, float] = {}
    for item in given:
        name, equals, weight = item.partition("=")
        try:
            value = non_negative_float(weight) if equals else next(iter(usual.values()))
        except argparse.ArgumentTypeError as error:
            raise UserError(
                f"layers: {item!r} is not LAYER or LAYER=WEIGHT, for example conv4_2=1.5; the weight {error}"
            ) from None
        if name in layers:
            raise UserError(f"layers: {name!r} is named twice; name it once, with the weight it shall have")
        layers[name] = value
    return layers


def check_effects(options: argparse.Namespace, preset: Preset) -> None:
    """Errors: UserError for options that could have no effect."""
    if options.lr is not None and preset.optimizer == "lbfgs":
        raise UserError("--lr has no effect on lbfgs, which finds its steps by itself; add --optimizer adam or sgd")
    if options.blend and options.masks:
        raise UserError("--blend has no effect with --masks, which say where each style applies; use one of them")
    if options.blend and len(options.style) == 1:
        raise UserError("--blend has an effect with several style pictures only, and one was given")
    if not any([*preset.content_layers.values(), *preset.style_layers.values()]):
        raise UserError(
            "the weights of content and style are all 0: there is nothing to search for; raise --content-weight, "
            "--style-weight or a layer's weight"
        )


@dataclasses.dataclass
class Level:
    """One size of the picture on the way from coarse to fine: `steps` there, after `done` at smaller sizes."""

    height: int
    width: int
    steps: int
    done: int


class Run:
    """One style transfer from its options: loads, prepares, optimizes level by level, writes."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = start(options)
        self.output = writable_file(options.output)
        images.picture_kind(self.output)
        weights = options.weights or _cached_weights()
        self.weights = weights
        self.preset = settings(
            options, PRESETS[options.preset] if weights or options.preset != "default" else RANDOM_FEATURES
        )
        check_effects(options, self.preset)
        check_outputs(self.outputs(), self.inputs())
        longest = round((self.preset.style_size or self.preset.size) * options.style_scale)
        styles = [fitted(path, longest) for path in options.style]
        size, stored = fitted(options.content, self.preset.size), vgg_file.read(weights) if weights else None
        # before anything is loaded
        self.memory = check_memory(Job(stored, self.preset, size, styles, bool(options.masks), self.device))
        self.content = images.load_picture(options.content, self.preset.size)
        self.height, self.width = self.content.shape[2:]
        if min(self.height, self.width) < 16:
            raise UserError(f"--size: the picture would be {self.width} x {self.height}; at least 16 pixels are needed")
        self.blends = self._blends()
        self.initial = self._initial()
        self.net = vgg.load(stored, self.preset.pooling).to(device=self.device)
        self.log = plots.LossLog(self.beside("losses.csv"))
        self.status = Status(self.beside("status.json"), "Style transfer", 0, self.preset.steps, self.device, every=2)
        self.frames: list[np.ndarray] = []
        self.step = 0

    def _blends(self) -> list[float]:
        count = len(self.options.style)
        for name, given in (("blend", self.options.blend), ("masks", self.options.masks)):
            if given and len(given) != count:
                what = {"blend": "weights", "masks": "masks"}[name]
                raise UserError(f"--{name}: {count} style picture(s) need as many {what}, got {len(given)}")
        if self.options.masks:
            return [1.0] * count
        blends = self.options.blend or [1.0] * count
        largest = max(blends)  # divided by it first, so that the sum is finite
        return [blend / largest / sum(other / largest for other in blends) for blend in blends]

    def _initial(self) -> np.ndarray | None:
        """The picture that the search begins with; None for noise."""
        if self.preset.init == "noise":
            return None
        picture = self.content
        if self.preset.init != "content":
            picture = images.load_picture(Path(self.preset.init).expanduser())
        return images.as_gray(picture) if self.options.keep_colors else picture

    def tensor(self, picture: np.ndarray) -> mg.Tensor:
        return mg.tensor(picture, dtype=mg.float32, device=self.device)

    def styles(self, size: int) -> list[mg.Tensor]:
        """The style pictures for a level whose longer side is `size`."""
        longest = round((self.preset.style_size or size) * self.options.style_scale)
        loaded = [images.load_picture(path, max(longest, 16)) for path in self.options.style]
        if self.options.keep_colors:
            loaded = [images.match_luminance(style, self.content) for style in loaded]
        return [self.tensor(style) for style in loaded]

    def masks(self, height: int, width: int) -> list[mg.Tensor | None]:
        if not self.options.masks:
            return [None] * len(self.options.style)
        return [self.tensor(images.load_mask(path, height, width)) for path in self.options.masks]

    def announce(self) -> None:
        """What will happen, on the screen."""
        print(
            f"style transfer: {self.width} x {self.height} pixels, {self.preset.steps} steps of {self.preset.optimizer}"
        )
        if self.weights is None:
            print(
                "  no --weights: the features are RANDOM (an untrained VGG19, calibrated on these pictures); they "
                "carry color and brush strokes only.\n  For trained ones: python -m weights_converter download vgg19"
            )
        where = " on the GPU" if self.device.type == "cuda" else ""
        print(f"  about {self.memory / 2**20:,.0f} MiB of memory will be used{where}")

    def levels(self) -> list[Level]:
        """Coarse to fine, each twice as large as the one before, the steps shared out evenly."""
        count, levels, done = min(self.options.levels, self.preset.steps), [], 0
        for index in range(count):
            factor = 2 ** (index + 1 - count)
            height, width = max(16, round(self.height * factor)), max(16, round(self.width * factor))
            steps = self.preset.steps // count if index < count - 1 else self.preset.steps - done
            levels.append(Level(height, width, steps, done))
            done += steps
        return levels

    def go(self) -> np.ndarray:
        """All levels, coarse to fine; returns the result (1, 3, H, W) in [0, 1]."""
        levels = self.levels()
        picture = noise_picture(levels[0].height, levels[0].width) if self.initial is None else self.initial
        with interruptible() as stop, progress_bar(self.preset.steps, "painting") as bar, self.log, self.status:
            for level in levels:
                first = images.resize(picture, level.height, level.width)
                search = Search(self.targets(level), first, level.steps)
                for evaluation in search:
                    self.note(level.done + evaluation.step, evaluation)
                    bar.update()
                    show(bar, **{name: evaluation.losses[name] for name in ("content", "style")})
                    if stop:
                        break
                picture = np.clip(search.best, 0, 1)
                if stop:
                    break
        self.beside("latest.jpg").unlink(missing_ok=True)
        if stop:
            print(f"stopped at step {self.step} of {self.preset.steps}; the best picture so far is kept")
        return images.resize(picture, self.height, self.width)

    def targets(self, level: Level) -> Targets:
        """What the picture is compared with at one size."""
        content = images.resize(self.content, level.height, level.width)
        if self.options.keep_colors:
            content = images.as_gray(content)
        styles = self.styles(max(level.height, level.width))
        if self.weights is None:
            calibrate(self.net, [self.tensor(content), *styles])
        masks = self.masks(level.height, level.width)
        return Targets(self.net, self.preset, self.tensor(content), list(zip(styles, self.blends)), masks)

    def note(self, step: int, evaluation: Evaluation) -> None:
        """Log an evaluation, and keep its picture where the options ask for it."""
        self.step = step
        self.log.add(step, **evaluation.losses)
        picture = np.clip(np.nan_to_num(evaluation.picture), 0, 1)  # a search may try a picture of NaNs and go back
        if self.status.at(step):
            with suppress(OSError):
                images.save_picture(picture, self.beside("latest.jpg"))
        if self.preset.save_every and step % self.preset.save_every == 0:
            images.save_picture(picture, self.step_name(step))
        if self.options.gif and step % max(1, self.preset.steps // 40) == 0:
            self.frames.append(images.resize(picture, self.height, self.width))

    def beside(self, text: str) -> Path:
        """The name of a file that belongs to the output."""
        return self.output.with_name(f"{self.output.stem}_{text}")

    def step_name(self, step: int) -> Path:
        return self.beside(f"{step:05d}{self.output.suffix}")

    def outputs(self) -> list[Path]:
        """The files that the run will write; of the pictures of single steps those that are there already."""
        names = ["panel.png", "losses.csv", "losses.png", "status.json", "latest.jpg"]
        names += ["run.gif"] * self.options.gif + ["report.html"] * self.options.report
        step = rf"{re.escape(self.output.stem)}_\d{{5,}}{re.escape(self.output.suffix)}"
        there = self.output.parent.iterdir() if self.preset.save_every else []
        steps = [path for path in there if re.fullmatch(step, path.name, re.IGNORECASE)]
        return [self.output, *map(self.beside, names), *steps]

    def inputs(self) -> list[Path]:
        """Every file that the run reads."""
        files = [self.options.content, *self.options.style, *(self.options.masks or [])]
        files += [self.weights] if self.weights else []
        return [*files, Path(self.preset.init).expanduser()] if self.preset.init not in ("content", "noise") else files

    def write(self, result: np.ndarray) -> None:
        """The result and what belongs to it: panel, losses, plot, and if asked for the animation and the page."""
        if self.options.keep_colors:
            result = images.with_colors_of(result, self.content)
        given = {name: str(value) for name, value in vars(self.options).items() if value is not None}
        parameters: dict[str, object] = {
            **given,
            "settings": dataclasses.asdict(self.preset),
            "program": f"minigrad {mg.__version__}",
        }
        images.save_picture(result, self.output, parameters)
        beside = self.beside
        shown = [
            self.content,
            *[images.load_picture(path, max(self.height, self.width)) for path in self.options.style],
        ]
        labels = ["content", *["style"] * len(self.options.style), "result"]
        images.save_picture(images.strip([*shown, result], labels), beside("panel.png"))
        plots.plot_losses(beside("losses.csv"), beside("losses.png"), log=True)
        written = [self.output, beside("panel.png"), beside("losses.csv"), beside("losses.png")]
        if self.options.gif and self.frames:
            images.save_gif(self.frames, beside("run.gif"))
            written.append(beside("run.gif"))
        if self.options.report:
            self.report(beside("report.html"), beside("panel.png"), beside("losses.png"), parameters)
            written.append(beside("report.html"))
        print("wrote " + ", ".join(str(path) for path in written))

    def report(self, path: Path, panel: Path, curve: Path, parameters: dict[str, object]) -> None:
        page = Page("Style transfer", "What was made, from what, and how the losses fell.")
        page.picture(panel)
        page.picture(curve, "the loss and its terms, at each step")
        page.table(["setting", "value"], sorted((str(k), str(v)) for k, v in parameters.items()))
        page.save(path)


def _cached_weights() -> Path | None:
    """Trained weights that `weights_converter download` left in the user's cache, if any."""
    paths = [weights_file(net, half) for net in ("vgg19", "vgg16") for half in (False, True)]
    return next((path for path in paths if path.is_file()), None)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    job = Run(parser().parse_args(arguments))
    job.announce()
    job.write(job.go())


if __name__ == "__main__":
    run(main)
