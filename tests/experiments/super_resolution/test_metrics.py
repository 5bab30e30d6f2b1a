"""Bicubic resizing, PSNR and SSIM: by hand, against Pillow, and against the figures published for Set5."""

import numpy as np
import pytest
from PIL import Image

from experiments.super_resolution import metrics
from experiments.super_resolution.data import read_pair
from experiments.super_resolution.evaluation import as_text
from experiments.super_resolution.resampling import bicubic, bicubic_matrix, cubic, reduced


def test_the_kernel_interpolates_and_its_weights_sum_to_one():
    np.testing.assert_array_equal(cubic(np.array([0.0, 1.0, 2.0, -1.0, 3.0])), [1, 0, 0, 0, 0])
    assert cubic(np.array(0.5)) == 0.5625 and cubic(np.array(1.5)) == -0.0625
    for old, new in [(8, 2), (5, 20), (7, 7), (1, 4), (4, 1), (9, 4)]:
        np.testing.assert_allclose(bicubic_matrix(old, new).sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(bicubic_matrix(6, 6), np.eye(6), atol=1e-12)


def test_away_from_the_border_it_is_pillows_bicubic_both_ways():
    picture = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    for size in (8, 128):
        expected = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))
        margin = size // 4
        inside = slice(margin, -margin)
        np.testing.assert_allclose(bicubic(picture, size, size)[inside, inside], expected[inside, inside], atol=1e-5)


def test_the_border_is_mirrored():
    row = np.arange(1.0, 9.0)
    mirrored = np.concatenate([row[::-1], row, row[::-1]])
    np.testing.assert_allclose(bicubic_matrix(8, 2) @ row, (bicubic_matrix(24, 6) @ mirrored)[2:4], rtol=1e-12)


def test_psnr_by_hand():
    original = np.full((3, 20, 20), 100 / 255)
    picture = original + 10 / 255
    difference = 10 * (65.481 + 128.553 + 24.966) / 255
    assert metrics.psnr(picture, original) == pytest.approx(20 * np.log10(255 / difference))
    assert metrics.psnr(original, original) == float("inf")
    border = original.copy()
    border[:, :4] = 0
    assert metrics.psnr(border, original) == float("inf")  # the border is shaved off


def test_ssim_of_constant_pictures_is_the_luminance_term():
    original, picture = np.full((3, 40, 40), 100 / 255), np.full((3, 40, 40), 150 / 255)
    a, b = (16 + value * 219 / 255 for value in (100, 150))
    c1 = (0.01 * 255) ** 2
    for sigma in (None, 1.5):
        found = metrics.ssim(picture, original, sigma)
        assert found == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-6)
        assert metrics.ssim(original, original, sigma) == pytest.approx(1)


def test_ssim_falls_with_noise():
    random = np.random.default_rng(0)
    original = random.random((3, 64, 64))
    noisy = [np.clip(original + size * random.standard_normal(original.shape), 0, 1) for size in (0.02, 0.2)]
    values = [metrics.ssim(picture, original) for picture in noisy]
    assert 1 > values[0] > values[1] > 0


def test_set5_has_the_published_figures(shared_data):
    """Ledig et al. 2017, table 2: nearest 26.26 dB / 0.7552, bicubic 28.43 dB / 0.8211."""
    scores = {"nearest": [], "bicubic": []}
    for path in sorted((shared_data / "set5").glob("*.png")):
        large, small = read_pair(path)
        original, small = large / 255, small / 255
        for name, made in [
            ("nearest", small.repeat(4, axis=1).repeat(4, axis=2)),
            ("bicubic", bicubic(small, *large.shape[1:])),
        ]:
            scores[name].append((metrics.psnr(made, original), metrics.ssim(made, original)))
    nearest, bicubic_row = (np.mean(scores[name], axis=0) for name in ("nearest", "bicubic"))
    np.testing.assert_allclose([nearest[0], bicubic_row[0]], [26.26, 28.43], atol=0.01)
    np.testing.assert_allclose([nearest[1], bicubic_row[1]], [0.7552, 0.8211], atol=0.0015)


def test_reduced_pictures_are_bytes_and_keep_a_flat_color():
    flat = np.full((3, 16, 24), 200, np.uint8)
    np.testing.assert_array_equal(reduced(flat), np.full((3, 4, 6), 200, np.uint8))


def test_the_table_ends_with_the_mean():
    table = {"a.png": {"bicubic": (20.0, 0.5)}, "b.png": {"bicubic": (30.0, 0.7)}}
    assert as_text(table).splitlines()[-1].split() == ["mean", "25.00", "/", "0.6000"]
