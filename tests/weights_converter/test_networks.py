"""Whole networks of real size: ours, from a converted file, computes what the framework's own network computes.

Every file is written by the framework (Caffe's by `weights_samples`) with seeded random values; the picture is
random; outputs agree to 1e-4 of the largest one.
"""

import numpy as np
import pytest

import minigrad as mg
from nets.vgg import VGG16, VGG19
from nets.vgg import VGG16_LAYERS as VGG16_SHAPES
from nets.vgg import VGG19_LAYERS as VGG19_SHAPES
from tests.helpers.weights_samples import (
    caffemodel,
    keras_vgg,
    load_torch,
    matconvnet,
    onnx_graph,
    random_layers,
    renamed,
    torch_vgg,
    torchvision_names,
)
from weights_converter.__main__ import main
from weights_converter.readers.base import CAFFE_BGR, TORCHVISION, InputConvention

torch = pytest.importorskip("torch")


def picture(size, seed=0):
    return np.random.default_rng(seed).random((1, 3, size, size), dtype=np.float32)


def prepared(x, convention):
    """The picture as the foreign network wants it, written out once more, apart from the code under test."""
    if convention.channel_order == "bgr":
        x = x[:, ::-1]
    mean, std = (np.float32(part)[None, :, None, None] for part in (convention.mean, convention.std))
    return np.ascontiguousarray((x * np.float32(convention.range) - mean) / std)


def assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.ptp(theirs) > 0
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def converted(source, *options):
    output = source.with_name("converted.npz")
    assert main([str(source), "-o", str(output), *options]) == 0
    source.unlink()  # some are large
    return output


def test_torchvisions_vgg19_with_its_classifier(tmp_path):
    model = load_torch(torch, torch_vgg(torch, VGG19_SHAPES), VGG19_SHAPES, random_layers(VGG19_SHAPES, seed=19))
    torch.save(model.state_dict(), tmp_path / "vgg19.pth", _use_new_zipfile_serialization=False)
    x = picture(224)
    with torch.no_grad():
        logits = model(torch.from_numpy(prepared(x, TORCHVISION))).numpy()
    del model
    path = converted(tmp_path / "vgg19.pth")
    net = VGG19(weights=path)
    path.unlink()
    with mg.no_grad():
        assert_close(net(mg.tensor(x)).numpy(), logits)


@pytest.fixture(scope="module")
def keras():
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_BACKEND", "torch")
    yield pytest.importorskip("keras")
    patch.undo()


def test_keras_vgg16_with_its_classifier(keras, tmp_path):
    pytest.importorskip("h5py")
    keras.utils.set_random_seed(16)
    model = keras.applications.VGG16(weights=None, classifier_activation=None)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 1.5, generator.normal(0, 0.1, bias.shape)])
    model.save(tmp_path / "vgg16.h5")
    x = picture(224)
    pixels = np.ascontiguousarray(x.transpose(0, 2, 3, 1) * 255)
    logits = keras.ops.convert_to_numpy(model(keras.applications.vgg16.preprocess_input(pixels)))
    del model
    path = converted(tmp_path / "vgg16.h5")
    net = VGG16(weights=path)
    path.unlink()
    with mg.no_grad():
        assert_close(net(mg.tensor(x)).numpy(), logits)


def test_keras_vgg19_features_by_keras_names(keras, tmp_path):
    pytest.importorskip("h5py")
    model = keras_vgg(keras, VGG19_SHAPES, random_layers(VGG19_SHAPES, head=False), head=False)
    model.save_weights(tmp_path / "vgg19.weights.h5")
    names = ["block1_conv1", "block3_conv4", "block5_conv2", "block5_pool"]
    inner = keras.Model(model.input, [model.get_layer(name).output for name in names])
    x = np.random.default_rng(1).random((1, 3, 224, 224), dtype=np.float32)
    pixels = np.ascontiguousarray(x.transpose(0, 2, 3, 1) * 255)
    theirs = inner(keras.applications.vgg19.preprocess_input(pixels))
    with mg.no_grad():
        ours = VGG19(weights=converted(tmp_path / "vgg19.weights.h5")).features(mg.tensor(x), names)
    for name, expected in zip(names, theirs):
        assert_close(ours[name].numpy(), keras.ops.convert_to_numpy(expected).transpose(0, 3, 1, 2))


def save_zip(path, layers):
    torch.save({k: torch.from_numpy(v) for k, v in renamed(layers, torchvision_names(VGG19_SHAPES)).items()}, path)


def save_gatys(path, layers):
    torch.save({k: torch.from_numpy(v) for k, v in layers.items()}, path, _use_new_zipfile_serialization=False)


def save_safetensors(path, layers):
    state = {k: torch.from_numpy(v) for k, v in renamed(layers, torchvision_names(VGG19_SHAPES)).items()}
    pytest.importorskip("safetensors.torch").save_file(state, path)


def save_matconvnet(path, layers):
    pytest.importorskip("scipy.io").savemat(path, matconvnet(layers, average=(120.0, 110.0, 100.0)))


def save_onnx(path, layers):
    onnx = pytest.importorskip("onnx")
    onnx.save(onnx_graph(onnx, layers, "keras"), path)


FORMATS = [
    ("vgg19.pth", save_zip, TORCHVISION, ["--input-convention", "torchvision"]),
    ("vgg_conv.pth", save_gatys, CAFFE_BGR, []),
    ("vgg19.safetensors", save_safetensors, TORCHVISION, ["--input-convention", "torchvision"]),
    ("vgg19.mat", save_matconvnet, InputConvention("rgb", 255.0, (120.0, 110.0, 100.0)), []),
    ("vgg19.onnx", save_onnx, CAFFE_BGR, []),
    ("vgg19.caffemodel", lambda path, layers: path.write_bytes(caffemodel(layers)), CAFFE_BGR, []),
    ("vgg19.npz", lambda path, layers: np.savez(path, **layers), CAFFE_BGR, ["--input-convention", "caffe-bgr"]),
]


@pytest.mark.parametrize(("name", "save", "convention", "options"), FORMATS, ids=[f[0] for f in FORMATS])
def test_vgg19s_features_from_every_other_format(tmp_path, name, save, convention, options):
    layers = random_layers(VGG19_SHAPES, head=False)
    save(tmp_path / name, layers)
    model = load_torch(torch, torch_vgg(torch, VGG19_SHAPES, head=False), VGG19_SHAPES, layers)
    x = picture(48)
    with torch.no_grad():
        theirs = model(torch.from_numpy(prepared(x, convention))).numpy()
    with mg.no_grad():
        ours = VGG19(weights=converted(tmp_path / name, *options)).features(mg.tensor(x), ["pool5"])["pool5"].numpy()
    assert_close(ours, theirs)


def test_a_graph_that_torch_exported(tmp_path):
    """PyTorch's own exporter, where its version still has one that needs no further package."""
    pytest.importorskip("onnx")
    layers = random_layers(VGG16_SHAPES, head=False)
    model = load_torch(torch, torch_vgg(torch, VGG16_SHAPES, head=False), VGG16_SHAPES, layers)
    x = picture(32)
    prepared_x = torch.from_numpy(prepared(x, TORCHVISION))
    try:
        torch.onnx.export(model, (prepared_x,), tmp_path / "vgg16.onnx", dynamo=False)
    except (ImportError, TypeError) as error:
        pytest.skip(f"this PyTorch exports no ONNX by itself: {error}")
    with torch.no_grad():
        theirs = model(prepared_x).numpy()
    path = converted(tmp_path / "vgg16.onnx", "--input-convention", "torchvision")
    with mg.no_grad():
        assert_close(VGG16(weights=path).features(mg.tensor(x), ["pool5"])["pool5"].numpy(), theirs)


def test_real_weights_see_the_same_in_both(shared_data, tmp_path):
    """Oxford's VGG16 on the Neckarfront: every block's features as PyTorch computes them."""
    source = shared_data / "weights" / "vgg16_imagenet_conv.npz"
    from weights_converter.normalise import read_picture

    image = next(path for path in sorted((shared_data / "images").iterdir()) if path.suffix in (".jpg", ".png"))
    x = read_picture(image)[:, :, :96, :128]
    assert main([str(source), "-o", str(tmp_path / "vgg16.npz"), "--input-convention", "caffe-bgr"]) == 0
    with np.load(source) as arrays:
        model = load_torch(torch, torch_vgg(torch, VGG16_SHAPES, head=False), VGG16_SHAPES, dict(arrays))
    with mg.no_grad():
        ours = VGG16(weights=tmp_path / "vgg16.npz").features(mg.tensor(x), [f"pool{b}" for b in range(1, 6)])
    h, block = torch.from_numpy(prepared(x, CAFFE_BGR)), 0
    with torch.no_grad():
        for module in model.features:
            h = module(h)
            if isinstance(module, torch.nn.MaxPool2d):
                block += 1
                assert_close(ours[f"pool{block}"].numpy(), h.numpy())
    assert block == 5
