"""A few training steps of each network, and one of style transfer, alike on NumPy and on CuPy to rounding."""

import gpu_device
import numpy as np
import pytest
from gpu_device import CUDA

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu

import minigrad as mg  # noqa: E402
from minigrad import backend, optim  # noqa: E402
from nets import dcgan, gan  # noqa: E402

F = mg.nn.functional


def gan_losses(networks, device, batch, steps):
    """The losses of a few steps of a GAN, both networks trained with SGD (Adam would magnify rounding)."""
    mg.manual_seed(4)
    generator, discriminator = networks.Generator(noise_dim=96).to(device), networks.Discriminator().to(device)
    real = mg.rand(batch, 784).to(device) * 2 - 1
    players = [optim.SGD(net.parameters(), lr=1e-2) for net in (discriminator, generator)]
    losses = []
    for _ in range(steps):
        fake = generator(mg.randn(batch, 96).to(device))
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


@pytest.mark.parametrize(("networks", "batch"), [(gan, 4), (dcgan, 2)], ids=["mlp", "dcgan"])
def test_gans_train_alike(networks, batch):
    expected, found = (gan_losses(networks, device, batch, 2) for device in (backend.CPU, CUDA))
    np.testing.assert_allclose(found, expected, rtol=2e-4)
