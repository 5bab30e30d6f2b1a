"""Growing GANs in training: their schedule, their losses by hand, PyTorch twins, and resuming across a growth step."""

from functools import partial

import numpy as np
import pytest

import minigrad as mg
from experiments import gan_latent, gan_sample, train_gan
from experiments.common.cli import UserError
from experiments.gan.checkpoints import Trained
from experiments.gan.datasets import prepared
from experiments.gan.growth import Growth, level_and_alpha
from experiments.gan.losses import r1_penalty
from experiments.gan.recipes import RECIPES, make_loss, make_networks, make_optimizer
from experiments.gan.settings import GanSettings
from experiments.gan.styles import Styles
from experiments.gan.training import Players, alternate
from nets import progressive_gan, stylegan

NETS = ("progressive", "stylegan")


@pytest.fixture
def narrow(monkeypatch):
    """The recipes' networks with 8 feature maps."""
    for nets in (progressive_gan, stylegan):
        for name in ("Generator", "Discriminator"):
            monkeypatch.setattr(nets, name, partial(getattr(nets, name), width=8))


def test_the_schedule():
    found = [level_and_alpha(step, 2, 0, 2) for step in range(12)]
    expected = [(0, 1.0)] * 2 + [(1, 0.0), (1, 0.5)] + [(1, 1.0)] * 2 + [(2, 0.0), (2, 0.5)] + [(2, 1.0)] * 4
    assert found == expected
    assert level_and_alpha(100, 2, 1, 1) == level_and_alpha(0, 2, 1, 1) == (1, 1.0)


def test_real_pictures_are_as_sharp_as_the_drawn_ones():
    growth = Growth([progressive_gan.Generator(image_size=8, width=4)], 2)
    images = mg.randn(1, 1, 8, 8)
    means = images.numpy().reshape(1, 1, 4, 2, 4, 2).mean((3, 5))
    np.testing.assert_allclose(growth.shrunk(images).numpy(), means, rtol=1e-5, atol=1e-6)
    blocky = means.repeat(2, 2).repeat(2, 3)
    for step, alpha in ((2, 0.0), (3, 0.5), (4, 1.0)):
        growth.at(step)
        expected = (1 - alpha) * blocky + alpha * images.numpy()
        np.testing.assert_allclose(growth.shrunk(images).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_small_digits_are_averages_of_those_with_a_border():
    images = mg.rand(2, 1, 28, 28)
    framed = np.full((2, 1, 32, 32), -1.0)
    framed[:, :, 2:30, 2:30] = 2 * images.numpy() - 1
    expected = framed.reshape(2, 1, 16, 2, 16, 2).mean((3, 5))
    np.testing.assert_allclose(prepared(images, 16).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_r1_of_a_linear_discriminator_by_hand():
    """D(x) = a x has the slope a everywhere: R1 is |a|^2 / 2, and its slope to a is a."""
    a = mg.tensor([[3.0, -4.0]]).requires_grad_()
    penalty = r1_penalty(lambda x: x @ a.transpose(0, 1), mg.randn(5, 2))
    assert penalty.item() == pytest.approx(12.5)
    penalty.backward()
    np.testing.assert_allclose(a.grad.numpy(), a.detach().numpy(), rtol=1e-6)


def settings_of(net, **changes):
    recipe = RECIPES[net]
    values = {
        "net": net, "loss": recipe.loss, "dataset": "", "noise": recipe.noise, "noise_dim": 5, "batch_size": 4,
        "d_steps": 1, "g_lr": recipe.lr, "d_lr": recipe.lr, "betas": recipe.betas, "image_size": 8, "picture_size": 8,
        "grow_steps": 2,
    }  # fmt: skip
    return GanSettings(**{**values, **changes})


def linear_players(loss):
    """A discriminator w x + b with scores that are easily written out, and a generator that copies its noise."""
    D = mg.nn.Linear(2, 1)
    G = mg.nn.Linear(2, 2)
    optimizers = (mg.optim.SGD(network.parameters(), lr=0.0) for network in (G, D))
    settings = settings_of("progressive" if loss == "wgan-gp-drift" else "stylegan", loss=loss)
    return Players(G, D, *optimizers, make_loss(settings), lambda count: mg.ones(count, 2))


def test_both_losses_of_a_linear_discriminator_by_hand():
    mg.manual_seed(3)
    real = mg.randn(4, 2)
    for loss in ("wgan-gp-drift", "ns-r1"):
        players = linear_players(loss)
        found = float(alternate(players, iter([(real, None)]))["d_loss"])
        with mg.no_grad():
            scores = players.D(real).numpy(), players.D(players.G(mg.ones(4, 2))).numpy()
            square = float((players.D.weight.detach().numpy() ** 2).sum())
        if loss == "ns-r1":
            expected = np.log1p(np.exp(-scores[0])).mean() + np.log1p(np.exp(scores[1])).mean() + 5 * square
        else:
            drift = 1e-3 * (scores[0] ** 2).mean()
            expected = scores[1].mean() - scores[0].mean() + 10 * (np.sqrt(square) - 1) ** 2 + drift
        assert found == pytest.approx(expected, rel=1e-5)


def run(out, net, steps, *more):
    size = 8 if net == "progressive" else 16  # StyleGAN begins with 8
    small = f"--image-size {size} --batch-size 3 --noise-dim 4 --grow-steps 2 --pictures-every 2 --device cpu --seed 5"
    train_gan.main(["--net", net, *small.split(), "--steps", str(steps), "--out", str(out), *more])


@pytest.mark.parametrize("net", NETS)
def test_resuming_across_a_growth_step(tmp_path, monkeypatch, narrow, net):
    """Stopped in the middle of a fade-in, and again when all steps are done."""
    monkeypatch.setattr("experiments.gan.datasets.TYPESET_COUNT", 20)
    run(tmp_path / "once", net, 6)
    run(tmp_path / "parts", net, 3)
    run(tmp_path / "parts", net, 6, "--resume")
    names = ["checkpoint.npz", "losses.csv", "samples_0000002.png", "samples_0000004.png", "samples_final.png"]
    for name in names:
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes(), name
    run(tmp_path / "parts", net, 6, "--resume")  # nothing left to do: the last picture is of the same networks
    assert (tmp_path / "once" / names[-1]).read_bytes() == (tmp_path / "parts" / names[-1]).read_bytes()


@pytest.mark.parametrize("net", NETS)
def test_a_run_that_still_grows_can_be_drawn_from(tmp_path, monkeypatch, narrow, net):
    monkeypatch.setattr("experiments.gan.datasets.TYPESET_COUNT", 20)
    run(tmp_path / "run", net, 4)  # the last step had alpha 0.5
    checkpoint = tmp_path / "run" / "checkpoint.npz"
    trained = Trained(checkpoint)
    assert (trained.generator.level, trained.generator.alpha) == (trained.generator.first + 1, 0.5)
    gan_sample.main([str(checkpoint), "-n", "3", "-o", str(tmp_path / "drawn.npy"), "--device", "cpu"])
    side = trained.settings.image_size
    assert np.load(tmp_path / "drawn.npy").shape == (3, side, side)


def test_styles_are_mixed_and_truncated(tmp_path, monkeypatch, narrow):
    monkeypatch.setattr("experiments.gan.datasets.TYPESET_COUNT", 20)
    run(tmp_path / "run", "stylegan", 5)  # its last step was the first at 16 pixels without fading in
    gan_latent.main([str(tmp_path / "run" / "checkpoint.npz"), "--out", str(tmp_path / "latent"), "--samples", "9"])
    assert {"mixing.png", "truncation.png"} <= {path.name for path in (tmp_path / "latent").iterdir()}
    trained = Trained(tmp_path / "run" / "checkpoint.npz")
    styles = Styles(trained)
    assert (trained.generator.styles, styles.crossover) == (6, 3)
    for name, parameter in trained.generator.named_parameters():  # as if trained: w changes little in five steps
        parameter.copy_(mg.randn_like(parameter) * (100.0 if name.startswith("mapping") else 1.0))
    noise = trained.noise(2)
    own, w = trained.pictures(noise), styles.w(noise)
    np.testing.assert_array_equal(styles.mixed(w, w).numpy(), own.numpy())
    swapped = mg.cat([w[1:], w[:1]], 0)
    mixed = styles.mixed(w, swapped).numpy()
    assert np.abs(mixed - own.numpy()).max() > 1e-3 and np.abs(mixed - own.numpy()[::-1]).max() > 1e-3
    alike = styles.mixed(swapped, swapped).numpy()
    np.testing.assert_allclose(alike, own.numpy()[::-1], atol=1e-5)
    at_center = styles.mixed(*[trained.generator.truncated(w, 0.0)] * 2).numpy()
    np.testing.assert_allclose(at_center[0], at_center[1], atol=1e-5)
    np.testing.assert_allclose(trained.generator.truncated(w, 1.0).numpy(), w.numpy(), atol=1e-5)
    before, after = styles.mixtures(3)
    assert before.shape == after.shape == (3, 1, 16, 16)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--net", "dcgan", "--grow-steps", "5"], "--grow-steps 5: progressive and stylegan grow"),
        (["--net", "stylegan", "--spectral-norm"], "scales its weights itself"),
        (["--net", "progressive", "--image-size", "12"], "power of two"),
    ],
)
def test_what_does_not_go_together(tmp_path, options, message):
    with pytest.raises((UserError, ValueError), match=message):
        train_gan.main([*options, "--out", str(tmp_path / "run"), "--device", "cpu"])


# ------------------------------------------------------------------------------------ PyTorch twins


def fixed(*shape):
    """Noise that both frameworks can make: it depends on the shape alone."""
    return np.random.default_rng(shape).standard_normal(shape)


class Twin:
    """Both networks in PyTorch, on parameters with our names. Only the formulas are shared, not the code."""

    def __init__(self, torch, network):
        self.torch, self.F = torch, torch.nn.functional
        self.p = {
            name: torch.tensor(value.detach().numpy().copy(), requires_grad=True)
            for name, value in network.named_parameters()
        }

    def linear(self, name, x, gain=2**0.5, rate=1.0):
        weight = self.p[f"{name}.weight"]
        return self.F.linear(x, weight * (rate * gain / weight.shape[1] ** 0.5), self.p[f"{name}.bias"] * rate)

    def conv(self, name, x, gain=2**0.5):
        weight = self.p[f"{name}.weight"]
        scaled = weight * (gain / weight[0].numel() ** 0.5)
        return self.F.conv2d(x, scaled, self.p[f"{name}.bias"], padding="same")

    def normal(self, x):
        return x * self.torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)

    def relu(self, x):
        return self.F.leaky_relu(x, 0.2)

    def style(self, name, x, w):
        n, c, h, _ = x.shape
        x = self.relu(x + self.p[f"{name}.strength"] * self.torch.tensor(fixed(n, 1, h, h)))
        scale, shift = self.linear(f"{name}.style", w, 1.0).reshape(n, 2, c, 1, 1).unbind(1)
        return (1 + scale) * self.F.instance_norm(x, eps=1e-8) + shift

    def pictures(self, x, below, alpha):
        """Levels 0 and 1 mixed."""
        small = self.F.interpolate(self.conv("to_picture.0", below, 1.0), scale_factor=2)
        return self.torch.lerp(small, self.conv("to_picture.1", x, 1.0), alpha)

    def progressive(self, z, alpha):
        x = self.linear("entry", self.normal(z), 2**0.5 / 4).reshape(len(z), -1, 4, 4)
        below = self.normal(self.relu(self.conv("conv", self.normal(self.relu(x)))))
        x = self.F.interpolate(below, scale_factor=2)
        for name in ("blocks.0.conv1", "blocks.0.conv2"):
            x = self.normal(self.relu(self.conv(name, x)))
        return self.pictures(x, below, alpha)

    def stylegan(self, z, alpha):
        ws = []
        for x in (z, self.torch.tensor(fixed(*z.shape))):
            x = self.normal(x)
            for layer in range(4):
                x = self.relu(self.linear(f"mapping.layers.{layer}", x, rate=0.01))
            ws.append(x)
        x = self.style("style1", self.p["constant"].repeat(len(z), 1, 1, 1), ws[0])
        below = self.style("style2", self.conv("conv", x), ws[0])
        x = self.F.interpolate(below, scale_factor=2, mode="bilinear")
        x = self.style("blocks.0.style1", self.conv("blocks.0.conv1", x), ws[0])
        x = self.style("blocks.0.style2", self.conv("blocks.0.conv2", x), ws[1])
        return self.pictures(x, below, alpha)

    def discriminator(self, x, alpha):
        small = self.relu(self.conv("from_picture.0", self.F.avg_pool2d(x, 2)))
        x = self.relu(self.conv("from_picture.1", x))
        for name in ("blocks.0.conv1", "blocks.0.conv2"):
            x = self.relu(self.conv(name, x))
        x = self.torch.lerp(small, self.F.avg_pool2d(x, 2), alpha)
        spread = (x.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(len(x), 1, 4, 4)
        x = self.relu(self.conv("conv", self.torch.cat([x, spread], 1)))
        return self.linear("score", self.relu(self.linear("hidden", x.flatten(1))), 1.0)


def their_step(torch, net, G, D, optimizers, real, noises, alpha):
    """One step as the two papers write it; returns (d_loss, g_loss)."""
    softplus = torch.nn.functional.softplus
    draw = getattr(G, net)
    fake = draw(torch.tensor(next(noises)), alpha).detach()
    s_real, s_fake = D.discriminator(real, alpha), D.discriminator(fake, alpha)
    if net == "progressive":
        x = (0.3 * real + 0.7 * fake).requires_grad_()
        (slope,) = torch.autograd.grad(D.discriminator(x, alpha).sum(), x, create_graph=True)
        d_loss = s_fake.mean() - s_real.mean() + 1e-3 * (s_real**2).mean()
        d_loss = d_loss + 10 * ((slope.square().sum((1, 2, 3)).add(1e-12).sqrt() - 1) ** 2).mean()
    else:
        x = real.clone().requires_grad_()
        (slope,) = torch.autograd.grad(D.discriminator(x, alpha).sum(), x, create_graph=True)
        d_loss = softplus(s_fake).mean() + softplus(-s_real).mean() + 5 * (slope**2).sum((1, 2, 3)).mean()
    optimizers[1].zero_grad()
    d_loss.backward()
    optimizers[1].step()
    score = D.discriminator(draw(torch.tensor(next(noises)), alpha), alpha)
    g_loss = -score.mean() if net == "progressive" else softplus(-score).mean()
    optimizers[0].zero_grad()
    g_loss.backward()
    optimizers[0].step()
    return d_loss.item(), g_loss.item()


@pytest.mark.parametrize("net", NETS)
def test_training_goes_as_in_pytorch_step_by_step(monkeypatch, narrow, net):
    """Steps at alpha 0.25, 0.75 and 1 in double precision; StyleGAN's styles cross over at the fourth layer."""
    torch = pytest.importorskip("torch", exc_type=ImportError)
    mg.manual_seed(11)
    settings = settings_of(net)
    G, D = (network.double() for network in make_networks(settings))
    networks = [Twin(torch, network) for network in (G, D)]
    theirs = [torch.optim.Adam(twin.p.values(), lr=1e-3, betas=(0.0, 0.99)) for twin in networks]
    ours = (make_optimizer(settings, network, 1e-3) for network in (G, D))
    noise = [fixed(4, 5, number + 1).sum(2) for number in range(6)]
    mine, yours = iter(noise), iter(noise)
    players = Players(G, D, *ours, make_loss(settings), lambda count: mg.tensor(next(mine)))
    monkeypatch.setattr(mg, "randn_like", lambda x: mg.tensor(fixed(*x.shape)))
    monkeypatch.setattr(mg, "rand", lambda *shape, device=None: mg.full(shape, 0.3, dtype=mg.float64))
    monkeypatch.setattr(mg, "randint", lambda high, shape, device=None: mg.tensor([2]))
    for number, alpha in enumerate((0.25, 0.75, 1.0)):
        for network in (G, D):
            network.grow_to(1, alpha)
        real = fixed(4, 1, 8, 8) / (1 + number)
        found = alternate(players, iter([(mg.tensor(real), None)]))
        expected = their_step(torch, net, *networks, theirs, torch.tensor(real), yours, alpha)
        np.testing.assert_allclose([float(found["d_loss"]), float(found["g_loss"])], expected, rtol=1e-6)
    for network, twin in zip((G, D), networks):
        for name, value in network.named_parameters():
            wanted = twin.p[name].detach().numpy()
            np.testing.assert_allclose(value.detach().numpy(), wanted, rtol=1e-5, atol=1e-7, err_msg=name)
