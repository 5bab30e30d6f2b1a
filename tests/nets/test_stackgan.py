"""StackGAN's networks: parameter counts, shapes, the condition, and what is refused."""

import numpy as np
import pytest

import minigrad as mg
from nets.stackgan import ConditioningAugmentation, StackGenerator, StageOne, StageTwo, sampled


def doubling(before, after):
    return before * after * 9 + 2 * after


def test_parameter_counts():
    augmentation = 128 * 256 + 256
    assert ConditioningAugmentation().parameter_count() == augmentation
    entry = 228 * 128 * 16 + 2 * 128 * 16
    first = augmentation + entry + doubling(128, 64) + doubling(64, 32) + 32 * 3 * 9 + 3
    assert StageOne().parameter_count() == first == 597_283
    reading = 3 * 32 * 9 + 32 + 32 * 64 * 16 + 2 * 64 + 64 * 128 * 16 + 2 * 128
    joining = doubling(256, 128) + 2 * 2 * doubling(128, 128)
    growing = doubling(128, 64) + doubling(64, 32) + doubling(32, 16) + doubling(16, 8) + 8 * 3 * 9 + 3
    assert StageTwo().parameter_count() == augmentation + reading + joining + growing == 1_182_539
    with mg.nn.init.skip_init():
        assert StackGenerator(StageOne(), StageTwo()).noise_dim == 100 + 128 + 128


@pytest.mark.parametrize("size", [32, 64])
def test_the_stages_fit_each_other(size):
    mg.manual_seed(0)
    first, second = StageOne(6, size // 4, 4, 9, 5), StageTwo(size, 4, 9, 5, blocks=1)
    generator, noise, text = StackGenerator(first, second), mg.randn(3, 16), mg.randn(3, 9)
    small, large = generator.eval().requires_grad_(False).both(noise, text)
    assert small.shape == (3, 3, size // 4, size // 4) and large.shape == (3, 3, size, size)
    assert float(large.abs().max()) <= 1
    np.testing.assert_array_equal(generator(noise, text).numpy(), large.numpy())
    np.testing.assert_array_equal(generator.small(noise, text).numpy(), small.numpy())


def test_every_part_of_the_noise_and_the_text_counts():
    mg.manual_seed(0)
    generator = StackGenerator(StageOne(6, 8, 4, 9, 5), StageTwo(32, 4, 9, 5, blocks=1))
    noise, text = mg.randn(4, 16), mg.randn(4, 9)
    small, large = (picture.detach().numpy() for picture in generator.both(noise, text))
    for place, touches_small in ((0, True), (6, True), (11, False)):
        changed = noise.clone()  # of one picture: batch norm takes away what all have in common
        changed[0, place] += 1.0
        other = [picture.detach().numpy() for picture in generator.both(changed, text)]
        assert (np.abs(other[0] - small).max() > 1e-4) == touches_small
        assert np.abs(other[1] - large).max() > 1e-4
    text[0] += 1.0
    assert np.abs(generator(noise, text).detach().numpy() - large).max() > 1e-4


def test_conditions_are_drawn_from_what_the_augmentation_says():
    mean, log_variance = mg.tensor([[1.0, -2.0]]), mg.tensor([[np.log(9.0), np.log(0.25)]]).float()
    np.testing.assert_allclose(sampled(mean, log_variance, mg.tensor([[2.0, -1.0]])).numpy(), [[7.0, -2.5]], rtol=1e-6)
    mg.manual_seed(0)
    drawn = sampled(mean.expand(20000, 2), log_variance.expand(20000, 2), mg.randn(20000, 2)).numpy()
    np.testing.assert_allclose(drawn.mean(0), [1, -2], atol=0.06)
    np.testing.assert_allclose(drawn.std(0), [3, 0.5], rtol=0.03)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"StageTwo: pictures must be \(N, 3, 8, 8\), got shape \(2, 3, 16, 16\)"):
        StageTwo(32, 4)(mg.rand(2, 3, 16, 16), mg.rand(2, 128))
    with pytest.raises(ValueError, match="Stage I: image_size must be a power of two of at least 8, got 5"):
        StageTwo(20)
    with pytest.raises(ValueError, match="width must be a multiple of 4, got 6"):
        StageTwo(64, 6)
