"""Draw what a sentence says, with a network that `train_text_gan` trained.

    python -m experiments.draw_text runs/words "a small red seven, tilted left, on a blue ground" -o seven.png --count 8
    python -m experiments.draw_text runs/words --from "a large red two on a white ground" \\
        --to "a large blue two on a white ground" -o between.png
    python -m experiments.draw_text runs/words "a large green nine on a black ground" --style two.png -o nine.png
    python -m experiments.draw_text runs/naive --compare runs/cls runs/int runs/int-cls -o panel.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import Tensor, from_numpy
from minigrad.files import check_outputs

from .common.cli import Parser, UserError, add_common, existing_file, positive_int, run, start, writable_file
from .common.images import grid, load_picture, picture_kind, resize, save_picture
from .common.trained import find_trained, shipped_for
from .text.panel import panel
from .text.trained import TEXT_GAMES, Trained, between

ENLARGED = 4  # how many pixels of the file show one of the picture


def make_parser() -> Parser:
    parser = Parser("Draw what a sentence says.", prog="python -m experiments.draw_text")
    parser.add_argument(
        "run", metavar="RUN|CHECKPOINT|NAME",
        help=f"a run of train_text_gan, or one of its checkpoints; {shipped_for(TEXT_GAMES)}",
    )  # fmt: skip
    parser.add_argument("sentence", nargs="?", metavar="SENTENCE", help='like "a small red seven on a blue ground"')
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="the picture's file")
    parser.add_argument("--count", type=positive_int, default=8, metavar="N", help="pictures side by side")
    parser.add_argument("--from", dest="first", metavar="TEXT", help="draw what lies between this sentence ...")
    parser.add_argument("--to", dest="last", metavar="TEXT", help="... and this one, all with the same noise")
    parser.add_argument("--style", type=existing_file, metavar="PICTURE", help="take the style of this picture")
    parser.add_argument(
        "--compare", nargs="+", type=Path, metavar="RUN",
        help="one panel of this run and these others: a row a sentence, with a real picture of it",
    )  # fmt: skip
    add_common(parser)
    return parser


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if (options.first is None) != (options.last is None):
        raise UserError("--from and --to belong together; give both")
    if (options.sentence is not None) + (options.first is not None) + (options.compare is not None) != 1:
        raise UserError("give either a sentence, or two with --from and --to, or other runs with --compare")
    if options.compare and options.style:
        raise UserError("--style belongs to a sentence, or to --from and --to; leave it out with --compare")
    target = writable_file(options.output)
    picture_kind(target)
    check_outputs([target], [options.style] if options.style else [])
    device = start(options)
    trained = Trained(find_trained(options.run, TEXT_GAMES), device)
    if options.compare:
        runs = [trained, *[Trained(run, device) for run in options.compare]]
        metadata = {"runs": ", ".join([options.run, *map(str, options.compare)]), "seed": options.seed}
        save_picture(panel(runs, options.count, options.seed), target, metadata)
        print(f"a row a sentence, a column a run: {target}")
        return
    start(options)  # making the networks drew from the generator too: the noise begins at the seed
    metadata = {name: getattr(options, name) for name in ("sentence", "first", "last", "seed")}
    save_picture(drawn(trained, options), target, {"run": options.run, **metadata})
    print(f"drawn after {trained.step} training steps: {target}")


def drawn(trained: Trained, options: argparse.Namespace) -> np.ndarray:
    """The pictures that the options ask for, side by side; of a style, its picture comes first."""
    count = options.count
    if options.first is not None:
        text = between(trained.encoded([options.first]), trained.encoded([options.last]), count)
        noise = trained.noise(1).expand(count, trained.G.noise_dim)
    else:
        text = trained.encoded([options.sentence] * count)
        noise = trained.noise(count)
    shown = []
    if options.style:
        picture = style_picture(options.style, trained.settings.image_size)
        noise = trained.style(picture).expand(count, trained.G.noise_dim)
        shown.append(picture)
    pictures = mg.cat([*shown, trained.pictures(noise, text)], 0).numpy() * 0.5 + 0.5
    large = np.repeat(np.repeat(np.clip(pictures, 0, 1), ENLARGED, axis=2), ENLARGED, axis=3)
    return grid(large, columns=len(large))


def style_picture(path: Path, size: int) -> Tensor:
    """A picture file as the style encoder wants it: (1, 3, size, size) in [-1, 1], cut to a square in its middle."""
    picture = load_picture(path)
    side = min(picture.shape[2:])
    top, left = (picture.shape[2] - side) // 2, (picture.shape[3] - side) // 2
    return from_numpy(resize(picture[:, :, top : top + side, left : left + side], size, size) * 2 - 1)


if __name__ == "__main__":
    run(main)
