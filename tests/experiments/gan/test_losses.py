"""GAN losses: against their formulas, against torch where installed, and the penalty's second derivatives."""

import numpy as np
import pytest

import minigrad as mg
from experiments.common.averaging import Average
from experiments.common.losses import bce
from experiments.gan.losses import LOSSES, NS_OF_PROBABILITIES, gradient_penalty
from experiments.gan.tricks import Tricks
from minigrad import nn

RANDOM = np.random.default_rng(0)
REAL, FAKE = (RANDOM.standard_normal((6, 1)) for _ in range(2))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FORMULAS = {
    "ns": (
        lambda r, f: -np.log(sigmoid(r)).mean() - np.log(1 - sigmoid(f)).mean(),
        lambda f: -np.log(sigmoid(f)).mean(),
    ),
    "saturating": (
        lambda r, f: -np.log(sigmoid(r)).mean() - np.log(1 - sigmoid(f)).mean(),
        lambda f: np.log(1 - sigmoid(f)).mean(),
    ),
    "lsgan": (lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2, lambda f: ((f - 1) ** 2).mean() / 2),
    "wgan": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    "wgan-gp": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    "wgan-gp-drift": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    "ns-r1": (
        lambda r, f: np.log1p(np.exp(-r)).mean() + np.log1p(np.exp(f)).mean(),
        lambda f: np.log1p(np.exp(-f)).mean(),
    ),
    "hinge": (lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(), lambda f: -f.mean()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_their_formulas(name):
    loss, (discriminator, generator) = LOSSES[name], FORMULAS[name]
    real, fake = mg.tensor(REAL), mg.tensor(FAKE)
    assert loss.discriminator(real, fake, 1.0, 0.0).item() == pytest.approx(discriminator(REAL, FAKE), rel=1e-12)
    assert loss.generator(fake).item() == pytest.approx(generator(FAKE), rel=1e-12)


def test_the_loss_of_probabilities_is_that_of_their_logits():
    real, fake = mg.tensor(REAL), mg.tensor(FAKE)
    of_logits = LOSSES["ns"].discriminator(real, fake, 1.0, 0.0).item()
    probabilities = mg.sigmoid(real), mg.sigmoid(fake)
    assert NS_OF_PROBABILITIES.discriminator(*probabilities, 1.0, 0.0).item() == pytest.approx(of_logits)
    assert NS_OF_PROBABILITIES.generator(probabilities[1]).item() == pytest.approx(LOSSES["ns"].generator(fake).item())


def test_bce_is_finite_for_scores_that_overflow_exp():
    scores = mg.tensor([[2000.0], [-2000.0]], requires_grad=True)
    loss = bce(scores, 0.0)
    loss.backward()
    assert loss.item() == 1000
    np.testing.assert_allclose(scores.grad.numpy(), [[0.5], [0.0]])


def test_gradient_penalty_of_a_linear_discriminator_is_known():
    weight = mg.tensor([[3.0], [4.0]], requires_grad=True)
    real, fake = mg.rand(5, 2), mg.rand(5, 2)
    penalty = gradient_penalty(lambda x: x @ weight, real, fake)
    assert penalty.item() == pytest.approx((5 - 1) ** 2, rel=1e-5)
    penalty.backward()  # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|
    np.testing.assert_allclose(weight.grad.numpy(), [[2 * 4 * 0.6], [2 * 4 * 0.8]], rtol=1e-5)


def test_gradient_penalty_equals_torchs(monkeypatch):
    torch = pytest.importorskip("torch")
    net = nn.Sequential(nn.Linear(4, 7), nn.LeakyReLU(0.2), nn.Linear(7, 1)).double()
    twin = torch.nn.Sequential(torch.nn.Linear(4, 7), torch.nn.LeakyReLU(0.2), torch.nn.Linear(7, 1)).double()
    twin.load_state_dict({name: torch.from_numpy(value.numpy().copy()) for name, value in net.state_dict().items()})
    real, fake, share = (RANDOM.standard_normal(shape) for shape in ((5, 4), (5, 4), (5, 1)))
    monkeypatch.setattr("experiments.gan.losses.mg.rand", lambda *size, device=None: mg.tensor(share))
    gradient_penalty(net, mg.tensor(real), mg.tensor(fake)).backward()

    between = torch.from_numpy(share * real + (1 - share) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(twin(between).sum(), between, create_graph=True)
    (((slopes**2).sum(1) + 1e-12).sqrt() - 1).pow(2).mean().backward()
    for ours, theirs in zip(net.parameters(), twin.parameters()):
        if theirs.grad is not None and ours.grad is not None:
            np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-9, atol=1e-12)
    assert np.abs(next(iter(net.parameters())).grad.numpy()).max() > 1e-3


def test_targets_of_the_tricks():
    scores = mg.zeros(4000, 1)
    assert Tricks().targets(scores, real=True) == 1.0 and Tricks().targets(scores, real=False) == 0.0
    assert Tricks(label_smoothing=0.1).targets(scores, real=True) == pytest.approx(0.9)
    flipped = Tricks(flip_labels=0.25).targets(scores, real=True).numpy()
    assert set(np.unique(flipped)) == {0.0, 1.0} and flipped.mean() == pytest.approx(0.75, abs=0.03)
    moved = Tricks(label_noise=0.2).targets(scores, real=False).numpy()
    assert np.abs(moved).max() <= 0.2 and moved.std() == pytest.approx(0.2 / np.sqrt(3), rel=0.05)


def test_instance_noise_fades():
    tricks, images = Tricks(instance_noise=0.5, noise_steps=100), mg.zeros(50, 100)
    assert tricks.blurred(images, 0).numpy().std() == pytest.approx(0.5, rel=0.05)
    assert tricks.blurred(images, 50).numpy().std() == pytest.approx(0.25, rel=0.05)
    assert tricks.blurred(images, 100) is images


def test_the_average_follows_the_network():
    source, shadow = nn.Linear(1, 1), nn.Linear(1, 1)
    average = Average(shadow, decay=0.75)
    with mg.no_grad():
        source.weight.fill_(4.0)
        shadow.weight.fill_(0.0)
    average.update(source)
    assert shadow.weight.item() == 1.0
    average.update(source)
    assert shadow.weight.item() == 1.75
