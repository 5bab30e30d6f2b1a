"""Growing GANs: their layers by hand, their sizes counted, and that growing is continuous."""

import numpy as np
import pytest

import minigrad as mg
from nets import progressive_gan, stylegan
from nets.progressive_gan import EqualizedConv2d, EqualizedLinear

NETWORKS = (progressive_gan, stylegan)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def conv(before, after, side=3):
    return before * after * side * side + after


def test_parameters_as_counted_by_hand():
    """8 pixels, width 4, noise and w of 3: every layer is written out."""
    entry = 3 * 64 + 64
    pictures = 2 * conv(4, 1, 1)
    assert count(progressive_gan.Generator(3, 8, 1, 4)) == entry + 3 * conv(4, 4) + pictures
    judged = 2 * conv(1, 4, 1) + 2 * conv(4, 4) + conv(5, 4) + (64 * 4 + 4) + (4 + 1)
    assert count(progressive_gan.Discriminator(8, 1, 4)) == judged
    mapping = 2 * (3 * 3 + 3)
    style = 4 + 3 * 8 + 8  # strength of the noise, and what makes scale and shift of w
    drawn = 4 * 16 + 3 * conv(4, 4) + 4 * style + pictures
    assert count(stylegan.Generator(3, 8, 1, 4, w_dim=3, layers=2)) == mapping + drawn


@pytest.mark.parametrize("size", [8, 16, 64])
@pytest.mark.parametrize("nets", NETWORKS)
def test_shapes_at_every_level(nets, size):
    generator = nets.Generator(5, size, channels=3, width=8)
    discriminator = nets.Discriminator(size, channels=3, width=8)
    for level in range(generator.top + 1):
        for alpha in (0.5, 1.0) if level else (1.0,):
            generator.grow_to(level, alpha)
            discriminator.grow_to(level, alpha)
            pictures = generator(mg.randn(2, 5))
            assert pictures.shape == (2, 3, 4 << level, 4 << level)
            assert discriminator(pictures).shape == (2, 1)
    assert 4 << generator.top == size


@pytest.mark.parametrize("nets", NETWORKS)
def test_bad_sizes_and_levels(nets):
    for size in (4, 12):
        with pytest.raises(ValueError, match="power of two of at least 8"):
            nets.Generator(image_size=size)
    network = nets.Discriminator(8, width=4)
    with pytest.raises(ValueError, match="level must lie in 0 to 1"):
        network.grow_to(2)
    with pytest.raises(ValueError, match="alpha in 0 to 1"):
        network.grow_to(1, 1.5)
    with pytest.raises(ValueError, match=r"must be \(N, 1, 8, 8\)"):
        network(mg.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="noise"):
        nets.Generator(5, 8, width=4)(mg.zeros(1, 6))


@mg.no_grad()
def test_equalized_layers_keep_the_variance():
    """Weights are N(0, 1); with gain 1 an input of variance 1 gives an output of variance 1, whatever the fan-in."""
    mg.manual_seed(0)
    for fan_in in (16, 512):
        layer = EqualizedLinear(fan_in, 400, gain=1.0)
        assert layer.weight.detach().numpy().std() == pytest.approx(1, abs=0.03)
        assert layer(mg.randn(400, fan_in)).numpy().std() == pytest.approx(1, abs=0.03)
    slow = EqualizedLinear(64, 400, gain=1.0, lr_multiplier=0.01, bias=1.0)
    assert slow.weight.detach().numpy().std() == pytest.approx(100, rel=0.03)
    out = slow(mg.randn(400, 64)).numpy()
    assert out.std() == pytest.approx(1, abs=0.03) and out.mean() == pytest.approx(1, abs=0.03)
    for channels, kernel in ((32, 3), (64, 1)):
        convolution = EqualizedConv2d(channels, 64, kernel, gain=1.0)
        inner = convolution(mg.randn(8, channels, 16, 16)).numpy()[:, :, 1:-1, 1:-1]
        assert inner.std() == pytest.approx(1, abs=0.04)


def test_pixel_norm_by_hand():
    x = mg.tensor([[[[3.0]], [[4.0]]]])
    expected = np.array([3.0, 4.0]) / np.sqrt(12.5)
    np.testing.assert_allclose(progressive_gan.pixel_norm(x).numpy().ravel(), expected, rtol=1e-6)


def test_minibatch_stddev_by_hand():
    """Two pictures: values (1, 3) and (2, 8) at the two places have deviations 1 and 3, whose mean is 2."""
    x = mg.tensor([[[[1.0, 2.0]]], [[[3.0, 8.0]]]])
    out = progressive_gan.with_minibatch_stddev(x).numpy()
    assert out.shape == (2, 2, 1, 2)
    np.testing.assert_array_equal(out[:, :1], x.numpy())
    np.testing.assert_allclose(out[:, 1], 2.0, rtol=1e-6)
    same = progressive_gan.with_minibatch_stddev(mg.ones(3, 2, 2, 2)).numpy()
    np.testing.assert_allclose(same[:, 2], 1e-4, rtol=1e-5)  # the root of what is added to the variance


def test_adain_by_hand():
    """(1, 3, 5, 7): mean 4, variance 5."""
    x = mg.tensor([1.0, 3.0, 5.0, 7.0]).reshape(1, 1, 2, 2)
    out = stylegan.adain(x, mg.tensor([[2.0]]), mg.tensor([[10.0]])).numpy().ravel()
    np.testing.assert_allclose(out, 10 + 2 * np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-6)


@pytest.mark.parametrize("nets", NETWORKS)
@mg.no_grad()
def test_fading_in_is_continuous(nets):
    """At alpha 0 a level is the one below enlarged, at alpha 1 itself, and halfway between the mean of both."""
    mg.manual_seed(1)
    generator = nets.Generator(5, 16, width=8).eval()
    discriminator = nets.Discriminator(16, width=8)
    noise, pictures = mg.randn(3, 5), mg.randn(3, 1, 16, 16)
    drawn, scores = {}, {}
    for level, alpha in ((1, 1.0), (2, 0.0), (2, 0.5), (2, 1.0)):
        generator.grow_to(level, alpha)
        discriminator.grow_to(level, alpha)
        drawn[level, alpha] = generator(noise).numpy()
        scale = 2 if level == 1 else 1
        seen = mg.nn.functional.avg_pool2d(pictures, scale) if scale == 2 else pictures
        scores[level, alpha] = discriminator(seen).numpy()
    below = drawn[1, 1.0].repeat(2, 2).repeat(2, 3)
    np.testing.assert_allclose(drawn[2, 0.0], below, rtol=1e-6)
    np.testing.assert_allclose(drawn[2, 0.5], (below + drawn[2, 1.0]) / 2, rtol=1e-4, atol=1e-6)
    assert np.abs(drawn[2, 1.0] - below).max() > 0.01
    np.testing.assert_allclose(scores[2, 0.0], scores[1, 1.0], rtol=1e-5)
    assert np.abs(scores[2, 1.0] - scores[1, 1.0]).max() > 1e-4


def small_stylegan():
    mg.manual_seed(2)
    generator = stylegan.Generator(5, 16, width=8, w_dim=6)
    for module in generator.modules():
        if isinstance(module, stylegan.StyleLayer):
            module.strength = mg.nn.Parameter(mg.ones(*module.strength.shape))
    return generator


def test_noise_inputs_are_fresh_in_training_and_fixed_in_evaluation():
    with mg.no_grad():
        generator = small_stylegan()
        w = generator.mapping(mg.randn(2, 5))
        drawn = [generator.draw([w] * 6).numpy() for _ in range(2)]
        assert np.abs(drawn[0] - drawn[1]).max() > 0.01
        generator.eval()
        np.testing.assert_array_equal(generator.draw([w] * 6).numpy(), generator.draw([w] * 6).numpy())


def test_mixing_and_truncation():
    with mg.no_grad():
        generator = small_stylegan().eval()
        a, b = generator.mapping(mg.randn(2, 5)).chunk(2, 0)
        pure = generator.draw([a] * 6).numpy()
        for crossover in range(6):
            assert np.abs(generator.draw([a] * crossover + [b] * (6 - crossover)).numpy() - pure).max() > 1e-4
        np.testing.assert_array_equal(generator.truncated(a, 1.0).numpy(), a.numpy())
        generator.center.copy_(b[0])
        np.testing.assert_array_equal(generator.truncated(a, 0.0).numpy(), b.numpy())
        np.testing.assert_allclose(generator.truncated(a, 0.25).numpy(), (0.25 * a + 0.75 * b).numpy(), rtol=1e-5)


def test_the_center_follows_the_mean_of_w():
    generator = small_stylegan()
    noise = mg.randn(8, 5)
    generator(noise)
    expected = 0.005 * generator.mapping(noise).mean(0)
    np.testing.assert_allclose(generator.center.numpy(), expected.detach().numpy(), rtol=1e-4)
