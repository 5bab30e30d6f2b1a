"""Every reader, on files of small VGGs that the frameworks themselves have written: the numbers come out unchanged."""

import numpy as np
import pytest

from tests.helpers.weights_samples import (
    SMALL,
    assert_same_layers,
    caffemodel,
    convert_small,
    keras_vgg,
    load_torch,
    matconvnet,
    onnx_graph,
    random_layers,
    renamed,
    torch_vgg,
    torchvision_names,
)
from weights_converter.readers.base import CAFFE_BGR, TORCHVISION, WeightsError

ARCHITECTURES = pytest.mark.parametrize("architecture", SMALL.values(), ids=SMALL)
HEAD = pytest.mark.parametrize("head", [True, False], ids=["head", "features"])


def assert_convention(converted, convention):
    found = converted.weights.convention
    assert (found.channel_order, found.range) == (convention.channel_order, convention.range)
    assert found.mean == pytest.approx(convention.mean)
    assert found.std == pytest.approx(convention.std)


# --- PyTorch ------------------------------------------------------------------------------------------------


def save_torch(torch, path, arrays, legacy=False, **options):
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    torch.save(tensors, path, _use_new_zipfile_serialization=not legacy, **options)
    return path


@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])
@ARCHITECTURES
def test_torchvision_state_dicts(tmp_path, architecture, legacy):
    torch = pytest.importorskip("torch")
    layers = random_layers(architecture)
    model = load_torch(torch, torch_vgg(torch, architecture), architecture, layers)
    path = tmp_path / "model.pth"
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=not legacy)
    converted = convert_small(path)
    assert_same_layers(converted, layers)
    assert_convention(converted, TORCHVISION)
    assert converted.weights.architecture == architecture.name


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])
def test_every_pickle_protocol(tmp_path, legacy, protocol):
    torch = pytest.importorskip("torch")
    layers = random_layers(SMALL["vgg16"])
    arrays = renamed(layers, torchvision_names(SMALL["vgg16"]))
    path = save_torch(torch, tmp_path / "model.pth", arrays, legacy, pickle_protocol=protocol)
    assert_same_layers(convert_small(path), layers)


@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])
@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_precisions(tmp_path, dtype, legacy):
    torch = pytest.importorskip("torch")
    layers = random_layers(SMALL["vgg19"])
    arrays = renamed(layers, torchvision_names(SMALL["vgg19"]))
    tensors = {name: torch.from_numpy(array).to(getattr(torch, dtype)) for name, array in arrays.items()}
    torch.save(tensors, tmp_path / "model.pth", _use_new_zipfile_serialization=not legacy)
    expected = {f"{name}": tensor.float().numpy() for name, tensor in tensors.items()}
    converted = convert_small(tmp_path / "model.pth")
    ours = {theirs: converted.weights.arrays[name] for theirs, name in zip(arrays, _in_order(arrays))}
    for name, array in expected.items():
        np.testing.assert_array_equal(ours[name], array)


def _in_order(arrays):
    names = torchvision_names(SMALL["vgg19"])
    return [f"{names[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}" for name in arrays]


@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "zip"])
def test_views_parameters_and_checkpoints(tmp_path, legacy):
    """Tensors that share a storage, lie transposed in it or are Parameters, in a checkpoint with an optimizer."""
    torch = pytest.importorskip("torch")
    architecture = SMALL["vgg16"]
    layers = random_layers(architecture)
    model = load_torch(torch, torch_vgg(torch, architecture), architecture, layers).to(
        memory_format=torch.channels_last
    )
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(1, 3, 32, 32)).sum().backward()
    optimizer.zero_grad()
    state = {f"module.{name}": value for name, value in model.named_parameters()}
    both = torch.stack([state["module.features.0.bias"].detach(), state["module.features.2.bias"].detach()[:4]])
    state["module.features.0.bias"] = both[0]
    checkpoint = {"epoch": 3, "lr": 1e-3, "state_dict": state, "optimizer": optimizer.state_dict()}
    torch.save(checkpoint, tmp_path / "checkpoint.pt", _use_new_zipfile_serialization=not legacy)
    assert_same_layers(convert_small(tmp_path / "checkpoint.pt"), layers)


@ARCHITECTURES
def test_johnsons_names_mean_caffes_input(tmp_path, architecture):
    torch = pytest.importorskip("torch")
    layers = random_layers(architecture)
    names = {
        {"classifier.0": "classifier.1", "classifier.3": "classifier.4"}.get(theirs, theirs): ours
        for theirs, ours in torchvision_names(architecture).items()
    }
    converted = convert_small(save_torch(torch, tmp_path / "a.pth", renamed(layers, names), legacy=True))
    assert_same_layers(converted, layers)
    assert_convention(converted, CAFFE_BGR)


@HEAD
@ARCHITECTURES
def test_gatys_names_mean_caffes_input(tmp_path, architecture, head):
    torch = pytest.importorskip("torch")
    layers = random_layers(architecture, head=head)
    converted = convert_small(save_torch(torch, tmp_path / "vgg_conv.pth", layers, legacy=True))
    assert_same_layers(converted, layers)
    assert_convention(converted, CAFFE_BGR)


def test_features_alone_need_the_convention(tmp_path):
    torch = pytest.importorskip("torch")
    layers = random_layers(SMALL["vgg19"], head=False)
    path = save_torch(torch, tmp_path / "a.pth", renamed(layers, torchvision_names(SMALL["vgg19"])))
    with pytest.raises(WeightsError, match="--input-convention"):
        convert_small(path)
    assert_convention(convert_small(path, convention="caffe-bgr"), CAFFE_BGR)
    assert_convention(convert_small(path, convention="torchvision"), TORCHVISION)


def test_a_sequential_saved_alone_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    layers = random_layers(SMALL["vgg16"], head=False)
    names = {name.removeprefix("features."): ours for name, ours in torchvision_names(SMALL["vgg16"]).items()}
    path = save_torch(torch, tmp_path / "a.pth", renamed(layers, names))
    assert_same_layers(convert_small(path, convention="torchvision"), layers)


def test_an_incomplete_or_foreign_classifier_is_left_out_and_said(tmp_path):
    torch = pytest.importorskip("torch")
    layers = random_layers(SMALL["vgg16"])
    features = random_layers(SMALL["vgg16"], head=False)
    arrays = renamed(layers, torchvision_names(SMALL["vgg16"]))
    del arrays["classifier.6.bias"]
    converted = convert_small(save_torch(torch, tmp_path / "a.pth", arrays))
    assert_same_layers(converted, features)
    assert any("fc8.bias" in note for note in converted.notes)


# --- the other frameworks -----------------------------------------------------------------------------------


@ARCHITECTURES
def test_safetensors(tmp_path, architecture):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    layers = random_layers(architecture)
    tensors = {k: torch.from_numpy(v) for k, v in renamed(layers, torchvision_names(architecture)).items()}
    save_file(tensors, tmp_path / "a.safetensors")
    converted = convert_small(tmp_path / "a.safetensors")
    assert_same_layers(converted, layers)
    assert_convention(converted, TORCHVISION)


@ARCHITECTURES
def test_timms_safetensors(tmp_path, architecture):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    layers = random_layers(architecture)
    heads = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}
    names = {heads.get(theirs, theirs): ours for theirs, ours in torchvision_names(architecture).items()}
    arrays = renamed(layers, names)
    arrays["pre_logits.fc1.weight"] = arrays["pre_logits.fc1.weight"].reshape(9, 8, 7, 7)
    arrays["pre_logits.fc2.weight"] = arrays["pre_logits.fc2.weight"].reshape(9, 9, 1, 1)
    save_file({name: torch.from_numpy(array) for name, array in arrays.items()}, tmp_path / "a.safetensors")
    converted = convert_small(tmp_path / "a.safetensors")
    assert_same_layers(converted, layers)
    assert_convention(converted, TORCHVISION)


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("torch")
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_BACKEND", "torch")
    yield pytest.importorskip("keras")
    patch.undo()


@pytest.mark.parametrize("ending", [".h5", ".weights.h5"])
@HEAD
@ARCHITECTURES
def test_keras(keras, tmp_path, architecture, head, ending):
    pytest.importorskip("h5py")
    layers = random_layers(architecture, head=head)
    model = keras_vgg(keras, architecture, layers, head)
    path = tmp_path / f"model{ending}"
    if ending == ".h5":
        model.save(path)
    else:
        model.save_weights(path)
    converted = convert_small(path)
    assert_same_layers(converted, layers)
    assert_convention(converted, CAFFE_BGR)


@pytest.mark.parametrize("names", ["kernel:0 bias:0", "W_1:0 b_1:0"])
def test_the_layouts_of_older_keras_versions(tmp_path, names):
    """keras.applications' published files: groups by layer, datasets called BLOCK_W_1:0 or LAYER/kernel:0."""
    h5py = pytest.importorskip("h5py")
    from tests.helpers.weights_samples import keras_arrays

    layers = random_layers(SMALL["vgg19"])
    theirs = [name.replace("conv", "block").replace("_", "_conv") for name in SMALL["vgg19"].conv_names()]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in (*theirs, "fc1", "fc2", "predictions"):
            for part, array in zip(names.split(), keras_arrays(name, layers)):
                file[f"{name}/{name}_{part}" if "W_1" in names else f"{name}/{name}/{part}"] = array
        file.create_group("block1_pool")
    assert_same_layers(convert_small(tmp_path / "a.h5"), layers)


@pytest.mark.parametrize("compressed", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("old", [True, False], ids=["old", "new"])
@HEAD
@ARCHITECTURES
def test_matconvnet(tmp_path, architecture, head, old, compressed):
    scipy_io = pytest.importorskip("scipy.io")
    layers = random_layers(architecture, head=head)
    average = (120.0, 110.0, 100.0)
    scipy_io.savemat(tmp_path / "vgg.mat", matconvnet(layers, old, average), do_compression=compressed)
    converted = convert_small(tmp_path / "vgg.mat")
    assert_same_layers(converted, layers)
    convention = converted.weights.convention
    assert (convention.channel_order, convention.range) == ("rgb", 255)
    assert convention.mean == pytest.approx(average)


def test_matconvnet_without_a_mean_needs_the_convention(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    layers = random_layers(SMALL["vgg19"], head=False)
    scipy_io.savemat(tmp_path / "vgg.mat", {"layers": matconvnet(layers)["layers"]})
    with pytest.raises(WeightsError, match="--input-convention"):
        convert_small(tmp_path / "vgg.mat")


@pytest.mark.parametrize(
    ("style", "convention"), [("torch", TORCHVISION), ("zoo", TORCHVISION), ("keras", CAFFE_BGR), ("anonymous", None)]
)
@ARCHITECTURES
def test_onnx(tmp_path, architecture, style, convention):
    onnx = pytest.importorskip("onnx")
    layers = random_layers(architecture)
    onnx.save(onnx_graph(onnx, layers, style), tmp_path / "vgg.onnx")
    if convention is None:
        with pytest.raises(WeightsError, match="--input-convention"):
            convert_small(tmp_path / "vgg.onnx")
    converted = convert_small(tmp_path / "vgg.onnx", convention=None if convention else "torchvision")
    assert_same_layers(converted, layers)
    assert_convention(converted, convention or TORCHVISION)


def test_onnx_with_its_weights_in_another_file(tmp_path):
    onnx = pytest.importorskip("onnx")
    layers = random_layers(SMALL["vgg16"])
    model = onnx_graph(onnx, layers)
    onnx.save(model, tmp_path / "vgg.onnx", save_as_external_data=True, location="vgg.data", size_threshold=0)
    assert_same_layers(convert_small(tmp_path / "vgg.onnx"), layers)
    (tmp_path / "vgg.data").write_bytes((tmp_path / "vgg.data").read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cut short"):
        convert_small(tmp_path / "vgg.onnx")
    (tmp_path / "vgg.data").unlink()
    with pytest.raises(WeightsError, match="cannot be read from its folder"):
        convert_small(tmp_path / "vgg.onnx")


def test_onnx_that_prepares_its_input_itself_needs_the_convention(tmp_path):
    onnx = pytest.importorskip("onnx")
    preprocess = [("Sub", np.float32([[[[0.5]]]]))]
    onnx.save(onnx_graph(onnx, random_layers(SMALL["vgg16"]), preprocess=preprocess), tmp_path / "vgg.onnx")
    with pytest.raises(WeightsError, match=r"prepares its input itself \(with Sub\).*--input-convention"):
        convert_small(tmp_path / "vgg.onnx")


@pytest.mark.parametrize("new", [True, False], ids=["LayerParameter", "V1LayerParameter"])
@HEAD
@ARCHITECTURES
def test_caffe(tmp_path, architecture, head, new):
    layers = random_layers(architecture, head=head)
    (tmp_path / "vgg.caffemodel").write_bytes(caffemodel(layers, new))
    converted = convert_small(tmp_path / "vgg.caffemodel")
    assert_same_layers(converted, layers)
    assert_convention(converted, CAFFE_BGR)


def test_caffe_in_double_precision(tmp_path):
    layers = random_layers(SMALL["vgg16"])
    (tmp_path / "vgg.caffemodel").write_bytes(caffemodel(layers, new=True, double=True))
    assert_same_layers(convert_small(tmp_path / "vgg.caffemodel"), layers)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@HEAD
@ARCHITECTURES
def test_plain_npz(tmp_path, architecture, head, save):
    layers = random_layers(architecture, head=head)
    save(tmp_path / "a.npz", **layers)
    with pytest.raises(WeightsError, match="--input-convention"):
        convert_small(tmp_path / "a.npz")
    converted = convert_small(tmp_path / "a.npz", convention="caffe-bgr")
    assert_same_layers(converted, layers)
    assert_convention(converted, CAFFE_BGR)


def test_npz_with_torchvisions_names(tmp_path):
    layers = random_layers(SMALL["vgg19"])
    np.savez(tmp_path / "a.npz", **renamed(layers, torchvision_names(SMALL["vgg19"])))
    converted = convert_small(tmp_path / "a.npz")
    assert_same_layers(converted, layers)
    assert_convention(converted, TORCHVISION)


# --- what must be refused -----------------------------------------------------------------------------------
