"""Files that lie, break off or try to run code: always one sentence, nothing executed, memory bounded."""

import io
import json
import os
import pickle
import random
import struct
import tracemalloc
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nets.vgg_file import Weights
from tests.helpers.weights_samples import (
    SMALL,
    assert_same_layers,
    caffemodel,
    convert_small,
    matconvnet,
    onnx_graph,
    proto_bytes,
    proto_int,
    random_layers,
    renamed,
    torchvision_names,
    varint,
)
from weights_converter.readers.base import CAFFE_BGR, WeightsError
from weights_converter.readers.torch_file import MAGIC_NUMBER, PROTOCOL_VERSION
from weights_converter.readers.torch_pickle import read_pickle, rebuild_tensor

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


def mark_file(tmp_path):
    return tmp_path / "executed"


def attacks(tmp_path):
    """Pickles that would leave a file behind, each by another way."""
    marker = mark_file(tmp_path)
    command = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w')"
    hidden_in_state = b"\x80\x02ccollections\nOrderedDict\n)R" + pickle.dumps(Call(eval, code), 2)[2:-1] + b"b."
    yield "os.system", pickle.dumps({"a": Call(os.system, command)}, 2)
    yield "protocol 4", pickle.dumps({"a": Call(os.system, command)}, 4)
    yield "protocol 0", pickle.dumps({"a": Call(os.system, command)}, 0)
    yield "eval", pickle.dumps({"a": Call(eval, code)}, 2)
    yield "exec", pickle.dumps({"a": Call(exec, code)}, 2)
    yield "as a key", pickle.dumps({1: 2}, 2)[:-1] + pickle.dumps(Call(eval, code), 2)[2:-1] + b"0."
    yield "in the state", hidden_in_state
    yield "getattr", pickle.dumps({"a": Call(getattr, "x", "upper")}, 2)
    yield "INST", b"(S'" + command.encode() + b"'\nios\nsystem\n."
    yield "OBJ", b"(cos\nsystem\nS'" + command.encode() + b"'\no."
    yield "NEWOBJ", b"\x80\x02cos\nsystem\nS'" + command.encode() + b"'\n\x85\x81."
    yield "persistent id", b"\x80\x02cos\nsystem\nQ."
    yield "text persistent id", b"\x80\x02Pos.system\n."
    yield "extension registry", b"\x80\x02\x82\x01."
    yield "stack global of odd things", b"\x80\x04K\x01K\x02\x93."
    yield "reduce a number", b"\x80\x02K\x01)R."
    yield "reduce with no tuple", b"\x80\x02ccollections\nOrderedDict\nK\x01R."
    yield "build on a number", b"\x80\x02K\x01}b."
    yield "torch's own loader", b"\x80\x02ctorch\nload\nX\x01\x00\x00\x00a\x85R."
    yield "a class of torch", b"\x80\x02ctorch.nn.modules.container\nSequential\n)\x81."
    yield "codecs", b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86R."
    yield "storage type called", b"\x80\x02ctorch\nFloatStorage\nK\x05\x85R."


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_pickles_that_call_are_refused_and_nothing_runs(tmp_path, write):
    for name, pickled in attacks(tmp_path):
        message = refused(write(tmp_path / "hostile.pth", pickled))
        assert not mark_file(tmp_path).exists(), name
        assert "pickle" in message or "state dict" in message or "tensors" in message, (name, message)
        assert "damaged" not in message, (name, message)


def test_the_attacks_are_real(tmp_path):
    """The first of them does leave its mark when pickle itself loads it: the test above can fail."""
    _, pickled = next(attacks(tmp_path))
    pickle.loads(pickled)
    assert mark_file(tmp_path).exists()


def test_the_forbidden_name_is_told(tmp_path):
    assert "posix.system" in refused(write_zip(tmp_path / "a.pth", pickle.dumps(Call(os.system, "true"), 2)))
    whole_model = b"\x80\x02ctorchvision.models.vgg\nVGG\n)\x81."
    message = refused(write_zip(tmp_path / "a.pth", whole_model))
    assert "torchvision.models.vgg.VGG" in message and "model.state_dict()" in message


# --- tensors that do not fit their storages -----------------------------------------------------------------


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


def test_a_plain_tensor_of_that_kind_is_read():
    value, storages = read_pickle(io.BytesIO(tensor_pickle()))
    assert value["features.0.weight"].shape == (2, 3, 4)
    assert storages["0"].count == 24


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"count": 23}, "reaches beyond its storage of 23 numbers"),
        ({"offset": 1}, "reaches beyond"),
        ({"offset": -1}, "make no sense"),
        ({"offset": 2**40}, "reaches beyond"),
        ({"shape": (2, 3, 5)}, "overlap"),
        ({"shape": (3, 3, 4)}, "reaches beyond"),
        ({"shape": (10**9, 10**9, 4)}, "overlap|reaches beyond"),
        ({"shape": (2**62, 3, 4)}, "make no sense"),
        ({"shape": (-2, 3, 4)}, "make no sense"),
        ({"shape": (2, 3)}, "do not fit together"),
        ({"shape": (1,) * 20, "strides": (1,) * 20}, "do not fit together"),
        ({"shape": (2, 3, 4.0)}, "make no sense"),
        ({"shape": [2, 3, 4]}, "unknown way"),
        ({"strides": (0, 0, 0)}, "overlap"),
        ({"strides": (4, 4, 1)}, "overlap"),
        ({"strides": (12, 3, 1)}, "overlap"),
        ({"strides": (-12, 4, 1)}, "make no sense"),
        ({"strides": (10**12, 4, 1)}, "reaches beyond"),
        ({"strides": (2**70, 4, 1)}, "make no sense"),
        ({"count": 2**70}, "make no sense"),
        ({"count": True}, "make no sense"),
        ({"key": 0}, "unknown way"),
        ({"kind": "ComplexFloatStorage"}, "asks for torch.ComplexFloatStorage"),
    ],
)
def test_views_that_do_not_fit_are_refused(tmp_path, changes, words):
    pickled = tensor_pickle(**changes)
    refused(write_zip(tmp_path / "zip.pth", pickled, {"0": bytes(96)}), words)
    refused(write_legacy(tmp_path / "legacy.pth", pickled, ["0"], [struct.pack("<q", 24), bytes(96)]), words)


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


def test_the_hand_made_state_dict_is_a_good_one(tmp_path):
    layers = random_layers(SMALL["vgg16"])
    pickled, blocks = full_state(layers)
    assert_same_layers(convert_small(write_zip(tmp_path / "zip.pth", pickled, blocks)), layers)
    legacy = write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks))
    assert_same_layers(convert_small(legacy), layers)


@pytest.mark.parametrize("change", [lambda b: b[:-4], lambda b: b + bytes(4), lambda b: b""])
def test_blocks_of_the_wrong_length_are_refused(tmp_path, change):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]))
    blocks["3"] = change(blocks["3"])
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "is damaged")
    refused(write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks)), "is damaged|is cut short")


def test_missing_and_foreign_blocks_are_refused(tmp_path):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]))
    del blocks["3"]
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "not in the archive")
    refused(write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks)), "list of storages")
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]), key="../../etc/passwd")
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "not in the archive")
    refused(write_legacy(tmp_path / "legacy.pth", pickled, blocks, legacy_blocks(blocks)), "list of storages")


def test_one_storage_described_twice_is_refused(tmp_path):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]), key="1")
    refused(write_zip(tmp_path / "zip.pth", pickled, blocks), "one storage in two ways")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=4), st.integers(0, 20), st.integers(0, 120))
def test_a_view_is_accepted_only_when_no_element_lies_outside_or_twice(dims, offset, count):
    """Against the plain definition: list every element's place."""
    from weights_converter.readers.torch_pickle import StorageReference

    shape, strides = tuple(d for d, _ in dims), tuple(s for _, s in dims)
    places = [offset + sum(i * s for i, s in zip(index, strides)) for index in np.ndindex(*shape)]
    try:
        rebuild_tensor(StorageReference("float32", "0", count), offset, shape, strides)
    except WeightsError:
        return
    assert len(set(places)) == len(places)
    assert all(place < count for place in places)


# --- truncation, bombs, noise -------------------------------------------------------------------------------


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


def test_truncation_anywhere_is_one_sentence(tmp_path):
    layers = random_layers(SMALL["vgg16"])
    generator = random.Random(0)
    for path in sample_files(tmp_path, layers):
        convert_small(path, convention="torchvision")
        content = path.read_bytes()
        early = range(1, min(600, len(content)), 7)
        cuts = {*early, *(generator.randrange(len(content)) for _ in range(25)), len(content) - 1}
        short = path.with_name("short-" + path.name)
        for cut in sorted(cuts):
            short.write_bytes(content[:cut])
            refused(short)


def test_the_legacy_pickles_cut_all_along(tmp_path):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"], head=False))
    content = write_legacy(tmp_path / "a.pth", pickled, blocks, legacy_blocks(blocks)).read_bytes()
    end_of_pickles = content.index(legacy_blocks(blocks)[0])
    assert end_of_pickles > 3000
    for cut in range(1, end_of_pickles, 7):
        (tmp_path / "short.pth").write_bytes(content[:cut])
        refused(tmp_path / "short.pth")


def test_flipped_bytes_are_a_sentence_or_harmless(tmp_path):
    """Damage that changes a number cannot be seen in formats without checksums; everything else must be told."""
    generator = random.Random(1)
    for path in sample_files(tmp_path, random_layers(SMALL["vgg16"])):
        content = bytearray(path.read_bytes())
        for _ in range(60):
            position, value = generator.randrange(min(len(content), 4000)), generator.randrange(256)
            damaged = bytearray(content)
            damaged[position] = value
            bad = path.with_name("bad-" + path.name)
            bad.write_bytes(damaged)
            try:
                with warnings.catch_warnings(action="ignore"):
                    convert_small(bad, convention="torchvision")
            except WeightsError as error:
                assert "\n" not in str(error)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_as_a_pickle(noise):
    for content in (noise, b"\x80\x02" + noise, b"\x80\x04" + noise):
        try:
            read_pickle(io.BytesIO(content))
        except WeightsError as error:
            assert str(error)


INSTRUCTIONS = st.sampled_from(
    [
        b"}",
        b"]",
        b")",
        b"(",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"s",
        b"u",
        b"a",
        b"e",
        b"N",
        b"K\x05",
        b"X\x01\x00\x00\x00k",
    ]
    + [b"q\x00", b"h\x00", b"q\x01", b"h\x01", b"\x94", b"R", b"b", b"Q", b"0", b"G" + bytes(8), b"\x8a\x01\x05", b"."]
    + [b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n"]
    + [b"ctorch._utils\n_rebuild_parameter\n", b"cos\nsystem\n", b"X\x07\x00\x00\x00storage"]
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(INSTRUCTIONS, max_size=40))
def test_random_programs(instructions):
    try:
        read_pickle(io.BytesIO(b"\x80\x02" + b"".join(instructions) + b"."))
    except WeightsError as error:
        assert str(error)


def test_pickles_that_announce_or_build_too_much(tmp_path):
    doubling = b"\x80\x02" + b")" + b"q\x00h\x00\x86" * 5000 + b"."
    deep_key = b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"K\x01s."
    bombs = {
        "announces 4 GB of text": b"\x80\x02X\xff\xff\xff\xff",
        "announces 2^62 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**62),
        "a bytearray of 2^40": b"\x80\x05\x96" + struct.pack("<Q", 2**40),
        "a long of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f",
        "a huge place in the memo": b"\x80\x02Nr\xff\xff\xff\xff.",
        "tuples of tuples": doubling,
        "a tuple as a key": deep_key,
        "too many instructions": b"\x80\x02" + b"N0" * 400_000 + b"N.",
        "deep lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    }
    for content in bombs.values():
        refused(write_zip(tmp_path / "bomb.pth", content))
        refused(write_legacy(tmp_path / "bomb.pth", content))


def test_zip_bombs_are_refused(tmp_path):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"], head=False))
    refused(
        write_zip(tmp_path / "a.pth", pickled, {"0": bytes(300 << 20)}, compression=zipfile.ZIP_DEFLATED),
        "compressed members",
        limit=400 << 20,
    )
    overlapping = write_zip(tmp_path / "b.pth", pickled, blocks)
    content = overlapping.read_bytes()
    with zipfile.ZipFile(overlapping) as archive:
        sizes = [member.file_size for member in archive.infolist()]
    directory = content.index(b"PK\x01\x02")
    entry_end = content.index(b"PK\x01\x02", directory + 4)
    entry = bytearray(content[directory:entry_end])
    struct.pack_into("<II", entry, 20, 10**9, 10**9)
    overlapping.write_bytes(content[:directory] + bytes(entry) + content[entry_end:])
    assert sum(sizes) < 10**6
    refused(overlapping, "overlap or claim more bytes")


def test_npz_bombs_are_refused_before_they_expand(tmp_path):
    layers = random_layers(SMALL["vgg16"], head=False)
    layers["conv1_1.weight"] = np.zeros((20 << 20, 4), np.float32)  # 335 MB, 300 kB compressed
    np.savez_compressed(tmp_path / "a.npz", **layers)
    refused(tmp_path / "a.npz", "conv1_1.weight has the shape", limit=20 << 20)


def test_npz_headers_that_lie_are_refused(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
    for text in (header, b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", b"__import__('os')", b"{" * 5000):
        member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("conv1_1.weight.npy", member)
        refused(tmp_path / "a.npz", "damaged|pickled objects")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("{", "not a JSON text"),
        ("[" * 100_000, "not a JSON text"),
        ("[]", "must be a JSON object"),
        ({"format": "other"}, "format must be"),
        ({"version": 2}, "version must be 1, found 2"),
        ({"channel_order": "gbr"}, "channel_order must be"),
        ({"range": "255"}, "range must be"),
        ({"range": 0}, "range must be a number greater than 0"),
        ({"mean": [1, 2]}, "mean must be"),
        ({"mean": [1, 2, float("nan")]}, "mean must be"),
        ({"std": [1, 1, 0]}, "std must be three numbers greater than 0"),
        ({"std": None}, "std must be"),
        (np.arange(3), "array where a text is expected"),
        (np.array(["a", "b"]), "array where a text is expected"),
    ],
)
def test_our_own_files_with_wrong_metadata_are_refused(tmp_path, change, words):
    stated = Weights("vgg16", CAFFE_BGR, {}, "a.pth", "0" * 64, "minigrad", "somebody's, CC BY 4.0").metadata()
    layers = random_layers(SMALL["vgg16"], head=False)
    np.savez(tmp_path / "good.npz", **layers, metadata=np.array(stated))
    assert convert_small(tmp_path / "good.npz").weights.note == "somebody's, CC BY 4.0"
    if isinstance(change, dict):
        change = json.dumps({**json.loads(stated), **change})
    np.savez(tmp_path / "a.npz", **layers, metadata=np.array(change))
    refused(tmp_path / "a.npz", words)


def test_npz_with_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **{"conv1_1.weight": np.array([Call(os.system, "true")], dtype=object)})
    refused(tmp_path / "a.npz", "pickled objects")


@pytest.mark.parametrize("flags", [0x1, 0x20])
def test_members_that_claim_encryption_or_patches_are_refused(tmp_path, flags):
    pickled, blocks = full_state(random_layers(SMALL["vgg16"]))
    content = bytearray(write_zip(tmp_path / "a.pth", pickled, blocks).read_bytes())
    local, central = content.index(b"archive/data/5") - 30, content.rindex(b"archive/data/5") - 46
    content[local + 6] |= flags
    content[central + 8] |= flags
    (tmp_path / "a.pth").write_bytes(content)
    refused(tmp_path / "a.pth", "is damaged or cut short")


def test_mat_bombs_are_refused(tmp_path):
    packed = zlib.compress(bytes(512 << 20))
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    (tmp_path / "a.mat").write_bytes(header + struct.pack("<II", 15, len(packed)) + packed)
    refused(tmp_path / "a.mat", "expands to more than 8 times", limit=100 << 20)


def test_hdf5_links_that_lead_elsewhere_are_not_followed(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.ones((3, 3, 3, 4))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["block1_conv1"] = h5py.ExternalLink("secret.h5", "/")
        file["block1_conv2"] = h5py.SoftLink("/loop")
        file["loop"] = h5py.SoftLink("/block1_conv2")
        group = file.create_group("turning")
        group["round"] = file["/"]
    refused(tmp_path / "a.h5", "holds no arrays")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        place = [(str(tmp_path / "secret.h5"), 0, 432)]
        file.create_dataset("block1_conv1/kernel", (3, 3, 3, 4), "f4", external=place)
    refused(tmp_path / "b.h5", "in another file")


def test_onnx_does_not_reach_out_of_its_folder(tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx_graph(onnx, random_layers(SMALL["vgg16"], head=False))
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for location in ("../../etc/passwd", "/etc/passwd", "..", "", "a/b"):
        del weight.external_data[:]
        weight.external_data.add(key="location", value=location)
        (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
        refused(tmp_path / "a.onnx", "no file in its own folder")


def test_caffe_messages_that_lie_are_refused(tmp_path):
    def layer(blob):
        return proto_bytes(2, proto_bytes(4, b"conv1_1") + proto_bytes(6, blob))

    sizes = [
        proto_int(1, 2**60) + proto_bytes(5, bytes(16)),
        proto_bytes(7, proto_bytes(1, varint(2**31) * 4)) + proto_bytes(5, bytes(16)),
        proto_bytes(7, proto_bytes(1, b"\x01" * 30)) + proto_bytes(5, bytes(4)),
        proto_bytes(5, bytes(6)),
    ]
    for blob in sizes:
        (tmp_path / "a.caffemodel").write_bytes(layer(blob))
        refused(tmp_path / "a.caffemodel", "is damaged")
    for content in (b"\x0a\xff\xff\xff\x7f", b"\xff" * 20, b"\x0b", varint(5 << 3 | 6), b"\x08", b"hello, world"):
        (tmp_path / "a.caffemodel").write_bytes(content)
        refused(tmp_path / "a.caffemodel")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>404</html>", "is a web page"),
        (b"\n<html>403", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer"),
        (b"\x1f\x8b\x08", "unpack it first"),
        (b"MATLAB 7.3 MAT-file", "version 7.3"),
        (b"just a text", "is of no known format"),
        (pickle.dumps({"a": 1}, 2), "not one that torch.save wrote"),
        (pickle.dumps(MAGIC_NUMBER, 2) + pickle.dumps(7, 2), "not one that torch.save wrote"),
        (
            pickle.dumps(MAGIC_NUMBER, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": False}, 2),
            "big-endian",
        ),
    ],
)
def test_what_is_no_file_of_weights_is_told(tmp_path, content, words):
    (tmp_path / "a.pth").write_bytes(content)
    refused(tmp_path / "a.pth", words)


def test_other_zip_archives_are_told_apart(tmp_path):
    refused(write_zip(tmp_path / "a.pth", b"", extra={"constants.pkl": b""}), "TorchScript")
    refused(write_zip(tmp_path / "a.pth", pickle.dumps({}, 2), extra={"byteorder": b"big"}), "big-endian")
    refused(write_zip(tmp_path / "a.pth", pickle.dumps({"epoch": 3}, 2)), "holds no tensors.*epoch")
    refused(write_zip(tmp_path / "a.pth", pickle.dumps([1, 2], 2)), "no state dict")
    for name, words in (("model.weights.h5", "whole Keras model"), ("readme.txt", "without weights")):
        with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
            archive.writestr(name, b"x")
        refused(tmp_path / "a.keras", words)


def test_folders_and_missing_files_are_told(tmp_path):
    refused(tmp_path, "is a folder")
    refused(tmp_path / "nothing.pth", "No such file")


def test_zip_directories_with_impossible_names_and_places_are_refused(tmp_path):
    """Names that are no UTF-8, and a member that begins behind the end of every file."""
    path = write_zip(tmp_path / "a.pth", pickle.dumps({}, 2), extra={"\u00e9": b"", "byteorder": b"little"})
    content = path.read_bytes()
    path.write_bytes(content.replace("\u00e9".encode(), b"\xff\xff"))
    refused(path, "damaged")

    directory = bytearray(content[content.rindex(b"PK\x01\x02") :])
    directory[42:46] = b"\xff" * 4  # where the last member begins: in the extra field, which zip64 has
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    directory[30:32] = struct.pack("<H", len(extra))
    name = struct.unpack_from("<H", directory, 28)[0]
    directory[46 + name : 46 + name] = extra
    end = directory.rindex(b"PK\x05\x06")
    size = struct.unpack_from("<I", directory, end + 12)[0]
    struct.pack_into("<I", directory, end + 12, size + len(extra))
    path.write_bytes(content[: content.rindex(b"PK\x01\x02")] + bytes(directory))
    refused(path, "damaged|cannot be read")
