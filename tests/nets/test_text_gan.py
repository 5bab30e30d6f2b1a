"""GAN-CLS's networks: parameter counts, shapes, and a text encoder that does not see the padding."""

import numpy as np
import pytest

import minigrad as mg
from nets.text_gan import PictureEncoder, TextDiscriminator, TextEncoder, TextGenerator


def test_parameter_counts():
    assert TextEncoder(64).parameter_count() == 65 * 64 + (3 * 64 * 128 + 128) + (128 * 128 + 128)
    phi = 128 * 128 + 128
    generator = phi + 228 * 128 * 16 + 2 * 128 + 128 * 64 * 16 + 2 * 64 + 64 * 32 * 16 + 2 * 32 + 32 * 3 * 16
    assert TextGenerator().parameter_count() == generator
    body = 3 * 32 * 16 + 32 + 32 * 64 * 16 + 2 * 64 + 64 * 128 * 16 + 2 * 128
    joint = (128 + 128) * 128 + 2 * 128 + 128 * 16 + 1
    assert TextDiscriminator().parameter_count() == phi + body + joint
    assert PictureEncoder(outputs=100).parameter_count() == body + 16 * 128 * 100 + 100


@pytest.mark.parametrize("size", [8, 16, 64])
def test_networks_fit_each_other_at_any_power_of_two(size):
    text = mg.randn(3, 128)
    pictures = TextGenerator(10, size, 4)(mg.randn(3, 10), text)
    assert pictures.shape == (3, 3, size, size) and float(pictures.abs().max()) <= 1
    assert TextDiscriminator(size, 4)(pictures, text).shape == (3, 1)
    assert PictureEncoder(size, 4, 10)(pictures).shape == (3, 10)
    with pytest.raises(ValueError, match="power of two"):
        TextDiscriminator(size + 4)


def test_what_stands_after_a_sentence_does_not_count():
    mg.manual_seed(0)
    encoder = TextEncoder(9)
    short, long = mg.tensor([[3, 1, 4, 0, 0]]), mg.tensor([[3, 1, 4, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(encoder(short).detach().numpy(), encoder(long).detach().numpy())
    other = encoder(mg.tensor([[3, 1, 5, 0, 0]])).detach().numpy()
    assert np.abs(other - encoder(short).detach().numpy()).max() > 1e-3


def test_the_discriminator_uses_the_sentence():
    mg.manual_seed(0)
    network, pictures = TextDiscriminator(8, 4).eval(), mg.randn(2, 3, 8, 8)
    first, second = (network(pictures, mg.randn(2, 128)).detach().numpy() for _ in range(2))
    assert np.abs(first - second).max() > 1e-6
