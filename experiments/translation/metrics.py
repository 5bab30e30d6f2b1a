"""How good a translation is, measured on held-out pictures. They are in [-1, 1]: distances have a range of 2.

Digits are recognized by the classifier of the GAN metrics where they are white on black, and by a classifier trained on
the spot on the real pictures of both domains, which knows 20 classes: ten digits in A, ten in B. (Its accuracy on
held-out real pictures is reported with its verdicts.) Cycles are measured again after G's output was rounded to 8 bits
and moved by up to one level, which destroys messages that generators hide in it (Chu, Zhmoginov and Sandler 2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Tensor, from_numpy, nn, optim
from minigrad.data import DataLoader, TensorDataset
from minigrad.devices import Device
from minigrad.nn import functional as F
from nets.classifier import DigitClassifier

from ..common.images import RGB_TO_YIQ
from ..gan.classifier import features_and_classes, kept_classifier
from ..gan.datasets import open_dataset
from .domains import Domains
from .panel import fixed_noise

TESTED = 500  # pictures that metrics are computed on, at most
BATCH = 50
JUDGE_EPOCHS = 3


def translated(network: nn.Module, pictures: Tensor, device: Device) -> Tensor:
    """What a network makes of pictures (N, C, S, S), batch by batch, on the CPU."""
    with mg.no_grad(), fixed_noise():
        parts = [network(pictures[i : i + BATCH].to(device)).cpu() for i in range(0, len(pictures), BATCH)]
    return mg.cat(parts, 0)


def of_pairs(domains: Domains, task: str, network: nn.Module, device: Device) -> dict[str, Any]:
    """Distances of outputs from the truth, beside those of simple guesses; digits that are recognized.

    l1 beside l1_of_mean_picture (the training data's mean as the answer to everything); for colorize, chroma_l1 (I and
    Q of YIQ) beside chroma_l1_of_gray; for digits, digits_right and digits_right_in_truth.
    """
    pairs, channels = domains.test_a.first(TESTED), domains.a_channels
    source, truth = pairs[:, :channels], pairs[:, channels:]
    made = translated(network, source, device)
    mean = domains.a.first(2000)[:, channels:].mean(0, keepdim=True)
    found: dict[str, Any] = {"tested": len(pairs), "l1": l1(made, truth), "l1_of_mean_picture": l1(mean, truth)}
    if task == "colorize" and domains.b_channels == 3:
        found |= {"chroma_l1": l1(chroma(made), chroma(truth))}
        found |= {"chroma_l1_of_gray": l1(chroma(truth) * 0.0, chroma(truth))}
    if task in ("digit_edges", "worn_digits") and not domains.exchanged:
        labels = domains.test_labels[0][: len(pairs)]
        found |= {"digits_right": digits_right(domains, made, labels, device)}
        found |= {"digits_right_in_truth": digits_right(domains, truth, labels, device)}
    return found


def of_cycle(domains: Domains, task: str, G: nn.Module, F: nn.Module, device: Device) -> dict[str, Any]:
    """What the cycles lose; for digits also whether the digit is kept and the domain reached, in both directions."""
    assert domains.test_b is not None
    for network in (G, F):
        network.eval()
    x, y = domains.test_a.first(TESTED), domains.test_b.first(TESTED)
    fake_b, fake_a = translated(G, x, device), translated(F, y, device)
    found: dict[str, Any] = {"tested": len(x)}
    found |= {"cycle_l1_a": l1(translated(F, fake_b, device), x), "cycle_l1_b": l1(translated(G, fake_a, device), y)}
    noisy_b, noisy_a = without_messages(fake_b), without_messages(fake_a)
    found |= {"noisy_cycle_l1_a": l1(translated(F, noisy_b, device), x)}
    found |= {"noisy_cycle_l1_b": l1(translated(G, noisy_a, device), y)}
    if task == "digits":
        classifier = train_domain_classifier(domains, device)
        labels = [each[:TESTED] for each in domains.test_labels]
        for pictures, name, wanted, domain in (
            (fake_b, "in_b", labels[0], 1), (fake_a, "in_a", labels[1], 0),
            (noisy_b, "in_b_noisy", labels[0], 1), (noisy_a, "in_a_noisy", labels[1], 0),
            (x, "in_real_a", labels[0], 0), (y, "in_real_b", labels[1], 1),
        ):  # fmt: skip
            classes = classified(classifier, pictures, device)
            found |= {f"digit_{name}": share(classes % 10, wanted), f"domain_{name}": share(classes // 10, domain)}
        found |= {"digits_right_in_a": digits_right(domains, fake_a, labels[1], device)}
    for network in (G, F):
        network.train()
    return found


def l1(found: Tensor, wanted: Tensor) -> float:
    """Mean absolute difference."""
    return float((found - wanted).abs().mean())


def chroma(pictures: Tensor) -> Tensor:
    """I and Q of RGB pictures (N, 3, H, W) in [-1, 1], in the same units: (N, 2, H, W)."""
    return from_numpy(np.einsum("dc,nchw->ndhw", RGB_TO_YIQ[1:], pictures.numpy()))


def share(found: np.ndarray, wanted: Any) -> float:
    """How often they agree."""
    return float((found == wanted).mean())


def without_messages(pictures: Tensor) -> Tensor:
    """Rounded to 8 bits, and moved by -1, 0 or 1 level at random."""
    levels = np.rint((pictures.numpy() + 1) * 127.5)
    levels += np.random.default_rng(0).integers(-1, 2, levels.shape)
    return from_numpy((np.clip(levels, 0, 255) / 127.5 - 1).astype(np.float32))


def digit_images(pictures: Tensor) -> Tensor:
    """The 28 x 28 in the middle of pictures, in [0, 1]."""
    border = (pictures.shape[-1] - 28) // 2
    middle = pictures[:, :, border : border + 28, border : border + 28]
    return (middle * 0.5 + 0.5).clamp(0.0, 1.0)


def digits_right(domains: Domains, pictures: Tensor, labels: np.ndarray, device: Device) -> float:
    """The share of white-on-black pictures that the classifier of the GAN metrics takes for their digit."""
    assert domains.source is not None
    name = "typeset" if domains.source.data_dir is None else "mnist"
    train, test = (open_dataset(name, domains.source.data_dir, 28, train=train) for train in (True, False))
    classifier = kept_classifier(name, train, test, device)
    images = digit_images(pictures).mean(1, keepdim=True)
    return share(features_and_classes(classifier, images, device)[1], labels)


def train_domain_classifier(domains: Domains, device: Device) -> DigitClassifier:
    """A classifier of 20 classes, 10 domain + digit, trained on the real pictures of both domains."""
    assert domains.b is not None
    parts = [digit_images(each.first(len(each))) for each in (domains.a, domains.b)]
    labels = np.concatenate([domains.labels[0], domains.labels[1] + 10]).astype(np.int64)
    mg.manual_seed(2026)
    classifier = DigitClassifier(channels=3, classes=20).to(device=device)
    data = TensorDataset(mg.cat(parts, 0), mg.tensor(labels))
    loader = DataLoader(data, min(128, len(data)), shuffle=True, drop_last=True)
    adam = optim.Adam(classifier.parameters(), lr=2e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(adam, JUDGE_EPOCHS * len(loader))
    for _ in range(JUDGE_EPOCHS):
        for images, classes in loader:
            adam.zero_grad()
            F.cross_entropy(classifier(images.to(device)), classes.to(device)).backward()
            adam.step()
            schedule.step()
    return classifier.eval()


def classified(classifier: DigitClassifier, pictures: Tensor, device: Device) -> np.ndarray:
    """The classifier's classes (N,): 10 domain + digit."""
    return features_and_classes(classifier, digit_images(pictures), device)[1]
