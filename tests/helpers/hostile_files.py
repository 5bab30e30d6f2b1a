"""Files of weights made by hand, good ones and such as lie, and what refusing them means."""

import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from tests.helpers.weights_samples import (
    SMALL,
    caffemodel,
    convert_small,
    matconvnet,
    onnx_graph,
    renamed,
    torchvision_names,
)
from weights_converter.readers.base import WeightsError
from weights_converter.readers.torch_file import MAGIC_NUMBER, PROTOCOL_VERSION

SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def refused(path, words=None, limit=64 << 20):
    """Asserts that a file is refused in one sentence that names it, without much memory; returns the sentence."""
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match=words) as caught:
            convert_small(path, convention="torchvision")
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message and len(message) < 700
    return message


def write_zip(path, pickled, blocks=(), extra=(), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, block in dict(blocks).items():
            archive.writestr(f"archive/data/{key}", block)
        for name, content in dict(extra).items():
            archive.writestr(f"archive/{name}", content)
    return path


def write_legacy(path, pickled, keys=(), blocks=()):
    head = [pickle.dumps(part, 2) for part in (MAGIC_NUMBER, PROTOCOL_VERSION, SYSTEM)]
    path.write_bytes(b"".join([*head, pickled, pickle.dumps(list(keys), 2), *blocks]))
    return path


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def tensor_pickle(key="0", count=24, offset=0, shape=(2, 3, 4), strides=(12, 4, 1), kind="FloatStorage"):
    """{"features.0.weight": a tensor} as torch.save pickles it (protocol 2), with any numbers in it."""
    body = io.BytesIO()

    def put(value):
        body.write(pickle.dumps(value, 2)[2:-1])

    body.write(b"\x80\x02}X\x11\x00\x00\x00features.0.weightctorch._utils\n_rebuild_tensor_v2\n((")
    put("storage")
    body.write(b"ctorch\n" + kind.encode() + b"\n")
    for value in (key, "cpu", count):
        put(value)
    body.write(b"tQ")
    for value in (offset, shape, strides, False):
        put(value)
    body.write(b"ccollections\nOrderedDict\n)RtRs.")
    return body.getvalue()


def full_state(layers, **first):
    """The pickle and the blocks of a state dict with all of VGG16's layers; `first` overrides the first tensor."""
    pickled, blocks = b"\x80\x02}", {}
    for key, (name, array) in enumerate(renamed(layers, torchvision_names(SMALL["vgg16"])).items()):
        strides = tuple(stride // array.itemsize for stride in array.strides)
        options = {"key": str(key), "count": array.size, "shape": array.shape, "strides": strides}
        one = tensor_pickle(**{**options, **(first if key == 0 else {})})
        encoded = name.encode()
        pickled += b"X" + struct.pack("<I", len(encoded)) + encoded + one[one.index(b"ctorch._utils") : -1]
        blocks[str(key)] = array.tobytes()
    return pickled + b".", blocks


def legacy_blocks(blocks):
    return [struct.pack("<q", len(block) // 4) + block for block in blocks.values()]


def sample_files(tmp_path, layers):
    """A good file of every format, with the ones that need a package where it is installed."""
    pickled, blocks = full_state(layers)
    yield write_zip(tmp_path / "zip.pth", pickled, blocks)
    yield write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks))
    np.savez(tmp_path / "a.npz", **layers)
    np.savez_compressed(tmp_path / "b.npz", **layers)
    yield tmp_path / "a.npz"
    yield tmp_path / "b.npz"
    (tmp_path / "a.caffemodel").write_bytes(caffemodel(layers))
    yield tmp_path / "a.caffemodel"
    numpy_api = pytest.importorskip("safetensors.numpy")
    numpy_api.save_file(renamed(layers, torchvision_names(SMALL["vgg16"])), tmp_path / "a.safetensors")
    yield tmp_path / "a.safetensors"
    pytest.importorskip("scipy.io").savemat(tmp_path / "a.mat", matconvnet(layers))
    pytest.importorskip("scipy.io").savemat(tmp_path / "b.mat", matconvnet(layers), do_compression=True)
    yield tmp_path / "a.mat"
    yield tmp_path / "b.mat"
    onnx = pytest.importorskip("onnx")
    onnx.save(onnx_graph(onnx, layers), tmp_path / "a.onnx")
    yield tmp_path / "a.onnx"
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, array in layers.items():
            layer, kind = name.split(".")
            block = layer.replace("conv", "block").replace("_", "_conv").replace("fc6", "fc1").replace("fc7", "fc2")
            block = block.replace("fc8", "predictions")
            file[f"{block}/{kind}"] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
    yield tmp_path / "a.h5"
