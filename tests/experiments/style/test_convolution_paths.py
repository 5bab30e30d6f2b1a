"""A picture made with Winograd's convolutions is the picture made with plain ones, as far as eyes can tell."""

import numpy as np
import pytest
from PIL import Image

from experiments import style_transfer


@pytest.fixture
def made(converted_vgg16, shared_data, tmp_path, monkeypatch):
    """A function: the pixels of the Neckarfront as a Starry Night at 128 pixels, 50 steps, with a kind of convolution.

    Adam, not L-BFGS: where a line search compares nearly equal losses, a single rounding sends the search another
    way. With L-BFGS two runs of the plain path that differ only in their number of threads are 34 dB apart.
    """

    def make(convolution):
        monkeypatch.setenv("MINIGRAD_CONV", convolution)
        images, output = shared_data / "images", tmp_path / f"{convolution}.png"
        style_transfer.main(
            [str(images / "tubingen.jpg"), str(images / "starry_night.jpg"), "--weights", str(converted_vgg16)]
            + ["--size", "128", "--steps", "50", "--optimizer", "adam", "-o", str(output)]
        )
        return np.asarray(Image.open(output)).astype(float)

    return make


def test_fifty_iterations_agree_to_40_decibels(made):
    difference = made("winograd") - made("im2col")
    assert 0 < np.mean(difference**2) <= 255**2 / 10**4
