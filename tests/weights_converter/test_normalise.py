"""Gatys' normalized VGG: activation_before = mu * activation_after, under both kinds of pooling."""

import numpy as np
import pytest
from PIL import Image

import minigrad as mg
from nets import vgg
from nets.vgg import VGG16_LAYERS as VGG16
from nets.vgg import VGG19_LAYERS as VGG19
from nets.vgg_file import Weights
from tests.helpers.weights_samples import random_layers
from weights_converter.__main__ import main
from weights_converter.convert import Converted, convert, write
from weights_converter.normalise import mean_activations, normalize, read_picture
from weights_converter.readers.base import CAFFE_BGR, TORCHVISION


def converted_vgg(architecture, convention, head=False):
    layers = random_layers(architecture, seed=3, head=head)
    return Converted(Weights(architecture.name, convention, layers, "test", "0" * 64, "minigrad"), [])


def pictures(tmp_path, sizes=((40, 33), (36, 48))):
    generator = np.random.default_rng(5)
    paths = []
    for i, (width, height) in enumerate(sizes):
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_every_activation_is_divided_by_its_mean(tmp_path, pooling):
    before = converted_vgg(VGG19, CAFFE_BGR)
    before.weights.arrays["conv2_1.bias"][7] = -1e6  # a filter that never responds
    paths = pictures(tmp_path)
    after = normalize(before, [read_picture(path) for path in paths])
    means = mean_activations(before, [read_picture(path) for path in paths])
    assert means["conv2_1"][7] == 0
    assert any("1 filters never respond" in note for note in after.notes)
    write(before, tmp_path / "before.npz")
    write(after, tmp_path / "after.npz")
    relus = [name.replace("conv", "relu") for name in VGG19.conv_names()]
    x = mg.tensor(np.random.default_rng(0).random((1, 3, 45, 38), dtype=np.float32))
    with mg.no_grad():
        old = vgg.VGG19(weights=tmp_path / "before.npz", pooling=pooling).features(x, relus)
        new = vgg.VGG19(weights=tmp_path / "after.npz", pooling=pooling).features(x, relus)
    for name in relus:
        mean = means[name.replace("relu", "conv")]
        factor = np.where(mean > 0, mean, 1)[None, :, None, None]
        expected = old[name].numpy()
        assert expected.any()
        np.testing.assert_allclose(new[name].numpy() * factor, expected, rtol=2e-4, atol=1e-5 * expected.max())


def test_the_means_become_one_through_the_command_line(tmp_path, capsys):
    write(converted_vgg(VGG16, TORCHVISION), tmp_path / "vgg16.npz")
    paths = pictures(tmp_path)
    words = [str(tmp_path / "vgg16.npz"), "-o", str(tmp_path / "normal.npz"), "--normalize", *map(str, paths)]
    assert main(words) == 0
    assert "normalized by the mean activations on 2 picture(s)" in capsys.readouterr().out
    result = convert(tmp_path / "normal.npz")
    assert result.weights.convention.channel_order == "rgb"
    shown = [read_picture(path) for path in paths]
    before = mean_activations(convert(tmp_path / "vgg16.npz"), shown)
    for name, mean in mean_activations(result, shown).items():
        # in the old units, so that a filter that hardly ever responds is not measured by its rounding errors
        tolerance = 1e-5 * before[name].max()
        np.testing.assert_allclose(mean * before[name], before[name], rtol=0, atol=tolerance, err_msg=name)
        assert 0.9 < np.median(mean[mean > 0]) < 1.1


def test_the_classifier_takes_the_factors_back():
    """With fc6 after the last pooling: the rescaled channels meet the rescaled weights."""
    from weights_converter.normalise import rescaled

    generator = np.random.default_rng(0)
    arrays = {
        "conv1_1.weight": generator.standard_normal((4, 3, 3, 3)),
        "conv1_1.bias": generator.standard_normal(4),
        "fc6.weight": generator.standard_normal((5, 4 * 49)),
    }
    mean = np.array([2.0, 0.5, 0.0, 3.0])
    features = generator.random((4, 7, 7))
    result = rescaled(arrays, {"conv1_1": mean})
    after = features / np.where(mean > 0, mean, 1)[:, None, None]
    np.testing.assert_allclose(result["fc6.weight"] @ after.ravel(), arrays["fc6.weight"] @ features.ravel())


def test_pictures_that_cannot_be_read_are_told(tmp_path, capsys):
    write(converted_vgg(VGG16, TORCHVISION), tmp_path / "vgg16.npz")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for name in ("bad.png", "missing.png"):
        words = [str(tmp_path / "vgg16.npz"), "-o", str(tmp_path / "normal.npz"), "--normalize", str(tmp_path / name)]
        assert main(words) == 2
        assert name in capsys.readouterr().err
    assert not (tmp_path / "normal.npz").exists()
