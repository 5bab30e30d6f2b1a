"""Draw pictures from a trained generator, for any evaluation: uint8, (n, 28, 28), black 0 and white 255.

    python -m experiments.gan_sample runs/x/checkpoint.npz -n 10000 -o samples.npy --seed 1

Color pictures become (n, H, W, 3). With --labels the classes that a conditional generator was asked for are written
beside them, as `samples.labels.npy` (n,) int64: 0, 1, ..., 9 in turn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minigrad.autograd import Tensor
from minigrad.files import atomic_write, check_outputs

from .common.cli import Parser, UserError, add_common, positive_int, run, start, writable_file
from .common.trained import shipped_for, trained_file
from .gan.checkpoints import Trained


def as_bytes(pictures: Tensor) -> np.ndarray:
    """Pictures (N, C, H, W) in [0, 1] as uint8 (N, H, W), or (N, H, W, 3) for colors."""
    pixels = np.rint(np.clip(pictures.numpy(), 0, 1) * 255).astype(np.uint8)
    return pixels[:, 0] if pixels.shape[1] == 1 else np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))


def save_array(array: np.ndarray, path: Path) -> None:
    """Write a .npy file, whole or not at all."""
    with atomic_write(path) as file:
        np.save(file, array)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser("Draw pictures from a trained generator.", prog="python -m experiments.gan_sample")
    parser.add_argument(
        "checkpoint", type=trained_file(["gan"]), metavar="RUN|CHECKPOINT|NAME",
        help=f"a run of train_gan, or one of its checkpoints; {shipped_for(['gan'])}",
    )  # fmt: skip
    parser.add_argument("-n", type=positive_int, default=64, metavar="N", help="how many")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.npy", help="where to write them")
    parser.add_argument("--labels", action="store_true", help="also write the classes (conditional generators)")
    add_common(parser)
    options = parser.parse_args(arguments)
    device = start(options)
    if Path(options.output).suffix != ".npy":
        raise UserError(f"{options.output}: the name must end in .npy")
    target = writable_file(options.output)
    beside = target.with_name(f"{target.stem}.labels.npy")
    check_outputs([target, beside] if options.labels else [target], [options.checkpoint])
    trained = Trained(options.checkpoint, device)
    if options.labels and not trained.settings.classes:
        raise UserError(f"--labels: {options.checkpoint} is not conditional, so its pictures have no classes")
    start(options)  # making the network drew from the generator too: the noise begins at the seed
    pictures, labels = trained.images(options.n)
    save_array(as_bytes(pictures), target)
    print(f"{options.n} pictures: {target}")
    if options.labels and labels is not None:
        save_array(labels.cpu().numpy(), beside)
        print(f"their classes: {beside}")


if __name__ == "__main__":
    run(main)
