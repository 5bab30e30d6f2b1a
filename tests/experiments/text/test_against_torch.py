"""GAN-CLS and StackGAN, step by step, against the same algorithms in PyTorch, float64; and faults that must show."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import minigrad as mg
from experiments.text import gan_cls, stackgan
from minigrad.data import TypesetDigits
from minigrad.devices import CPU
from tests.oracles import torch_text


@pytest.fixture(scope="module")
def strokes():
    return TypesetDigits(200)


def as_double(game):
    for part in game.parts.values():
        if isinstance(part, mg.nn.Module):
            part.double()
    return game


@pytest.mark.parametrize("variant", ["naive", "cls", "int", "int-cls"])
def test_each_variant_of_gan_cls_trains_as_pytorchs_twin(variant, strokes, monkeypatch):
    mg.manual_seed(0)
    settings = gan_cls.Settings(variant, image_size=8, width=4, noise_dim=6, batch_size=5, matching=0)
    game = as_double(gan_cls.GanCls(settings, strokes, CPU))
    twin = torch_text.GanCls(game)
    random = np.random.default_rng(1)
    batches = game.batches()
    for number in range(5):
        scenes, noise = next(batches), random.standard_normal((5, 6))
        scenes.pictures = scenes.pictures.to("float64")
        monkeypatch.setattr("experiments.text.gan_cls.mg.randn", lambda *size, noise=noise, **_: mg.tensor(noise))
        text = torch.tensor(game.encoded(scenes.captions).numpy())
        expected = twin.step(torch.tensor(scenes.pictures.numpy()), text, torch.tensor(noise))
        found = game.step(iter([scenes]), number)
        assert expected.keys() == found.keys() - {"d_right", "d_wrong", "d_fake"}
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value, rel=1e-8), name
    assert ("d_wrong" in found) == ("cls" in variant)


def largest_difference(strokes, monkeypatch, steps=5):
    """The largest relative difference of StackGAN's losses from its twin's: two steps of Stage I, the rest of II."""
    mg.manual_seed(0)
    settings = stackgan.Settings(
        image_size=32, width=4, noise_dim=6, condition_dim=5, batch_size=5, matching=0, first_steps=2
    )
    game = as_double(stackgan.StackGan(settings, strokes, CPU))
    twin = torch_text.StackGan(game)
    random, batches, differences = np.random.default_rng(1), game.batches(), []
    for number in range(steps):
        scenes = next(batches)
        scenes.pictures = scenes.pictures.to("float64")
        draws = [random.standard_normal((5, size)) for size in ((6, 5) if number < 2 else (16, 5))]
        ours = iter([mg.tensor(draw) for draw in draws])
        monkeypatch.setattr("minigrad.randn", lambda *_, ours=ours, **__: next(ours))
        monkeypatch.setattr("minigrad.randn_like", lambda *_, ours=ours, **__: next(ours))
        text = torch.tensor(game.encoded(scenes.captions).numpy())
        expected = twin.step(number, torch.tensor(scenes.pictures.numpy()), text, [torch.tensor(d) for d in draws])
        found = game.step(iter([scenes]), number)
        assert {name for name in found if name[-1] in "12"} == expected.keys()
        differences += [abs(found[name].item() - value) / abs(value) for name, value in expected.items()]
    return max(differences)


def test_stackgan_trains_as_pytorchs_twin(strokes, monkeypatch):
    assert largest_difference(strokes, monkeypatch) < 1e-8


FAULTS = {
    "wrong sentences are not shown": ("discriminator_loss", lambda right, fake, wrong: loss_without_wrong(right, fake)),
    "variance taken for its root": ("kl_to_standard_normal", lambda mean, log_variance: 0.5 * (
        mean * mean + mg.exp(log_variance * 0.5) - log_variance - 1.0).mean()),
    "KL is summed": ("kl_to_standard_normal", lambda mean, log_variance: 0.5 * (
        mean * mean + mg.exp(log_variance) - log_variance - 1.0).sum()),
    "pictures are not made small evenly": ("F.avg_pool2d", lambda pictures, side: pictures[:, :, ::side, ::side]),
    "the average has no warm-up": ("warmed_up", lambda decay, step: decay),
    "noise is not scaled by the deviation": ("sampled", lambda mean, log_variance, noise: mean + noise),
}  # fmt: skip


def loss_without_wrong(right, fake):
    return stackgan.bce(right, 1.0) + stackgan.bce(fake, 0.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_shows(fault, strokes, monkeypatch):
    place, wrong = FAULTS[fault]
    monkeypatch.setattr(f"experiments.text.stackgan.{place}", wrong)
    assert largest_difference(strokes, monkeypatch, steps=3) > 1e-5
