"""What lies between the pictures a generator draws: walks and arithmetic in the space of its noise.

    python -m experiments.gan_latent runs/x/checkpoint.npz --out out/latent

interpolation.png   rows: linear, then spherical, from one noise to another; below, fading between the two pictures
contact.png         numbered samples, to choose from for the arithmetic
arithmetic.png      mean of three A - mean of three B + mean of three C, with eight neighbors; and the same in pixels
walk.gif            a walk through many noises
and of a StyleGAN   mixing.png: coarse styles by rows, fine ones by columns; truncation.png: from w to the mean w
(Radford, Metz and Chintala 2016, sections 6.1 and 6.3.2; White 2016, "Sampling generative networks"; Karras, Laine
and Aila 2019, "A style-based generator architecture".)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.files import check_outputs

from .common.cli import Parser, UserError, add_common, positive_int, run, start
from .common.html_page import Page
from .common.images import grid, label_font, save_gif, save_picture, strip, to_image
from .common.output_folder import OutputFolder
from .common.trained import shipped_for, trained_file
from .gan.checkpoints import Trained
from .gan.styles import Styles, has_styles

FILES = ("interpolation.png", "contact.png", "arithmetic.png", "walk.gif", "index.html")
STYLE_FILES = ("mixing.png", "truncation.png")
NEIGHBORS = 0.25  # how far, in each coordinate at most, the eight neighbors lie (Radford et al. 2016, figure 7)


def linear(start: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """`count` points (count, D) on the line from start to end, both included."""
    fraction = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    return (1 - fraction) * start + fraction * end


def spherical(start: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    """Points on the great arc: [sin((1 - t) w) start + sin(t w) end] / sin w, with w the angle between them.

    Normal noise lies near a sphere; a straight line leaves it through points that training never drew.
    """
    cosine = float(start @ end / (np.linalg.norm(start) * np.linalg.norm(end)))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if np.sin(angle) < 1e-6:
        return linear(start, end, count)
    fraction = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    path = (np.sin((1 - fraction) * angle) * start + np.sin(fraction * angle) * end) / np.sin(angle)
    return path.astype(np.float32)


class Explorer:
    """A trained generator and the noises that are explored; conditional generators draw one class, the first row 0."""

    def __init__(self, trained: Trained, count: int, digit: int) -> None:
        self.trained, self.digit = trained, digit
        self.noise = trained.noise(count).cpu().numpy()
        self.pictures = self.draw(self.noise)

    def draw(self, noise: np.ndarray) -> np.ndarray:
        """Noise (N, D) to pictures (N, C, H, W) in [0, 1]."""
        trained = self.trained
        labels = mg.full((len(noise),), self.digit, device=trained.device) if trained.settings.classes else None
        placed: Tensor = mg.tensor(noise, device=trained.device)
        return trained.pictures(placed, labels).numpy()

    def interpolations(self, pairs: int, count: int) -> np.ndarray:
        """For each of the first pairs of noises three rows: linear, spherical, and fading between the pictures."""
        rows = []
        for pair in range(pairs):
            start, end = self.noise[2 * pair], self.noise[2 * pair + 1]
            rows += [self.draw(linear(start, end, count)), self.draw(spherical(start, end, count))]
            fraction = np.linspace(0, 1, count, dtype=np.float32)[:, None, None, None]
            rows.append((1 - fraction) * rows[-1][:1] + fraction * rows[-1][-1:])
        return grid(np.concatenate(rows), columns=count)

    def arithmetic(self, a: list[int], b: list[int], c: list[int]) -> Image.Image:
        """The means of three A, B and C; A - B + C in the middle of its neighbors; and A - B + C in pixels."""
        means = [self.noise[chosen].mean(0) for chosen in (a, b, c)]
        result = means[0] - means[1] + means[2]
        moved = result + np.random.default_rng(0).uniform(-NEIGHBORS, NEIGHBORS, (9, len(result)))
        moved[4] = result
        in_pixels = [self.pictures[chosen].mean(0) for chosen in (a, b, c)]
        control = np.clip(in_pixels[0] - in_pixels[1] + in_pixels[2], 0, 1)
        shown = [*self.draw(np.stack(means).astype(np.float32)), grid(self.draw(moved.astype(np.float32))), control]
        images = [to_image(picture) for picture in shown]
        enlarged = [image.resize((196, 196), Image.Resampling.NEAREST) for image in images]
        return strip(enlarged, ["mean of A", "mean of B", "mean of C", "A - B + C, neighbors", "in pixels"])

    def walk(self, stops: int, count: int) -> list[Image.Image]:
        """Frames of a spherical walk from noise to noise and back to the first."""
        frames = []
        for stop in range(stops):
            path = spherical(self.noise[stop], self.noise[(stop + 1) % stops], count + 1)[:-1]
            frames += [to_image(picture).resize((224, 224), Image.Resampling.NEAREST) for picture in self.draw(path)]
        return frames


def contact_sheet(pictures: np.ndarray, columns: int = 8) -> Image.Image:
    """The pictures with their numbers, each enlarged."""
    size = 64
    sheet = Image.new("RGB", (columns * size, -(-len(pictures) // columns) * size))
    draw = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        place = (number % columns * size, number // columns * size)
        sheet.paste(to_image(picture).convert("RGB").resize((size, size), Image.Resampling.NEAREST), place)
        draw.text((place[0] + 3, place[1] + 2), str(number), fill=(255, 90, 60), font=label_font(13))
    return sheet


def three(text: str) -> list[int]:
    """ "3,14,15" as [3, 14, 15]."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or min(numbers) < 0:
        raise argparse.ArgumentTypeError(f"must be three numbers of samples, as 3,14,15, got {text!r}")
    return numbers


def save_styles(trained: Trained, folder: Path) -> None:
    """A StyleGAN's mixing grid and truncation strip."""
    styles = Styles(trained)
    save_picture(styles.mixing_grid(trained.noise(6), trained.noise(8)), folder / "mixing.png")
    save_picture(styles.truncation_strip(trained.noise(6)), folder / "truncation.png")


def write_page(folder: Path, styles: bool) -> None:
    page = Page("Between the pictures", "Nearby noises give similar pictures; that is what the generator has learned.")
    page.heading("From one picture to another")
    page.paragraph(
        "Three rows each: along a straight line, along a great arc, and, as the control, fading between the two "
        "pictures themselves, which shows both at once instead of something in between."
    )
    page.picture(folder / "interpolation.png", pixels=True, width=620)
    page.heading("Arithmetic")
    page.picture(folder / "arithmetic.png", "the noises are added, not the pictures; the last one adds pictures")
    page.pictures(
        [(folder / "contact.png", "samples by number: --a, --b, --c choose"), (folder / "walk.gif", "a walk")]
    )
    if styles:
        page.heading("Styles")
        page.paragraph(
            "Left and above are pictures of one w each. Between them, the coarse layers have the row's w and the fine "
            "layers the column's. Below, w moves to the mean of all w (psi 0), and beyond it."
        )
        page.pictures([(folder / name, "") for name in STYLE_FILES], width=620)
    page.save(folder / "index.html")


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser("Explore the noise space of a trained generator.", prog="python -m experiments.gan_latent")
    parser.add_argument(
        "checkpoint", type=trained_file(["gan"]), metavar="RUN|CHECKPOINT|NAME",
        help=f"a run of train_gan, or one of its checkpoints; {shipped_for(['gan'])}",
    )  # fmt: skip
    parser.add_argument("--out", default="out/latent", metavar="DIR", help="the folder for the results")
    for letter, numbers in (("a", [0, 1, 2]), ("b", [3, 4, 5]), ("c", [6, 7, 8])):
        text = f"three samples by number, see contact.png (default: {','.join(map(str, numbers))})"
        parser.add_argument(f"--{letter}", type=three, default=numbers, metavar="N,N,N", help=f"{text}%(default).0s")
    parser.add_argument("--samples", type=positive_int, default=64, metavar="N", help="on the contact sheet")
    parser.add_argument("--digit", type=int, choices=range(10), help="what a conditional generator draws (default: 3)")
    add_common(parser)
    options = parser.parse_args(arguments)
    if options.samples < 8:
        raise UserError(f"--samples: at least 8 are needed for the walk, got {options.samples}")
    if max(*options.a, *options.b, *options.c) >= options.samples:
        raise UserError(f"--a, --b, --c: the samples are numbered 0 to {options.samples - 1}; raise --samples for more")
    device = start(options)
    with OutputFolder(options.out) as output:
        folder = output.claim(*FILES)
        check_outputs([folder / name for name in (*FILES, *STYLE_FILES)], [options.checkpoint])
        trained = Trained(options.checkpoint, device)
        if has_styles(trained):
            output.claim(*STYLE_FILES)
        if options.digit is not None and not trained.settings.classes:
            raise UserError(f"--digit: {options.checkpoint} is not conditional, so it draws whatever it likes")
        start(options)  # making the network drew from the generator too: the noise begins at the seed
        explorer = Explorer(trained, options.samples, 3 if options.digit is None else options.digit)
        save_picture(explorer.interpolations(4, 11), folder / "interpolation.png")
        save_picture(contact_sheet(explorer.pictures), folder / "contact.png")
        save_picture(explorer.arithmetic(options.a, options.b, options.c), folder / "arithmetic.png")
        save_gif(explorer.walk(8, 10), folder / "walk.gif")
        if has_styles(trained):
            save_styles(trained, folder)
        write_page(folder, has_styles(trained))
    print(f"the page is {folder / 'index.html'}")


if __name__ == "__main__":
    run(main)
