"""The GAN networks: parameter counts as published, shapes in and out, ranges, and errors that name the network."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from nets import dcgan, mlp_gan
from nets.classifier import DigitClassifier

COUNTS = [
    (mlp_gan.Discriminator, {}, 267_009),
    (mlp_gan.Generator, {}, 1_952_528),
    (mlp_gan.Generator, {"noise_dim": 4}, 1_858_320),
    (mlp_gan.DeepGenerator, {}, 128 * 101 + 512 * 129 + 1024 * 513 + 784 * 1025),
    (mlp_gan.DeepDiscriminator, {}, 1024 * 785 + 512 * 1025 + 128 * 513 + 129),
    (dcgan.Discriminator, {}, 1_102_721),
    (dcgan.Generator, {}, 6_675_009),
    (dcgan.Generator, {"noise_dim": 4}, 6_580_801),
    (dcgan.GeronGenerator, {}, 840_321),
    (dcgan.GeronDiscriminator, {}, 212_865),
    (dcgan.KerasGenerator, {}, 2_305_472),
    (dcgan.KerasDiscriminator, {}, 212_865),
]


@pytest.mark.parametrize(("network", "options", "count"), COUNTS, ids=lambda v: getattr(v, "__name__", None))
def test_parameter_count(network, options, count):
    assert network(**options).parameter_count() == count


GENERATORS = [mlp_gan.Generator, mlp_gan.DeepGenerator, dcgan.Generator, dcgan.GeronGenerator, dcgan.KerasGenerator]
DISCRIMINATORS = [
    mlp_gan.Discriminator, mlp_gan.DeepDiscriminator,
    dcgan.Discriminator, dcgan.GeronDiscriminator, dcgan.KerasDiscriminator,
]  # fmt: skip


@pytest.mark.parametrize("make", GENERATORS)
def test_generators_give_28_by_28_values_between_minus_one_and_one(make):
    generator = make()
    images = generator(mg.randn(3, generator.noise_dim))
    assert images.numel() == 3 * 784 and images.dtype == np.float32
    assert float(images.abs().max()) <= 1


@pytest.mark.parametrize("make", DISCRIMINATORS)
def test_discriminators_take_flat_and_square_images_alike(make):
    discriminator = make().eval()
    images = mg.rand(3, 784)
    flat = discriminator(images)
    assert flat.shape == (3, 1)
    np.testing.assert_array_equal(flat.detach().numpy(), discriminator(images.view(3, 1, 28, 28)).detach().numpy())
    with pytest.raises(ValueError, match=r"images must be \(N, 784\)"):
        discriminator(mg.rand(3, 783))


def test_noise_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"Generator: noise must be \(N, 96\), got \(2, 95\)"):
        mlp_gan.Generator()(mg.rand(2, 95))


@pytest.mark.parametrize("size", [8, 32, 64])
def test_the_papers_networks_fit_each_other_at_any_power_of_two(size):
    generator = dcgan.PaperGenerator(noise_dim=10, image_size=size, width=4)
    discriminator = dcgan.PaperDiscriminator(image_size=size, width=4)
    images = generator(mg.randn(2, 10))
    assert images.shape == (2, 3, size, size)
    assert discriminator(images).shape == (2, 1)
    with pytest.raises(ValueError, match="power of two"):
        dcgan.PaperGenerator(image_size=size + 4)


def test_a_conditional_pair_needs_labels_and_uses_them():
    mg.manual_seed(0)
    generator, discriminator = mlp_gan.Generator(8, (16,), num_classes=10), mlp_gan.Discriminator((16,), num_classes=10)
    noise = mg.zeros(2, 8)
    images = generator(noise, mg.tensor([3, 7]))
    assert not np.array_equal(images[0].detach().numpy(), images[1].detach().numpy())
    assert discriminator(images, mg.tensor([3, 7])).shape == (2, 1)
    with pytest.raises(ValueError, match="needs labels"):
        generator(noise)
    with pytest.raises(ValueError, match="num_classes=0"):
        mlp_gan.Generator(8)(noise, mg.tensor([3, 7]))


def test_the_keras_padding_is_tensorflows():
    torch = pytest.importorskip("torch")
    layer = nn.Conv2d(1, 2, 5, stride=2, padding=dcgan.SAME)
    x = np.random.default_rng(0).standard_normal((2, 1, 28, 28)).astype(np.float32)
    padded = torch.nn.functional.pad(torch.from_numpy(x), (1, 2, 1, 2))
    weight, bias = (torch.from_numpy(p.detach().numpy().copy()) for p in (layer.weight, layer.bias))
    expected = torch.nn.functional.conv2d(padded, weight, bias, stride=2).numpy()
    np.testing.assert_allclose(layer(mg.tensor(x)).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_classifier_has_128_features():
    classifier = DigitClassifier()
    assert classifier.features(mg.rand(2, 1, 28, 28)).shape == (2, 128)
    assert classifier(mg.rand(2, 1, 28, 28)).shape == (2, 10)
