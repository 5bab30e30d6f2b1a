"""The demo: every main job of minigrad once, at a small size, and a page that shows and explains what came out.

Each section runs one command that anybody can run by hand; the page names it. Nothing is downloaded: the digits are
typeset from matplotlib's fonts, the photograph comes with matplotlib, the painting is painted by the project, and the
network that sees the style has random, calibrated weights. Networks that took longer to train come with the project.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib import cbook
from PIL import Image

from minigrad.data import TypesetDigits

from .common.cli import Parser, UserError, run
from .common.html_page import Page
from .common.images import grid, save_picture, to_array, to_image
from .common.output_folder import OutputFolder
from .common.trained import Shipped
from .translation.digits import outlines

FILES = (  # beside them come folders, whose commands keep their own lists
    "index.html", "painting.png", "photograph.png", "stylized.png", "stylized_panel.png", "stylized_losses.csv",
    "stylized_losses.png", "small.png", "graph.png",
)  # fmt: skip


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
    table = demo.command("Checking every derivative", "minigrad.gradcheck")
    demo.page.code(table, folded=f"The table: {table.count(chr(10))} lines, of which the last says: {last_line(table)}")
    demo.page.heading("What a graph looks like")
    demo.page.paragraph(
        "A small convolutional network and its loss, drawn from the graph that the forward pass left behind. Blue are "
        "the parameters; backward walks from the loss at the bottom up to them."
    )
    demo.command("Drawing a graph", "minigrad.trace", "draw", "-o", str(demo.out / "graph.png"))
    demo.page.picture(demo.out / "graph.png", width=420)
    demo.page.sources(["minigrad/autograd.py", "minigrad/gradcheck/check.py", "docs/engine.md"])


def last_line(text: str) -> str:
    """The last line of what a command printed."""
    return text.strip().rpartition("\n")[2]


def style(demo: Demo) -> None:
    """A photograph in the style of a painting, seen through random features."""
    painting, photograph = demo.out / "painting.png", demo.out / "photograph.png"
    result = demo.out / "stylized.png"
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
        save_picture(image.convert("RGB"), photograph)
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
    demo.page.sources(["experiments/style_transfer.py", "experiments/style/search.py", "nets/vgg.py"])


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
    grids = [(path, path.stem.replace("_", " ")) for path in _milestones(folder)]
    demo.page.pictures(grids, width=290, pixels=True)
    demo.page.picture(folder / "losses.png", width=620)
    demo.page.paragraph("To watch such a training while it goes on, and to walk through the space of its noise:")
    demo.page.code(
        f"python -m experiments.watch {demo.out}\npython -m experiments.gan_latent {folder} --out out/latent"
    )
    demo.page.sources(["experiments/gan/training.py", "experiments/gan/losses.py", "nets/dcgan.py"])


def trained_networks(demo: Demo) -> None:
    """What the models that come with the project do, each in one pass."""
    shipped = Shipped()
    if not shipped.models:
        return
    demo.page.heading("Networks that were trained before")
    demo.page.paragraph(
        "These come with the project. Each was trained by it, with the command that is given; here they only work."
    )
    for name, model in shipped.models.items():
        if model.game in WORK:
            demo.page.paragraph(f"{name}: {model.about}. Learned from: {model.source}.")
            demo.page.code(f"# trained by\n{model.command}")
            WORK[model.game](demo, name)
    demo.page.sources(["experiments/ship.py", "nets/transform_net.py", "nets/unet.py", "nets/srresnet.py"])


def paint_at_once(demo: Demo, name: str) -> None:
    """The photograph in a trained style."""
    photograph, result = demo.out / "photograph.png", demo.out / f"{name}.png"
    demo.command(
        f"Painting in one pass: {name}", "experiments.fast_style", "apply", name, str(photograph), "-o", str(result),
        "--size", "96" if demo.quick else "400",
    )  # fmt: skip
    demo.page.pictures([(photograph, "the photograph"), (result, "in one pass")], width=290)


def translate_outlines(demo: Demo, name: str) -> None:
    """Outlines of digits into digits."""
    drawings, results = demo.out / "outlines", demo.out / name
    with OutputFolder(drawings) as folder:
        for number, drawing in enumerate(outlines(TypesetDigits(8, train=False).pixels)):
            save_picture(Image.fromarray(drawing[0]), folder.file(f"{number}.png"))
    demo.command(f"Outlines into digits: {name}", "experiments.translate", name, str(drawings), "-o", str(results))
    for place, caption in ((drawings, "outlines"), (results, "what the network makes of them")):
        pictures = [to_array(Image.open(place / f"{number}.png")) for number in range(8)]
        demo.page.picture(to_image(grid(np.concatenate(pictures), columns=8)), caption, width=560, pixels=True)


def enlarge(demo: Demo, name: str) -> None:
    """A part of the photograph made small and enlarged again."""
    small, large = demo.out / "small.png", demo.out / f"{name}.png"
    with Image.open(demo.out / "photograph.png") as photograph:
        save_picture(photograph.crop((140, 40, 380, 280)).resize((60, 60), Image.Resampling.BICUBIC), small)
    demo.command(
        f"Enlarging four times: {name}", "experiments.super_resolution", "enlarge", name, str(small), "-o", str(large)
    )
    with Image.open(small) as image:
        simple = image.resize((240, 240), Image.Resampling.BICUBIC)
    demo.page.pictures(
        [(small, "a small picture"), (simple, "bicubic"), (large, "the network's")], width=240, pixels=True
    )


def draw_sentence(demo: Demo, name: str) -> None:
    """A picture of a sentence."""
    sentence, result = "a large red seven on a blue ground", demo.out / f"{name}.png"
    demo.command(f"Drawing a sentence: {name}", "experiments.draw_text", name, sentence, "-o", str(result))
    demo.page.picture(result, sentence, width=620, pixels=True)


def walk(demo: Demo, name: str) -> None:
    """Pictures from noise, and what lies between them."""
    folder = demo.out / name
    demo.command(f"From noise to pictures: {name}", "experiments.gan_latent", name, "--out", str(folder))
    demo.page.pictures(
        [(folder / "interpolation.png", "from one to another"), (folder / "walk.gif", "a walk")], width=320
    )


WORK = {
    "fast_style": paint_at_once, "pix2pix": translate_outlines, "super_resolution": enlarge, "gan_cls": draw_sentence,
    "gan": walk,
}  # fmt: skip


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
    with OutputFolder(options.out) as folder:
        make(Demo(folder.claim(*FILES, *[f"{name}.png" for name in Shipped().models]), options.quick))
    print(f"\nThe page is ready: {folder.path / 'index.html'}")


def make(demo: Demo) -> None:
    """All sections, and the page."""
    for section in (style, digits, trained_networks, gradients):
        section(demo)
    demo.page.heading("What to try next")
    demo.page.code("python -m experiments\npython -m experiments.gan_2d --page\npython -m experiments.ship list")
    demo.page.heading("How long it took")
    demo.page.table(["section", "seconds"], [(title, f"{seconds:.1f}") for title, seconds in demo.times])
    demo.page.save(demo.out / "index.html")


if __name__ == "__main__":
    run(main)
