"""Elementwise operations where they are awkward: powers at zero, NaN, numbers of other libraries, mixed dtypes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.nn import functional as F

INF, NAN = float("inf"), float("nan")


def gradients(function, *values):
    points = [mg.tensor(v, dtype=mg.float64, requires_grad=True) for v in values]
    y = function(*points)
    return y.item(), [g.item() for g in mg.grad(y, points)]


@pytest.mark.parametrize(
    ("base", "exponent", "value", "by_base", "by_exponent"),
    [
        (0.0, 0.0, 1.0, 0.0, 0.0),
        (0.0, -1.0, INF, -INF, -INF),
        (0.0, 1.0, 0.0, 1.0, 0.0),
        (0.0, 2.0, 0.0, 0.0, 0.0),
        (0.0, 0.5, 0.0, INF, 0.0),
        (-0.0, -1.0, -INF, -INF, INF),
        (-2.0, 0.0, 1.0, 0.0, NAN),
        (-2.0, 2.0, 4.0, -4.0, NAN),
        (-2.0, 0.5, NAN, NAN, NAN),
        (2.0, 3.0, 8.0, 12.0, 8 * np.log(2)),
    ],
)
def test_powers(base, exponent, value, by_base, by_exponent):
    """The numbers are PyTorch 2.13's."""
    for function, points, expected in (
        (lambda x, y: x**y, (base, exponent), [by_base, by_exponent]),
        (lambda x: x**exponent, (base,), [by_base]),
        (lambda y: base**y, (exponent,), [by_exponent]),
    ):
        found, slopes = gradients(function, *points)
        np.testing.assert_allclose([found, *slopes], [value, *expected])


def test_powers_of_bools_by_bools_are_bools():
    """As PyTorch's: False to the power False is True."""
    for exponent, expected in ((True, [True, False]), (False, [True, True])):
        y = mg.tensor([True, False]) ** exponent
        assert y.dtype == mg.bool and y.tolist() == expected


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (mg.abs, 0.0),
        (mg.sign, 0.0),
        (mg.relu, 1.0),
        (lambda x: F.leaky_relu(x, 0.2), 0.2),
        (F.elu, 1.0),
        (lambda x: mg.clamp(x, 0.0, 1.0), 0.0),
        (lambda x: mg.maximum(x, mg.tensor(1.0, dtype=mg.float64)), 1.0),
        (lambda x: mg.minimum(x, mg.tensor(1.0, dtype=mg.float64)), 1.0),
    ],
)
def test_gradients_at_nan_are_pytorchs(function, slope):
    (found,) = gradients(function, NAN)[1]
    assert found == pytest.approx(slope)


def test_a_tensor_without_axes_or_a_number_does_not_raise_the_precision():
    x, double, ints = mg.ones(3), mg.tensor(2.0, dtype=mg.float64), mg.ones(3, dtype=mg.int64)
    for y in (x + double, double - x, x * double, x / double, x**double, mg.maximum(x, double), x * np.float64(2)):
        assert y.dtype == mg.float32
    assert mg.where(x > 0, x, double).dtype == mg.float32
    assert (ints * double).dtype == mg.float64 and (ints * np.float32(2)).dtype == mg.float32
    assert (x * mg.ones(1, dtype=mg.float64)).dtype == mg.float64
    x *= mg.full((3,), 2.0, dtype=mg.float64)
    assert x.dtype == mg.float32 and x.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(TypeError, match="float32 does not fit"):
        ints *= 2.5


@pytest.mark.parametrize("number", [1.0, np.float32(1), np.float64(1), np.int64(1), 1])
def test_operations_take_numbers_of_every_library(number):
    x = mg.tensor(0.5, requires_grad=True)
    for y in (mg.maximum(x, number), mg.minimum(number, x), x + number, number / x, x**number, number * x):
        assert y.dtype == mg.float32 and y.shape == ()
    mg.maximum(x, number).backward()
    assert x.grad.item() == 0.0
