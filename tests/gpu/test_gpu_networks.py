"""A few training steps of each network, and one of style transfer, alike on NumPy and on CuPy to rounding."""

import numpy as np
import pytest

from tests.helpers import gpu_device
from tests.helpers.gpu_device import CUDA
from tests.oracles import cuda_emulation

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu

import minigrad as mg  # noqa: E402
from experiments.gan.losses import LOSSES  # noqa: E402
from experiments.gan.training import Players, alternate  # noqa: E402
from experiments.super_resolution import game as super_resolution  # noqa: E402
from experiments.text import gan_cls, stackgan  # noqa: E402
from minigrad import cuda, devices, optim  # noqa: E402
from minigrad.data import TypesetDigits  # noqa: E402
from nets import dcgan, mlp_gan, progressive_gan, stylegan, vgg  # noqa: E402
from nets.classifier import DigitClassifier  # noqa: E402

F = mg.nn.functional


# name -> ((generator, discriminator), the size of the noise, the batch)
GANS = {
    "mlp": (lambda: (mlp_gan.Generator(96), mlp_gan.Discriminator()), 96, 4),
    "mlp_deep": (lambda: (mlp_gan.DeepGenerator(100), mlp_gan.DeepDiscriminator()), 100, 4),
    "dcgan_lab": (lambda: (dcgan.Generator(96), dcgan.Discriminator()), 96, 2),
    "dcgan_a": (lambda: (dcgan.GeronGenerator(100), dcgan.GeronDiscriminator()), 100, 2),
    "dcgan_b": (lambda: (dcgan.KerasGenerator(100), dcgan.KerasDiscriminator()), 100, 2),
    "dcgan": (
        lambda: (dcgan.PaperGenerator(100, 16, 3, width=8), dcgan.PaperDiscriminator(16, 3, width=8)), 100, 4,
    ),
}  # fmt: skip


def gan_losses(name, device, steps):
    """The losses of a few steps of a GAN, both networks trained with SGD (Adam would magnify rounding)."""
    mg.manual_seed(4)
    make, noise, batch = GANS[name]
    generator, discriminator = (network.to(device) for network in make())
    shape = generator(mg.randn(batch, noise).to(device)).shape
    real = mg.rand(*shape).to(device) * 2 - 1
    players = [optim.SGD(net.parameters(), lr=1e-2) for net in (discriminator, generator)]
    losses = []
    for _ in range(steps):
        fake = generator(mg.randn(batch, noise).to(device))
        for player, loss in (
            (players[0], lambda fake=fake: F.softplus(discriminator(fake.detach())).mean()
             + F.softplus(-discriminator(real)).mean()),
            (players[1], lambda fake=fake: F.softplus(-discriminator(fake)).mean()),
        ):  # fmt: skip
            discriminator.zero_grad()
            generator.zero_grad()
            value = loss()
            value.backward()
            player.step()
            losses.append(value.item())
    return losses


@pytest.mark.parametrize("name", GANS)
def test_gans_train_alike(name):
    expected, found = (gan_losses(name, device, 2) for device in (devices.CPU, CUDA))
    assert len(set(expected)) == 4
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def classifier_losses(device):
    mg.manual_seed(4)
    net = DigitClassifier().to(device)
    x, labels = mg.rand(4, 1, 28, 28).to(device), mg.tensor([3, 1, 4, 1]).to(device)
    search, losses = optim.SGD(net.parameters(), lr=1e-2, momentum=0.9), []
    for _ in range(3):
        search.zero_grad()
        loss = F.cross_entropy(net(x), labels)
        loss.backward()
        search.step()
        losses.append(loss.item())
    return losses


def test_the_judge_of_digits_trains_alike():
    np.testing.assert_allclose(classifier_losses(CUDA), classifier_losses(devices.CPU), rtol=2e-4)


class RandomCrops:
    """Stands in for a folder of photographs."""

    def batch(self, count):
        return mg.rand(count, 3, 4, 4), mg.rand(count, 3, 16, 16) * 2 - 1


def super_resolution_losses(loss, device, monkeypatch):
    """One step of SRResNet or SRGAN, with an untrained VGG16."""
    monkeypatch.setattr(vgg, "load", lambda path: vgg.VGG16())
    mg.manual_seed(4)
    settings = super_resolution.Settings("", loss, 1, 4, 16, 2, layer="relu1_2")
    game = super_resolution.GAMES[loss](settings, RandomCrops(), device)
    return {name: value.item() for name, value in game.step(game.batches(), 0).items()}


@pytest.mark.parametrize("loss", ["mse", "gan"])
def test_super_resolution_trains_alike(loss, monkeypatch):
    expected, found = (super_resolution_losses(loss, device, monkeypatch) for device in (devices.CPU, CUDA))
    assert found == pytest.approx(expected, rel=1e-3)


TEXT_GAMES = {
    "gan_cls": (gan_cls.GanCls, gan_cls.Settings(image_size=8, width=4, batch_size=4, matching=1), [0]),
    "stackgan": (
        stackgan.StackGan,
        stackgan.Settings(image_size=32, width=4, batch_size=4, matching=1, blocks=1, first_steps=1), [0, 1],
    ),
}  # fmt: skip


def text_game_losses(name, device):
    """A step after a step of matching: of GAN-CLS with interpolated sentences, or one of each of StackGAN's stages."""
    mg.manual_seed(4)
    kind, settings, numbers = TEXT_GAMES[name]
    game = kind(settings, TypesetDigits(100), device)
    steps = [game.step(game.batches(), number) for number in numbers]
    return [{name: value.item() for name, value in losses.items()} for losses in steps]


@pytest.mark.parametrize("name", TEXT_GAMES)
def test_text_games_train_alike(name):
    for found, expected in zip(*(text_game_losses(name, device) for device in (CUDA, devices.CPU))):
        assert found == pytest.approx(expected, rel=1e-3)


def growing_gan_losses(nets, loss, device):
    """One step at alpha 0.5 of 8 pixels, with the paper's loss and its gradient of a gradient.

    Random numbers come from the CPU, on which the two devices agree.
    """
    mg.manual_seed(4)
    G, D = (network.to(device) for network in (nets.Generator(5, 8, width=4), nets.Discriminator(8, width=4)))
    for network in (G, D):
        network.grow_to(1, 0.5)
    searches = [optim.SGD(network.parameters(), lr=1e-2) for network in (G, D)]
    players = Players(G, D, *searches, LOSSES[loss], lambda count: mg.randn(count, 5).to(device), device=device)
    real = mg.rand(4, 1, 8, 8).to(device) * 2 - 1
    return {name: value.item() for name, value in alternate(players, iter([(real, None)])).items()}


@pytest.mark.parametrize("nets, loss", [(progressive_gan, "wgan-gp-drift"), (stylegan, "ns-r1")])
def test_growing_gans_train_alike(nets, loss):
    assert growing_gan_losses(nets, loss, CUDA) == pytest.approx(growing_gan_losses(nets, loss, devices.CPU), rel=1e-3)


def style_gradient(device):
    """(loss, its gradient to the picture) of Gram matrices of an untrained VGG19, 32 pixels, average pooling."""
    mg.manual_seed(4)
    net = vgg.VGG19(pooling="avg").to(device)
    picture = mg.rand(1, 3, 32, 32).to(device).requires_grad_()
    loss = mg.tensor(0.0, device=device)
    for features in net.features(picture, ["conv1_1", "conv2_1", "conv3_1", "conv4_1"]).values():
        flat = features.flatten(2)
        gram = flat @ flat.transpose(1, 2) / float(features.numel())
        loss = loss + (gram * gram).sum()
    loss.backward()
    return loss.item(), picture.grad.cpu().numpy()


def test_networks_begin_where_minigrad_device_says(monkeypatch):
    monkeypatch.setenv("MINIGRAD_DEVICE", "cuda")
    for net in (vgg.VGG19(), dcgan.Generator(), dcgan.Discriminator(), mlp_gan.Generator(), DigitClassifier()):
        assert {str(value.device) for value in net.state_dict().values()} == {"cuda"}, type(net).__name__


def test_a_style_iteration_is_alike():
    (loss, gradient), (expected_loss, expected) = style_gradient(CUDA), style_gradient(devices.CPU)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4)
    assert np.linalg.norm(gradient - expected) <= 1e-4 * np.linalg.norm(expected)


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5),
    "adam": lambda p: optim.Adam(p, lr=0.01, weight_decay=1e-2),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "lbfgs": lambda p: optim.LBFGS(p, max_iter=4),
    "lbfgs, strong Wolfe": lambda p: optim.LBFGS(p, max_iter=4, line_search_fn="strong_wolfe"),
}


def walked(make, device, move_at=None):
    """A point after six steps over a curved valley in float64; at step `move_at` everything changes its device."""
    point = mg.tensor([1.5, -0.5, 0.3], dtype=mg.float64, device=device, requires_grad=True)
    search = make([point])

    def closure():
        search.zero_grad()
        loss = ((point[1:] - point[:-1] ** 2) ** 2).sum() + 0.1 * (point**4).sum()
        loss.backward()
        return loss

    for step in range(6):
        if step == move_at:
            state = search.state_dict()
            other = devices.CPU if device == CUDA else CUDA
            point = point.detach().to(other).requires_grad_()
            search = make([point])
            search.load_state_dict(state)
        search.step(closure)
    return point.detach().cpu().numpy()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_walk_alike(name):
    expected = walked(OPTIMIZERS[name], devices.CPU)
    np.testing.assert_allclose(walked(OPTIMIZERS[name], CUDA), expected, rtol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_on_alike_on_another_device(name):
    expected = walked(OPTIMIZERS[name], devices.CPU)
    for device in (devices.CPU, CUDA):
        np.testing.assert_allclose(walked(OPTIMIZERS[name], device, move_at=3), expected, rtol=1e-9)


def test_batches_go_up_through_pinned_memory():
    """Only from memory that the system cannot move can a copy run beside the computation."""
    if not cuda_emulation.is_wanted():
        pytest.skip("a real driver does not count its allocations")
    cuda.cupy().get_default_pinned_memory_pool().free_all_blocks()
    before = cuda_emulation.counters()
    batch = mg.rand(128, 1, 28, 28)
    moved = batch.to("cuda")
    after = cuda_emulation.counters()
    assert after["uploads"] > before["uploads"] and after["pinned"] > before["pinned"]
    np.testing.assert_array_equal(moved.cpu().numpy(), batch.numpy())
