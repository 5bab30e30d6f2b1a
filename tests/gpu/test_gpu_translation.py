"""One training step of each game that makes pictures of pictures, alike on NumPy and on CuPy to rounding."""

import numpy as np
import pytest

from tests.helpers import gpu_device
from tests.helpers.gpu_device import CUDA

gpu_device.require_gpu()
pytestmark = pytest.mark.gpu

import minigrad as mg  # noqa: E402
from experiments.style.fast import FastStyle, FastStyleSettings  # noqa: E402
from experiments.style.perceptual import Weights  # noqa: E402
from experiments.translation import cycle, pix2pix, transfer  # noqa: E402
from experiments.translation.games import DISCOGAN  # noqa: E402
from experiments.translation.settings import CycleSettings, Pix2PixSettings, TransferSettings  # noqa: E402
from minigrad import devices  # noqa: E402
from nets import vgg  # noqa: E402

SIZE = {"size": 16, "width": 4}


def pix2pix_step(device):
    settings = Pix2PixSettings("", halvings=3, layers=1, **SIZE)
    player = pix2pix.Player(settings, 100.0, 1.0, device)
    return player.step(*pictures(2, device)), player.G


def cycle_step(game, **usual):
    def step(device):
        player = cycle.Cycle(game, CycleSettings("", blocks=1, layers=1, **SIZE, **usual), 10.0, device)
        return player.step(*pictures(4, device), 0), player.G

    return step


def transfer_step(device):
    player = transfer.Player(TransferSettings("", code=4, **SIZE), device)
    return player.step(*pictures(4, device)), player.converter


def fast_style_step(device):
    net = vgg.VGG16().to(device=device)
    settings = FastStyleSettings("", Weights(), 16, 16, 1)
    style = np.random.default_rng(0).random((1, 3, 16, 16), dtype=np.float32)
    game = FastStyle(settings, [mg.zeros(3, 16, 16)], [], style, net, device)
    return game.step(iter([mg.rand(1, 3, 16, 16).to(device)]), 0), game.net


GAMES = {
    "pix2pix": pix2pix_step,
    "cyclegan": cycle_step(cycle.CycleGAN),
    "discogan": cycle_step(cycle.DiscoGAN, **DISCOGAN),
    "domain_transfer": transfer_step,
    "fast_style": fast_style_step,
}


def pictures(count, device):
    return [(mg.rand(count, 3, 16, 16) * 2 - 1).to(device) for _ in range(2)]


@pytest.mark.parametrize("name", GAMES)
def test_games_train_alike(name):
    results = []
    for device in (devices.CPU, CUDA):
        mg.manual_seed(4)
        losses, network = GAMES[name](device)
        values = {key: float(value) for key, value in losses.items()}
        gradients = [p.grad.cpu().numpy().ravel() for p in network.parameters() if p.grad is not None]
        results.append((values, np.concatenate(gradients)))
    (expected, slopes), (found, found_slopes) = results
    assert set(found) == set(expected) and np.abs(slopes).max() > 0
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-3, atol=1e-6, err_msg=key)
    assert np.linalg.norm(found_slopes - slopes) <= 1e-2 * np.linalg.norm(slopes)
