"""Every pair of networks beside its PyTorch twin, written out from its document: the same start, the same pictures and
the same noise give the same losses, step after step, and the same weights at the end. In double precision, so that a
fault in a layer, a loss, an optimizer or the loop cannot hide in rounding. Dropout is left out: its coins differ.
"""

import numpy as np
import pytest

import minigrad as mg
from experiments.gan.recipes import RECIPES, make_loss, make_networks, make_optimizer
from experiments.gan.settings import GanSettings
from experiments.gan.training import Players, alternate, simultaneous
from minigrad import nn

torch = pytest.importorskip("torch", exc_type=ImportError)
STEPS, BATCH = 3, 4


class PadSame(torch.nn.Module):
    """What TensorFlow's 'same' adds around an even size for a 5 x 5 kernel with stride 2."""

    def forward(self, x):
        return torch.nn.functional.pad(x, (1, 2, 1, 2))


class CropLast(torch.nn.Module):
    """A transposed convolution with padding 1 leaves the row and column that 'same' cuts off at the end."""

    def forward(self, x):
        return x[:, :, :-1, :-1]


def keras_norm(channels, kind=torch.nn.BatchNorm2d):
    return kind(channels, eps=1e-3, momentum=0.01)


def up_same(before, after, bias=True):
    return [torch.nn.ConvTranspose2d(before, after, 5, stride=2, padding=1, bias=bias), CropLast()]


def keras_discriminator(slope):
    T = torch.nn
    return [
        T.Unflatten(1, (1, 28, 28)), PadSame(), T.Conv2d(1, 64, 5, stride=2), T.LeakyReLU(slope),
        PadSame(), T.Conv2d(64, 128, 5, stride=2), T.LeakyReLU(slope), T.Flatten(), T.Linear(6272, 1),
    ]  # fmt: skip


def twins(name):
    """(generator, discriminator) in PyTorch; discriminators end in logits, whose loss is that of probabilities."""
    T = torch.nn
    if name == "mlp":
        G = [T.Linear(96, 1024), T.ReLU(), T.Linear(1024, 1024), T.ReLU(), T.Linear(1024, 784), T.Tanh()]
        D = [T.Linear(784, 256), T.LeakyReLU(0.01), T.Linear(256, 256), T.LeakyReLU(0.01), T.Linear(256, 1)]
    elif name == "mlp_deep":
        G = [T.Linear(100, 128), T.ReLU(), T.Linear(128, 512), T.ReLU(), T.Linear(512, 1024), T.ReLU()]
        G += [T.Linear(1024, 784), T.Tanh()]
        D = [T.Linear(784, 1024), T.ReLU(), T.Linear(1024, 512), T.ReLU(), T.Linear(512, 128), T.ReLU()]
        D += [T.Linear(128, 1)]
    elif name == "dcgan_lab":
        G = [T.Linear(96, 1024), T.ReLU(), T.BatchNorm1d(1024), T.Linear(1024, 6272), T.ReLU(), T.BatchNorm1d(6272)]
        G += [T.Unflatten(1, (128, 7, 7)), T.ConvTranspose2d(128, 64, 4, 2, 1), T.BatchNorm2d(64)]
        G += [T.ConvTranspose2d(64, 1, 4, 2, 1), T.Tanh(), T.Flatten()]
        D = [T.Unflatten(1, (1, 28, 28)), T.Conv2d(1, 32, 5), T.LeakyReLU(0.01), T.MaxPool2d(2)]
        D += [T.Conv2d(32, 64, 5), T.LeakyReLU(0.01), T.MaxPool2d(2), T.Flatten()]
        D += [T.Linear(1024, 1024), T.LeakyReLU(0.01), T.Linear(1024, 1)]
    elif name == "dcgan_a":
        G = [T.Linear(100, 6272), T.Unflatten(1, (128, 7, 7)), keras_norm(128)]
        G += [*up_same(128, 64), T.ReLU(), keras_norm(64), *up_same(64, 1), T.Tanh(), T.Flatten()]
        D = keras_discriminator(0.2)
    elif name == "dcgan_b":
        G = [T.Linear(100, 12544, bias=False), keras_norm(12544, T.BatchNorm1d), T.LeakyReLU(0.3)]
        G += [T.Unflatten(1, (256, 7, 7)), T.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), keras_norm(128)]
        G += [T.LeakyReLU(0.3), *up_same(128, 64, bias=False), keras_norm(64), T.LeakyReLU(0.3)]
        G += [*up_same(64, 1, bias=False), T.Tanh(), T.Flatten()]
        D = keras_discriminator(0.3)
    else:
        G, D = paper(T)
    return T.Sequential(*G).double(), T.Sequential(*D).double()


def paper(T):
    """The paper's networks for gray pictures of 32 x 32."""
    G = [T.Unflatten(1, (100, 1, 1)), T.ConvTranspose2d(100, 256, 4, bias=False), T.BatchNorm2d(256), T.ReLU()]
    D = [T.Unflatten(1, (1, 32, 32)), T.Conv2d(1, 64, 4, 2, 1, bias=False), T.LeakyReLU(0.2)]
    for width in (128, 64):
        G += [T.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), T.BatchNorm2d(width), T.ReLU()]
    for width in (64, 128):
        D += [T.Conv2d(width, 2 * width, 4, 2, 1, bias=False), T.BatchNorm2d(2 * width), T.LeakyReLU(0.2)]
    G += [T.ConvTranspose2d(64, 1, 4, 2, 1, bias=False), T.Tanh(), T.Flatten()]
    return G, [*D, T.Conv2d(256, 1, 4, bias=False), T.Flatten()]


def our_players(name, noises):
    recipe = RECIPES[name]
    settings = GanSettings(
        net=name, loss="ns", dataset="", noise=recipe.noise, noise_dim=recipe.noise_dim, batch_size=BATCH, d_steps=1,
        g_lr=recipe.lr, d_lr=recipe.lr, betas=recipe.betas, image_size=32,
    )  # fmt: skip
    G, D = (network.double() for network in make_networks(settings))
    for module in D.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    optimizers = (make_optimizer(settings, network, recipe.lr) for network in (G, D))
    return Players(G, D, *optimizers, make_loss(settings), lambda count: mg.tensor(next(noises)))


def their_step(G, D, g_optimizer, d_optimizer, real, noises, together):
    """One step as the documents write it; `together` is DCGAN B's. Returns (d_loss, g_loss)."""
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(BATCH, 1).double(), torch.zeros(BATCH, 1).double()
    fake = G(torch.from_numpy(next(noises)))
    if together:
        real_out, fake_out = D(real), D(fake)
        g_loss, d_loss = bce(fake_out, ones), bce(real_out, ones) + bce(fake_out, zeros)
        g_slopes = torch.autograd.grad(g_loss, list(G.parameters()), retain_graph=True)
        d_slopes = torch.autograd.grad(d_loss, list(D.parameters()))
        for weight, slope in zip([*G.parameters(), *D.parameters()], [*g_slopes, *d_slopes]):
            weight.grad = slope
        g_optimizer.step()
        d_optimizer.step()
        return d_loss.item(), g_loss.item()
    d_optimizer.zero_grad()
    d_loss = bce(D(real), ones) + bce(D(fake.detach()), zeros)
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    g_loss = bce(D(G(torch.from_numpy(next(noises)))), ones)
    g_loss.backward()
    g_optimizer.step()
    return d_loss.item(), g_loss.item()


def load(twin, network):
    """Give the twin our start; parameters come in the same order."""
    for theirs, ours in zip(twin.parameters(), network.parameters(), strict=True):
        assert tuple(theirs.shape) == tuple(ours.shape)
        theirs.data = torch.from_numpy(ours.detach().numpy().copy())


@pytest.mark.parametrize("name", [name for name in RECIPES if not RECIPES[name].grow_steps])
def test_training_goes_as_in_pytorch_step_by_step(name):
    mg.manual_seed(11)
    recipe, random = RECIPES[name], np.random.default_rng(5)
    side = recipe.side or 32
    pictures = [random.uniform(-1, 1, (BATCH, 1, side, side)) for _ in range(STEPS)]
    noise = [random.standard_normal((BATCH, recipe.noise_dim)) for _ in range(2 * STEPS)]
    players = our_players(name, iter(noise))
    G, D = twins(name)
    load(G, players.G)
    load(D, players.D)
    optimizers = [torch.optim.Adam(net.parameters(), lr=recipe.lr, betas=recipe.betas) for net in (G, D)]
    step, noises = simultaneous if recipe.simultaneous else alternate, iter(noise)
    for picture in pictures:
        figures = step(players, iter([(mg.tensor(picture), None)]))
        flat = torch.from_numpy(picture.reshape(BATCH, -1))
        expected = their_step(G, D, *optimizers, flat, noises, recipe.simultaneous)
        np.testing.assert_allclose([float(figures["d_loss"]), float(figures["g_loss"])], expected, rtol=1e-6)
    for ours, theirs in ((players.G, G), (players.D, D)):
        for mine, twin in zip(ours.parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(mine.detach().numpy(), twin.detach().numpy(), rtol=1e-5, atol=1e-7)
    compare_samples(players, G, noise[0])


def compare_samples(players, G, noise):
    """What is drawn from the trained generator with batch norm's running statistics, as grids are."""
    with mg.no_grad():
        ours = players.G.eval()(mg.tensor(noise)).numpy()
    with torch.no_grad():
        theirs = G.eval()(torch.from_numpy(noise)).numpy()
    np.testing.assert_allclose(ours.reshape(BATCH, -1), theirs.reshape(BATCH, -1), atol=1e-6)
