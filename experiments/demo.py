"""The demo: every main job of minigrad once, at a small size, and a page that shows and explains what came out.

Each section runs one command that anybody can run by hand; the page names it. Nothing is downloaded: the digits are
typeset from matplotlib's fonts, the photograph comes with matplotlib, the painting is painted by the project, and the
network that sees the style has random, calibrated weights.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib import cbook
from PIL import Image

from .common.cli import Parser, UserError, run, writable_folder
from .common.html_page import Page


class Demo:
    """The page being filled, the folder it stands in, and how long each section took."""

    def __init__(self, out: Path, quick: bool) -> None:
        self.out, self.quick = out, quick
        self.page = Page(
            "minigrad: a demonstration", "What this machine just computed, with nothing but NumPy underneath."
        )
        self.times: list[tuple[str, float]] = []

    def command(self, title: str, module: str, *arguments: str) -> str:
        """Run `python -m module arguments`, show it in the page, and return what it printed.

        Errors: UserError with the command's own last words if it fails.
        """
        shown = f"python -m {module} {' '.join(arguments)}".strip()
        print(f"\n{title}\n  {shown}", flush=True)
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)
        printed = process.communicate()[0]
        if process.returncode:
            raise UserError(f"demo: '{shown}' failed with exit code {process.returncode}; what it said stands above")
        self.times.append((title, time.perf_counter() - start))
        self.page.code(shown)
        return printed


def gradients(demo: Demo) -> None:
    """The table of checked derivatives, and the graph of a small network."""
    demo.page.heading("Every derivative, checked")
    demo.page.paragraph(
        "Each operation's backward is compared with finite differences of its forward, and then the backward itself, "
        "which is made of operations too, is checked the same way: first and second order. The error is the largest "
        "difference found, in double precision."
    )
    demo.page.code(demo.command("Checking every derivative", "minigrad.gradcheck"))
    demo.page.heading("What a graph looks like")
    demo.page.paragraph(
        "A small convolutional network and its loss, drawn from the graph that the forward pass left behind. Blue are "
        "the parameters; backward walks from the loss at the bottom up to them."
    )
    demo.command("Drawing a graph", "minigrad.trace", "draw", "-o", str(demo.out / "graph.png"))
    demo.page.picture(demo.out / "graph.png", width=420)


def style(demo: Demo) -> None:
    """A photograph in the style of a painting, seen through random features."""
    painting, photograph = demo.out / "painting.png", demo.out / "photograph.png"
    result = demo.out / "stylized.png"
    Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("RGB").save(photograph)
    demo.page.heading("Style transfer")
    demo.page.paragraph(
        "The picture on the right was found by gradient descent on its pixels: its features in a VGG19 should match "
        "the photograph's in a deep layer (content), and their correlations the painting's in several layers (style). "
        "The network here is untrained, with weights scaled so that every channel is alive on these two pictures: such "
        "random features carry palette and brush strokes, though not the deeper shapes that trained weights see. For "
        "those: python -m weights_converter download vgg19."
    )
    demo.command("Painting a picture", "experiments.paint", "-o", str(painting))
    size, steps = ("64", "5") if demo.quick else ("208", "60")
    demo.command(
        "Transferring its style", "experiments.style_transfer", str(photograph), str(painting), "-o", str(result),
        "--size", size, "--steps", steps,
    )  # fmt: skip
    demo.page.pictures([(photograph, "the photograph"), (painting, "the painting"), (result, "the result")], width=290)


def digits(demo: Demo) -> None:
    """A DCGAN on typeset digits."""
    folder, steps = demo.out / "digits", 4 if demo.quick else 250
    demo.page.heading("Two networks against each other")
    demo.page.paragraph(
        "A generator turns noise into pictures; a discriminator is trained to tell them from typeset digits, and the "
        "generator to fool it. Below: the generator's pictures for the same noise while it learns, and both losses."
    )
    demo.command(
        "Training a DCGAN", "experiments.train_gan", "--net", "dcgan_lab", "--dataset", "typeset",
        "--steps", str(steps), "--grid-every", str(max(1, steps // 2)), "--out", str(folder), "--fresh",
    )  # fmt: skip
    demo.page.pictures([(path, path.stem.replace("_", " ")) for path in _milestones(folder)], width=290)
    demo.page.picture(folder / "losses.png", width=620)


def _milestones(folder: Path, count: int = 3) -> list[Path]:
    """A few of the sample grids, evenly spread from the first to the last."""
    grids = sorted(folder.glob("samples_*.png"))
    places = np.unique(np.linspace(0, len(grids) - 1, min(count, len(grids))).round().astype(int))
    return [grids[place] for place in places]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser(
        "Run every main job of minigrad once and write a page about it, in under four minutes on two cores. Nothing "
        "is downloaded.",
        prog="python -m experiments.demo",
    )
    parser.add_argument("--out", default="out/demo", help="the folder for the page and its pictures")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that everything runs, not how well")
    options = parser.parse_args(arguments)
    demo = Demo(writable_folder(options.out), options.quick)
    for section in (style, digits, gradients):
        section(demo)
    demo.page.heading("How long it took")
    demo.page.table(["section", "seconds"], [(title, f"{seconds:.1f}") for title, seconds in demo.times])
    demo.page.save(demo.out / "index.html")
    print(f"\nThe page is ready: {demo.out / 'index.html'}")


if __name__ == "__main__":
    run(main)
