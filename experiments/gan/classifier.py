"""The classifier behind the metrics: trained on digits with minigrad itself, and kept.

Its weights lie in the user's cache folder under a name that contains their checksum, so that two figures can be
compared exactly when they name the same classifier.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import optim
from minigrad.autograd import Tensor
from minigrad.data import DataLoader
from minigrad.devices import Device
from minigrad.hub import classifiers_folder
from minigrad.nn import functional as F
from nets.classifier import DigitClassifier

from ..common.cli import UserError
from ..common.progress import progress_bar, show

GOAL = 0.985  # accuracy on the test set below which a classifier is not used
SEED, BATCH = 2026, 128


def checksum(classifier: DigitClassifier) -> str:
    """SHA-256 over all parameters, in the order of their names, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in sorted(classifier.state_dict().items()):
        digest.update(name.encode() + np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.hexdigest()


def train_classifier(train: Any, test: Any, device: Device, epochs: int = 3) -> tuple[DigitClassifier, float]:
    """(a new classifier, its accuracy on `test`). Adam, the learning rate falling to 0 along a cosine.

    Errors: UserError if there is not even one batch.
    """
    if len(train) < BATCH:
        raise UserError(f"{len(train)} pictures are too few to train a classifier on; at least {BATCH} are needed")
    mg.manual_seed(SEED)
    classifier = DigitClassifier().to(device=device)
    loader = DataLoader(train, BATCH, shuffle=True, drop_last=True)
    adam = optim.Adam(classifier.parameters(), lr=2e-3)
    steps = epochs * len(loader)
    schedule = optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    batches = loader.forever()
    with progress_bar(steps, "classifier") as bar:
        for step in range(steps):
            images, labels = next(batches)
            adam.zero_grad()
            loss = F.cross_entropy(classifier(images.to(device)), labels.to(device))
            loss.backward()
            adam.step()
            schedule.step()
            bar.update()
            if step % 20 == 0:
                show(bar, loss=loss.item())
    classifier.eval()
    return classifier, accuracy(classifier, test.images, test.labels.numpy(), device)


def features_and_classes(classifier: DigitClassifier, images: Tensor, device: Device) -> tuple[np.ndarray, np.ndarray]:
    """(features (N, 128) float32, classes (N,)) of images (N, 1, 28, 28) in [0, 1]."""
    features, classes = [], []
    with mg.no_grad():
        for start in range(0, len(images), 1000):
            found = classifier.features(images[start : start + 1000].to(device))
            features.append(found.cpu().numpy())
            classes.append(classifier.head(found).argmax(1).cpu().numpy())
    return np.concatenate(features), np.concatenate(classes)


def accuracy(classifier: DigitClassifier, images: Tensor, labels: np.ndarray, device: Device) -> float:
    """The share of images that are given their label."""
    return float((features_and_classes(classifier, images, device)[1] == labels).mean())


def kept_classifier(name: str, train: Any, test: Any, device: Device, anew: bool = False) -> DigitClassifier:
    """The classifier of a data set from the cache; trained and kept there first if it is missing, or if `anew`.

    Errors: UserError if training does not reach `GOAL`.
    """
    folder = classifiers_folder()
    for path in sorted(folder.glob(f"{name}-*.npz")):
        classifier = None if anew else _read(path)
        if classifier is not None:
            return classifier.to(device=device).eval()
        path.unlink()
    classifier, reached = train_classifier(train, test, device)
    if name == "mnist" and reached < GOAL:
        raise UserError(f"the classifier reached {reached:.2%} on the test set, {GOAL:.1%} is needed")
    print(f"classifier for {name}: {reached:.2%} on {len(test)} test images, checksum {checksum(classifier)[:16]}")
    folder.mkdir(parents=True, exist_ok=True)
    mg.save(classifier.state_dict(), folder / f"{name}-{checksum(classifier)[:16]}.npz")
    return classifier


def _read(path: Path) -> DigitClassifier | None:
    """The classifier in a cached file; None if it is damaged or its weights do not have the checksum in its name."""
    classifier = DigitClassifier()
    try:
        classifier.load_state_dict(mg.load(path))
    except (OSError, ValueError, AttributeError):
        return None
    return classifier if path.stem.endswith(checksum(classifier)[:16]) else None
