"""Typeset digits: reproducible, centered, of MNIST's look, and digits."""

import numpy as np
import pytest

from minigrad.data import MNIST, TypesetDigits
from minigrad.data.synthetic_digits import (
    centre_by_mass,
    elastic_displacement,
    glyph_fields,
    sample_bilinear,
    signed_distance,
)


@pytest.fixture(scope="module")
def digits():
    return TypesetDigits(3000)


def test_the_same_seed_gives_the_same_images_and_fewer_are_the_first_ones(digits):
    again = TypesetDigits(1500)
    assert np.array_equal(again.pixels, digits.pixels[:1500])
    assert np.array_equal(again.targets, digits.targets[:1500])


def test_training_and_test_images_and_seeds_differ(digits):
    def rows(dataset):
        return {image.tobytes() for image in dataset.pixels}

    ours = rows(digits)
    assert len(ours) == 3000
    assert not ours & rows(TypesetDigits(3000, train=False)) and not ours & rows(TypesetDigits(1000, seed=1))


def test_shapes_and_ranges_are_mnists(digits):
    assert digits.images.shape == (3000, 1, 28, 28) and digits.images.dtype == np.float32
    assert digits.images.array.min() == 0.0 and digits.images.array.max() == 1.0
    assert digits.labels.dtype == np.int64 and set(digits.targets.tolist()) == set(range(10))
    assert np.bincount(digits.targets).min() > 240


def test_ink_lies_in_the_middle_and_fills_about_as_much_as_mnists(digits):
    images = digits.images.array[:, 0]
    places = np.arange(28) - 13.5
    mass = images.sum(axis=(1, 2))
    assert mass.min() > 15
    for axis in (1, 2):
        off_centre = (images.sum(axis=3 - axis) @ places) / mass
        assert np.abs(off_centre).max() < 0.6
    assert 0.10 < images.mean() < 0.15  # MNIST: 0.1307
    assert 0.27 < images.std() < 0.34  # MNIST: 0.3081


def nearest_mean_accuracy(train, test):
    """How many test images lie nearest to the mean training image of their own class."""
    flat = train.images.array.reshape(len(train), -1)
    means = np.stack([flat[train.targets == digit].mean(axis=0) for digit in range(10)])
    distance = (means**2).sum(axis=1) - 2 * test.images.array.reshape(len(test), -1) @ means.T
    return float((distance.argmin(axis=1) == test.targets).mean())


def test_they_can_be_told_apart(digits):
    assert nearest_mean_accuracy(digits, TypesetDigits(1000, train=False)) > 0.7  # MNIST: 0.82


def test_they_stand_in_for_handwriting(digits, shared_data):
    real = MNIST(shared_data / "mnist", train=False)
    assert nearest_mean_accuracy(digits, real) > 0.5


def test_the_fonts_draw_ten_different_digits():
    fields, thin, thick = glyph_fields()
    assert fields.shape[0] >= 10 and fields.shape[1:] == (10, 64, 64)
    for font in fields > 0:
        assert len({glyph.tobytes() for glyph in font}) == 10
    assert (thin > 0).all() and (thick >= thin).all()


def test_signed_distance_against_a_naive_search():
    mask = np.random.default_rng(0).random((9, 7)) > 0.6
    inside, outside = np.argwhere(mask), np.argwhere(~mask)
    for y, x in np.ndindex(mask.shape):
        others = outside if mask[y, x] else inside
        nearest = np.sqrt(((others - [y, x]) ** 2).sum(axis=1)).min()
        assert signed_distance(mask)[y, x] == pytest.approx(nearest if mask[y, x] else -nearest)


def test_displacements_are_smooth_and_of_the_stated_strength():
    field = elastic_displacement(np.random.default_rng(0))
    strength = np.sqrt((field**2).mean(axis=(1, 2)))
    assert strength.min() >= 0 and 1.4 < strength.max() <= 1.5
    step = np.sqrt((np.diff(field, axis=1) ** 2).mean(axis=(1, 2)))
    assert (step < 0.4 * strength).all()


def test_bilinear_sampling_is_exact_on_planes_and_clamped_outside():
    y, x = np.mgrid[0:6, 0:8].astype(np.float32)
    plane = (2 * y + 3 * x)[None]
    rows, columns = np.array([[[0.0, 1.25, -0.75]]]), np.array([[[0.0, -2.5, 1.0]]])
    expected = 2 * (rows + 2.5) + 3 * (columns + 3.5)
    assert np.allclose(sample_bilinear(plane, rows, columns), expected)
    far = sample_bilinear(plane, np.array([[[-99.0, 99.0]]]), np.array([[[-99.0, 99.0]]]))
    assert np.allclose(far, [[[0, 31]]], atol=0.01)


def test_centring_moves_whole_pixels_and_leaves_nothing_behind():
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 2:5, 20:24] = 1
    moved = centre_by_mass(image)
    assert moved.sum() == image.sum()
    rows, columns = np.nonzero(moved[0])
    assert abs(rows.mean() - 13.5) <= 0.5 and abs(columns.mean() - 13.5) <= 0.5


@pytest.mark.parametrize("count, seed, words", [(0, 0, "count must be at least 1"), (5, -1, "seed must not be")])
def test_bad_arguments(count, seed, words):
    with pytest.raises(ValueError, match=words):
        TypesetDigits(count, seed=seed)
