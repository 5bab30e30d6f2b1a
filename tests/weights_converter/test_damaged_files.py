"""Files that break off, expand without end or lie about what they hold: always one sentence, memory bounded."""

import json
import os
import pickle
import random
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest

from nets.vgg_file import Weights
from tests.helpers.hostile_files import (
    Call,
    full_state,
    legacy_blocks,
    refused,
    sample_files,
    write_legacy,
    write_zip,
)
from tests.helpers.weights_samples import (
    SMALL,
    convert_small,
    onnx_graph,
    proto_bytes,
    proto_int,
    random_layers,
    varint,
)
from weights_converter.readers.base import CAFFE_BGR, WeightsError
from weights_converter.readers.torch_file import MAGIC_NUMBER


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
