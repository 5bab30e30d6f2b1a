"""Files of weights that are not as they must be: one sentence that names the file and the key."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import minigrad as mg
from nets import vgg
from nets.vgg_file import architecture_of
from tests.helpers.paths import ROOT

METADATA = {
    "format": "minigrad-vgg", "version": 1, "architecture": "vgg16", "channel_order": "rgb", "range": 1.0,
    "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
}  # fmt: skip
HEAD = {
    f"{name}.{part}": np.zeros(shape, np.float32)
    for name, outputs, inputs in (("fc6", 4, 25088), ("fc7", 3, 4), ("fc8", 2, 3))
    for part, shape in (("weight", (outputs, inputs)), ("bias", outputs))
}


def file_with(path, metadata=METADATA, **arrays):
    np.savez(path, metadata=json.dumps(metadata), **arrays)
    return path


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


@pytest.mark.parametrize("key", METADATA)
def test_a_missing_entry_of_the_metadata_is_named(tmp_path, key):
    path = file_with(tmp_path / "w.npz", without(METADATA, key))
    with pytest.raises(ValueError, match=rf"w\.npz: metadata: {key} is missing; it must be ") as caught:
        vgg.VGG16(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "key, value, wanted",
    [
        ("mean", [0.5, 0.5], "three numbers, found"),
        ("mean", 0.5, "three numbers, found 0.5"),
        ("mean", [0.5, 0.5, float("nan")], "three numbers"),
        ("mean", [0.5, 0.5, "x"], "three numbers"),
        ("std", [1.0, 0.0, 1.0], "three numbers greater than 0"),
        ("range", 0, "a number greater than 0, found 0"),
        ("range", "255", "a number greater than 0"),
        ("range", True, "a number greater than 0"),
        ("channel_order", "grb", "'rgb' or 'bgr', found 'grb'"),
        ("channel_order", ["rgb"], "'rgb' or 'bgr'"),
        ("architecture", "vgg11", "'vgg16' or 'vgg19', found 'vgg11'"),
        ("format", "other", "'minigrad-vgg'"),
        ("version", 2, "1, found 2"),
    ],
)
def test_a_wrong_entry_of_the_metadata_is_named(tmp_path, key, value, wanted):
    path = file_with(tmp_path / "w.npz", METADATA | {key: value})
    with pytest.raises(ValueError, match=f"metadata: {key} must be {wanted}"):
        vgg.load(path)


@pytest.mark.parametrize("missing", [key for key in HEAD if key != "fc6.weight"])
def test_an_incomplete_classifier_names_the_missing_array(tmp_path, missing):
    path = file_with(tmp_path / "w.npz", **without(HEAD, missing))
    with pytest.raises(ValueError, match=rf"w\.npz: {missing} is missing"):
        vgg.VGG16(path)


@pytest.mark.parametrize(
    "key, shape, text",
    [
        ("fc6.bias", (3,), r"fc6\.bias must have shape \(4,\), found \(3,\)"),
        ("fc6.weight", (4, 7, 7, 512), r"fc6\.weight must have 2 axes, found shape \(4, 7, 7, 512\)"),
        ("fc7.weight", (3, 5), r"fc7\.weight must take 4 inputs, found shape \(3, 5\)"),
    ],
)
def test_a_classifier_whose_layers_do_not_meet_names_the_array(tmp_path, key, shape, text):
    path = file_with(tmp_path / "w.npz", **HEAD | {key: np.zeros(shape, np.float32)})
    with pytest.raises(ValueError, match=text):
        vgg.VGG16(path)


def test_convolutions_are_named_when_missing_misshapen_or_of_integers(tmp_path):
    path = tmp_path / "w.npz"
    with pytest.raises(ValueError, match=r"w\.npz: conv1_1\.weight is missing; it must have shape \(64, 3, 3, 3\)"):
        vgg.VGG16(file_with(path))
    with pytest.raises(ValueError, match=r"conv1_1\.weight must hold floats of shape .* found float32 of shape \(2,\)"):
        vgg.VGG16(file_with(path, **{"conv1_1.weight": np.zeros(2, np.float32)}))
    with pytest.raises(ValueError, match=r"conv1_1\.weight must hold floats .* found int8"):
        vgg.VGG16(file_with(path, **{"conv1_1.weight": np.zeros((64, 3, 3, 3), np.int8)}))


def foreign_files(folder):
    """(path, what is said about it) for files that no conversion wrote."""
    array = folder / "array.npy"
    np.save(array, np.zeros(3))
    objects = folder / "objects.npz"
    np.savez(objects, metadata=np.array({"a": 1}, dtype=object))
    deep = folder / "deep.npz"
    np.savez(deep, metadata="[" * 100_000)
    listed = folder / "list.npz"
    np.savez(listed, metadata="[1, 2]")
    torch = folder / "torch.pth"
    with zipfile.ZipFile(torch, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
    empty = folder / "empty.npz"
    empty.write_bytes(b"")
    return [
        (array, "not a converted weights file; run python -m weights_converter"),
        (torch, "not a converted weights file; run python -m weights_converter"),
        (empty, "not a converted weights file"),
        (objects, "damaged or truncated .*pickled objects"),
        (deep, "metadata: not a JSON text"),
        (listed, "metadata: must be a JSON object"),
    ]


def test_foreign_files_are_one_sentence(tmp_path):
    for path, text in foreign_files(tmp_path):
        with pytest.raises(ValueError, match=text) as caught:
            vgg.load(path)
        assert str(path) in str(caught.value)


def test_every_way_of_cutting_a_file_is_said(tmp_path):
    whole = io.BytesIO()
    np.savez(whole, metadata=json.dumps(METADATA), **{"conv1_1.weight": np.zeros((64, 3, 3, 3), np.float32)})
    path = tmp_path / "cut.npz"
    for size in range(4, len(whole.getvalue()) - 1, 97):
        path.write_bytes(whole.getvalue()[:size])
        with pytest.raises(ValueError, match="damaged or truncated"):
            vgg.load(path)


@pytest.mark.parametrize("command", ["style_transfer", "reconstruct", "style_sweep"])
def test_commands_leave_with_exit_code_2(tmp_path, command):
    from PIL import Image

    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 40), "red").save(picture)
    weights = file_with(tmp_path / "w.npz", without(METADATA, "mean"))
    inputs = [picture] if command == "reconstruct" else [picture, picture]
    output = tmp_path / ("out" if command == "reconstruct" else "out.png")
    run = subprocess.run(
        [sys.executable, "-m", f"experiments.{command}", *inputs, "-o", output, "--size", "40", "--weights", weights],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr == f"error: {weights}: metadata: mean is missing; it must be three numbers\n"
    assert not output.is_file()


def test_a_head_of_any_size_is_loaded_and_runs(tmp_path):
    net = vgg.VGG16()
    arrays = {
        f"{name}.{part}": getattr(layer, part).numpy()
        for name, layer in net.convolutions.items()
        for part in ("weight", "bias")
    }
    random = np.random.default_rng(2)
    head = {key: random.standard_normal(value.shape, dtype=np.float32) for key, value in HEAD.items()}
    path = file_with(tmp_path / "w.npz", **arrays, **head)
    assert architecture_of(path) == "vgg16"
    before = mg.random.generator().bit_generator.state
    loaded = vgg.load(path)
    assert mg.random.generator().bit_generator.state == before  # nothing drawn where everything is given
    for name, layer in loaded.head.items():
        np.testing.assert_array_equal(layer.weight.numpy(), head[f"{name}.weight"])
        np.testing.assert_array_equal(layer.bias.numpy(), head[f"{name}.bias"])


def test_an_untrained_network_is_the_same_in_every_version():
    mg.manual_seed(3)
    layers = vgg.VGG16().convolutions
    np.testing.assert_allclose(
        layers["conv1_1"].weight.numpy()[0, 0, 0], [0.12727062, -0.34159237, 0.2575919], rtol=1e-5
    )
    np.testing.assert_allclose(
        layers["conv5_3"].weight.numpy()[-1, -1, -1], [0.00771382, -0.00444005, 0.01506906], rtol=1e-5
    )
