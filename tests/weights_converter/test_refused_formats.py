"""Sound files of networks that are no VGG, or not this one, are refused with the reason."""

import sys

import numpy as np
import pytest

from tests.helpers.weights_samples import (
    SMALL,
    assert_same_layers,
    caffe_blob,
    caffemodel,
    convert_small,
    matconvnet,
    onnx_graph,
    proto_bytes,
    random_layers,
)
from weights_converter.readers.base import WeightsError
from weights_converter.readers.detect import read_foreign


def test_batch_norm_variants_are_refused_in_every_format(tmp_path):
    layers = random_layers(SMALL["vgg16"], head=False)
    with_norm = {f"features.{i}.weight": np.ones(4, np.float32) for i in range(3)}
    with_norm["features.1.running_mean"] = np.ones(4, np.float32)
    np.savez(tmp_path / "a.npz", **with_norm)
    extra = proto_bytes(
        100, proto_bytes(1, b"bn1") + proto_bytes(2, b"BatchNorm") + proto_bytes(7, caffe_blob(np.ones(4)))
    )
    (tmp_path / "a.caffemodel").write_bytes(caffemodel(layers, new=True, extra=extra))
    paths = ["a.npz", "a.caffemodel"]
    if "h5py" in sys.modules or pytest.importorskip("h5py"):
        import h5py

        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["block1_conv1/bn/moving_mean:0"] = np.ones(4)
        paths.append("a.h5")
    scipy_io = pytest.importorskip("scipy.io")
    scipy_io.savemat(tmp_path / "a.mat", matconvnet(layers, extra=[{"type": "bnorm", "name": "bn"}]))
    onnx = pytest.importorskip("onnx")
    model = onnx_graph(onnx, layers)
    model.graph.node.append(onnx.helper.make_node("BatchNormalization", ["data"] * 5, ["normal"]))
    onnx.save(model, tmp_path / "a.onnx")
    for name in (*paths, "a.mat", "a.onnx"):
        with pytest.raises(WeightsError, match="is a VGG with batch normalization"):
            convert_small(tmp_path / name)


def test_torchvisions_batch_norm_variant_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential()
    layers = [torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Conv2d(4, 4, 3)]
    model.add_module("features", torch.nn.Sequential(*layers))
    torch.save(model.state_dict(), tmp_path / "vgg19_bn.pth")
    with pytest.raises(WeightsError, match=r"batch normalization \(it holds features.1.running_mean\)"):
        convert_small(tmp_path / "vgg19_bn.pth")


@pytest.mark.parametrize(("package", "name"), [("h5py", "a.h5"), ("onnx", "a.onnx")])
def test_a_missing_package_is_named(tmp_path, monkeypatch, package, name):
    starts = {
        "a.h5": b"\x89HDF\r\n\x1a\n",
        "a.onnx": b"\x08\x07",
    }
    (tmp_path / name).write_bytes(starts[name] + b"\0" * 128)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WeightsError, match=rf'package {package.partition(".")[0]}.*extra "convert"'):
        read_foreign(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda layers: layers.pop("conv3_2.weight"), r"for VGG16 it lacks conv3_2.weight"),
        (lambda layers: layers.update({"conv3_2.weight": layers["conv3_1.weight"]}), "conv3_2.weight has the shape"),
        (lambda layers: layers.update({"conv1_1.weight": layers["conv1_1.weight"].transpose(2, 3, 1, 0)}),
         r"\(3, 3, 3, 4\), where \(4, 3, 3, 3\) is expected"),
        (lambda layers: layers.update({"conv6_1.weight": layers["conv5_1.weight"]}), "has conv6_1.weight besides"),
        (lambda layers: layers["conv2_1.bias"].__setitem__(0, np.nan), "conv2_1.bias has 1 values that are not finite"),
        (lambda layers: layers.update({"conv2_1.bias": np.arange(5)}), "floating-point"),
        (lambda layers: layers.clear(), "is an empty archive"),
    ],
)  # fmt: skip
def test_what_is_no_vgg_is_refused_with_the_reason(tmp_path, change, words):
    layers = random_layers(SMALL["vgg16"])
    change(layers)
    np.savez(tmp_path / "a.npz", **layers)
    with pytest.raises(WeightsError, match=words) as caught:
        convert_small(tmp_path / "a.npz", convention="torchvision")
    assert "a.npz" in str(caught.value)


def test_the_wrong_architecture_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **random_layers(SMALL["vgg16"]))
    with pytest.raises(WeightsError, match="holds VGG16, not VGG19"):
        convert_small(tmp_path / "a.npz", architecture="vgg19", convention="torchvision")


def test_vgg13_is_told_from_vgg16(tmp_path):
    indices = [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]
    np.savez(tmp_path / "a.npz", **{f"features.{i}.weight": np.ones((4, 4, 3, 3), np.float32) for i in indices})
    with pytest.raises(WeightsError, match="neither VGG16's nor VGG19's"):
        convert_small(tmp_path / "a.npz")


def test_half_precision_and_what_does_not_fit_it(tmp_path):
    layers = random_layers(SMALL["vgg16"])
    np.savez(tmp_path / "a.npz", **layers)
    assert_same_layers(convert_small(tmp_path / "a.npz", convention="torchvision", half=True), layers, np.float16)
    layers["conv1_1.bias"][0] = 1e5
    np.savez(tmp_path / "a.npz", **layers)
    with pytest.raises(WeightsError, match="not finite numbers in float16"):
        convert_small(tmp_path / "a.npz", convention="torchvision", half=True)
