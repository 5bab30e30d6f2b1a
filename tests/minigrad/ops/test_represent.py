"""How tensors show themselves: as text that says what is not the default; as pictures where they can only be that."""

import io

import numpy as np
import pytest
from PIL import Image

import minigrad as mg


def shown(x):
    return np.asarray(Image.open(io.BytesIO(x._repr_png_())))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: mg.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: mg.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: mg.tensor([1.0], requires_grad=True) * 2, "tensor([2.], grad_fn=<Multiply>)"),
        (lambda: mg.tensor([1.0]).double(), "tensor([1.], dtype=float64)"),
        (lambda: mg.tensor([1, 2]), "tensor([1, 2])"),
        (lambda: mg.tensor([True]), "tensor([ True])"),
        (lambda: mg.tensor(3.5), "tensor(3.5)"),
        (lambda: mg.zeros(0, 3), "tensor([], shape=(0, 3))"),
    ],
)
def test_the_text(make, text):
    assert repr(make()) == text


def test_long_tensors_are_cut_and_say_their_shape():
    text = repr(mg.zeros(200, 300, requires_grad=True))
    assert len(text) < 500 and "..." in text and text.endswith("shape=(200, 300), requires_grad=True)")
    assert "shape" not in repr(mg.zeros(1000))


def test_one_picture_is_enlarged_without_blur():
    digit = np.random.default_rng(0).random((1, 28, 28), dtype=np.float32)
    pixels = shown(mg.tensor(digit))
    assert pixels.shape == (4 * 28, 4 * 28)
    np.testing.assert_array_equal(pixels[::4, ::4], np.rint(digit[0] * 255))
    color = shown(mg.tensor(np.zeros((3, 200, 100), np.float32)))
    assert color.shape == (200, 100, 3)


def test_several_pictures_stand_in_a_grid():
    values = np.zeros((5, 1, 64, 64), np.float32)
    values[4] = 1
    pixels = shown(mg.tensor(values))
    assert pixels.shape == (2 * 128 + 2, 3 * 128 + 2 * 2)
    assert pixels[200, 200] == 255 and pixels[0, 0] == 0 and pixels[128, 5] == 128 and pixels[200, 300] == 128
    many = shown(mg.zeros(100, 1, 64, 64))
    assert many.shape == (8 * 130 - 2, 8 * 130 - 2)


def test_bytes_are_pictures_too():
    assert shown(mg.tensor(np.full((3, 16, 16), 200, np.uint8))).min() == 200


@pytest.mark.parametrize(
    "x",
    [
        mg.zeros(28, 28), mg.zeros(2, 28, 28), mg.zeros(3, 3, 3), mg.zeros(0, 1, 28, 28), mg.zeros(1, 1, 1, 28, 28),
        mg.full((1, 28, 28), -0.1), mg.full((1, 28, 28), 1.1), mg.full((1, 28, 28), float("nan")),
        mg.zeros(1, 28, 28).long(), mg.zeros(1, 28, 28).bool(),
    ],
)  # fmt: skip
def test_what_need_not_be_a_picture_is_text(x):
    assert x._repr_png_() is None


def test_a_picture_that_requires_a_gradient_is_shown():
    assert shown(mg.zeros(1, 28, 28, requires_grad=True) * 1).max() == 0
