"""The held-out metrics on translations whose quality is known."""

import numpy as np
import pytest

import minigrad as mg
from experiments.translation import digits, metrics, tasks
from experiments.translation.domains import Source
from minigrad import from_numpy, nn
from minigrad.data import TypesetDigits
from minigrad.devices import CPU


class Function(nn.Module):
    """A network that is a function on arrays."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return from_numpy(self.function(x.numpy()).astype(np.float32))


def test_the_truth_and_the_mean_picture_as_answers():
    domains = tasks.open_domains(Source("colorize", count=60), 32, 0)
    truth = domains.test_a.first(metrics.TESTED).numpy()[:, 1:]
    mean = domains.a.first(2000).numpy()[:, 1:].mean(0, keepdims=True)
    given = iter([truth[: metrics.BATCH]])
    exact = metrics.of_pairs(domains, "colorize", Function(lambda x: next(given)), CPU)
    assert exact["l1"] == 0 and exact["chroma_l1"] == 0 and exact["chroma_l1_of_gray"] > 0.05
    dull = metrics.of_pairs(domains, "colorize", Function(lambda x: np.repeat(mean, len(x), 0)), CPU)
    assert dull["l1"] == pytest.approx(dull["l1_of_mean_picture"], rel=1e-5) and dull["l1"] > 0.1
    gray = metrics.of_pairs(domains, "colorize", Function(lambda x: np.repeat(x, 3, 1)), CPU)
    assert gray["chroma_l1"] == pytest.approx(gray["chroma_l1_of_gray"], rel=1e-3)


def test_a_cycle_that_keeps_everything_and_one_that_hides_it():
    domains = tasks.open_domains(Source("digits", count=40), 32, 0)
    same = Function(lambda x: x)
    kept = metrics.of_cycle(domains, "", same, same, CPU)
    assert kept["cycle_l1_a"] == kept["cycle_l1_b"] == 0 and 0 < kept["noisy_cycle_l1_a"] < 2 / 127.5
    hide, find = Function(lambda x: x * 1e-3), Function(lambda x: x * 1e3)  # a message below one level of 8 bits
    hidden = metrics.of_cycle(domains, "", hide, find, CPU)
    assert hidden["cycle_l1_a"] < 1e-5 and hidden["noisy_cycle_l1_a"] > 1


def test_noise_of_one_level():
    noisy = metrics.without_messages(mg.rand(2, 3, 32, 32) * 2 - 1)
    levels = (noisy.numpy() + 1) * 127.5
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
    assert float(noisy.abs().max()) <= 1


def test_the_classifier_knows_digits_and_domains_and_sees_when_they_change():
    source = Source("digits", count=2400)
    domains = tasks.open_domains(source, 32, 0)
    classifier = metrics.train_domain_classifier(domains, CPU)
    x, y = (pictures.first(200) for pictures in (domains.test_a, domains.test_b))
    for pictures, labels, domain in ((x, domains.test_labels[0], 0), (y, domains.test_labels[1], 1)):
        classes = metrics.classified(classifier, pictures, CPU)
        assert metrics.share(classes // 10, domain) > 0.95
        assert metrics.share(classes % 10, labels[:200]) > 0.6
        assert metrics.share(classes % 10, (labels[:200] + 1) % 10) < 0.15
    shapes = TypesetDigits(100, train=False, seed=5)
    repainted = from_numpy(digits.on_texture(shapes.pixels).astype(np.float32) / 127.5 - 1)
    assert metrics.share(metrics.classified(classifier, repainted, CPU) // 10, 1) > 0.95
