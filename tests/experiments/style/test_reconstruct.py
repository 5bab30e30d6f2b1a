"""Reconstructions from features and from Gram matrices, and the sweep over both: small pictures, untrained weights."""

import csv
import math
import re

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from experiments import reconstruct, style_sweep
from experiments.common import images
from experiments.style.reconstruction import MAX_PSNR, psnr
from nets import vgg
from tests.helpers.style_samples import small_pictures, write_weights


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with content.png, style.png and vgg16.npz."""
    folder = small_pictures(tmp_path_factory.mktemp("pictures"))
    write_weights(folder / "vgg16.npz")
    return folder


def options(files, folder, picture):
    """Two steps at 44 pixels, 32 on the shorter side."""
    weights = ["--weights", str(files / "vgg16.npz")]
    return [str(files / picture), "-o", str(folder), "--size", "44", "--steps", "2", *weights]


def test_psnr_is_its_formula():
    a, b = np.random.default_rng(0).random((2, 1, 3, 8, 8))
    assert psnr(a, b) == pytest.approx(-10 * math.log10(((a - b) ** 2).mean()))
    assert psnr(a, a) == MAX_PSNR
    assert psnr(np.full((1, 3, 2, 2), 1.5), np.ones((1, 3, 2, 2))) == MAX_PSNR


def test_a_shallow_layer_brings_the_picture_back(files):
    mg.manual_seed(0)
    original = images.load_picture(files / "content.png", 32)
    net = vgg.load(files / "vgg16.npz", "max")
    noise = psnr(reconstruct.reconstruct(net, original, ("conv1_1",), (), 1), original)
    found = psnr(reconstruct.reconstruct(net, original, ("conv1_1",), (), 40), original)
    assert found > noise + 15


def test_the_content_strip(files, tmp_path, capsys):
    reconstruct.main(options(files, tmp_path, "content.png"))
    said = capsys.readouterr().out
    figures = dict(re.findall(r"(conv\d_2): (-?[\d.]+) dB", said))
    assert list(figures) == list(reconstruct.CONTENT_LAYERS)
    original = images.load_picture(files / "content.png", 44)
    for layer, figure in figures.items():
        picture = images.load_picture(tmp_path / f"content_{layer}.png")
        assert picture.shape == original.shape
        assert psnr(picture, original) == pytest.approx(float(figure), abs=0.1)
    with Image.open(tmp_path / "content_strip.png") as strip:
        assert strip.width > 6 * original.shape[3]
    assert len(list(tmp_path.glob("[!.]*"))) == 6


def test_the_style_strip_and_its_parameter_counts(files, tmp_path, capsys):
    reconstruct.main([*options(files, tmp_path, "style.png"), "--style"])
    counts = re.findall(r"^(.+): ([\d,]+) parameters$", capsys.readouterr().out, re.MULTILINE)
    each = [c * (c + 1) // 2 for c in (64, 128, 256, 512, 512)]
    layers = [f"conv{block}_1" for block in range(1, 6)]
    expected = [(", ".join(layers[: n + 1]), f"{sum(each[: n + 1]):,}") for n in range(5)]
    assert counts == [*expected, ("conv1_1, pool1, pool2, pool3, pool4", "176,640")]
    names = {path.name for path in tmp_path.glob("[!.]*")}
    assert names == {f"style_{name}.png" for name in [*layers, "pool4", "strip"]}


def test_a_picture_too_small_for_five_poolings_is_refused(files, tmp_path):
    with pytest.raises(ValueError, match="--size: at least 32 pixels are needed on the shorter side"):
        reconstruct.main([*options(files, tmp_path, "content.png"), "--size", "31"])


def test_the_sweep_trades_content_for_style(files, tmp_path, capsys):
    output, both = tmp_path / "sweep.png", [str(files / "content.png"), str(files / "style.png")]
    search = ["--depths", "1", "2", "--ratios", "0.01", "100", "--size", "32", "--steps", "8"]
    style_sweep.main([*both, "-o", str(output), "--weights", str(files / "vgg16.npz"), *search])
    with open(tmp_path / "sweep.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["style layers", "alpha/beta", "content loss", "style loss"]
    assert [row[:2] for row in rows] == [
        [f"conv1_1..conv{depth}_1", ratio] for depth in (1, 2) for ratio in ("0.01", "100")
    ]
    for little, much in (rows[:2], rows[2:]):
        assert float(much[2]) < float(little[2])
        assert float(much[3]) > float(little[3])
    with Image.open(output) as grid:
        assert grid.width > 2 * 32 and grid.height > 2 * 23
    said = capsys.readouterr().out
    assert all(value in said for row in rows for value in row)


def interrupted(module, name, monkeypatch, after):
    """Ctrl-C in the call of module.name that follows `after` others."""
    calls, original = [], getattr(module, name)

    def call(*arguments):
        calls.append(arguments)
        if len(calls) > after:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(module, name, call)


def test_ctrl_c_leaves_a_strip_of_what_is_finished(files, tmp_path, monkeypatch):
    interrupted(reconstruct, "reconstruct", monkeypatch, after=2)
    with pytest.raises(KeyboardInterrupt):
        reconstruct.main(options(files, tmp_path, "content.png"))
    names = sorted(path.name for path in tmp_path.glob("[!.]*"))
    assert names == ["content_conv1_2.png", "content_conv2_2.png", "content_strip.png"]
    with Image.open(tmp_path / "content_strip.png") as strip:
        assert strip.width > 3 * 44 and strip.height > 32


@pytest.mark.parametrize(("after", "lines"), [(0, None), (2, 3), (3, 4)])
def test_ctrl_c_leaves_a_grid_of_what_is_finished(files, tmp_path, monkeypatch, after, lines):
    interrupted(style_sweep, "cell", monkeypatch, after)
    words = [str(files / "content.png"), str(files / "style.png"), "--weights", str(files / "vgg16.npz")]
    words += ["-o", str(tmp_path / "sweep.png"), "--size", "44", "--steps", "2", "--ratios", "0.1", "1"]
    with pytest.raises(KeyboardInterrupt):
        style_sweep.main([*words, "--depths", "1", "2"])
    assert sorted(path.name for path in tmp_path.iterdir()) == (["sweep.csv", "sweep.png"] if lines else [])
    if lines:
        assert len((tmp_path / "sweep.csv").read_text().splitlines()) == lines
