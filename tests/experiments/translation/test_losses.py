"""The losses against examples worked out by hand, and the image pool's statistics."""

import math

import numpy as np
import pytest

import minigrad as mg
from experiments.common.losses import bce
from experiments.translation.image_pool import ImagePool
from experiments.translation.losses import feature_matching, squares


def test_cross_entropy_of_patches():
    logits = mg.tensor([[[[0.0, math.log(3.0)]]]], dtype=mg.float64)  # probabilities 1/2 and 3/4
    assert float(bce(logits, True)) == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert float(bce(logits, False)) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_least_squares():
    scores = mg.tensor([0.5, 2.0])
    assert float(squares(scores, True)) == pytest.approx((0.25 + 1.0) / 2)
    assert float(squares(scores, False)) == pytest.approx((0.25 + 4.0) / 2)


def test_feature_matching_compares_means_over_the_batch_layer_by_layer():
    real = [mg.tensor([[[[1.0, 3.0]]], [[[3.0, 5.0]]]]), mg.tensor([[[[1.0]]], [[[1.0]]]])]
    fake = [mg.tensor([[[[2.0, 2.0]]], [[[2.0, 2.0]]]]), mg.tensor([[[[4.0]]], [[[0.0]]]])]
    assert float(feature_matching(real, fake)) == pytest.approx((0 + 4) / 2 + 1)


def numbered(first, count):
    return mg.tensor(np.arange(first, first + count, dtype=np.float32).reshape(count, 1, 1, 1))


def test_the_pool_fills_first_and_then_exchanges_every_other_picture_evenly():
    mg.manual_seed(1)
    pool = ImagePool(50)
    np.testing.assert_array_equal(pool.query(numbered(0, 50)).numpy().ravel(), np.arange(50))
    given, ages, places = [], [], np.zeros(50)
    for step in range(50, 8050):
        before = [float(each) for each in pool.pictures]
        (found,) = pool.query(numbered(step, 1)).numpy().ravel()
        given.append(found != step)
        if found != step:
            ages.append(step - found)
            places[before.index(found)] += 1
    assert abs(np.mean(given) - 0.5) < 0.02  # three standard deviations of 8000 throws are 0.017
    assert abs(np.mean(ages[2000:]) - 100) < 8  # each step replaces one of 50 with probability 1/2: it stays 100 steps
    assert abs(places / places.sum() - 1 / 50).max() < 0.01
    assert len({float(each) for each in pool.pictures}) == 50


def test_a_pool_of_none_gives_back_what_it_is_given():
    pictures = numbered(0, 3)
    assert ImagePool(0).query(pictures) is pictures


def test_a_pool_goes_on_where_it_was_saved():
    mg.manual_seed(2)
    pool, other = ImagePool(4), ImagePool(4)
    pool.query(numbered(0, 6))
    other.load_state_dict(pool.state_dict())
    state = mg.get_rng_state()
    expected = pool.query(numbered(10, 9)).numpy()
    mg.set_rng_state(state)
    np.testing.assert_array_equal(other.query(numbered(10, 9)).numpy(), expected)
    empty = ImagePool(4)
    empty.load_state_dict(ImagePool(4).state_dict())
    assert empty.pictures == []
    for state, complaint in (
        (ImagePool(5).state_dict(), "holds 4 pictures, the saved one 5"),
        ({"size": 4, "pictures": numbered(0, 5)}, "at most 4"),
        ({"size": 4, "pictures": mg.zeros(3)}, r"\(n, C, H, W\)"),
        ({"size": 4, "pictures": mg.full((1, 1, 1, 1), math.nan)}, "finite"),
    ):
        with pytest.raises(ValueError, match=complaint):
            empty.load_state_dict(state)
