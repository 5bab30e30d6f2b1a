"""VGG networks: layers by name, inputs as the weights want them, and one clear sentence for wrong files."""

import json

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from nets import vgg
from tests.helpers.style_samples import write_weights

BLOCK = ["conv4_2", "relu4_2", "pool4"]


@pytest.fixture(scope="module")
def vgg16_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vgg16.npz"
    write_weights(path, channel_order="bgr", range=255.0, mean=[103.939, 116.779, 123.68], std=[1.0, 1.0, 1.0])
    return path


def test_features_follow_the_definition(vgg16_file):
    picture = np.random.default_rng(1).random((2, 3, 21, 17), dtype=np.float32)
    arrays = np.load(vgg16_file)
    mean = np.float32([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
    h = mg.tensor(picture[:, ::-1] * np.float32(255) - mean)
    expected = {}
    for name in ("conv1_1", "conv1_2", "pool1", "conv2_1"):
        if name.startswith("pool"):
            h = expected[name] = F.max_pool2d(h, 2)
            continue
        h = expected[name] = F.conv2d(
            h, mg.tensor(arrays[f"{name}.weight"]), mg.tensor(arrays[f"{name}.bias"]), padding=1
        )
        h = F.relu(h)
    found = vgg.VGG16(vgg16_file).features(mg.tensor(picture), list(expected))
    assert list(found) == list(expected)
    for name, value in expected.items():
        scale = abs(value.numpy()).max()
        np.testing.assert_allclose(found[name].numpy(), value.numpy(), rtol=1e-4, atol=1e-5 * scale)


def test_names_shapes_and_keras_names():
    net = vgg.VGG19(pooling="avg")
    assert net.parameter_count() == 20_024_384
    found = net.features(mg.rand(1, 3, 33, 20), ["block4_conv2", *BLOCK])
    assert found["pool4"].shape == (1, 512, 2, 1)
    assert found["conv4_2"].shape == (1, 512, 4, 2)
    np.testing.assert_array_equal(found["block4_conv2"].numpy(), found["relu4_2"].numpy())
    np.testing.assert_array_equal(found["relu4_2"].numpy(), np.maximum(found["conv4_2"].numpy(), 0))


def test_the_forward_pass_stops_at_the_deepest_layer():
    net = vgg.VGG16()
    net.convolutions["conv2_2"].forward = lambda x: pytest.fail("computed further than asked for")
    net.features(mg.rand(1, 3, 8, 8), ["conv1_1", "conv2_1"])


def test_the_gradient_goes_to_the_picture_alone():
    net = vgg.VGG16()
    picture = mg.rand(1, 3, 16, 16, requires_grad=True)
    net.features(picture, ["conv2_1"])["conv2_1"].sum().backward()
    assert picture.grad.shape == picture.shape
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_vgg19_with_identity_layers_is_a_vgg16(vgg16_file, tmp_path):
    arrays = dict(np.load(vgg16_file))
    metadata = json.loads(str(arrays.pop("metadata"))) | {"architecture": "vgg19"}
    for name, width in (("conv3_4", 256), ("conv4_4", 512), ("conv5_4", 512)):
        weight = np.zeros((width, width, 3, 3), np.float32)
        weight[np.arange(width), np.arange(width), 1, 1] = 1
        arrays |= {f"{name}.weight": weight, f"{name}.bias": np.zeros(width, np.float32)}
    path = tmp_path / "vgg19.npz"
    np.savez(path, metadata=json.dumps(metadata), **arrays)
    picture = mg.rand(1, 3, 32, 32)
    ours = vgg.VGG19(path).features(picture, ["pool5"])["pool5"].numpy()
    theirs = vgg.VGG16(vgg16_file).features(picture, ["pool5"])["pool5"].numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * abs(theirs).max())


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda net: net.features(mg.rand(1, 3, 16, 16), ["conv6_1"]), "no layer conv6_1"),
        (lambda net: net.features(mg.rand(3, 16, 16), ["conv1_1"]), r"must be \(N, 3, H, W\)"),
        (lambda net: net.features(mg.rand(1, 3, 5, 64), ["pool3"]), "too small for pool3"),
        (lambda net: net(mg.rand(1, 3, 224, 224)), "no classifier"),
        (lambda net: vgg.VGG16(pooling="mean"), "pooling must be 'max' or 'avg'"),
    ],
)
def test_wrong_arguments(call, text):
    with pytest.raises(ValueError, match=text):
        call(vgg.VGG16())


def test_wrong_files(vgg16_file, tmp_path):
    with pytest.raises(ValueError, match="holds vgg16, not vgg19"):
        vgg.VGG19(vgg16_file)
    with pytest.raises(FileNotFoundError):
        vgg.VGG16(tmp_path / "absent.npz")
    plain = tmp_path / "plain.npz"
    np.savez(plain, a=np.zeros(3))
    cut = tmp_path / "cut.npz"
    cut.write_bytes(vgg16_file.read_bytes()[:100_000])
    text = tmp_path / "text.npz"
    text.write_text("no weights")
    for path, reason in (
        (plain, "not a converted weights file"),
        (cut, "damaged"),
        (text, "not a converted weights file"),
    ):
        with pytest.raises(ValueError, match=reason) as caught:
            vgg.VGG16(path)
        assert str(path) in str(caught.value)
