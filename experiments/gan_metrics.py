"""Measure how good a trained generator is, and put it into the run's page.

    python -m experiments.gan_metrics runs/x/checkpoint.npz --data-dir DIR

writes `metrics.json` and `nearest.png` beside the checkpoint. Features and classes come from a classifier that minigrad
trains itself the first time (a minute or two) and keeps; `--train-classifier` trains it anew.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad.autograd import Tensor
from minigrad.devices import Device
from minigrad.files import check_outputs
from nets.classifier import DigitClassifier

from .common.cli import Parser, UserError, add_common, positive_int, run, start
from .common.images import grid, save_picture
from .common.output_folder import OutputFolder
from .common.run_page import write_metrics, write_page
from .gan import metrics
from .gan.checkpoints import Trained
from .gan.classifier import accuracy, checksum, features_and_classes, kept_classifier
from .gan.datasets import NAMED, check_data_dir, open_dataset
from .gan.game import about
from .gan.styles import Styles, has_styles

FILES = ("metrics.json", "nearest.png")
COMPARED = 1000  # samples, and test images, whose nearest training image is looked for


class Evaluator:
    """A classifier with what it says about its data set."""

    def __init__(self, dataset: str, data_dir: str | None, device: Device, anew: bool = False) -> None:
        self.train = open_dataset(dataset, data_dir, 28, train=True)
        self.test = open_dataset(dataset, data_dir, 28, train=False)
        self.device = device
        self.classifier: DigitClassifier = kept_classifier(dataset, self.train, self.test, device, anew)
        self.accuracy = accuracy(self.classifier, self.test.images, self.test.labels.numpy(), device)
        self.test_features, _ = features_and_classes(self.classifier, self.test.images, device)
        self.train_features, _ = features_and_classes(self.classifier, self.train.images, device)

    def report(self, pictures: Tensor, labels: np.ndarray | None = None) -> dict[str, Any]:
        """All metrics of pictures (N, 1, 28, 28) in [0, 1]; labels: the classes that were asked for."""
        features, classes = features_and_classes(self.classifier, pictures, self.device)
        frequencies = metrics.histogram(classes)
        precision, recall = metrics.precision_recall(self.test_features, features)
        to_train, _ = metrics.nearest(features[:COMPARED], self.train_features)
        usual, _ = metrics.nearest(self.test_features[:COMPARED], self.train_features)
        found = {
            "pictures": len(pictures),
            "classifier": checksum(self.classifier)[:16],
            "classifier accuracy": self.accuracy,
            "cFID": metrics.frechet_distance(self.test_features, features),
            "classes with at least 2 %": int((frequencies >= 0.02).sum()),
            "KL of the classes": metrics.kl_divergence(frequencies, metrics.histogram(self.test.targets)),
            "precision": precision,
            "recall": recall,
            "nearest training image, distance / test image's": float(to_train.mean() / usual.mean()),
            "histogram": [round(float(frequency), 4) for frequency in frequencies],
        }
        if labels is not None:
            shuffled = np.random.default_rng(0).permutation(labels)
            found["label accuracy"] = float((classes == labels).mean())
            found["label accuracy, labels shuffled"] = float((classes == shuffled).mean())
        return found

    def kept_by_coarse_styles(self, styles: Styles, count: int = 1000) -> float:
        """How often a StyleGAN's picture keeps its class when its fine styles are another picture's."""
        (_, before), (_, after) = (
            features_and_classes(self.classifier, shown, self.device) for shown in styles.mixtures(count)
        )
        return float((before == after).mean())

    def neighbors(self, pictures: Tensor, count: int = 16) -> np.ndarray:
        """Samples in the upper row and below each the training image with the nearest pixels, as one picture."""
        chosen = pictures[:count]
        flat = self.train.pixels.reshape(len(self.train), -1).astype(np.float32) / 255
        _, numbers = metrics.nearest(chosen.numpy().reshape(len(chosen), -1), flat)
        rows = np.concatenate([chosen.numpy(), flat[numbers].reshape(chosen.shape)])
        return grid(rows, columns=len(chosen))


def load_samples(path: Path) -> tuple[Tensor, np.ndarray | None]:
    """Pictures that `experiments.gan_sample` wrote, with their labels if they lie beside them."""
    try:
        pixels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: not an array of pictures") from error
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28) or pixels.dtype != np.uint8 or len(pixels) < 4:
        raise UserError(f"{path}: must hold bytes (n, 28, 28) with n of at least 4, got {pixels.shape} {pixels.dtype}")
    beside = path.with_name(f"{path.stem}.labels.npy")
    labels = np.load(beside, allow_pickle=False) if beside.is_file() else None
    return mg.from_numpy(pixels[:, None].astype(np.float32) / 255), labels


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """The command line; returns the metrics."""
    parser = Parser("Measure how good generated digits are.", prog="python -m experiments.gan_metrics")
    parser.add_argument("source", nargs="?", type=Path, metavar="CHECKPOINT|SAMPLES.npy", help="what to measure")
    parser.add_argument("-n", type=positive_int, default=10000, metavar="N", help="how many pictures to draw")
    parser.add_argument("--dataset", choices=NAMED, help="what they should look like; default: the run's, else mnist")
    parser.add_argument("--data-dir", metavar="DIR", help="where mnist or fashion_mnist lie; default: download once")
    parser.add_argument("--train-classifier", action="store_true", help="train the classifier anew")
    parser.add_argument("--out", metavar="DIR", help="where metrics.json goes; default: beside the source")
    add_common(parser)
    options = parser.parse_args(arguments)
    device = start(options)
    check_data_dir(options.data_dir, options.dataset)
    if options.source is None and not options.train_classifier:
        raise UserError("nothing to do: name a checkpoint or samples, or ask for --train-classifier")
    if options.source is None:
        Evaluator(options.dataset or "mnist", options.data_dir, device, anew=True)
        return {}
    return evaluate_source(options, device)


def evaluate_source(options: Any, device: Device) -> dict[str, Any]:
    """Draw or read the pictures, compute their metrics, and write them."""
    source = options.source
    trained = None if source.suffix == ".npy" else Trained(source, device)
    dataset = options.dataset or (trained.settings.dataset if trained else "mnist")
    if dataset not in NAMED:
        raise UserError(
            f"{source}: was trained on {dataset}; there are classifiers for {', '.join(NAMED)}, name one with --dataset"
        )
    with OutputFolder(options.out or source.parent) as folder:
        check_outputs([folder.path / name for name in FILES], [source])
        folder.check_free(FILES)
        evaluator = Evaluator(dataset, options.data_dir, device, options.train_classifier)
        start(options)
        if trained:
            pictures, asked = trained.images(options.n)
            labels = None if asked is None else asked.cpu().numpy()
        else:
            pictures, labels = load_samples(source)
        found = evaluator.report(pictures, labels)
        if trained and has_styles(trained):
            found["class kept by the coarse styles"] = evaluator.kept_by_coarse_styles(Styles(trained))
        save_picture(evaluator.neighbors(pictures), folder.file("nearest.png"))
        write_metrics(folder, found)
        if trained and folder.existing(r"index\.html"):
            write_page(folder, about(trained.settings), dataclasses.asdict(trained.settings), found)
    for name, value in found.items():
        print(f"{name:>50}  {value:.4g}" if isinstance(value, float) else f"{name:>50}  {value}")
    return found


if __name__ == "__main__":
    run(main)
